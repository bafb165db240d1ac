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

#include <rte_cycles.h>
#include <rte_errno.h>

#include "zcrx-rx.h"
#include "zcrx-tx.h"

/* One turn in so many is timed, and the one before it takes part in that. */
#define SAMPLE_EVERY 16

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
    unsigned int n = zcrx_rx_relay(q, NULL);

    return n + zcrx_tx_relay(q);
}

/* As relay(), and notes when the VF was asked. */
static __rte_noinline unsigned int
relay_noted(struct zcrx_queue *q)
{
    unsigned int n;

    q->received = 0;
    n = zcrx_rx_relay(q, &q->received);
    return n + zcrx_tx_relay(q);
}

/* As relay(), and counts how long it took.  relay_noted() was before. */
static __rte_noinline unsigned int
relay_timed(struct zcrx_queue *q)
{
    struct zcrx_stats *stats = &q->stats;
    uint64_t before = q->received;
    uint64_t start = rte_rdtsc();
    unsigned int n_rx = zcrx_rx_relay(q, &q->received);
    uint64_t middle = rte_rdtsc();
    unsigned int n_tx = zcrx_tx_relay(q);
    uint64_t end = rte_rdtsc();

    if (n_rx) {
        zcrx_stats_add(&stats->rx_sampled_cycles, middle - start);
        zcrx_stats_add(&stats->rx_sampled_frames, n_rx);
        if (before && !zcrx_rx_has_pending(q)) {
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
        q->n_passed = zcrx_rx_relay(q, NULL);
        n = q->n_passed + zcrx_rx_inject(q);
        zcrx_stats_add(&q->stats.guest_notifications,
                       zcrx_vring_notify(&q->rx));
        zcrx_stats_add(&q->stats.guest_errors, q->rx.error != ZCRX_VRING_OK);
    } else {
        zcrx_rx_drain_injected(q);
        if (!q->tx.error) {
            n = q->n_passed = zcrx_tx_relay(q);
            zcrx_stats_add(&q->stats.guest_notifications,
                           zcrx_vring_notify(&q->tx));
            zcrx_stats_add(&q->stats.guest_errors,
                           q->tx.error != ZCRX_VRING_OK);
        }
    }
    return n + (q->rx.error ? zcrx_slow_turn_of_wire(q) : zcrx_slow_turn(q));
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
            n += zcrx_rx_inject(q);
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

/* What the PMD thread that owns 'q' does instead of zcrx_queue_poll() while no
 * frames are to pass.  Frees what OVS sends, which is not to come out when
 * they pass again; and as it keeps itself out, it asks the guest once more. */
void
zcrx_queue_rest(struct zcrx_queue *q)
{
    unsigned int n_notified;

    if (!zcrx_gate_enter(&q->gate)) {
        return;
    }
    n_notified = zcrx_vring_notify_visible(&q->rx)
                 + zcrx_vring_notify_visible(&q->tx);
    zcrx_stats_add(&q->stats.guest_notifications, n_notified);
    zcrx_rx_drain_injected(q);
    zcrx_slow_drain_to_vf(q);
    zcrx_gate_leave(&q->gate);
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
        zcrx_rx_drain_injected(q);
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
    zcrx_rx_drain_injected(q);          /* What was sent to another guest. */
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
            if (!zcrx_rx_relay(q, NULL)) {
                break;
            }
        }
        zcrx_vring_notify(&q->rx);
    }
    zcrx_slow_drain_flows(q);
    q->slow.n_taken = 0;        /* Of no turn of the PMD thread. */
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
    zcrx_rx_drop_pending(q);
    zcrx_pool_recall(q->pool);
    zcrx_slow_recall(q);
}

/* With the PMD thread shut out, and after the VF has been made to give back
 * all mbufs, or was given up with the pool: makes the guest's buffers
 * available again.  'pool' is not used any more. */
void
zcrx_queue_stop_rx(struct zcrx_queue *q)
{
    zcrx_rx_drain_injected(q);
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
