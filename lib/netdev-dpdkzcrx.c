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
#include "netdev-dpdkzcrx-iface.h"
#include "openvswitch/vlog.h"
#include "smap.h"
#include "util.h"
#include "zcrx-appctl.h"
#include "zcrx-batch.h"
#include "zcrx-config.h"
#include "zcrx-perf.h"
#include "zcrx-telemetry.h"

VLOG_DEFINE_THIS_MODULE(netdev_dpdkzcrx);

struct netdev_rxq_dpdkzcrx {
    struct netdev_rxq up;
};

static const struct netdev_class dpdkzcrx_class;

struct netdev_dpdkzcrx *
netdev_dpdkzcrx_cast(const struct netdev *netdev)
{
    ovs_assert(netdev->netdev_class == &dpdkzcrx_class);
    return CONTAINER_OF(netdev, struct netdev_dpdkzcrx, up);
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

    if (!netdev_dpdkzcrx_is_wire(dev)) {
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
    if (!netdev_dpdkzcrx_is_wire(dev)) {
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

    if (netdev_dpdkzcrx_is_wire(dev)) {
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

    if (netdev_dpdkzcrx_is_wire(dev)) {
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

    if (netdev_dpdkzcrx_is_wire(dev)) {
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
    if (netdev_dpdkzcrx_is_wire(dev)) {
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
    if (netdev_dpdkzcrx_is_wire(dev)) {
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

    return (netdev_dpdkzcrx_is_wire(dev)
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
    if (OVS_UNLIKELY(netdev_dpdkzcrx_is_wire(dev))) {
        done = zcrx_wire_recv(&dev->wire, rxq->queue_id, rxq->netdev->n_rxq,
                              batch, is_up);
        if (done) {
            zcrx_qos_police(&dev->qos, ZCRX_QOS_INGRESS, batch,
                            &dev->wire.face->stats.slow_wire_policed);
        }
    } else if (is_up) {
        done = relay(dev, &dev->pair.queues[rxq->queue_id], batch);
    } else {
        zcrx_queue_rest(&dev->pair.queues[rxq->queue_id]);
        done = false;
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
