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

#include "zcrx-queues.h"

#include <inttypes.h>

#include "openvswitch/vlog.h"
#include "util.h"
#include "zcrx-pair-slow.h"
#include "zcrx-pair.h"
#include "zcrx-rss.h"
#include "zcrx-stop.h"

VLOG_DEFINE_THIS_MODULE(zcrx_queues);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

/* Notes that the guest of 'pair' broke a virtqueue of 'queue_pair', which must
 * not be used until the guest sets it up again.  Counting that is the
 * caller's. */
static void
note_error(struct zcrx_pair *pair, uint16_t queue_pair, bool rx,
           enum zcrx_vring_error error)
{
    struct zcrx_vring_config *vq = (rx ? &pair->guest.pairs[queue_pair].rx
                                    : &pair->guest.pairs[queue_pair].tx);

    vq->error = error;
    VLOG_WARN_RL(&rl, "%s: queue pair %"PRIu16": guest broke its %s "
                 "virtqueue, which is stopped: %s", pair->name, queue_pair,
                 rx ? "receive" : "transmit", zcrx_vring_strerror(error));
}

/* As note_error(), for an error that was found while the queue pair was not in
 * use, and counts it. */
void
zcrx_queues_found_error(struct zcrx_pair *pair, uint16_t queue_pair, bool rx,
                        enum zcrx_vring_error error)
{
    note_error(pair, queue_pair, rx, error);
    if (queue_pair < pair->n_queues) {
        zcrx_stats_add(&pair->queues[queue_pair].stats.guest_errors, 1);
    }
}

/* Notes what is wrong with the virtqueues of 'queue_pair' of the guest, which
 * have just been read. */
void
zcrx_queues_found_errors(struct zcrx_pair *pair, uint16_t queue_pair)
{
    enum zcrx_vring_error rx = pair->guest.pairs[queue_pair].rx.error;
    enum zcrx_vring_error tx = pair->guest.pairs[queue_pair].tx.error;

    if (rx) {
        zcrx_queues_found_error(pair, queue_pair, true, rx);
    }
    if (tx) {
        zcrx_queues_found_error(pair, queue_pair, false, tx);
    }
}

/* Returns true if the guest has set up queue pair 'i' of the port, and wants
 * it to be used. */
static bool
is_enabled(const struct zcrx_pair *pair, uint16_t i)
{
    return (i < pair->n_queues && i < pair->guest.n_queue_pairs
            && pair->guest.pairs[i].set_up && pair->guest.pairs[i].enabled);
}

/* Returns how many queue pairs the guest wants to be used. */
uint16_t
zcrx_queues_n_enabled(const struct zcrx_pair *pair)
{
    uint16_t n = 0;

    for (uint16_t i = 0; i < pair->n_queues; i++) {
        n += is_enabled(pair, i);
    }
    return n;
}

/* Stores in 'chosen' the queue pairs that the VF is to be started with, which
 * are those that the guest can receive on.  Returns how many. */
uint16_t
zcrx_queues_choose(const struct zcrx_pair *pair, uint16_t *chosen)
{
    uint16_t n = 0;

    for (uint16_t i = 0; i < pair->n_queues; i++) {
        if (is_enabled(pair, i) && !pair->guest.pairs[i].rx.error) {
            chosen[n++] = i;
        }
    }
    return n;
}

/* If the guest has broken all of the queue pairs that it has enabled, returns
 * by what.  Otherwise, returns ZCRX_VRING_OK. */
enum zcrx_vring_error
zcrx_queues_why_none(const struct zcrx_pair *pair)
{
    enum zcrx_vring_error error = ZCRX_VRING_OK;

    for (uint16_t i = 0; i < pair->n_queues; i++) {
        const struct zcrx_queue *q = &pair->queues[i];

        if (is_enabled(pair, i)) {
            if (!pair->guest.pairs[i].rx.error
                || (q->running && !pair->guest.pairs[i].tx.error)) {
                return ZCRX_VRING_OK;
            }
            error = pair->guest.pairs[i].rx.error;
        }
    }
    return error;
}

static bool
can_receive(const struct zcrx_queue *q)
{
    return q->running && !q->idle && !q->rx.error;
}

/* Makes the VF send frames to the queues that are in use and to no other, and
 * returns true if that is certain. */
static bool
spread(struct zcrx_pair *pair)
{
    uint16_t queues[ZCRX_MAX_QUEUE_PAIRS];
    uint16_t n_active = 0;
    uint64_t active = 0;
    uint16_t n = 0;

    for (uint16_t i = 0; i < pair->n_queues; i++) {
        const struct zcrx_queue *q = &pair->queues[i];

        if (zcrx_queue_in_use(q)) {
            n_active++;
            active |= UINT64_C(1) << i;
        }
        if (can_receive(q)) {
            queues[n++] = q->vf.queue_id;
        }
    }
    __atomic_store_n(&pair->n_active, n_active, __ATOMIC_RELAXED);
    zcrx_face_set_active(pair->face, active);
    /* Where no queue is used, none is looked at. */
    return !n || zcrx_rss_spread(&pair->vf, queues, n);
}

/* To be called when the VF has been started with the queues that were
 * chosen. */
void
zcrx_queues_started(struct zcrx_pair *pair)
{
    spread(pair);
    zcrx_pair_update_slow(pair);
}

/* Stops the receive virtqueue of queue pair 'i', whose transmit virtqueue goes
 * on.  Returns true if the VF has given back all its buffers, and gets no
 * others. */
static bool
stop_rx(struct zcrx_pair *pair, uint16_t i)
{
    struct zcrx_queue *q = &pair->queues[i];
    bool is_last = true;

    for (uint16_t j = 0; j < pair->n_queues; j++) {
        is_last &= j == i || !can_receive(&pair->queues[j]);
    }
    if (!is_last && !zcrx_rss_can_leave_out(&pair->vf)) {
        return false;
    }
    zcrx_gate_close(&q->gate);
    if (!spread(pair)) {
        return false;
    }
    zcrx_queue_recall(q);
    /* Some drivers cannot do that, but have nothing to give back. */
    if (!zcrx_vf_stop_queue(&pair->vf, q->vf.queue_id)
        || zcrx_queue_n_out(q)) {
        return false;
    }
    zcrx_queue_stop_rx(q);
    zcrx_retire_pool(pair, q);
    zcrx_queue_set_idle(q, q->idle);
    return true;
}

/* Looks whether the guest has broken a virtqueue of 'pair', which is running,
 * since this was called the last time, and stops what has to be stopped.
 * Returns false if the VF must be stopped and started again for that.  Main
 * thread. */
bool
zcrx_queues_check(struct zcrx_pair *pair)
{
    bool ok = true;

    for (uint16_t i = 0; i < pair->n_queues; i++) {
        const struct zcrx_queue *q = &pair->queues[i];

        if (q->running && q->tx.error != pair->guest.pairs[i].tx.error) {
            note_error(pair, i, false, q->tx.error);
        }
        if (q->running && q->rx.error != pair->guest.pairs[i].rx.error) {
            note_error(pair, i, true, q->rx.error);
            ok = ok && stop_rx(pair, i);
            pair->changed(pair);
        }
    }
    return ok;
}

/* Does what it takes when the guest may have enabled or disabled
 * 'queue_pair' while 'pair' is running.  Returns false if the VF must be
 * stopped and started again for that. */
bool
zcrx_queues_enable(struct zcrx_pair *pair, uint16_t queue_pair)
{
    bool enable = is_enabled(pair, queue_pair);
    struct zcrx_queue *q;

    if (queue_pair >= pair->n_queues) {
        return true;
    }
    q = &pair->queues[queue_pair];
    if (!q->running) {
        return !enable || pair->guest.pairs[queue_pair].rx.error;
    }
    if (enable == zcrx_queue_in_use(q)) {
        return true;
    }
    zcrx_queue_set_idle(q, !enable);
    if (!zcrx_rss_can_leave_out(&pair->vf) || !spread(pair)
        || !zcrx_pair_n_active(pair)) {
        return false;
    }
    if (!enable) {
        /* What came before the VF was told. */
        zcrx_queue_harvest(q);
    }
    zcrx_pair_apply_slow(pair);
    pair->changed(pair);
    return true;
}
