/*
 * Copyright (c) 2026 The dpdkzcrx authors.
 *
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at:
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

#ifndef NETDEV_DPDKZCRX_QOS_H
#define NETDEV_DPDKZCRX_QOS_H 1

/* What QoS and ingress policing of a port do: a policer each, as ports of type
 * dpdk and dpdkvhostuserclient have them.
 *
 *     frames to OVS ----> ingress: the Interface's ingress_policing_rate
 *     frames from OVS --> egress: the Port's qos, of type egress-policer
 *
 * Both see the frames that pass through OVS and no others, so each is refused,
 * with a warning, unless all frames of its direction do. */

#include <stdbool.h>
#include <stdint.h>

#include "ovs-rcu.h"

struct dp_packet_batch;
struct smap;
struct zcrx_policer;

enum zcrx_qos_dir {
    ZCRX_QOS_INGRESS,
    ZCRX_QOS_EGRESS,
    ZCRX_QOS_N_DIRS
};

struct zcrx_qos {
    OVSRCU_TYPE(struct zcrx_policer *) policers[ZCRX_QOS_N_DIRS];
    char *problems[ZCRX_QOS_N_DIRS]; /* Why there is none, as logged. */
};

/* The only type of QoS. */
#define ZCRX_QOS_TYPE "egress-policer"

void zcrx_qos_init(struct zcrx_qos *);
void zcrx_qos_destroy(struct zcrx_qos *);
int zcrx_qos_set_ingress(struct zcrx_qos *, const char *name, bool sees_all,
                         uint32_t kbits_rate, uint32_t kbits_burst,
                         uint32_t kpkts_rate);
int zcrx_qos_set_egress(struct zcrx_qos *, const char *name, bool sees_all,
                        const char *type, const struct smap *details);
const char *zcrx_qos_get_egress(const struct zcrx_qos *,
                                struct smap *details);
void zcrx_qos_police(const struct zcrx_qos *, enum zcrx_qos_dir,
                     struct dp_packet_batch *, uint64_t *counter);

#endif /* netdev-dpdkzcrx-qos.h */
