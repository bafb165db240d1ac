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

#include "netdev-dpdkzcrx-wire.h"

#include <errno.h>

#include "dp-packet.h"
#include "netdev-provider.h"
#include "smap.h"
#include "util.h"
#include "zcrx-batch.h"
#include "zcrx-pair.h"
#include "zcrx-status.h"

/* Frees what 'wire' owns.  OVS neither polls nor sends any more. */
void
zcrx_wire_destroy(struct zcrx_wire *wire)
{
    if (wire->face) {
        zcrx_face_leave_wire(wire->face);
    }
    if (wire->next) {
        zcrx_face_leave_wire(wire->next);
    }
    free(wire->pair_name);
}

/* Makes 'wire', whose port's name is 'name', the wire face of port 'pair_name'
 * with 'n_rxq' receive queues.  Takes effect with zcrx_wire_reconfigure().
 * Returns NULL or an error.  Main thread. */
char *
zcrx_wire_set_config(struct zcrx_wire *wire, const char *name,
                     const char *pair_name, uint16_t n_rxq)
{
    struct zcrx_face *face;
    char *other;

    wire->n_rxq = n_rxq;
    if (nullable_string_is_equal(wire->pair_name, pair_name)) {
        return NULL;
    }
    if (!*pair_name || !strcmp(name, pair_name)) {
        return xasprintf("%s: wire-of: '%s' is not the name of another port",
                         name, pair_name);
    }
    if (wire->face && !strcmp(wire->face->name, pair_name)) {
        face = NULL;            /* Back before the change took effect. */
    } else {
        face = zcrx_face_join_wire(pair_name, name, &other);
        if (!face) {
            char *error = xasprintf("%s: wire-of: '%s' is the wire face of "
                                    "'%s' already", name, other, pair_name);

            free(other);
            return error;
        }
    }
    if (!wire->pair_name) {
        eth_addr_random(&wire->mac);
    }
    if (wire->next) {
        zcrx_face_leave_wire(wire->next);
    }
    wire->next = face;
    free(wire->pair_name);
    wire->pair_name = xstrdup(pair_name);
    return NULL;
}

/* OVS neither polls nor sends meanwhile.  Main thread. */
void
zcrx_wire_reconfigure(struct zcrx_wire *wire)
{
    if (wire->next) {
        struct zcrx_face *old = wire->face;

        wire->face = wire->next;
        wire->next = NULL;
        if (old) {
            zcrx_face_leave_wire(old);
        }
    }
}

static struct zcrx_face *
face_of(const struct zcrx_wire *wire)
{
    return wire->next ? wire->next : wire->face;
}

static void
store_carrier(struct zcrx_pair *pair, void *carrier_)
{
    bool *carrier = carrier_;

    *carrier = zcrx_pair_carrier(pair);
}

/* Returns true if there is a pair, its VF's link is up and its guest is
 * ready: the VF works only then.  Main thread. */
bool
zcrx_wire_carrier(struct zcrx_wire *wire)
{
    bool carrier = false;

    zcrx_face_visit(face_of(wire), store_carrier, &carrier);
    return carrier;
}

/* Returns true if the link has changed since this was last called.  Main
 * thread. */
bool
zcrx_wire_run(struct zcrx_wire *wire)
{
    bool was = wire->carrier;

    wire->carrier = zcrx_wire_carrier(wire);
    return wire->carrier != was;
}

static void
store_socket_id(struct zcrx_pair *pair, void *socket_id_)
{
    int *socket_id = socket_id_;

    *socket_id = zcrx_vf_socket_id(&pair->vf);
}

int
zcrx_wire_get_numa_id(struct zcrx_wire *wire)
{
    int socket_id = -1;

    zcrx_face_visit(face_of(wire), store_socket_id, &socket_id);
    return socket_id < 0 ? NETDEV_NUMA_UNSPEC : socket_id;
}

static void
store_mtu(struct zcrx_pair *pair, void *mtu_)
{
    int *mtu = mtu_;

    ovs_mutex_lock(&pair->mutex);
    *mtu = pair->config.vf.mtu;
    ovs_mutex_unlock(&pair->mutex);
}

/* Stores the pair's MTU in '*mtu'.  Returns 0 or a positive errno value. */
int
zcrx_wire_get_mtu(struct zcrx_wire *wire, int *mtu)
{
    return zcrx_face_visit(face_of(wire), store_mtu, mtu) ? 0 : ENODEV;
}

static void
add_pair_status(struct zcrx_pair *pair, void *status_)
{
    struct smap *status = status_;

    ovs_mutex_lock(&pair->mutex);
    smap_add(status, "zcrx_state", zcrx_pair_state_to_string(pair->state));
    ovs_mutex_unlock(&pair->mutex);
}

void
zcrx_wire_get_status(struct zcrx_wire *wire, struct smap *status)
{
    smap_add(status, "wire_of", wire->pair_name);
    if (!zcrx_face_visit(face_of(wire), add_pair_status, status)) {
        smap_add(status, "zcrx_state", "no-pair");
    }
}

/* In OVS's terms the port is the wire: it receives what the VF got, as far as
 * that is slow path. */
void
zcrx_wire_get_stats(struct zcrx_wire *wire, struct netdev_stats *stats)
{
    struct zcrx_stats s;

    zcrx_face_get_stats(face_of(wire), &s);
    memset(stats, 0xff, sizeof *stats);
    stats->rx_packets = s.slow_wire_frames;
    stats->rx_bytes = s.slow_wire_bytes;
    stats->tx_packets = s.wire_out_frames;
    stats->tx_bytes = s.wire_out_bytes;
    stats->rx_errors = 0;
    stats->tx_errors = 0;
    stats->rx_dropped = (s.dropped_slow_face_full + s.dropped_slow_no_memory
                         + s.slow_wire_policed
                         + __atomic_load_n(&wire->rx_down, __ATOMIC_RELAXED));
    stats->tx_dropped = 0;
#define ZCRX_COUNTER(NAME) stats->tx_dropped += s.NAME;
    ZCRX_WIRE_OUT_DROP_REASONS
#undef ZCRX_COUNTER
}

void
zcrx_wire_get_custom_stats(struct zcrx_wire *wire,
                           struct netdev_custom_stats *custom)
{
#define ZCRX_COUNTER ZCRX_COUNTER_ENTRY
    static const struct zcrx_counter counters[] = {
        ZCRX_COUNTER(slow_wire_frames)
        ZCRX_COUNTER(slow_wire_bytes)
        ZCRX_COUNTER(slow_wire_policed)
        ZCRX_COUNTER(dropped_slow_face_full)
        ZCRX_COUNTER(dropped_slow_no_memory)
        ZCRX_COUNTER(wire_out_frames)
        ZCRX_COUNTER(wire_out_bytes)
        ZCRX_WIRE_OUT_DROP_REASONS
    };
#undef ZCRX_COUNTER
    struct zcrx_stats stats;

    zcrx_face_get_stats(face_of(wire), &stats);
    zcrx_status_put_counters(&stats, counters, ARRAY_SIZE(counters), custom);
}

/* OVS to the wire.  Any thread. */
int
zcrx_wire_send(struct zcrx_wire *wire, int qid, struct dp_packet_batch *batch,
               bool is_up)
{
    struct dp_packet *packet;

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        if (is_up && wire->face) {
            zcrx_face_send(wire->face, qid, &packet->mbuf);
        } else {
            if (wire->face) {
                zcrx_stats_add_shared(
                    &wire->face->stats.wire_out_dropped_not_running, 1);
            }
            dp_packet_delete(packet);
        }
    }
    return 0;
}

/* Slow-path frames from the wire to OVS.  Returns true if there were any; if
 * the port is down, 'batch' is empty then.  PMD thread. */
bool
zcrx_wire_recv(struct zcrx_wire *wire, int qid, int n_rxq,
               struct dp_packet_batch *batch, bool is_up)
{
    struct rte_mbuf *mbufs[NETDEV_MAX_BURST];
    uint16_t n;

    n = zcrx_face_receive(wire->face, qid, n_rxq, mbufs, NETDEV_MAX_BURST);
    if (!n) {
        return false;
    }
    zcrx_batch_init(batch, mbufs, n);
    if (!is_up) {
        dp_packet_delete_batch(batch, true);
        dp_packet_batch_init(batch);
        zcrx_stats_add_shared(&wire->rx_down, n);
    }
    return true;
}
