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

#ifndef NETDEV_DPDKZCRX_IFACE_H
#define NETDEV_DPDKZCRX_IFACE_H 1

/* A port of type "dpdkzcrx", and what OVS reads and sets of it as an
 * interface: its address, MTU, carrier, flags, statistics, status and QoS.
 * These functions are members of the class, as netdev-provider.h describes
 * them, and are called in the main thread. */

#include <stdbool.h>

#include "netdev-dpdkzcrx-qos.h"
#include "netdev-dpdkzcrx-wire.h"
#include "netdev-provider.h"
#include "ovs-atomic.h"
#include "zcrx-pair.h"

/* A port: a pair, or the wire face of another one. */
struct netdev_dpdkzcrx {
    struct netdev up;
    struct zcrx_pair pair;
    struct zcrx_wire wire;

    /* Main thread. */
    unsigned int requested_n_txq;
    bool carrier;               /* When last looked at. */
    long long int carrier_resets;

    struct zcrx_qos qos;        /* Set by the main thread. */

    atomic_bool is_up;          /* NETDEV_UP. */
};

struct netdev_dpdkzcrx *netdev_dpdkzcrx_cast(const struct netdev *);

/* Returns true if 'dev' is a wire face. */
static inline bool
netdev_dpdkzcrx_is_wire(const struct netdev_dpdkzcrx *dev)
{
    return dev->wire.pair_name != NULL;
}

int netdev_dpdkzcrx_set_etheraddr(struct netdev *netdev,
                                  const struct eth_addr mac);
int netdev_dpdkzcrx_get_etheraddr(const struct netdev *netdev,
                                  struct eth_addr *mac);
int netdev_dpdkzcrx_get_mtu(const struct netdev *netdev, int *mtu);
int netdev_dpdkzcrx_set_mtu(struct netdev *netdev, int mtu);
int netdev_dpdkzcrx_get_carrier(const struct netdev *netdev, bool *carrier);
long long int netdev_dpdkzcrx_get_carrier_resets(const struct netdev *netdev);
int netdev_dpdkzcrx_get_stats(const struct netdev *netdev,
                              struct netdev_stats *stats);
int netdev_dpdkzcrx_get_custom_stats(const struct netdev *netdev,
                                     struct netdev_custom_stats *custom);
int netdev_dpdkzcrx_get_features(const struct netdev *netdev,
                                 enum netdev_features *current,
                                 enum netdev_features *advertised,
                                 enum netdev_features *supported,
                                 enum netdev_features *peer);
int netdev_dpdkzcrx_get_status(const struct netdev *netdev,
                               struct smap *status);
int netdev_dpdkzcrx_update_flags(struct netdev *netdev, enum netdev_flags off,
                                 enum netdev_flags on,
                                 enum netdev_flags *old_flags);
int netdev_dpdkzcrx_set_policing(struct netdev *netdev,
                                 unsigned int kbits_rate,
                                 unsigned int kbits_burst,
                                 unsigned int kpkts_rate,
                                 unsigned int kpkts_burst);
int netdev_dpdkzcrx_get_qos_types(const struct netdev *netdev,
                                  struct sset *types);
int netdev_dpdkzcrx_get_qos(const struct netdev *netdev, const char **type,
                            struct smap *details);
int netdev_dpdkzcrx_set_qos(struct netdev *netdev, const char *type,
                            const struct smap *details);

#endif /* netdev-dpdkzcrx-iface.h */
