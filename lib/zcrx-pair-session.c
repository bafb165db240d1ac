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

#include "zcrx-pair-private.h"

#include "timeval.h"
#include "util.h"
#include "zcrx-announce.h"
#include "zcrx-journal.h"
#include "zcrx-queues.h"

/* What the guest, and the hypervisor in its name, have to say to a pair. */

/* How long a guest has for enabling as many queue pairs as the port has and
 * posting as many buffers as the VF has descriptors, in milliseconds, before
 * the port does with fewer and with host buffers. */
#define GUEST_GRACE 200

/* As GUEST_GRACE, after the guest has disabled a queue pair: it may be about
 * to disable others, too. */
#define DISABLE_GRACE 20

static struct zcrx_pair *
zcrx_pair_cast(struct zcrx_vhost *vhost)
{
    return CONTAINER_OF(vhost, struct zcrx_pair, vhost);
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
        zcrx_pair_forget_guest(pair, xasprintf("guest sent %s", why));
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

        if (!q->running) {
            continue;
        }
        q->rx.callfd = pair->guest.pairs[i].rx.callfd;
        q->tx.callfd = pair->guest.pairs[i].tx.callfd;
        /* What the guest was told by the old descriptors may be lost. */
        zcrx_vring_interrupt(&q->rx);
        zcrx_vring_interrupt(&q->tx);
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
    zcrx_pair_set_state(pair, ZCRX_PAIR_READY, NULL);
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
            zcrx_pair_set_state(pair, ZCRX_PAIR_NO_GUEST, xstrdup(error));
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
            zcrx_pair_set_state(pair, ZCRX_PAIR_READY, NULL);
        }
    } else if (zcrx_queues_n_enabled(pair) < n_before) {
        pair->grace_until = time_msec() + DISABLE_GRACE;
    }
    if (pair->state == ZCRX_PAIR_RUNNING
        && !zcrx_queues_enable(pair, queue_pair)) {
        zcrx_pair_stop_for_change(pair,
                                  "guest enabled or disabled queue pairs");
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
    zcrx_pair_forget_guest(pair, xstrdup(why));
    pair->must_announce = false;
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

/* Returns the features of the virtio-net device that depend on the VF and that
 * it is good for, as the options say: a mode that is set for a while is no
 * reason to end a session. */
static uint64_t
offered_features(const struct zcrx_pair *pair)
{
    return zcrx_vf_offloads(&pair->vf, pair->option_mode == ZCRX_MODE_COPY);
}

/* Starts or ends the session with the guest, so that there is one while there
 * is a VF, in which the guest is offered what the VF is good for: if that has
 * changed, it must be asked anew.  Returns NULL or an error.  Main thread,
 * without the mutex, which the session's operations take. */
char *
zcrx_pair_update_session(struct zcrx_pair *pair)
{
    uint64_t offloads;
    bool lost, end;

    ovs_mutex_lock(&pair->mutex);
    offloads = offered_features(pair);
    lost = pair->vf_lost != NULL;
    end = lost || pair->end_session;
    pair->end_session = false;
    ovs_mutex_unlock(&pair->mutex);

    if (end || (pair->vhost.path && pair->vhost.offloads != offloads)) {
        zcrx_vhost_unregister(&pair->vhost,
                              "guest is to be offered what the VF can do");
    }
    return (lost || pair->vhost.path ? NULL
            : zcrx_vhost_register(&pair->vhost, pair->name, pair->config.path,
                                  offloads, &vhost_ops));
}
