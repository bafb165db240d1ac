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

#include "netdev-dpdkzcrx.h"

#include <errno.h>
#include <inttypes.h>

#include "dp-packet.h"
#include "netdev-dpdkzcrx-qos.h"
#include "netdev-dpdkzcrx-wire.h"
#include "netdev-provider.h"
#include "openvswitch/vlog.h"
#include "ovs-atomic.h"
#include "smap.h"
#include "sset.h"
#include "util.h"
#include "zcrx-appctl.h"
#include "zcrx-batch.h"
#include "zcrx-config.h"
#include "zcrx-pair.h"
#include "zcrx-perf.h"
#include "zcrx-status.h"
#include "zcrx-telemetry.h"

VLOG_DEFINE_THIS_MODULE(netdev_dpdkzcrx);

/* A port of type "dpdkzcrx": a pair, or the wire face of another one. */
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

struct netdev_rxq_dpdkzcrx {
    struct netdev_rxq up;
};

static const struct netdev_class dpdkzcrx_class;

static struct netdev_dpdkzcrx *
netdev_dpdkzcrx_cast(const struct netdev *netdev)
{
    ovs_assert(netdev->netdev_class == &dpdkzcrx_class);
    return CONTAINER_OF(netdev, struct netdev_dpdkzcrx, up);
}

/* Returns true if 'dev' is a wire face. */
static bool
is_wire(const struct netdev_dpdkzcrx *dev)
{
    return dev->wire.pair_name != NULL;
}

static void
for_each(void (*cb)(struct netdev_dpdkzcrx *, void *aux), void *aux)
{
    struct shash devices = SHASH_INITIALIZER(&devices);
    const struct shash_node **nodes;

    netdev_get_devices(&dpdkzcrx_class, &devices);
    nodes = shash_sort(&devices);
    for (size_t i = 0; i < shash_count(&devices); i++) {
        struct netdev *netdev = nodes[i]->data;

        cb(netdev_dpdkzcrx_cast(netdev), aux);
        netdev_close(netdev);
    }
    free(nodes);
    shash_destroy(&devices);
}

/* What netdev_dpdkzcrx_for_each() is to do with each pair. */
struct visit {
    void (*cb)(struct zcrx_pair *, void *aux);
    void *aux;
};

static void
visit_pair(struct netdev_dpdkzcrx *dev, void *visit_)
{
    struct visit *visit = visit_;

    if (!is_wire(dev)) {
        visit->cb(&dev->pair, visit->aux);
    }
}

void
netdev_dpdkzcrx_for_each(void (*cb)(struct zcrx_pair *, void *aux), void *aux)
{
    struct visit visit = { .cb = cb, .aux = aux };

    for_each(visit_pair, &visit);
}

static void
run_port(struct netdev_dpdkzcrx *dev, void *aux OVS_UNUSED)
{
    if (!is_wire(dev)) {
        zcrx_pair_run(&dev->pair);
    } else if (zcrx_wire_run(&dev->wire)) {
        netdev_change_seq_changed(&dev->up);
    }
}

static void
netdev_dpdkzcrx_run(const struct netdev_class *class OVS_UNUSED)
{
    for_each(run_port, NULL);
}

static void
wait_pair(struct zcrx_pair *pair, void *aux OVS_UNUSED)
{
    zcrx_pair_wait(pair);
}

static void
netdev_dpdkzcrx_wait(const struct netdev_class *class OVS_UNUSED)
{
    netdev_dpdkzcrx_for_each(wait_pair, NULL);
}

static struct netdev *
netdev_dpdkzcrx_alloc(void)
{
    struct netdev_dpdkzcrx *dev = xzalloc(sizeof *dev);

    return &dev->up;
}

static void
pair_changed(struct zcrx_pair *pair)
{
    struct netdev_dpdkzcrx *dev = CONTAINER_OF(pair, struct netdev_dpdkzcrx,
                                               pair);

    netdev_change_seq_changed(&dev->up);
}

static int
netdev_dpdkzcrx_construct(struct netdev *netdev)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);

    zcrx_pair_init(&dev->pair, netdev_get_name(netdev), pair_changed);
    zcrx_qos_init(&dev->qos);
    zcrx_telemetry_add(&dev->pair);
    atomic_init(&dev->is_up, true);
    netdev->n_rxq = 0;
    netdev->n_txq = 0;
    dev->requested_n_txq = 1;
    netdev_request_reconfigure(netdev);
    return 0;
}

static void
netdev_dpdkzcrx_destruct(struct netdev *netdev)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);

    zcrx_telemetry_remove(&dev->pair);
    zcrx_wire_destroy(&dev->wire);
    zcrx_pair_destroy(&dev->pair);
    zcrx_qos_destroy(&dev->qos);
}

static void
netdev_dpdkzcrx_dealloc(struct netdev *netdev)
{
    free(netdev_dpdkzcrx_cast(netdev));
}

static int
netdev_dpdkzcrx_get_config(const struct netdev *netdev, struct smap *args)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);
    struct zcrx_pair *pair = &dev->pair;
    const struct zcrx_pair_config *config = &pair->config;

    if (is_wire(dev)) {
        smap_add(args, "wire-of", dev->wire.pair_name);
        smap_add_format(args, "n_rxq", "%"PRIu16, dev->wire.n_rxq);
        return 0;
    }
    ovs_mutex_lock(&pair->mutex);
    if (config->devargs) {
        smap_add(args, "dpdk-devargs", config->devargs);
        smap_add(args, "vhost-server-path", config->path);
        smap_add(args, "zcrx-mode", zcrx_mode_to_string(config->mode));
        smap_add_format(args, "n_rxq", "%"PRIu16, config->vf.n_queues);
        smap_add(args, "slow-path", config->slow_path);
        smap_add(args, "guest-tx", config->guest_tx_ovs ? "ovs" : "vf");
        /* Not an option, but DPDK ports have it in dpctl/show. */
        smap_add_format(args, "mtu", "%"PRIu16, config->vf.mtu);
    }
    if (config->vf.n_rxd) {
        smap_add_format(args, "n_rxq_desc", "%"PRIu16, config->vf.n_rxd);
    }
    if (config->vf.n_txd) {
        smap_add_format(args, "n_txq_desc", "%"PRIu16, config->vf.n_txd);
    }
    if (config->has_mac) {
        smap_add_format(args, "dpdk-vf-mac", ETH_ADDR_FMT,
                        ETH_ADDR_ARGS(config->mac));
    }
    ovs_mutex_unlock(&pair->mutex);
    return 0;
}

static char *
set_pair_config(struct netdev_dpdkzcrx *dev, const struct smap *args)
{
    struct zcrx_pair *pair = &dev->pair;
    struct zcrx_pair_config config;
    char *error;

    if (is_wire(dev)) {
        return xasprintf("%s: wire-of: a wire face cannot get a VF; remove "
                         "the port first", netdev_get_name(&dev->up));
    }
    error = zcrx_config_parse(netdev_get_name(&dev->up), args, &config);
    if (!error) {
        error = zcrx_pair_set_config(pair, &config);
    }
    zcrx_pair_config_destroy(&config);
    if (!error && pair->n_queues != pair->config.vf.n_queues) {
        netdev_request_reconfigure(&dev->up);
    }
    return error;
}

static char *
set_wire_config(struct netdev_dpdkzcrx *dev, const struct smap *args)
{
    const char *name = netdev_get_name(&dev->up);
    uint16_t n_rxq = 1;
    char *error;

    if (dev->pair.config.devargs) {
        return xasprintf("%s: wire-of: a port with a VF cannot become a wire "
                         "face; remove the port first", name);
    }
    error = zcrx_config_count(name, args, "n_rxq", ZCRX_MAX_QUEUE_PAIRS,
                              &n_rxq);
    if (!error) {
        error = zcrx_wire_set_config(&dev->wire, name,
                                     smap_get(args, "wire-of"), n_rxq);
    }
    if (!error && (dev->wire.next || dev->up.n_rxq != n_rxq)) {
        netdev_request_reconfigure(&dev->up);
    }
    return error;
}

static int
netdev_dpdkzcrx_set_config(struct netdev *netdev, const struct smap *args,
                           char **errp)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);
    char *error;

    zcrx_config_warn(netdev_get_name(netdev), args);
    error = (smap_get(args, "wire-of") ? set_wire_config(dev, args)
             : set_pair_config(dev, args));
    if (!error) {
        return 0;
    }

    VLOG_WARN("%s", error);
    if (errp) {
        *errp = error;
    } else {
        free(error);
    }
    return EINVAL;
}

static int
netdev_dpdkzcrx_get_numa_id(const struct netdev *netdev)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);
    int socket_id;

    if (is_wire(dev)) {
        return zcrx_wire_get_numa_id(&dev->wire);
    }
    socket_id = zcrx_vf_socket_id(&dev->pair.vf);
    return socket_id < 0 ? NETDEV_NUMA_UNSPEC : socket_id;
}

static int
netdev_dpdkzcrx_set_tx_multiq(struct netdev *netdev, unsigned int n_txq)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);

    if (dev->requested_n_txq != n_txq) {
        dev->requested_n_txq = n_txq;
        netdev_request_reconfigure(netdev);
    }
    return 0;
}

static int
netdev_dpdkzcrx_reconfigure(struct netdev *netdev)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);
    char *error;

    netdev->n_txq = dev->requested_n_txq;
    if (is_wire(dev)) {
        zcrx_wire_reconfigure(&dev->wire);
        netdev->n_rxq = dev->wire.n_rxq;
        return 0;
    }
    error = zcrx_pair_reconfigure(&dev->pair);
    if (error) {
        VLOG_ERR("%s", error);
        free(error);
        return ENOMEM;
    }
    netdev->n_rxq = dev->pair.n_queues;
    return 0;
}

/* OVS to guest.  Any thread; only the queue's owner may touch the virtqueue,
 * so the frame is left to it. */
static void
send_to_guest(struct netdev_dpdkzcrx *dev, int qid,
              struct dp_packet_batch *batch, bool is_up)
{
    struct zcrx_queue *q = zcrx_pair_queue_to_guest(&dev->pair, qid);
    bool in_use = zcrx_queue_in_use(q);
    struct dp_packet *packet;

    zcrx_qos_police(&dev->qos, ZCRX_QOS_EGRESS, batch,
                    &q->stats.inject_dropped_policed);
    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        if (!in_use || !is_up) {
            zcrx_stats_add_shared(&q->stats.inject_dropped_no_guest, 1);
            dp_packet_delete(packet);
        } else if (!zcrx_queue_inject(q, &packet->mbuf)) {
            zcrx_stats_add_shared(&q->stats.inject_dropped_queue_full, 1);
            dp_packet_delete(packet);
        }
    }
}

static int
netdev_dpdkzcrx_send(struct netdev *netdev, int qid,
                     struct dp_packet_batch *batch,
                     bool concurrent_txq OVS_UNUSED)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);
    bool is_up;

    atomic_read_relaxed(&dev->is_up, &is_up);
    if (is_wire(dev)) {
        if (dev->wire.face) {
            zcrx_qos_police(&dev->qos, ZCRX_QOS_EGRESS, batch,
                            &dev->wire.face->stats.wire_out_dropped_policed);
        }
        zcrx_wire_send(&dev->wire, qid, batch, is_up);
    } else {
        send_to_guest(dev, qid, batch, is_up);
    }
    return 0;
}

static int
netdev_dpdkzcrx_set_etheraddr(struct netdev *netdev, const struct eth_addr mac)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);
    struct zcrx_pair *pair = &dev->pair;
    char *error;

    if (is_wire(dev)) {
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

static int
netdev_dpdkzcrx_get_etheraddr(const struct netdev *netdev,
                              struct eth_addr *mac)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);
    struct zcrx_pair *pair = &dev->pair;
    int error;

    if (is_wire(dev)) {
        *mac = dev->wire.mac;
        return 0;
    }
    ovs_mutex_lock(&pair->mutex);
    error = zcrx_vf_get_mac(&pair->vf, mac);
    ovs_mutex_unlock(&pair->mutex);
    return error;
}

static int
netdev_dpdkzcrx_get_mtu(const struct netdev *netdev, int *mtu)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);
    struct zcrx_pair *pair = &dev->pair;

    if (is_wire(dev)) {
        return zcrx_wire_get_mtu(&dev->wire, mtu);
    }
    ovs_mutex_lock(&pair->mutex);
    *mtu = pair->config.vf.mtu;
    ovs_mutex_unlock(&pair->mutex);
    return 0;
}

static int
netdev_dpdkzcrx_set_mtu(struct netdev *netdev, int mtu)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);
    char *error;

    if (is_wire(dev)) {
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

static int
netdev_dpdkzcrx_get_carrier(const struct netdev *netdev, bool *carrier)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);

    *carrier = (is_wire(dev) ? zcrx_wire_carrier(&dev->wire)
                : zcrx_pair_carrier(&dev->pair));
    if (*carrier != dev->carrier) {
        dev->carrier = *carrier;
        dev->carrier_resets++;
    }
    return 0;
}

static long long int
netdev_dpdkzcrx_get_carrier_resets(const struct netdev *netdev)
{
    return netdev_dpdkzcrx_cast(netdev)->carrier_resets;
}

static int
netdev_dpdkzcrx_get_stats(const struct netdev *netdev,
                          struct netdev_stats *stats)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);

    if (is_wire(dev)) {
        zcrx_wire_get_stats(&dev->wire, stats);
    } else {
        zcrx_status_get_stats(&dev->pair, stats);
    }
    return 0;
}

static int
netdev_dpdkzcrx_get_custom_stats(const struct netdev *netdev,
                                 struct netdev_custom_stats *custom)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);

    if (is_wire(dev)) {
        zcrx_wire_get_custom_stats(&dev->wire, custom);
    } else {
        zcrx_status_get_custom_stats(&dev->pair, custom);
    }
    return 0;
}

static int
netdev_dpdkzcrx_get_features(const struct netdev *netdev,
                             enum netdev_features *current,
                             enum netdev_features *advertised,
                             enum netdev_features *supported,
                             enum netdev_features *peer)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);
    struct zcrx_pair *pair = &dev->pair;

    if (is_wire(dev)) {
        return EOPNOTSUPP;
    }
    ovs_mutex_lock(&pair->mutex);
    *current = zcrx_vf_features(&pair->vf);
    ovs_mutex_unlock(&pair->mutex);
    *advertised = *supported = *peer = 0;
    return 0;
}

static int
netdev_dpdkzcrx_get_status(const struct netdev *netdev, struct smap *status)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);

    if (is_wire(dev)) {
        zcrx_wire_get_status(&dev->wire, status);
    } else {
        zcrx_status_get(&dev->pair, status);
    }
    return 0;
}

static int
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

    if (!is_wire(dev)) {
        store_coverage(&dev->pair, &coverage);
    } else if (dev->wire.face) {
        zcrx_face_visit(dev->wire.face, store_coverage, &coverage);
    }
    return ingress != is_wire(dev) ? coverage.of_guest : coverage.of_wire;
}

static int
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

static int
netdev_dpdkzcrx_get_qos_types(const struct netdev *netdev OVS_UNUSED,
                              struct sset *types)
{
    sset_add(types, ZCRX_QOS_TYPE);
    return 0;
}

static int
netdev_dpdkzcrx_get_qos(const struct netdev *netdev, const char **type,
                        struct smap *details)
{
    *type = zcrx_qos_get_egress(&netdev_dpdkzcrx_cast(netdev)->qos, details);
    return 0;
}

static int
netdev_dpdkzcrx_set_qos(struct netdev *netdev, const char *type,
                        const struct smap *details)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);

    return zcrx_qos_set_egress(&dev->qos, netdev_get_name(netdev),
                               sees_all(dev, false), type, details);
}

static struct netdev_rxq *
netdev_dpdkzcrx_rxq_alloc(void)
{
    struct netdev_rxq_dpdkzcrx *rxq = xzalloc(sizeof *rxq);

    return &rxq->up;
}

static int
netdev_dpdkzcrx_rxq_construct(struct netdev_rxq *rxq OVS_UNUSED)
{
    return 0;
}

static void
netdev_dpdkzcrx_rxq_destruct(struct netdev_rxq *rxq OVS_UNUSED)
{
}

static void
netdev_dpdkzcrx_rxq_dealloc(struct netdev_rxq *rxq)
{
    free(CONTAINER_OF(rxq, struct netdev_rxq_dpdkzcrx, up));
}

static bool
netdev_dpdkzcrx_rxq_enabled(struct netdev_rxq *rxq)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(rxq->netdev);

    return (is_wire(dev)
            || zcrx_queue_in_use(&dev->pair.queues[rxq->queue_id]));
}

/* Relays frames between the VF and the guest, and stores those that the guest
 * sent to OVS in 'batch'.  Returns true if there was anything to do. */
static bool
relay(struct netdev_dpdkzcrx *dev, struct zcrx_queue *q,
      struct dp_packet_batch *batch)
{
    unsigned int n = zcrx_queue_poll(q);

    if (n) {
        zcrx_perf_note(q->n_passed);
    }
    if (OVS_UNLIKELY(q->slow.n_stash)) {
        struct rte_mbuf *frames[NETDEV_MAX_BURST];
        uint16_t n_frames = zcrx_slow_take(q, frames, NETDEV_MAX_BURST);

        zcrx_batch_init(batch, frames, n_frames);
        zcrx_qos_police(&dev->qos, ZCRX_QOS_INGRESS, batch,
                        &q->stats.slow_guest_policed);
        return true;
    }
    dp_packet_batch_init(batch);
    return n > 0;
}

/* PMD thread.  Of the frames that a pair relays, OVS gets to see those of the
 * slow path.  When there were only others, this returns success and an empty
 * batch, so that OVS charges the cycles to the queue. */
static int
netdev_dpdkzcrx_rxq_recv(struct netdev_rxq *rxq, struct dp_packet_batch *batch,
                         int *qfill)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(rxq->netdev);
    bool is_up;
    bool done;

    atomic_read_relaxed(&dev->is_up, &is_up);
    if (OVS_UNLIKELY(is_wire(dev))) {
        done = zcrx_wire_recv(&dev->wire, rxq->queue_id, rxq->netdev->n_rxq,
                              batch, is_up);
        if (done) {
            zcrx_qos_police(&dev->qos, ZCRX_QOS_INGRESS, batch,
                            &dev->wire.face->stats.slow_wire_policed);
        }
    } else {
        done = is_up && relay(dev, &dev->pair.queues[rxq->queue_id], batch);
    }
    if (!done) {
        return EAGAIN;
    }
    if (qfill) {
        *qfill = -ENOTSUP;
    }
    return 0;
}

static const struct netdev_class dpdkzcrx_class = {
    .type = "dpdkzcrx",
    .is_pmd = true,
    .run = netdev_dpdkzcrx_run,
    .wait = netdev_dpdkzcrx_wait,
    .alloc = netdev_dpdkzcrx_alloc,
    .construct = netdev_dpdkzcrx_construct,
    .destruct = netdev_dpdkzcrx_destruct,
    .dealloc = netdev_dpdkzcrx_dealloc,
    .get_config = netdev_dpdkzcrx_get_config,
    .set_config = netdev_dpdkzcrx_set_config,
    .get_numa_id = netdev_dpdkzcrx_get_numa_id,
    .set_tx_multiq = netdev_dpdkzcrx_set_tx_multiq,
    .send = netdev_dpdkzcrx_send,
    .set_etheraddr = netdev_dpdkzcrx_set_etheraddr,
    .get_etheraddr = netdev_dpdkzcrx_get_etheraddr,
    .get_mtu = netdev_dpdkzcrx_get_mtu,
    .set_mtu = netdev_dpdkzcrx_set_mtu,
    .get_carrier = netdev_dpdkzcrx_get_carrier,
    .get_carrier_resets = netdev_dpdkzcrx_get_carrier_resets,
    .get_stats = netdev_dpdkzcrx_get_stats,
    .get_custom_stats = netdev_dpdkzcrx_get_custom_stats,
    .get_features = netdev_dpdkzcrx_get_features,
    .get_status = netdev_dpdkzcrx_get_status,
    .set_policing = netdev_dpdkzcrx_set_policing,
    .get_qos_types = netdev_dpdkzcrx_get_qos_types,
    .get_qos = netdev_dpdkzcrx_get_qos,
    .set_qos = netdev_dpdkzcrx_set_qos,
    .update_flags = netdev_dpdkzcrx_update_flags,
    .reconfigure = netdev_dpdkzcrx_reconfigure,
    .rxq_alloc = netdev_dpdkzcrx_rxq_alloc,
    .rxq_construct = netdev_dpdkzcrx_rxq_construct,
    .rxq_destruct = netdev_dpdkzcrx_rxq_destruct,
    .rxq_dealloc = netdev_dpdkzcrx_rxq_dealloc,
    .rxq_enabled = netdev_dpdkzcrx_rxq_enabled,
    .rxq_recv = netdev_dpdkzcrx_rxq_recv,
};

/* Makes the type "dpdkzcrx" known to OVS.  Call after the EAL is up. */
void
netdev_dpdkzcrx_register(void)
{
    netdev_register_provider(&dpdkzcrx_class);
    zcrx_appctl_init();
    zcrx_telemetry_init();
}
