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

#include <config.h>

#include "netdev-dpdkzcrx-iface.h"

#include <errno.h>

#include "openvswitch/vlog.h"
#include "smap.h"
#include "sset.h"
#include "util.h"
#include "zcrx-face.h"
#include "zcrx-status.h"
#include "zcrx-steer.h"

VLOG_DEFINE_THIS_MODULE(netdev_dpdkzcrx_iface);

int
netdev_dpdkzcrx_set_etheraddr(struct netdev *netdev, const struct eth_addr mac)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);
    struct zcrx_pair *pair = &dev->pair;
    char *error;

    if (netdev_dpdkzcrx_is_wire(dev)) {
        dev->wire.mac = mac;
        netdev_change_seq_changed(netdev);
        return 0;
    }
    ovs_mutex_lock(&pair->mutex);
    error = (zcrx_vf_is_attached(&pair->vf)
             ? zcrx_vf_set_mac(&pair->vf, &mac)
             : xasprintf("%s: no VF", netdev_get_name(netdev)));
    ovs_mutex_unlock(&pair->mutex);
    if (error) {
        VLOG_WARN("%s", error);
        free(error);
        return EINVAL;
    }
    netdev_change_seq_changed(netdev);
    return 0;
}

int
netdev_dpdkzcrx_get_etheraddr(const struct netdev *netdev,
                              struct eth_addr *mac)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);
    struct zcrx_pair *pair = &dev->pair;
    int error;

    if (netdev_dpdkzcrx_is_wire(dev)) {
        *mac = dev->wire.mac;
        return 0;
    }
    ovs_mutex_lock(&pair->mutex);
    error = zcrx_vf_get_mac(&pair->vf, mac);
    ovs_mutex_unlock(&pair->mutex);
    return error;
}

int
netdev_dpdkzcrx_get_mtu(const struct netdev *netdev, int *mtu)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);
    struct zcrx_pair *pair = &dev->pair;

    if (netdev_dpdkzcrx_is_wire(dev)) {
        return zcrx_wire_get_mtu(&dev->wire, mtu);
    }
    ovs_mutex_lock(&pair->mutex);
    *mtu = pair->config.vf.mtu;
    ovs_mutex_unlock(&pair->mutex);
    return 0;
}

int
netdev_dpdkzcrx_set_mtu(struct netdev *netdev, int mtu)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);
    char *error;

    if (netdev_dpdkzcrx_is_wire(dev)) {
        error = xasprintf("%s: mtu_request: a wire face has the MTU of '%s', "
                          "set it there", netdev_get_name(netdev),
                          dev->wire.pair_name);
    } else if (mtu < RTE_ETHER_MIN_MTU || mtu > UINT16_MAX) {
        error = xasprintf("%s: unsupported MTU %d, mtu_request is not from "
                          "%d to %d", netdev_get_name(netdev), mtu,
                          RTE_ETHER_MIN_MTU, UINT16_MAX);
    } else {
        error = zcrx_pair_set_mtu(&dev->pair, mtu);
    }
    if (error) {
        VLOG_WARN("%s", error);
        free(error);
        return EINVAL;
    }
    netdev_change_seq_changed(netdev);
    return 0;
}

int
netdev_dpdkzcrx_get_carrier(const struct netdev *netdev, bool *carrier)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);

    *carrier = (netdev_dpdkzcrx_is_wire(dev) ? zcrx_wire_carrier(&dev->wire)
                : zcrx_pair_carrier(&dev->pair));
    if (*carrier != dev->carrier) {
        dev->carrier = *carrier;
        dev->carrier_resets++;
    }
    return 0;
}

long long int
netdev_dpdkzcrx_get_carrier_resets(const struct netdev *netdev)
{
    return netdev_dpdkzcrx_cast(netdev)->carrier_resets;
}

int
netdev_dpdkzcrx_get_stats(const struct netdev *netdev,
                          struct netdev_stats *stats)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);

    if (netdev_dpdkzcrx_is_wire(dev)) {
        zcrx_wire_get_stats(&dev->wire, stats);
    } else {
        zcrx_status_get_stats(&dev->pair, stats);
    }
    return 0;
}

int
netdev_dpdkzcrx_get_custom_stats(const struct netdev *netdev,
                                 struct netdev_custom_stats *custom)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);

    if (netdev_dpdkzcrx_is_wire(dev)) {
        zcrx_wire_get_custom_stats(&dev->wire, custom);
    } else {
        zcrx_status_get_custom_stats(&dev->pair, custom);
    }
    return 0;
}

int
netdev_dpdkzcrx_get_features(const struct netdev *netdev,
                             enum netdev_features *current,
                             enum netdev_features *advertised,
                             enum netdev_features *supported,
                             enum netdev_features *peer)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);
    struct zcrx_pair *pair = &dev->pair;

    if (netdev_dpdkzcrx_is_wire(dev)) {
        return EOPNOTSUPP;
    }
    ovs_mutex_lock(&pair->mutex);
    *current = zcrx_vf_features(&pair->vf);
    ovs_mutex_unlock(&pair->mutex);
    *advertised = *supported = *peer = 0;
    return 0;
}

int
netdev_dpdkzcrx_get_status(const struct netdev *netdev, struct smap *status)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);

    if (netdev_dpdkzcrx_is_wire(dev)) {
        zcrx_wire_get_status(&dev->wire, status);
    } else {
        zcrx_status_get(&dev->pair, status);
    }
    return 0;
}

int
netdev_dpdkzcrx_update_flags(struct netdev *netdev, enum netdev_flags off,
                             enum netdev_flags on,
                             enum netdev_flags *old_flags)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);
    bool is_up;

    if ((off | on) & ~(NETDEV_UP | NETDEV_PROMISC)) {
        return EINVAL;
    }
    atomic_read_relaxed(&dev->is_up, &is_up);
    *old_flags = NETDEV_PROMISC | (is_up ? NETDEV_UP : 0);
    if ((off | on) & NETDEV_UP && is_up != !!(on & NETDEV_UP)) {
        atomic_store_relaxed(&dev->is_up, !is_up);
        netdev_change_seq_changed(netdev);
    }
    return 0;
}

/* What passes through OVS: all frames of the guest, all of the wire. */
struct coverage {
    bool of_guest;
    bool of_wire;
};

static void
store_coverage(struct zcrx_pair *pair, void *coverage_)
{
    struct coverage *coverage = coverage_;

    ovs_mutex_lock(&pair->mutex);
    coverage->of_wire = (pair->has_wire_face && pair->steer
                         && pair->steer->all);
    coverage->of_guest = (pair->config.guest_tx_ovs
                          || (pair->steer && pair->steer->all));
    ovs_mutex_unlock(&pair->mutex);
}

/* Returns true if all frames that pass the face of 'dev' do so through OVS:
 * those that OVS receives if 'ingress', otherwise those that it sends. */
static bool
sees_all(struct netdev_dpdkzcrx *dev, bool ingress)
{
    struct coverage coverage = { .of_guest = false };

    if (!netdev_dpdkzcrx_is_wire(dev)) {
        store_coverage(&dev->pair, &coverage);
    } else if (dev->wire.face) {
        zcrx_face_visit(dev->wire.face, store_coverage, &coverage);
    }
    return (ingress != netdev_dpdkzcrx_is_wire(dev)
            ? coverage.of_guest : coverage.of_wire);
}

int
netdev_dpdkzcrx_set_policing(struct netdev *netdev, unsigned int kbits_rate,
                             unsigned int kbits_burst,
                             unsigned int kpkts_rate,
                             unsigned int kpkts_burst OVS_UNUSED)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);

    return zcrx_qos_set_ingress(&dev->qos, netdev_get_name(netdev),
                                sees_all(dev, true), kbits_rate, kbits_burst,
                                kpkts_rate);
}

int
netdev_dpdkzcrx_get_qos_types(const struct netdev *netdev OVS_UNUSED,
                              struct sset *types)
{
    sset_add(types, ZCRX_QOS_TYPE);
    return 0;
}

int
netdev_dpdkzcrx_get_qos(const struct netdev *netdev, const char **type,
                        struct smap *details)
{
    *type = zcrx_qos_get_egress(&netdev_dpdkzcrx_cast(netdev)->qos, details);
    return 0;
}

int
netdev_dpdkzcrx_set_qos(struct netdev *netdev, const char *type,
                        const struct smap *details)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);

    return zcrx_qos_set_egress(&dev->qos, netdev_get_name(netdev),
                               sees_all(dev, false), type, details);
}
