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

#include "zcrx-rx.h"

#include <string.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <linux/virtio_net.h>

#include "zcrx-capture.h"
#include "zcrx-probe.h"

/* Used entries to publish: gathered, then published at once.  copy_frame()
 * leaves room for a burst of frames that need not be copied, so that nobody
 * has to look whether there is any for these. */
struct used_batch {
    struct zcrx_used used[ZCRX_BURST + ZCRX_MAX_MERGE + ZCRX_BURST];
    uint16_t n;
};

static __rte_always_inline void
flush_used(struct zcrx_queue *q, struct used_batch *batch)
{
    if (batch->n) {
        zcrx_vring_publish(&q->rx, batch->used, batch->n);
        ZCRX_PROBE3(publish, &q->rx, batch->n, q->rx.used_idx);
        batch->n = 0;
    }
}

/* The counter for a frame copied because of 'reason'. */
static uint64_t *
copy_counter(struct zcrx_stats *stats, enum zcrx_copy_reason reason)
{
    switch (reason) {
    case ZCRX_COPY_SMALL_BUFFER:
        return &stats->copied_small_buffer;
    case ZCRX_COPY_LAYOUT:
        return &stats->copied_layout;
    case ZCRX_COPY_NO_DMA:
        return &stats->copied_no_dma;
    case ZCRX_COPY_LATE_BUFFER:
        return &stats->copied_late_buffer;
    case ZCRX_ZERO_COPY:
    case ZCRX_COPY_MODE:
    case ZCRX_N_COPY_REASONS:
    default:
        return &stats->copied_mode;
    }
}

/* Copies the frame in 'm' to the guest, with 'hdr_flags' in its header, and
 * adds what is to be published to 'batch'. */
static enum zcrx_copy_result
copy_frame(struct zcrx_queue *q, const struct zcrx_head *head,
           const struct rte_mbuf *m, uint8_t hdr_flags,
           struct used_batch *batch)
{
    enum zcrx_copy_result result;
    uint16_t n;

    if (batch->n > ZCRX_BURST) {
        flush_used(q, batch);
    }
    result = zcrx_vring_copy_in(&q->rx, head,
                                rte_pktmbuf_mtod(m, const void *),
                                m->data_len, hdr_flags,
                                &batch->used[batch->n], &n);
    batch->n += n;
    return result;
}

/* Delivers bounce mbuf 'm'.  Returns false if it must be tried again later. */
static bool
deliver_bounce(struct zcrx_queue *q, struct rte_mbuf *m,
               struct used_batch *batch)
{
    const struct zcrx_head *reserved = zcrx_pool_reserved(q->pool);
    enum zcrx_copy_result result = ZCRX_COPY_TOO_LONG;
    struct zcrx_stats *stats = &q->stats;

    if (m->nb_segs == 1) {
        uint8_t flags = q->vf.offload.rx_csum ? zcrx_offload_verdict(m) : 0;

        result = copy_frame(q, reserved, m, flags, batch);
    }
    switch (result) {
    case ZCRX_COPY_OK:
        if (reserved) {
            zcrx_pool_pop_reserved(q->pool);
        }
        zcrx_stats_add(copy_counter(stats, zcrx_pool_bounce_reason(m)), 1);
        zcrx_stats_add(&stats->to_guest_frames, 1);
        zcrx_stats_add(&stats->to_guest_bytes, m->data_len);
        break;
    case ZCRX_COPY_NO_BUFFER:
        return false;
    case ZCRX_COPY_TOO_LONG:
        zcrx_stats_add(&stats->dropped_too_long, 1);
        break;
    case ZCRX_COPY_ERROR:
    default:
        zcrx_stats_add(&stats->dropped_guest_error, 1);
        break;
    }
    zcrx_pool_free_bounce(q->pool, m);
    return true;
}

/* Returns true if the frame in guest mbuf 'm' does not lie as it should: the
 * driver spread it over several, or moved its start. */
static inline bool
is_misplaced(const struct rte_mbuf *m)
{
    return (zcrx_pool_is_moved(m)
            || m->data_len > m->buf_len - RTE_PKTMBUF_HEADROOM);
}

/* Writes the headers for the frames in the first of the 'n' mbufs in 'mbufs',
 * up to one that is no guest mbuf or not as it should be, and adds them to
 * 'batch', which has room.  Returns how many, and adds their bytes to
 * '*bytes'.
 *
 * 'usual', which says that headers have the modern length and lie before the
 * frame, which makes them two stores, and 'rx_csum', which says that the guest
 * wants to know of checksums, are constants. */
static __rte_always_inline uint16_t
deliver_guest(struct zcrx_queue *q, struct rte_mbuf **mbufs, uint16_t n,
              bool usual, bool rx_csum, struct used_batch *batch,
              uint64_t *bytes)
{
    struct zcrx_used *used = &batch->used[batch->n];
    uint8_t hdr_len = usual ? ZCRX_HDR_LEN : q->rx.hdr_len;
    /* For the compiler, writing a header could change all that is not our
     * own. */
    const struct zcrx_pool pool = *q->pool;
    uint64_t sum = 0;
    uint32_t i;

    for (i = 0; i < n; i++) {
        const struct rte_mbuf *m = mbufs[i];
        const struct virtio_net_hdr_v1 hdr = {
            .flags = rx_csum ? zcrx_offload_verdict(m) : 0,
            .gso_type = VIRTIO_NET_HDR_GSO_NONE,
            .num_buffers = 1,
        };
        uint32_t len = m->data_len;
        uint16_t id;

        if (unlikely(!zcrx_pool_is_guest(&pool, m, &id) || is_misplaced(m))) {
            break;
        }
        memcpy(usual ? zcrx_pool_hdr_before(m, hdr_len)
               : zcrx_pool_hdr(&pool, m, id), &hdr, hdr_len);
        used[i].id = id;
        used[i].len = hdr_len + len;
        sum += len;
    }
    batch->n += i;
    *bytes += sum;
    return i;
}

/* As deliver_guest(), for whatever header the guest wants, which is looked at
 * once a burst. */
static inline uint16_t
deliver_guests(struct zcrx_queue *q, struct rte_mbuf **mbufs, uint16_t n,
               struct used_batch *batch, uint64_t *bytes)
{
    if (unlikely(q->rx.hdr_len != ZCRX_HDR_LEN || q->pool->hdrs_apart)) {
        return deliver_guest(q, mbufs, n, false, q->vf.offload.rx_csum, batch,
                             bytes);
    }
    return (likely(!q->vf.offload.rx_csum)
            ? deliver_guest(q, mbufs, n, true, false, batch, bytes)
            : deliver_guest(q, mbufs, n, true, true, batch, bytes));
}

/* Notes that the 'n' frames in 'mbufs', and their headers, were written to the
 * guest's memory. */
static void
note_frames(struct zcrx_queue *q, struct rte_mbuf **mbufs, uint16_t n)
{
    for (uint16_t i = 0; i < n; i++) {
        const struct rte_mbuf *m = mbufs[i];
        uint16_t id;

        if (zcrx_pool_is_guest(q->pool, m, &id)) {
            zcrx_vring_note(&q->rx, zcrx_pool_hdr(q->pool, m, id),
                            q->rx.hdr_len);
            zcrx_vring_note(&q->rx, rte_pktmbuf_mtod(m, const void *),
                            m->data_len);
        }
    }
}

/* Delivers what could not be delivered in an earlier turn.  Returns true if
 * nothing is left of it. */
static bool
deliver_pending(struct zcrx_queue *q, struct used_batch *batch)
{
    while (zcrx_rx_has_pending(q)) {
        if (!deliver_bounce(q, q->pending[q->pending_head], batch)) {
            return false;
        }
        q->pending_head++;
    }
    q->pending_head = q->pending_tail = 0;
    return true;
}

/* Delivers the 'n' frames in 'mbufs', which the VF received, in their order.
 * None is pending.  'n_moved' of them are not in the guest buffer that the VF
 * wrote to. */
static inline void
deliver(struct zcrx_queue *q, struct rte_mbuf **mbufs, uint16_t n,
        uint16_t n_moved, struct used_batch *batch)
{
    struct zcrx_stats *stats = &q->stats;
    uint64_t zero_copy_bytes = 0;
    uint64_t zero_copy = 0;
    uint64_t bytes = 0;

    if (unlikely(q->capture != NULL)) {
        zcrx_capture_frames(q->capture, q->vf.queue_id, mbufs, n,
                            ZCRX_INBOUND);
    }
    for (uint16_t i = 0; i < n;) {
        uint16_t n_guest, id;
        struct rte_mbuf *m;

        n_guest = deliver_guests(q, &mbufs[i], n - i, batch,
                                 &zero_copy_bytes);
        if (unlikely(q->rx.log.base != NULL)) {
            note_frames(q, &mbufs[i], n_guest);
        }
        zero_copy += n_guest;
        i += n_guest;
        if (likely(i == n)) {
            break;
        }

        m = mbufs[i++];
        bytes += m->pkt_len;
        if (zcrx_pool_is_guest(q->pool, m, &id)) {
            /* The buffers go back to the pool. */
            zcrx_stats_add(&stats->dropped_too_long, 1);
            rte_pktmbuf_free(m);
        } else if (zcrx_rx_has_pending(q) || !deliver_bounce(q, m, batch)) {
            q->pending[q->pending_tail++] = m;
        }
    }
    bytes += zero_copy_bytes;
    q->pool->n_posted -= zero_copy;
    zcrx_stats_add(&stats->wire_rx_frames, n);
    zcrx_stats_add(&stats->wire_rx_bytes, bytes);
    zcrx_stats_add(&stats->zero_copy_frames, zero_copy - n_moved);
    zcrx_stats_add(&stats->to_guest_frames, zero_copy);
    zcrx_stats_add(&stats->to_guest_bytes, zero_copy_bytes);
}

/* Returns how many frames to ask the VF for.
 *
 * A NIC without buffers drops what comes in, which is the cheapest place to do
 * so.  Where the VF has buffers though the guest has none, the same is had by
 * not asking. */
static uint16_t
rx_budget(struct zcrx_queue *q)
{
    struct zcrx_pool *pool = q->pool;
    uint32_t n;

    if (likely(!q->vf.no_ring && !zcrx_pool_is_unbound(pool))) {
        return ZCRX_BURST;
    }
    n = zcrx_vring_n_avail(&q->rx) + pool->n_unused + pool->n_reserved;
    if (q->vf.no_ring) {
        return RTE_MIN(n, (uint32_t) ZCRX_BURST);
    }
    /* The next frames may be in guest mbufs.  Vector drivers are not to be
     * asked for few frames; what is more than the guest has buffers for
     * waits. */
    return n || pool->n_posted ? ZCRX_BURST : 0;
}

/* Receives up to 'budget' frames from the VF into 'mbufs'.  Returns how
 * many. */
static uint16_t
receive(struct zcrx_queue *q, struct rte_mbuf **mbufs, uint16_t budget)
{
    uint16_t n = 0;

    if (!q->vf.chains) {
        q->pool->credit = q->vf.no_ring ? budget : UINT32_MAX;
        return rte_eth_rx_burst(q->vf.port_id, q->vf.queue_id, mbufs, budget);
    }
    /* Chained mbufs get frame data in front of what is the guest's: one frame
     * and one mbuf at a time, so that the driver gets no second one. */
    while (n < budget) {
        q->pool->credit = 1;
        if (!rte_eth_rx_burst(q->vf.port_id, q->vf.queue_id, &mbufs[n], 1)) {
            break;
        }
        n++;
    }
    return n;
}

/* As deliver(), for those of the frames that are not slow path. */
static void
deliver_some(struct zcrx_queue *q, struct rte_mbuf **mbufs, uint16_t n,
             struct used_batch *batch)
{
    uint16_t n_moved;

    n = zcrx_slow_from_wire(q, mbufs, n, &n_moved);
    if (n) {
        deliver(q, mbufs, n, n_moved, batch);
        zcrx_stats_add(&q->stats.copied_slow_path, n_moved);
    }
}

/* Moves frames from the VF to the guest.  Returns how many.  Stores in
 * '*received', unless that is NULL, the TSC when the VF had been asked. */
unsigned int
zcrx_rx_relay(struct zcrx_queue *q, uint64_t *received)
{
    struct rte_mbuf *mbufs[ZCRX_BURST];
    struct used_batch batch;
    uint16_t n = 0;

    batch.n = 0;
    if (deliver_pending(q, &batch)) {
        uint16_t budget = rx_budget(q);

        n = budget ? receive(q, mbufs, budget) : 0;
        if (unlikely(received != NULL)) {
            *received = rte_rdtsc();
        }
        if (unlikely(q->slow.from_wire)) {
            deliver_some(q, mbufs, n, &batch);
        } else if (n) {
            deliver(q, mbufs, n, 0, &batch);
        }
        if (unlikely(q->pool->n_given_back)) {
            zcrx_stats_add(&q->stats.buffers_unused, q->pool->n_given_back);
            q->pool->n_given_back = 0;
        }
    }
    flush_used(q, &batch);
    if (unlikely(q->slow.from_wire)) {
        zcrx_slow_trim_holes(q);
    }
    return n;
}

/* Drops what waits for a buffer of the guest. */
void
zcrx_rx_drop_pending(struct zcrx_queue *q)
{
    while (zcrx_rx_has_pending(q)) {
        zcrx_stats_add(&q->stats.dropped_stop, 1);
        zcrx_pool_free_bounce(q->pool, q->pending[q->pending_head++]);
    }
}

/* Copies what OVS sent to the port to the guest.  Returns how many frames. */
unsigned int
zcrx_rx_inject(struct zcrx_queue *q)
{
    struct zcrx_stats *stats = &q->stats;
    struct rte_mbuf *mbufs[ZCRX_BURST];
    struct used_batch batch;
    unsigned int n;

    n = rte_ring_sc_dequeue_burst(q->injected, (void **) mbufs, ZCRX_BURST,
                                  NULL);
    batch.n = 0;
    for (unsigned int i = 0; i < n; i++) {
        uint32_t len = mbufs[i]->data_len;
        enum zcrx_copy_result result = ZCRX_COPY_OK;

        if (zcrx_slow_fill_hole(q, mbufs[i], &batch.used[batch.n])) {
            batch.n++;
        } else {
            result = copy_frame(q, NULL, mbufs[i], 0, &batch);
        }
        switch (result) {
        case ZCRX_COPY_OK:
            zcrx_stats_add(&stats->injected_frames, 1);
            zcrx_stats_add(&stats->injected_bytes, len);
            zcrx_stats_add(&stats->to_guest_frames, 1);
            zcrx_stats_add(&stats->to_guest_bytes, len);
            break;
        case ZCRX_COPY_TOO_LONG:
            zcrx_stats_add(&stats->inject_dropped_too_long, 1);
            break;
        case ZCRX_COPY_NO_BUFFER:
        case ZCRX_COPY_ERROR:
        default:
            zcrx_stats_add(&stats->inject_dropped_no_buffer, 1);
            break;
        }
        q->free_injected(mbufs[i]);
    }
    flush_used(q, &batch);
    return n;
}

/* Frees what OVS sent and the guest did not get. */
void
zcrx_rx_drain_injected(struct zcrx_queue *q)
{
    void *m;

    while (!rte_ring_sc_dequeue(q->injected, &m)) {
        zcrx_stats_add_shared(&q->stats.inject_dropped_no_guest, 1);
        q->free_injected(m);
    }
}
