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

#ifndef NETDEV_DPDKZCRX_WIRE_H
#define NETDEV_DPDKZCRX_WIRE_H 1

/* A port of type "dpdkzcrx" that is the wire face of a pair: the slow-path
 * frames of the pair's VF come in on it, and what OVS sends to it leaves by
 * that VF. */

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/types.h"

struct dp_packet_batch;
struct netdev;
struct netdev_custom_stats;
struct netdev_stats;
struct smap;

struct zcrx_wire {
    char *pair_name;            /* "wire-of", NULL if this is no wire face. */
    struct zcrx_face *face;     /* Shared with the pair; what PMD threads
                                 * use. */
    struct zcrx_face *next;     /* If not NULL, that from the next
                                 * reconfiguration on. */
    uint16_t n_rxq;             /* Requested. */
    bool carrier;               /* When last looked at. */
    struct eth_addr mac;
    uint64_t rx_down;           /* Frames that came while it was down;
                                 * shared. */
};

void zcrx_wire_destroy(struct zcrx_wire *);
bool zcrx_wire_run(struct zcrx_wire *);
char *zcrx_wire_set_config(struct zcrx_wire *, const char *name,
                           const char *pair_name, uint16_t n_rxq);
void zcrx_wire_reconfigure(struct zcrx_wire *);
int zcrx_wire_get_numa_id(struct zcrx_wire *);
int zcrx_wire_get_mtu(struct zcrx_wire *, int *mtu);
bool zcrx_wire_carrier(struct zcrx_wire *);
void zcrx_wire_get_status(struct zcrx_wire *, struct smap *);
void zcrx_wire_get_stats(struct zcrx_wire *, struct netdev_stats *);
void zcrx_wire_get_custom_stats(struct zcrx_wire *,
                                struct netdev_custom_stats *);

int zcrx_wire_send(struct zcrx_wire *, int qid, struct dp_packet_batch *,
                   bool is_up);
bool zcrx_wire_recv(struct zcrx_wire *, int qid, int n_rxq,
                    struct dp_packet_batch *, bool is_up);

#endif /* netdev-dpdkzcrx-wire.h */
