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

#include <errno.h>
#include <inttypes.h>
#include <rte_malloc.h>
#include <unistd.h>

#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"
#include "zcrx-announce.h"
#include "zcrx-journal.h"
#include "zcrx-pair-slow.h"
#include "zcrx-queues.h"
#include "zcrx-start.h"
#include "zcrx-stop.h"

VLOG_DEFINE_THIS_MODULE(dpdkzcrx);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

/* How long to wait before the VF is started again after that failed. */
#define RETRY_INTERVAL 1000

/* How long a guest has for enabling as many queue pairs as the port has and
 * posting as many buffers as the VF has descriptors, in milliseconds, before
 * the port does with fewer and with host buffers. */
#define GUEST_GRACE 200

/* As GUEST_GRACE, after the guest has disabled a queue pair: it may be about
 * to disable others, too. */
#define DISABLE_GRACE 20

/* How often a guest is looked at that needs time to post buffers. */
#define START_INTERVAL 10

/* How often running pairs are looked at. */
#define CHECK_INTERVAL 200

static struct zcrx_pair *
zcrx_pair_cast(struct zcrx_vhost *vhost)
{
    return CONTAINER_OF(vhost, struct zcrx_pair, vhost);
}

const char *
zcrx_mode_to_string(enum zcrx_mode mode)
{
    return (mode == ZCRX_MODE_COPY ? "copy"
            : mode == ZCRX_MODE_ZERO_COPY ? "zero-copy"
            : "auto");
}

/* Stores in '*mode' the mode that 's' names.  Returns false if there is
 * none. */
bool
zcrx_mode_from_string(const char *s, enum zcrx_mode *mode)
{
    for (*mode = ZCRX_MODE_AUTO; *mode <= ZCRX_MODE_COPY; (*mode)++) {
        if (!strcmp(s, zcrx_mode_to_string(*mode))) {
            return true;
        }
    }
    return false;
}

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

static void
set_state(struct zcrx_pair *pair, enum zcrx_pair_state state, char *why)
{
    if (state != pair->state) {
        VLOG_INFO("%s: %s%s%s", pair->name, zcrx_pair_state_to_string(state),
                  why ? ": " : "", why ? why : "");
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
static void
set_lost(struct zcrx_pair *pair, const char *what)
{
    pair->vf_lost = what;
    pair->end_session = true;
    pair->retry_at = time_msec() + RETRY_INTERVAL;
    zcrx_unmap_memory(pair);
    zcrx_vhost_release_guest(&pair->guest);
    set_state(pair, ZCRX_PAIR_NO_GUEST,
              xasprintf("VF '%s' %s", pair->config.devargs, what));
}

/* Stops the pair, however far starting it got, and puts it into 'state'
 * because of 'why', which it takes over. */
static void
stop__(struct zcrx_pair *pair, enum zcrx_pair_state state, char *why)
{
    if (zcrx_stop(pair)) {
        set_state(pair, state, why);
    } else {
        free(why);
        set_lost(pair, "does not stop");
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
        set_state(pair, state, why);
    } else {
        free(why);
    }
}

/* Stops the pair and forgets the guest, whose memory may go away. */
static void
forget_guest(struct zcrx_pair *pair, char *why)
{
    stop(pair, ZCRX_PAIR_NO_GUEST, why);
    pair->paused = false;
    zcrx_unmap_memory(pair);
    zcrx_journal_unmap(&pair->guest);
    zcrx_vhost_release_guest(&pair->guest);
}

/* Stops the pair because something other than the guest changes. */
static void
stop_for_change(struct zcrx_pair *pair, const char *why)
{
    if (pair->state == ZCRX_PAIR_RUNNING) {
        stop(pair, ZCRX_PAIR_READY, xstrdup(why));
    }
    pair->retry_at = 0;
}

/* vhost thread: what a control message changes must be out of use. */
static void
quiesce(struct zcrx_vhost *vhost, enum zcrx_quiesce how, const char *why)
{
    struct zcrx_pair *pair = zcrx_pair_cast(vhost);

    ovs_mutex_lock(&pair->mutex);
    if (how == ZCRX_QUIESCE_PAUSE) {
        for (uint16_t i = 0; i < pair->n_queues; i++) {
            zcrx_gate_close(&pair->queues[i].gate);
        }
        pair->paused = pair->state != ZCRX_PAIR_NO_GUEST;
    } else {
        forget_guest(pair, xasprintf("guest sent %s", why));
    }
    ovs_mutex_unlock(&pair->mutex);
}

/* Lets the PMD threads in again after a control message that changed no more
 * than how the guest is notified. */
static void
unpause(struct zcrx_pair *pair)
{
    for (uint16_t i = 0; i < pair->guest.n_queue_pairs; i++) {
        pair->guest.pairs[i].rx.callfd = zcrx_vhost_callfd(&pair->vhost,
                                                           i * 2);
        pair->guest.pairs[i].tx.callfd = zcrx_vhost_callfd(&pair->vhost,
                                                           i * 2 + 1);
    }
    for (uint16_t i = 0; i < pair->n_queues; i++) {
        struct zcrx_queue *q = &pair->queues[i];
        struct zcrx_vring *vqs[] = { &q->rx, &q->tx };
        uint64_t one = 1;

        if (!q->running) {
            continue;
        }
        q->rx.callfd = pair->guest.pairs[i].rx.callfd;
        q->tx.callfd = pair->guest.pairs[i].tx.callfd;
        for (size_t j = 0; j < ARRAY_SIZE(vqs); j++) {
            /* What the guest was told by the old descriptor may be lost. */
            if (vqs[j]->callfd >= 0) {
                ignore(write(vqs[j]->callfd, &one, sizeof one));
            }
        }
        zcrx_queue_set_idle(q, q->idle);
    }
    pair->paused = false;
}

/* The guest of the pair has been read. */
static void
set_guest(struct zcrx_pair *pair)
{
    for (uint16_t i = 0; i < pair->guest.n_queue_pairs; i++) {
        zcrx_queues_found_errors(pair, i);
    }
    pair->grace_until = time_msec() + GUEST_GRACE;
    pair->retry_at = 0;
    pair->need_bounce = false;
    set_state(pair, ZCRX_PAIR_READY, NULL);
}

/* vhost thread: the guest is set up, possibly in another way than before. */
static void
resume(struct zcrx_vhost *vhost)
{
    struct zcrx_pair *pair = zcrx_pair_cast(vhost);

    ovs_mutex_lock(&pair->mutex);
    if (pair->paused) {
        unpause(pair);
    } else if (pair->state == ZCRX_PAIR_NO_GUEST && !pair->vf_lost) {
        const char *error = zcrx_vhost_read_guest(vhost, &pair->guest);

        if (error) {
            zcrx_vhost_release_guest(&pair->guest);
            set_state(pair, ZCRX_PAIR_NO_GUEST, xstrdup(error));
        } else {
            set_guest(pair);
        }
    }
    ovs_mutex_unlock(&pair->mutex);
}

/* vhost thread: the guest has enabled or disabled a virtqueue, or the vhost
 * library has just found one to be set up. */
static void
enable(struct zcrx_vhost *vhost, uint16_t queue_pair)
{
    struct zcrx_pair *pair = zcrx_pair_cast(vhost);
    uint16_t n_before;
    bool was_set_up;

    ovs_mutex_lock(&pair->mutex);
    if (pair->state == ZCRX_PAIR_NO_GUEST) {
        ovs_mutex_unlock(&pair->mutex);
        resume(vhost);
        return;
    }

    was_set_up = pair->guest.pairs[queue_pair].set_up;
    n_before = zcrx_queues_n_enabled(pair);
    zcrx_vhost_read_queue_pair(vhost, &pair->guest, queue_pair);
    if (!was_set_up) {
        zcrx_queues_found_errors(pair, queue_pair);
    }
    if (zcrx_queues_n_enabled(pair) > n_before) {
        pair->grace_until = time_msec() + GUEST_GRACE;
        if (pair->state == ZCRX_PAIR_BROKEN) {
            set_state(pair, ZCRX_PAIR_READY, NULL);
        }
    } else if (zcrx_queues_n_enabled(pair) < n_before) {
        pair->grace_until = time_msec() + DISABLE_GRACE;
    }
    if (pair->state == ZCRX_PAIR_RUNNING
        && !zcrx_queues_enable(pair, queue_pair)) {
        stop_for_change(pair, "guest enabled or disabled queue pairs");
    }
    ovs_mutex_unlock(&pair->mutex);
}

/* vhost thread: the hypervisor asked for the position of 'virtqueue'. */
static void
told(struct zcrx_vhost *vhost, uint16_t virtqueue)
{
    struct zcrx_pair *pair = zcrx_pair_cast(vhost);

    ovs_mutex_lock(&pair->mutex);
    zcrx_journal_forget(pair->name, virtqueue);
    ovs_mutex_unlock(&pair->mutex);
}

/* vhost thread: the guest with address 'mac' has moved here. */
static void
announce(struct zcrx_vhost *vhost, const uint8_t mac[6])
{
    struct zcrx_pair *pair = zcrx_pair_cast(vhost);

    ovs_mutex_lock(&pair->mutex);
    memcpy(&pair->announced, mac, sizeof pair->announced);
    pair->must_announce = true;
    zcrx_announce(pair);
    ovs_mutex_unlock(&pair->mutex);
}

/* vhost thread, or main thread at the end of the session: the guest is
 * gone. */
static void
down(struct zcrx_vhost *vhost, const char *why)
{
    struct zcrx_pair *pair = zcrx_pair_cast(vhost);

    ovs_mutex_lock(&pair->mutex);
    forget_guest(pair, xstrdup(why));
    ovs_mutex_unlock(&pair->mutex);
}

static const struct zcrx_vhost_ops vhost_ops = {
    .quiesce = quiesce,
    .resume = resume,
    .enable = enable,
    .told = told,
    .announce = announce,
    .down = down,
};

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
        set_state(pair, ZCRX_PAIR_RUNNING, NULL);
        zcrx_announce(pair);
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
        set_lost(pair, "does not stop");
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
        stop_for_change(pair, "guest broke a virtqueue");
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
        stop_for_change(pair, "guest buffers do not qualify for zero-copy");
    } else if (link_up != pair->link_up || why_copy != pair->why_copy) {
        if (link_up != pair->link_up) {
            zcrx_events_add(&pair->events, link_up ? "link up" : "link down",
                            NULL);
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
    forget_guest(pair, NULL);
    zcrx_detach_vf(pair);
    set_lost(pair, "is gone");
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
        set_state(pair, ZCRX_PAIR_NO_GUEST, NULL);
    }
}

/* Returns the features of the virtio-net device that depend on the VF and that
 * it is good for, as the pair is configured. */
uint64_t
zcrx_pair_offloads(const struct zcrx_pair *pair)
{
    return zcrx_vf_offloads(&pair->vf, pair->config.mode == ZCRX_MODE_COPY);
}

/* Starts or ends the session with the guest, so that there is one while there
 * is a VF, in which the guest is offered what the VF is good for: if that has
 * changed, it must be asked anew.  Returns NULL or an error.  Main thread,
 * without the mutex, which the session's operations take. */
static char *
update_session(struct zcrx_pair *pair)
{
    uint64_t offloads;
    bool lost, end;

    ovs_mutex_lock(&pair->mutex);
    offloads = zcrx_pair_offloads(pair);
    lost = pair->vf_lost != NULL;
    end = lost || pair->end_session;
    pair->end_session = false;
    ovs_mutex_unlock(&pair->mutex);

    if (end || (pair->vhost.path && pair->vhost.offloads != offloads)) {
        zcrx_vhost_unregister(&pair->vhost);
    }
    return (lost || pair->vhost.path ? NULL
            : zcrx_vhost_register(&pair->vhost, pair->name, pair->config.path,
                                  offloads, &vhost_ops));
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
        char *error = update_session(pair);

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
    check_vf(pair);
    ovs_mutex_lock(&pair->mutex);
    if (pair->state == ZCRX_PAIR_RUNNING && !pair->paused) {
        check_running(pair);
    }
    if (pair->state == ZCRX_PAIR_READY && pair->may_start && !pair->paused
        && time_msec() >= pair->retry_at) {
        start(pair);
    }
    ovs_mutex_unlock(&pair->mutex);
}

/* Arranges for the main thread to call zcrx_pair_run() when that is due. */
void
zcrx_pair_wait(struct zcrx_pair *pair)
{
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

static void
free_queues(struct zcrx_pair *pair)
{
    for (uint16_t i = 0; i < pair->n_queues; i++) {
        zcrx_pair_destroy_slow(pair, i);
        zcrx_stats_accumulate(&pair->past, &pair->queues[i].stats);
        zcrx_queue_destroy(&pair->queues[i]);
    }
    rte_free(pair->queues);
    pair->queues = NULL;
    pair->n_queues = 0;
}

/* Frees what 'pair' owns.  OVS polls its queues no more.  Main thread. */
void
zcrx_pair_destroy(struct zcrx_pair *pair)
{
    /* Calls down() if there is a guest; without the mutex, which that
     * takes. */
    zcrx_vhost_unregister(&pair->vhost);

    ovs_mutex_lock(&pair->mutex);
    zcrx_detach_vf(pair);
    zcrx_vf_destroy(&pair->vf);
    free_queues(pair);
    ovs_mutex_unlock(&pair->mutex);

    if (pair->face) {
        zcrx_face_leave(pair->face, &pair->past);
    }
    free(pair->steer);
    zcrx_pair_config_destroy(&pair->config);
    zcrx_events_destroy(&pair->events);
    free(pair->why);
    ovs_mutex_destroy(&pair->mutex);
}

void
zcrx_pair_config_destroy(struct zcrx_pair_config *config)
{
    free(config->devargs);
    free(config->path);
    free(config->slow_path);
    memset(config, 0, sizeof *config);
}

/* Makes the VF that 'config' names the pair's. */
static char *
set_vf(struct zcrx_pair *pair, const struct zcrx_pair_config *config)
{
    const struct zcrx_pair_config *old = &pair->config;
    struct zcrx_vf *vf = &pair->vf;
    char *error = NULL;

    if (!nullable_string_is_equal(config->devargs, old->devargs)) {
        stop_for_change(pair, "dpdk-devargs changed");
        zcrx_unmap_memory(pair);
        zcrx_detach_vf(pair);
        pair->vf_lost = (zcrx_vf_is_stopping(config->devargs)
                         ? "does not stop" : NULL);
    } else if (!memcmp(&config->vf, &old->vf, sizeof old->vf)
               && config->mode == old->mode
               && config->has_mac == old->has_mac
               && (!config->has_mac
                   || eth_addr_equals(config->mac, old->mac))) {
        return NULL;
    }
    stop_for_change(pair, "options changed");
    if (pair->vf_lost) {
        return NULL;            /* It is looked for, and then set up. */
    }
    if (!zcrx_vf_is_attached(vf)) {
        error = zcrx_vf_attach(vf, config->devargs);
    }
    if (!error) {
        error = zcrx_vf_check(vf, &config->vf);
    }
    if (!error) {
        error = zcrx_vf_configure(vf, &config->vf);
    }
    if (!error && config->has_mac) {
        error = zcrx_vf_set_mac(vf, &config->mac);
    }
    return error;
}

/* The mode is that of the option, unless it was set by zcrx_pair_set_mode()
 * since the option changed. */
static void
choose_mode(struct zcrx_pair *pair, struct zcrx_pair_config *config)
{
    if (pair->mode_is_set && config->mode == pair->option_mode) {
        config->mode = pair->config.mode;
    } else {
        pair->mode_is_set = false;
        pair->option_mode = config->mode;
    }
}

/* Makes 'mode' the mode of the pair, whatever the option says, until the
 * option changes.  Returns the mode so far.  Main thread. */
enum zcrx_mode
zcrx_pair_set_mode(struct zcrx_pair *pair, enum zcrx_mode mode)
{
    enum zcrx_mode old_mode;

    ovs_mutex_lock(&pair->mutex);
    old_mode = pair->config.mode;
    pair->mode_is_set = mode != pair->option_mode;
    if (mode != old_mode) {
        stop_for_change(pair, "zcrx-mode changed by dpdkzcrx/set-mode");
        pair->config.mode = mode;
        pair->changed(pair);
    }
    ovs_mutex_unlock(&pair->mutex);
    return old_mode;
}

/* Makes the pair what 'config' says, which it takes over in any case.  Returns
 * NULL or an error, after which the pair is of no use until this succeeds.  A
 * change of the number of queues takes effect with zcrx_pair_reconfigure(),
 * until which the pair does not start.  Main thread. */
char *
zcrx_pair_set_config(struct zcrx_pair *pair, struct zcrx_pair_config *config)
{
    char *error;

    if (!pair->face) {
        pair->face = zcrx_face_join(pair->name, pair);
        pair->has_wire_face = zcrx_face_has_wire(pair->face);
    }
    if (pair->config.path && strcmp(pair->config.path, config->path)) {
        zcrx_vhost_unregister(&pair->vhost);
    }

    ovs_mutex_lock(&pair->mutex);
    choose_mode(pair, config);
    config->vf.mtu = (pair->config.vf.mtu ? pair->config.vf.mtu
                      : RTE_ETHER_MTU);
    error = set_vf(pair, config);
    zcrx_pair_set_slow(pair, &config->steer, config->guest_tx_ovs);
    pair->may_start = !error && pair->n_queues == config->vf.n_queues;
    zcrx_pair_config_destroy(&pair->config);
    pair->config = *config;
    memset(config, 0, sizeof *config);
    if (pair->vf_lost) {
        set_lost(pair, pair->vf_lost);
    }
    ovs_mutex_unlock(&pair->mutex);

    return error ? error : update_session(pair);
}

/* Makes 'mtu' the VF's MTU, in bytes.  Returns NULL or an error, in which case
 * the MTU stays what it was.  Main thread. */
char *
zcrx_pair_set_mtu(struct zcrx_pair *pair, uint16_t mtu)
{
    struct zcrx_vf_config config;
    char *error = NULL;

    ovs_mutex_lock(&pair->mutex);
    config = pair->config.vf;
    config.mtu = mtu;
    if (mtu != pair->config.vf.mtu) {
        stop_for_change(pair, "MTU changed");
        if (zcrx_vf_is_attached(&pair->vf)) {
            error = zcrx_vf_configure(&pair->vf, &config);
        }
        if (!error) {
            pair->config.vf.mtu = mtu;
        }
    }
    ovs_mutex_unlock(&pair->mutex);
    return error;
}

/* Gives the pair as many queues as its configuration says.  OVS neither polls
 * nor sends meanwhile.  Returns NULL or an error.  Main thread. */
char *
zcrx_pair_reconfigure(struct zcrx_pair *pair)
{
    uint16_t n = pair->config.vf.n_queues;
    char *error = NULL;

    if (n == pair->n_queues) {
        return NULL;
    }
    ovs_mutex_lock(&pair->mutex);
    stop_for_change(pair, "number of queues changed");
    free_queues(pair);
    pair->queues = rte_zmalloc_socket("zcrx_queues", n * sizeof *pair->queues,
                                      RTE_CACHE_LINE_SIZE,
                                      zcrx_vf_socket_id(&pair->vf));
    for (uint16_t i = 0; pair->queues && i < n && !error; i++) {
        char name[RTE_RING_NAMESIZE];
        int ret;

        snprintf(name, sizeof name, "zcrx-%08x-%"PRIu16,
                 hash_string(pair->name, 0), i);
        ret = zcrx_queue_init(&pair->queues[i], name,
                              zcrx_vf_socket_id(&pair->vf),
                              zcrx_pair_free_frame);
        if (!ret) {
            ret = zcrx_pair_init_slow(pair, i);
        }
        if (ret) {
            error = xasprintf("%s: queue %"PRIu16": %s", pair->name, i,
                              ovs_strerror(ret));
        }
        pair->n_queues++;
    }
    if (!pair->queues) {
        error = xasprintf("%s: not enough memory for queues", pair->name);
    }
    pair->may_start = !error;
    ovs_mutex_unlock(&pair->mutex);
    return error;
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
