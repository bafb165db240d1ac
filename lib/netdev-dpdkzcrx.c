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
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

#include "dp-packet.h"
#include "netdev-provider.h"
#include "openvswitch/vlog.h"
#include "ovs-atomic.h"
#include "smap.h"
#include "util.h"
#include "zcrx-appctl-check.h"
#include "zcrx-appctl.h"
#include "zcrx-pair.h"

VLOG_DEFINE_THIS_MODULE(netdev_dpdkzcrx);

/* A port of type "dpdkzcrx". */
struct netdev_dpdkzcrx {
    struct netdev up;
    struct zcrx_pair pair;

    /* Main thread. */
    unsigned int requested_n_txq;
    bool carrier;               /* When last looked at. */
    long long int carrier_resets;

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

static struct zcrx_pair *
pair_of(const struct netdev *netdev)
{
    return &netdev_dpdkzcrx_cast(netdev)->pair;
}

void
netdev_dpdkzcrx_for_each(void (*cb)(struct zcrx_pair *, void *aux), void *aux)
{
    struct shash devices = SHASH_INITIALIZER(&devices);
    const struct shash_node **nodes;

    netdev_get_devices(&dpdkzcrx_class, &devices);
    nodes = shash_sort(&devices);
    for (size_t i = 0; i < shash_count(&devices); i++) {
        struct netdev *netdev = nodes[i]->data;

        cb(pair_of(netdev), aux);
        netdev_close(netdev);
    }
    free(nodes);
    shash_destroy(&devices);
}

static void
run_pair(struct zcrx_pair *pair, void *aux OVS_UNUSED)
{
    zcrx_pair_run(pair);
}

static void
netdev_dpdkzcrx_run(const struct netdev_class *class OVS_UNUSED)
{
    netdev_dpdkzcrx_for_each(run_pair, NULL);
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
    zcrx_pair_destroy(pair_of(netdev));
}

static void
netdev_dpdkzcrx_dealloc(struct netdev *netdev)
{
    free(netdev_dpdkzcrx_cast(netdev));
}

static int
netdev_dpdkzcrx_get_config(const struct netdev *netdev, struct smap *args)
{
    struct zcrx_pair *pair = pair_of(netdev);
    const struct zcrx_pair_config *config = &pair->config;

    ovs_mutex_lock(&pair->mutex);
    if (config->devargs) {
        smap_add(args, "dpdk-devargs", config->devargs);
        smap_add(args, "vhost-server-path", config->path);
        smap_add(args, "zcrx-mode", zcrx_mode_to_string(config->mode));
        smap_add_format(args, "n_rxq", "%"PRIu16, config->vf.n_queues);
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

/* Stores option 'key' in '*value', or leaves it if there is no such option.
 * Returns NULL or an error. */
static char *
parse_count(const struct netdev *netdev, const struct smap *args,
            const char *key, unsigned int max, uint16_t *value)
{
    const char *s = smap_get(args, key);
    unsigned int n;

    if (s && (!str_to_uint(s, 10, &n) || !n || n > max)) {
        return xasprintf("%s: %s: '%s' is not a number from 1 to %u",
                         netdev_get_name(netdev), key, s, max);
    }
    if (s) {
        *value = n;
    }
    return NULL;
}

static char *
parse_required(const struct netdev *netdev, const struct smap *args,
               const char *key, const char *example, char **value)
{
    const char *s = smap_get(args, key);

    if (!s || !*s) {
        return xasprintf("%s: %s: the option is missing; set for example "
                         "options:%s=%s", netdev_get_name(netdev), key, key,
                         example);
    }
    *value = xstrdup(s);
    return NULL;
}

static char *
parse_mode(const struct netdev *netdev, const struct smap *args,
           enum zcrx_mode *mode)
{
    const char *s = smap_get_def(args, "zcrx-mode", "auto");

    return (zcrx_mode_from_string(s, mode) ? NULL
            : xasprintf("%s: zcrx-mode: '%s' is not one of auto, zero-copy "
                        "and copy", netdev_get_name(netdev), s));
}

static char *
parse_mac(const struct netdev *netdev, const struct smap *args,
          struct zcrx_pair_config *config)
{
    const char *s = smap_get(args, "dpdk-vf-mac");

    if (!s) {
        return NULL;
    }
    config->has_mac = true;
    if (!eth_addr_from_string(s, &config->mac)
        || eth_addr_is_multicast(config->mac)
        || eth_addr_is_zero(config->mac)) {
        return xasprintf("%s: dpdk-vf-mac: '%s' is not the Ethernet address "
                         "of one device, such as 52:54:00:12:34:56",
                         netdev_get_name(netdev), s);
    }
    return NULL;
}

static void
warn_unknown_options(const struct netdev *netdev, const struct smap *args)
{
    static const char *known[] = {
        "dpdk-devargs", "vhost-server-path", "n_rxq", "n_rxq_desc",
        "n_txq_desc", "dpdk-vf-mac", "zcrx-mode",
    };
    const struct smap_node *node;

    SMAP_FOR_EACH (node, args) {
        size_t i;

        for (i = 0; i < ARRAY_SIZE(known); i++) {
            if (!strcmp(node->key, known[i])) {
                break;
            }
        }
        if (i >= ARRAY_SIZE(known)) {
            VLOG_WARN("%s: %s: there is no such option (its value is '%s')",
                      netdev_get_name(netdev), node->key, node->value);
        }
    }
}

static char *
parse_config(const struct netdev *netdev, const struct smap *args,
             struct zcrx_pair_config *config)
{
    char *error;

    memset(config, 0, sizeof *config);
    config->vf.n_queues = 1;
    error = parse_required(netdev, args, "dpdk-devargs", "0000:03:10.1",
                           &config->devargs);
    if (!error) {
        error = parse_required(netdev, args, "vhost-server-path",
                               "/run/vm0.sock", &config->path);
    }
    if (!error) {
        error = parse_count(netdev, args, "n_rxq", ZCRX_MAX_QUEUE_PAIRS,
                            &config->vf.n_queues);
    }
    if (!error) {
        error = parse_count(netdev, args, "n_rxq_desc", ZCRX_VRING_MAX_SIZE,
                            &config->vf.n_rxd);
    }
    if (!error) {
        error = parse_count(netdev, args, "n_txq_desc", ZCRX_VRING_MAX_SIZE,
                            &config->vf.n_txd);
    }
    if (!error) {
        error = parse_mac(netdev, args, config);
    }
    if (!error) {
        error = parse_mode(netdev, args, &config->mode);
    }
    return error;
}

static int
netdev_dpdkzcrx_set_config(struct netdev *netdev, const struct smap *args,
                           char **errp)
{
    struct zcrx_pair *pair = pair_of(netdev);
    struct zcrx_pair_config config;
    char *error;

    warn_unknown_options(netdev, args);
    error = parse_config(netdev, args, &config);
    if (!error) {
        error = zcrx_pair_set_config(pair, &config);
    }
    zcrx_pair_config_destroy(&config);
    if (!error) {
        if (pair->n_queues != pair->config.vf.n_queues) {
            netdev_request_reconfigure(netdev);
        }
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
    int socket_id = zcrx_vf_socket_id(&pair_of(netdev)->vf);

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
    char *error = zcrx_pair_reconfigure(&dev->pair);

    if (error) {
        VLOG_ERR("%s", error);
        free(error);
        return ENOMEM;
    }
    netdev->n_txq = dev->requested_n_txq;
    netdev->n_rxq = dev->pair.n_queues;
    return 0;
}

/* OVS to guest.  Any thread; only the queue's owner may touch the virtqueue,
 * so the frame is left to it. */
static int
netdev_dpdkzcrx_send(struct netdev *netdev, int qid,
                     struct dp_packet_batch *batch,
                     bool concurrent_txq OVS_UNUSED)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(netdev);
    struct zcrx_pair *pair = &dev->pair;
    struct zcrx_queue *q = zcrx_pair_queue_to_guest(pair, qid);
    bool in_use = zcrx_queue_in_use(q);
    struct dp_packet *packet;
    bool is_up;

    atomic_read_relaxed(&dev->is_up, &is_up);
    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        if (!in_use || !is_up) {
            zcrx_stats_add_shared(&q->stats.inject_dropped_no_guest, 1);
            dp_packet_delete(packet);
        } else if (!zcrx_queue_inject(q, &packet->mbuf)) {
            zcrx_stats_add_shared(&q->stats.inject_dropped_queue_full, 1);
            dp_packet_delete(packet);
        }
    }
    return 0;
}

static int
netdev_dpdkzcrx_set_etheraddr(struct netdev *netdev, const struct eth_addr mac)
{
    struct zcrx_pair *pair = pair_of(netdev);
    char *error;

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
    struct zcrx_pair *pair = pair_of(netdev);
    int error;

    ovs_mutex_lock(&pair->mutex);
    error = zcrx_vf_get_mac(&pair->vf, mac);
    ovs_mutex_unlock(&pair->mutex);
    return error;
}

static int
netdev_dpdkzcrx_get_mtu(const struct netdev *netdev, int *mtu)
{
    struct zcrx_pair *pair = pair_of(netdev);

    ovs_mutex_lock(&pair->mutex);
    *mtu = pair->config.vf.mtu;
    ovs_mutex_unlock(&pair->mutex);
    return 0;
}

static int
netdev_dpdkzcrx_set_mtu(struct netdev *netdev, int mtu)
{
    char *error;

    if (mtu < RTE_ETHER_MIN_MTU || mtu > UINT16_MAX) {
        error = xasprintf("%s: mtu_request: %d is not from %d to %d",
                          netdev_get_name(netdev), mtu, RTE_ETHER_MIN_MTU,
                          UINT16_MAX);
    } else {
        error = zcrx_pair_set_mtu(pair_of(netdev), mtu);
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

    *carrier = zcrx_pair_carrier(&dev->pair);
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

/* In OVS's terms the port is the guest: it receives what the guest sends. */
static int
netdev_dpdkzcrx_get_stats(const struct netdev *netdev,
                          struct netdev_stats *stats)
{
    struct zcrx_stats s;

    zcrx_pair_get_stats(pair_of(netdev), &s);
    memset(stats, 0xff, sizeof *stats);
    stats->rx_packets = s.guest_tx_frames;
    stats->rx_bytes = s.guest_tx_bytes;
    stats->tx_packets = s.to_guest_frames;
    stats->tx_bytes = s.to_guest_bytes;
    stats->rx_errors = s.guest_errors;
    stats->tx_errors = 0;
    stats->rx_dropped = 0;
    stats->tx_dropped = 0;
#define ZCRX_COUNTER(NAME) stats->rx_dropped += s.NAME;
    ZCRX_GUEST_DROP_REASONS
#undef ZCRX_COUNTER
#define ZCRX_COUNTER(NAME) stats->tx_dropped += s.NAME;
    ZCRX_WIRE_DROP_REASONS
    ZCRX_INJECT_DROP_REASONS
#undef ZCRX_COUNTER
    return 0;
}

static int
netdev_dpdkzcrx_get_custom_stats(const struct netdev *netdev,
                                 struct netdev_custom_stats *custom)
{
    static const char *names[] = {
#define ZCRX_COUNTER(NAME) "zcrx_" #NAME,
        ZCRX_COUNTERS
#undef ZCRX_COUNTER
    };
    struct zcrx_stats stats;
    size_t i = 0;

    zcrx_pair_get_stats(pair_of(netdev), &stats);
    custom->size = ARRAY_SIZE(names);
    custom->counters = xcalloc(custom->size, sizeof *custom->counters);
#define ZCRX_COUNTER(NAME)                                                  \
    ovs_strlcpy(custom->counters[i].name, names[i],                         \
                NETDEV_CUSTOM_STATS_NAME_SIZE);                             \
    custom->counters[i++].value = stats.NAME;
    ZCRX_COUNTERS
#undef ZCRX_COUNTER
    return 0;
}

static int
netdev_dpdkzcrx_get_features(const struct netdev *netdev,
                             enum netdev_features *current,
                             enum netdev_features *advertised,
                             enum netdev_features *supported,
                             enum netdev_features *peer)
{
    struct zcrx_pair *pair = pair_of(netdev);

    ovs_mutex_lock(&pair->mutex);
    *current = zcrx_vf_features(&pair->vf);
    ovs_mutex_unlock(&pair->mutex);
    *advertised = *supported = *peer = 0;
    return 0;
}

/* Adds the names of the virtio features that make a difference here to
 * 'status'. */
static void
add_virtio_features(struct smap *status, uint64_t features)
{
    static const struct {
        int bit;
        const char *name;
    } names[] = {
        { VIRTIO_NET_F_CSUM, "csum" },
        { VIRTIO_NET_F_GUEST_CSUM, "guest_csum" },
        { VIRTIO_NET_F_MTU, "mtu" },
        { VIRTIO_NET_F_HOST_TSO4, "host_tso4" },
        { VIRTIO_NET_F_HOST_TSO6, "host_tso6" },
        { VIRTIO_NET_F_MRG_RXBUF, "mrg_rxbuf" },
        { VIRTIO_NET_F_CTRL_VQ, "ctrl_vq" },
        { VIRTIO_NET_F_MQ, "mq" },
        { VIRTIO_F_ANY_LAYOUT, "any_layout" },
        { VIRTIO_RING_F_INDIRECT_DESC, "indirect_desc" },
        { VIRTIO_RING_F_EVENT_IDX, "event_idx" },
        { VIRTIO_F_VERSION_1, "version_1" },
        { VIRTIO_F_RING_PACKED, "ring_packed" },
    };
    struct ds s = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (features & (1ULL << names[i].bit)) {
            ds_put_format(&s, "%s%s", s.length ? "," : "", names[i].name);
        }
    }
    smap_add_format(status, "virtio_features", "0x%"PRIx64, features);
    smap_add(status, "virtio_feature_names", ds_cstr(&s));
    ds_destroy(&s);
}

static int
netdev_dpdkzcrx_get_status(const struct netdev *netdev, struct smap *status)
{
    struct zcrx_pair *pair = pair_of(netdev);
    const char *why_copy;

    ovs_mutex_lock(&pair->mutex);
    if (zcrx_vf_is_attached(&pair->vf)) {
        smap_add(status, "driver_name", pair->vf.info.driver_name);
        smap_add_format(status, "port_no", "%"PRIu16, pair->vf.port_id);
        smap_add_format(status, "vf_max_frame", "%"PRIu32,
                        pair->vf.max_frame);
    }
    smap_add(status, "zcrx_mode", zcrx_mode_to_string(pair->config.mode));
    smap_add(status, "zcrx_state", zcrx_pair_state_to_string(pair->state));
    smap_add(status, "guest_connected",
             pair->state == ZCRX_PAIR_NO_GUEST ? "false" : "true");
    if (pair->why) {
        smap_add(status, "zcrx_state_reason", pair->why);
    }
    why_copy = zcrx_pair_why_copy(pair);
    if (why_copy) {
        smap_add(status, "zcrx_copy_reason", why_copy);
    }
    if (pair->state != ZCRX_PAIR_NO_GUEST) {
        add_virtio_features(status, pair->guest.features);
    }
    if (pair->state == ZCRX_PAIR_RUNNING) {
        smap_add_format(status, "active_queue_pairs", "%"PRIu16,
                        pair->n_active);
    }
    ovs_mutex_unlock(&pair->mutex);
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
    return zcrx_queue_in_use(&pair_of(rxq->netdev)->queues[rxq->queue_id]);
}

/* PMD thread.  Relays frames between the VF and the guest, none of which OVS
 * gets to see.  When there were any, this returns success and an empty batch,
 * so that OVS charges the cycles to the queue. */
static int
netdev_dpdkzcrx_rxq_recv(struct netdev_rxq *rxq, struct dp_packet_batch *batch,
                         int *qfill)
{
    struct netdev_dpdkzcrx *dev = netdev_dpdkzcrx_cast(rxq->netdev);
    bool is_up;

    atomic_read_relaxed(&dev->is_up, &is_up);
    if (!is_up || !zcrx_queue_poll(&dev->pair.queues[rxq->queue_id])) {
        return EAGAIN;
    }
    dp_packet_batch_init(batch);
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
    zcrx_appctl_check_init();
}
