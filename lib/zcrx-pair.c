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

#include "zcrx-pair.h"

#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"
#include "zcrx-announce.h"
#include "zcrx-journal.h"
#include "zcrx-pair-capture.h"
#include "zcrx-pair-private.h"
#include "zcrx-pair-slow.h"
#include "zcrx-queues.h"
#include "zcrx-start.h"
#include "zcrx-stop.h"

VLOG_DEFINE_THIS_MODULE(dpdkzcrx);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

/* For changes of state, of all ports: guests that come and go all the time are
 * not to fill the log.  What is left out is among the events of the port. */
static struct vlog_rate_limit state_rl = VLOG_RATE_LIMIT_INIT(120, 1000);

/* How long to wait before the VF is started again after that failed. */
#define RETRY_INTERVAL 1000

/* How often a guest is looked at that needs time to post buffers. */
#define START_INTERVAL 10

/* How often running pairs are looked at. */
#define CHECK_INTERVAL 200

const char *
zcrx_pair_state_to_string(enum zcrx_pair_state state)
{
    switch (state) {
    case ZCRX_PAIR_NO_GUEST:
        return "no-guest";
    case ZCRX_PAIR_READY:
        return "ready";
    case ZCRX_PAIR_RUNNING:
        return "running";
    case ZCRX_PAIR_BROKEN:
        return "broken";
    default:
        return "unknown";
    }
}

/* Puts the pair into 'state' because of 'why', which it takes over, and tells
 * about it. */
void
zcrx_pair_set_state(struct zcrx_pair *pair, enum zcrx_pair_state state,
                    char *why)
{
    if (state != pair->state) {
        VLOG_INFO_RL(&state_rl, "%s: %s%s%s", pair->name,
                     zcrx_pair_state_to_string(state), why ? ": " : "",
                     why ? why : "");
    }
    if (state != pair->state || !nullable_string_is_equal(why, pair->why)) {
        zcrx_events_add(&pair->events, zcrx_pair_state_to_string(state), why);
    }
    if (state != pair->state) {
        for (uint16_t i = 0; i < pair->n_queues; i++) {
            zcrx_rate_reset(&pair->queues[i].rate);
        }
    }
    pair->state = state;
    free(pair->why);
    pair->why = why;
    pair->changed(pair);
}

/* The VF cannot be used, for the time being, because of 'what', a constant.
 * The main thread is to end the session with the guest, of which nothing must
 * be in use. */
void
zcrx_pair_set_lost(struct zcrx_pair *pair, const char *what)
{
    pair->vf_lost = what;
    pair->end_session = true;
    pair->retry_at = time_msec() + RETRY_INTERVAL;
    zcrx_unmap_memory(pair);
    zcrx_journal_unmap(&pair->guest);
    zcrx_vhost_release_guest(&pair->guest);
    zcrx_pair_set_state(pair, ZCRX_PAIR_NO_GUEST,
                        xasprintf("VF '%s' %s", pair->config.devargs, what));
}

/* Stops the pair, however far starting it got, and puts it into 'state'
 * because of 'why', which it takes over. */
static void
stop__(struct zcrx_pair *pair, enum zcrx_pair_state state, char *why)
{
    if (zcrx_stop(pair)) {
        zcrx_pair_set_state(pair, state, why);
    } else {
        free(why);
        zcrx_pair_set_lost(pair, "does not stop");
    }
}

/* As stop__(), if the pair runs; otherwise only puts it into 'state'.  One
 * whose VF is lost stays as it is. */
static void
stop(struct zcrx_pair *pair, enum zcrx_pair_state state, char *why)
{
    if (pair->state == ZCRX_PAIR_RUNNING) {
        stop__(pair, state, why);
    } else if (!pair->vf_lost) {
        zcrx_pair_set_state(pair, state, why);
    } else {
        free(why);
    }
}

/* Stops the pair and forgets the guest, whose memory may go away. */
void
zcrx_pair_forget_guest(struct zcrx_pair *pair, char *why)
{
    stop(pair, ZCRX_PAIR_NO_GUEST, why);
    pair->paused = false;
    zcrx_unmap_memory(pair);
    zcrx_journal_unmap(&pair->guest);
    zcrx_vhost_release_guest(&pair->guest);
}

/* Stops the pair because something other than the guest changes. */
void
zcrx_pair_stop_for_change(struct zcrx_pair *pair, const char *why)
{
    if (pair->state == ZCRX_PAIR_RUNNING) {
        stop(pair, ZCRX_PAIR_READY, xstrdup(why));
    }
    pair->retry_at = 0;
}

/* Stops the pair because the guest broke all that it has enabled, one
 * virtqueue by 'error', until the guest's driver resets its device. */
static void
stop_broken(struct zcrx_pair *pair, enum zcrx_vring_error error)
{
    stop__(pair, ZCRX_PAIR_BROKEN,
           xasprintf("guest broke a virtqueue: %s",
                     zcrx_vring_strerror(error)));
}

/* Starts the pair, which is ready, if the guest is. */
static void
start(struct zcrx_pair *pair)
{
    enum zcrx_vring_error guest_error;
    char *error = NULL;

    if (zcrx_start(pair, &error)) {
        zcrx_pair_set_state(pair, ZCRX_PAIR_RUNNING, NULL);
        return;
    }
    guest_error = zcrx_queues_why_none(pair);
    if (guest_error) {
        free(error);
        stop_broken(pair, guest_error);
    } else if (error) {
        VLOG_WARN_RL(&rl, "%s: not started: %s", pair->name, error);
        pair->retry_at = time_msec() + RETRY_INTERVAL;
        stop__(pair, ZCRX_PAIR_READY, error);
    } else if (!zcrx_stop(pair)) {
        zcrx_pair_set_lost(pair, "does not stop");
    } else {
        /* The guest needs more time. */
    }
}

/* Looks after the pair while it runs. */
static void
check_running(struct zcrx_pair *pair)
{
    bool link_up = pair->link_up;
    const char *why_copy = zcrx_pair_why_copy(pair);
    enum zcrx_vring_error guest_error;
    bool need_bounce = false;

    if (!zcrx_queues_check(pair)) {
        zcrx_pair_stop_for_change(pair, "guest broke a virtqueue");
        return;
    }
    if (pair->stale_flows) {
        zcrx_pair_stop_for_change(pair, "VF did not give up a rule");
        return;
    }
    guest_error = zcrx_queues_why_none(pair);
    if (time_msec() >= pair->check_link_at) {
        link_up = zcrx_vf_link_is_up(&pair->vf);
        pair->check_link_at = time_msec() + CHECK_INTERVAL;
    }
    for (uint16_t i = 0; i < pair->n_queues; i++) {
        struct zcrx_queue *q = &pair->queues[i];

        need_bounce |= q->pool && q->pool->want_bounce;
        zcrx_rate_sample(&q->rate, &q->stats, time_msec());
    }
    if (guest_error) {
        stop_broken(pair, guest_error);
    } else if (need_bounce) {
        pair->need_bounce = true;
        zcrx_pair_stop_for_change(pair, "guest buffers do not qualify for "
                                  "zero-copy");
    } else if (link_up != pair->link_up || why_copy != pair->why_copy) {
        if (link_up != pair->link_up) {
            const char *what = link_up ? "link up" : "link down";

            VLOG_INFO_RL(&state_rl, "%s: %s", pair->name, what);
            zcrx_events_add(&pair->events, what, NULL);
        }
        pair->link_up = link_up;
        pair->why_copy = why_copy;
        pair->changed(pair);
    }
}

/* The VF was removed or reset.  Gives it up. */
static void
lose_vf(struct zcrx_pair *pair)
{
    VLOG_WARN("%s: VF '%s' is gone, waiting for it to return", pair->name,
              pair->config.devargs);
    zcrx_pair_forget_guest(pair, NULL);
    zcrx_detach_vf(pair);
    zcrx_pair_set_lost(pair, "is gone");
}

/* Looks whether the VF that was lost is back. */
static void
find_vf(struct zcrx_pair *pair)
{
    char *error = zcrx_vf_attach(&pair->vf, pair->config.devargs);

    if (error) {
        VLOG_DBG("%s", error);
        free(error);
        pair->retry_at = time_msec() + RETRY_INTERVAL;
    } else {
        VLOG_INFO("%s: VF '%s' is back", pair->name, pair->config.devargs);
        pair->vf_lost = NULL;
        pair->retry_at = 0;
        zcrx_pair_set_state(pair, ZCRX_PAIR_NO_GUEST, NULL);
    }
}

/* Looks after the VF, whatever the state of the pair, and after the session
 * with the guest, if the VF comes or goes. */
static void
check_vf(struct zcrx_pair *pair)
{
    bool changed;

    ovs_mutex_lock(&pair->mutex);
    changed = pair->vf_lost != NULL;
    if (zcrx_vf_is_lost(&pair->vf)) {
        lose_vf(pair);
    } else if (pair->vf_lost && time_msec() >= pair->retry_at) {
        find_vf(pair);
    }
    changed |= pair->end_session;
    ovs_mutex_unlock(&pair->mutex);

    if (changed) {
        char *error = zcrx_pair_update_session(pair);

        if (error) {
            VLOG_ERR("%s", error);
            free(error);
        }
    }
}

/* Does what there is to do, without waiting.  Main thread. */
void
zcrx_pair_run(struct zcrx_pair *pair)
{
    zcrx_pair_capture_run(pair);
    check_vf(pair);
    ovs_mutex_lock(&pair->mutex);
    if (pair->state == ZCRX_PAIR_RUNNING && !pair->paused) {
        check_running(pair);
    }
    if (pair->state == ZCRX_PAIR_READY && pair->may_start && !pair->paused
        && time_msec() >= pair->retry_at) {
        start(pair);
    }
    zcrx_announce(pair);
    ovs_mutex_unlock(&pair->mutex);
}

/* Arranges for the main thread to call zcrx_pair_run() when that is due. */
void
zcrx_pair_wait(struct zcrx_pair *pair)
{
    zcrx_pair_capture_wait(pair);
    ovs_mutex_lock(&pair->mutex);
    if (pair->state == ZCRX_PAIR_RUNNING) {
        poll_timer_wait(CHECK_INTERVAL);
    } else if (pair->state == ZCRX_PAIR_READY && pair->may_start) {
        poll_timer_wait_until(MAX(pair->retry_at,
                                  time_msec() + START_INTERVAL));
    }
    if (zcrx_vf_is_lost(&pair->vf) || pair->end_session) {
        poll_immediate_wake();
    } else if (pair->vf_lost) {
        poll_timer_wait_until(pair->retry_at);
    }
    ovs_mutex_unlock(&pair->mutex);
}

/* Makes 'pair' one without a VF and a guest, for the port 'name', which must
 * stay.  'changed' is called, by any thread and with the pair's mutex held,
 * when the port's link or status changes.  Main thread. */
void
zcrx_pair_init(struct zcrx_pair *pair, const char *name,
               void (*changed)(struct zcrx_pair *))
{
    memset(pair, 0, sizeof *pair);
    pair->name = name;
    pair->changed = changed;
    ovs_mutex_init(&pair->mutex);
    zcrx_events_init(&pair->events);
    zcrx_vf_init(&pair->vf, name);
}

/* Frees what 'pair' owns.  OVS polls its queues no more.  Main thread. */
void
zcrx_pair_destroy(struct zcrx_pair *pair)
{
    zcrx_pair_capture_stop(pair);
    /* Calls down() if there is a guest; without the mutex, which that
     * takes. */
    zcrx_vhost_unregister(&pair->vhost, "port is removed");

    ovs_mutex_lock(&pair->mutex);
    zcrx_detach_vf(pair);
    zcrx_vf_destroy(&pair->vf);
    zcrx_pair_free_queues(pair);
    ovs_mutex_unlock(&pair->mutex);

    if (pair->face) {
        zcrx_face_leave(pair->face, &pair->past);
    }
    free(pair->steer);
    free(pair->wire_steer);
    zcrx_pair_config_destroy(&pair->config);
    zcrx_events_destroy(&pair->events);
    free(pair->why);
    ovs_mutex_destroy(&pair->mutex);
}

/* Returns true if the VF's link is up and the guest is connected and ready. */
bool
zcrx_pair_carrier(struct zcrx_pair *pair)
{
    bool up;

    ovs_mutex_lock(&pair->mutex);
    up = pair->state == ZCRX_PAIR_RUNNING && pair->link_up;
    ovs_mutex_unlock(&pair->mutex);
    return up;
}

/* Stores the pair's counters in '*stats'. */
void
zcrx_pair_get_stats(struct zcrx_pair *pair, struct zcrx_stats *stats)
{
    ovs_mutex_lock(&pair->mutex);
    *stats = pair->past;
    for (uint16_t i = 0; i < pair->n_queues; i++) {
        zcrx_stats_accumulate(stats, &pair->queues[i].stats);
    }
    ovs_mutex_unlock(&pair->mutex);
}

/* Returns why frames are being copied to the guest of 'pair', whose mutex the
 * caller holds, or NULL if they are not. */
const char *
zcrx_pair_why_copy(const struct zcrx_pair *pair)
{
    if (pair->config.mode == ZCRX_MODE_COPY) {
        return zcrx_copy_reason_to_string(ZCRX_COPY_MODE);
    }
    for (uint16_t i = 0; i < pair->n_queues; i++) {
        const struct zcrx_pool *pool = pair->queues[i].pool;

        if (pool && pool->copying) {
            return zcrx_copy_reason_to_string(pool->last_reason);
        }
    }
    return NULL;
}
