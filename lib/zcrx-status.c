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

#include "zcrx-status.h"

#include <inttypes.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "smap.h"
#include "util.h"
#include "zcrx-pair.h"

/* In OVS's terms the port is the guest: it receives what the guest sends. */
void
zcrx_status_get_stats(struct zcrx_pair *pair, struct netdev_stats *stats)
{
    struct zcrx_stats s;

    zcrx_pair_get_stats(pair, &s);
    memset(stats, 0xff, sizeof *stats);
    stats->rx_packets = s.guest_tx_frames;
    stats->rx_bytes = s.guest_tx_bytes;
    stats->tx_packets = s.to_guest_frames;
    stats->tx_bytes = s.to_guest_bytes;
    stats->rx_errors = s.guest_errors;
    stats->tx_errors = 0;
    stats->rx_dropped = s.slow_guest_policed;
    stats->tx_dropped = 0;
#define ZCRX_COUNTER(NAME) stats->rx_dropped += s.NAME;
    ZCRX_GUEST_DROP_REASONS
#undef ZCRX_COUNTER
#define ZCRX_COUNTER(NAME) stats->tx_dropped += s.NAME;
    ZCRX_WIRE_DROP_REASONS
    ZCRX_INJECT_DROP_REASONS
#undef ZCRX_COUNTER
}

/* Stores the 'n' 'counters' of 'stats' in '*custom'. */
void
zcrx_status_put_counters(const struct zcrx_stats *stats,
                         const struct zcrx_counter *counters, size_t n,
                         struct netdev_custom_stats *custom)
{
    custom->size = n;
    custom->counters = xcalloc(n, sizeof *custom->counters);
    for (size_t i = 0; i < n; i++) {
        snprintf(custom->counters[i].name, sizeof custom->counters[i].name,
                 "zcrx_%s", counters[i].name);
        custom->counters[i].value = zcrx_stats_get(stats, &counters[i]);
    }
}

static void
append_queue_counter(struct netdev_custom_stats *custom, uint16_t queue,
                     const char *direction, const char *name, uint64_t value)
{
    struct netdev_custom_counter *counter = &custom->counters[custom->size++];

    snprintf(counter->name, sizeof counter->name, "%s_q%"PRIu16"_%s",
             direction, queue, name);
    counter->value = value;
}

/* Appends to '*custom' what each queue of 'pair' has passed, by the names that
 * this has for a port of type dpdkvhostuserclient. */
static void
append_queue_counters(struct zcrx_pair *pair,
                      struct netdev_custom_stats *custom)
{
    enum { N_QUEUE_COUNTERS = 4 };

    ovs_mutex_lock(&pair->mutex);
    custom->counters = xrealloc(custom->counters,
                                (custom->size
                                 + pair->n_queues * N_QUEUE_COUNTERS)
                                * sizeof *custom->counters);
    for (uint16_t i = 0; i < pair->n_queues; i++) {
        struct zcrx_stats s = { .wire_rx_frames = 0 };

        zcrx_stats_accumulate(&s, &pair->queues[i].stats);
        append_queue_counter(custom, i, "rx", "good_packets",
                             s.guest_tx_frames);
        append_queue_counter(custom, i, "rx", "good_bytes", s.guest_tx_bytes);
        append_queue_counter(custom, i, "tx", "good_packets",
                             s.to_guest_frames);
        append_queue_counter(custom, i, "tx", "good_bytes", s.to_guest_bytes);
    }
    ovs_mutex_unlock(&pair->mutex);
}

/* Stores every counter of 'pair' in '*custom': the sums over all queues, and
 * some of each queue. */
void
zcrx_status_get_custom_stats(struct zcrx_pair *pair,
                             struct netdev_custom_stats *custom)
{
#define ZCRX_COUNTER ZCRX_COUNTER_ENTRY
    static const struct zcrx_counter counters[] = { ZCRX_COUNTERS };
#undef ZCRX_COUNTER
    struct zcrx_stats stats;

    zcrx_pair_get_stats(pair, &stats);
    zcrx_status_put_counters(&stats, counters, ARRAY_SIZE(counters), custom);
    append_queue_counters(pair, custom);
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

/* Adds what there is to know about 'pair' to 'status'. */
void
zcrx_status_get(struct zcrx_pair *pair, struct smap *status)
{
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
}
