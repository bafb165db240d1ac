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

#include "zcrx-sync.h"

#include <errno.h>
#include <string.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <linux/virtio_net.h>

#include "zcrx-capture.h"
#include "zcrx-probe.h"
#include "zcrx-tx.h"

/* One turn in so many is timed, and the one before it takes part in that. */
#define SAMPLE_EVERY 16

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

static inline bool
has_pending(const struct zcrx_queue *q)
{
    return q->pending_head < q->pending_tail;
}

/* Delivers what could not be delivered in an earlier turn.  Returns true if
 * nothing is left of it. */
static bool
deliver_pending(struct zcrx_queue *q, struct used_batch *batch)
{
    while (has_pending(q)) {
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
        } else if (has_pending(q) || !deliver_bounce(q, m, batch)) {
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
static unsigned int
wire_to_guest(struct zcrx_queue *q, uint64_t *received)
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

/* Copies what OVS sent to the port to the guest.  Returns how many frames. */
static unsigned int
ovs_to_guest(struct zcrx_queue *q)
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
static void
drain_injected(struct zcrx_queue *q)
{
    void *m;

    while (!rte_ring_sc_dequeue(q->injected, &m)) {
        zcrx_stats_add_shared(&q->stats.inject_dropped_no_guest, 1);
        q->free_injected(m);
    }
}

/* Returns what stopped a virtqueue of 'q', if the guest broke one. */
enum zcrx_vring_error
zcrx_queue_error(const struct zcrx_queue *q)
{
    return q->rx.error ? q->rx.error : q->tx.error;
}

/* Moves up to a burst of frames in each direction. */
static unsigned int
relay(struct zcrx_queue *q)
{
    unsigned int n = wire_to_guest(q, NULL);

    return n + zcrx_tx_relay(q);
}

/* As relay(), and notes when the VF was asked. */
static __rte_noinline unsigned int
relay_noted(struct zcrx_queue *q)
{
    unsigned int n;

    q->received = 0;
    n = wire_to_guest(q, &q->received);
    return n + zcrx_tx_relay(q);
}

/* As relay(), and counts how long it took.  relay_noted() was before. */
static __rte_noinline unsigned int
relay_timed(struct zcrx_queue *q)
{
    struct zcrx_stats *stats = &q->stats;
    uint64_t before = q->received;
    uint64_t start = rte_rdtsc();
    unsigned int n_rx = wire_to_guest(q, &q->received);
    uint64_t middle = rte_rdtsc();
    unsigned int n_tx = zcrx_tx_relay(q);
    uint64_t end = rte_rdtsc();

    if (n_rx) {
        zcrx_stats_add(&stats->rx_sampled_cycles, middle - start);
        zcrx_stats_add(&stats->rx_sampled_frames, n_rx);
        if (before && !has_pending(q)) {
            zcrx_latency_add(&q->latency.wait, q->received - before, n_rx);
            zcrx_latency_add(&q->latency.deliver, middle - q->received, n_rx);
        }
    }
    if (n_tx) {
        zcrx_stats_add(&stats->tx_sampled_cycles, end - middle);
        zcrx_stats_add(&stats->tx_sampled_frames, n_tx);
    }
    return n_rx + n_tx;
}

/* As zcrx_queue_poll(), when the guest has broken one virtqueue or both.  What
 * is not broken goes on. */
static unsigned int
relay_rest(struct zcrx_queue *q)
{
    unsigned int n = 0;

    q->n_passed = 0;
    if (!q->rx.error) {
        q->n_passed = wire_to_guest(q, NULL);
        n = q->n_passed + ovs_to_guest(q);
        zcrx_stats_add(&q->stats.guest_notifications,
                       zcrx_vring_notify(&q->rx));
        zcrx_stats_add(&q->stats.guest_errors, q->rx.error != ZCRX_VRING_OK);
    } else {
        drain_injected(q);
        if (!q->tx.error) {
            n = q->n_passed = zcrx_tx_relay(q);
            zcrx_stats_add(&q->stats.guest_notifications,
                           zcrx_vring_notify(&q->tx));
            zcrx_stats_add(&q->stats.guest_errors,
                           q->tx.error != ZCRX_VRING_OK);
        }
    }
    return n + zcrx_slow_turn_of_wire(q);
}

/* One turn of the PMD thread that owns 'q': moves up to a burst of frames in
 * each direction, and notifies the guest if it wants to be.  Returns how many
 * frames were moved.
 *
 * A barrier right after frames were published would wait for the guest's CPU
 * to hand over its lines of the used ring.  The one that comes with the gate,
 * at the beginning of the next turn, does not have to, so the guest is asked
 * there once more, in case it was about to sleep at the end of this one.  Who
 * keeps the PMD thread out at the gate asks it, too. */
unsigned int
zcrx_queue_poll(struct zcrx_queue *q)
{
    unsigned int n = 0;
    unsigned int n_notified;

    if (!zcrx_gate_enter(&q->gate)) {
        return 0;
    }
    n_notified = zcrx_vring_notify_visible(&q->rx)
                 + zcrx_vring_notify_visible(&q->tx);
    if (likely(!zcrx_queue_error(q))) {
        unsigned int phase = q->turn++ % SAMPLE_EVERY;

        n = phase > 1 ? relay(q) : phase ? relay_timed(q) : relay_noted(q);
        q->n_passed = n;
        if (rte_ring_count(q->injected)) {
            n += ovs_to_guest(q);
        }
        if (unlikely(q->slow.on)) {
            n += zcrx_slow_turn(q);
        }
        n_notified += zcrx_vring_notify_early(&q->rx)
                      + zcrx_vring_notify_early(&q->tx);
        if (unlikely(zcrx_queue_error(q))) {
            zcrx_stats_add(&q->stats.guest_errors,
                           (q->rx.error != ZCRX_VRING_OK)
                           + (q->tx.error != ZCRX_VRING_OK));
        }
    } else {
        n = relay_rest(q);
    }
    if (unlikely(q->slow.n_taken)) {
        q->n_passed -= q->slow.n_taken;
        q->slow.n_taken = 0;
    }
    if (n_notified) {
        zcrx_stats_add(&q->stats.guest_notifications, n_notified);
    }
    zcrx_gate_leave(&q->gate);
    return n;
}

/* Hands 'm', a frame from OVS in one segment, to the owner of 'q', which will
 * copy it to the guest and then free it with 'free_injected'.  Returns false
 * if there is no room, with 'm' still the caller's.  Any thread. */
bool
zcrx_queue_inject(struct zcrx_queue *q, struct rte_mbuf *m)
{
    return !rte_ring_mp_enqueue(q->injected, m);
}

/* Prepares 'q', which is zeroed, for zcrx_queue_start().  'name' must be
 * unique among rings.  Returns 0 or a positive errno value. */
int
zcrx_queue_init(struct zcrx_queue *q, const char *name, int socket_id,
                void (*free_injected)(struct rte_mbuf *))
{
    q->free_injected = free_injected;
    q->injected = rte_ring_create(name, ZCRX_INJECT_SIZE, socket_id,
                                  RING_F_SC_DEQ);
    return q->injected ? 0 : rte_errno;
}

/* Undoes zcrx_queue_init(). */
void
zcrx_queue_destroy(struct zcrx_queue *q)
{
    if (q->injected) {
        drain_injected(q);
        rte_ring_free(q->injected);
        q->injected = NULL;
    }
}

/* Lets the PMD thread in.  The virtqueues, the pool, the VF queue and 'tx_mp'
 * are set up. */
void
zcrx_queue_start(struct zcrx_queue *q)
{
    zcrx_vring_suppress_kicks(&q->rx);
    if (!q->tx.error) {
        zcrx_vring_suppress_kicks(&q->tx);
    }
    drain_injected(q);          /* What was sent to another guest. */
    zcrx_slow_start(q);
    q->pending_head = q->pending_tail = 0;
    q->received = 0;
    q->running = true;
    zcrx_queue_set_idle(q, false);
}

/* Lets the PMD thread of 'q', which is running, in, or shuts it out while the
 * guest has disabled the queue pair. */
void
zcrx_queue_set_idle(struct zcrx_queue *q, bool idle)
{
    q->idle = idle;
    __atomic_store_n(&q->in_use, !idle, __ATOMIC_RELAXED);
    if (idle) {
        zcrx_gate_close(&q->gate);
        zcrx_vring_notify(&q->rx);
        zcrx_vring_notify(&q->tx);
    } else {
        zcrx_gate_open(&q->gate);
    }
}

/* With the PMD thread shut out: delivers what the VF has received, before the
 * VF is stopped.  That is no more than it has buffers; a driver without a ring
 * of its own has nothing, but could go on for ever. */
void
zcrx_queue_harvest(struct zcrx_queue *q)
{
    if (q->running && !q->vf.no_ring && !q->rx.error) {
        uint32_t n = zcrx_pool_n_out(q->pool);

        for (uint32_t done = 0; done < n; done += ZCRX_BURST) {
            if (!wire_to_guest(q, NULL)) {
                break;
            }
        }
        zcrx_vring_notify(&q->rx);
    }
    zcrx_slow_drain_flows(q);
}

/* With the PMD thread shut out, and before the VF is stopped: prepares for the
 * VF giving back all mbufs that it has.  Drops what waits for a buffer of the
 * guest. */
void
zcrx_queue_recall(struct zcrx_queue *q)
{
    /* After the first time, the VF may be giving them back this moment. */
    if (!q->pool || q->pool->recalled) {
        return;
    }
    while (has_pending(q)) {
        zcrx_stats_add(&q->stats.dropped_stop, 1);
        zcrx_pool_free_bounce(q->pool, q->pending[q->pending_head++]);
    }
    zcrx_pool_recall(q->pool);
    zcrx_slow_recall(q);
}

/* With the PMD thread shut out, and after the VF has been made to give back
 * all mbufs, or was given up with the pool: makes the guest's buffers
 * available again.  'pool' is not used any more. */
void
zcrx_queue_stop_rx(struct zcrx_queue *q)
{
    drain_injected(q);
    zcrx_slow_stop_rx(q);
    if (q->pool) {
        zcrx_pool_put_back_all(q->pool);
    } else {
        zcrx_vring_put_back_all(&q->rx);
    }
    /* Of what could only be returned. */
    zcrx_vring_notify(&q->rx);
}

/* Ends what zcrx_queue_start() began, in the same circumstances. */
void
zcrx_queue_stop(struct zcrx_queue *q)
{
    if (!q->running) {
        return;
    }
    zcrx_queue_stop_rx(q);
    zcrx_slow_stop(q);
    zcrx_vring_put_back_all(&q->tx);
    zcrx_vring_notify(&q->tx);
    q->running = false;
    __atomic_store_n(&q->in_use, false, __ATOMIC_RELAXED);
}
