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

#include "dp-packet.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(dpdkzcrx);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

/* How long a guest has for posting as many buffers as the VF has descriptors,
 * in milliseconds, before host buffers make up the difference. */
#define POST_GRACE 200

/* How long to wait before the VF is started again after that failed. */
#define RETRY_INTERVAL 1000

/* How often a guest is looked at that needs time to post buffers. */
#define START_INTERVAL 10

/* How often running pairs are looked at. */
#define CHECK_INTERVAL 200

/* Virtqueues with fewer entries than this are served with bounce mbufs at
 * hand, because drivers take up to 64 mbufs at once, or none. */
#define SMALL_RING 128

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
    pair->state = state;
    free(pair->why);
    pair->why = why;
    pair->changed(pair);
}

static void
free_injected(struct rte_mbuf *m)
{
    dp_packet_delete(CONTAINER_OF(m, struct dp_packet, mbuf));
}

/* Frees the pools of earlier runs.  No VF queue may refer to them. */
static void
free_retired(struct zcrx_pair *pair)
{
    for (size_t i = 0; i < pair->n_retired; i++) {
        zcrx_pool_destroy(pair->retired[i]);
    }
    free(pair->retired);
    pair->retired = NULL;
    pair->n_retired = 0;
}

static void
retire_pool(struct zcrx_pair *pair, struct zcrx_queue *q)
{
    if (q->pool) {
        pair->retired = xrealloc(pair->retired, (pair->n_retired + 1)
                                                * sizeof *pair->retired);
        pair->retired[pair->n_retired++] = q->pool;
        q->pool = NULL;
    }
}

static bool
vf_has_no_buffers(void *pair_)
{
    struct zcrx_pair *pair = pair_;

    for (uint16_t i = 0; i < pair->n_active; i++) {
        const struct zcrx_queue *q = &pair->queues[i];

        if (q->pool && zcrx_pool_n_out(q->pool)
                       - (q->pending_tail - q->pending_head)) {
            return false;
        }
    }
    return true;
}

/* Makes the guest's memory reachable for the VF. */
static void
map_memory(struct zcrx_pair *pair)
{
    for (size_t i = 0; i < pair->guest.map.n && !pair->mapped; i++) {
        zcrx_vf_map_region(&pair->vf, &pair->guest.map.regions[i]);
    }
    pair->mapped = true;
}

static void
unmap_memory(struct zcrx_pair *pair)
{
    for (size_t i = 0; i < pair->guest.map.n && pair->mapped; i++) {
        zcrx_vf_unmap_region(&pair->vf, &pair->guest.map.regions[i]);
    }
    pair->mapped = false;
}

/* Takes apart what start() set up, in whatever state it is, and makes the
 * guest's buffers available again. */
static void
stop_queues(struct zcrx_pair *pair)
{
    for (uint16_t i = 0; i < pair->n_active; i++) {
        zcrx_gate_close(&pair->queues[i].gate);
    }
    for (uint16_t i = 0; i < pair->n_active; i++) {
        zcrx_queue_harvest(&pair->queues[i]);
    }
    if (!zcrx_vf_stop(&pair->vf, vf_has_no_buffers, pair)) {
        VLOG_ERR("%s: guest memory may still be written to by the VF",
                 pair->name);
    }
    for (uint16_t i = 0; i < pair->n_active; i++) {
        struct zcrx_queue *q = &pair->queues[i];

        if (q->running) {
            zcrx_queue_stop(q);
            zcrx_vhost_set_position(&pair->vhost, i, &q->rx, &q->tx);
        }
        retire_pool(pair, q);
        zcrx_vring_destroy(&q->rx);
        zcrx_vring_destroy(&q->tx);
    }
    if (!zcrx_vf_is_attached(&pair->vf)) {
        free_retired(pair);
        unmap_memory(pair);
    }
    rte_mempool_free(pair->tx_mp);
    pair->tx_mp = NULL;
    __atomic_store_n(&pair->n_active, 0, __ATOMIC_RELAXED);
    pair->paused = false;
    pair->link_up = false;
}

/* Stops the pair if it runs, and puts it into 'state' because of 'why', which
 * it takes over. */
static void
stop(struct zcrx_pair *pair, enum zcrx_pair_state state, char *why)
{
    if (pair->state == ZCRX_PAIR_RUNNING) {
        stop_queues(pair);
    }
    set_state(pair, state, why);
}

/* Stops the pair and forgets the guest, whose memory may go away. */
static void
forget_guest(struct zcrx_pair *pair, char *why)
{
    stop(pair, ZCRX_PAIR_NO_GUEST, why);
    unmap_memory(pair);
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
        if (pair->state == ZCRX_PAIR_RUNNING) {
            for (uint16_t i = 0; i < pair->n_active; i++) {
                zcrx_gate_close(&pair->queues[i].gate);
            }
            pair->paused = true;
        }
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
    for (uint16_t i = 0; i < pair->n_active; i++) {
        struct zcrx_vring *vqs[] = { &pair->queues[i].rx,
                                     &pair->queues[i].tx };

        for (size_t j = 0; j < ARRAY_SIZE(vqs); j++) {
            uint64_t one = 1;

            vqs[j]->callfd = zcrx_vhost_callfd(&pair->vhost, i * 2 + j);
            /* What the guest was told by the old descriptor may be lost. */
            if (vqs[j]->callfd >= 0) {
                ignore(write(vqs[j]->callfd, &one, sizeof one));
            }
        }
        zcrx_gate_open(&pair->queues[i].gate);
    }
    pair->paused = false;
}

/* vhost thread: the guest is set up, possibly in another way than before. */
static void
resume(struct zcrx_vhost *vhost)
{
    struct zcrx_pair *pair = zcrx_pair_cast(vhost);

    ovs_mutex_lock(&pair->mutex);
    if (pair->paused) {
        unpause(pair);
    } else if (pair->state == ZCRX_PAIR_NO_GUEST) {
        const char *error = zcrx_vhost_read_guest(vhost, &pair->guest);

        if (error) {
            zcrx_vhost_release_guest(&pair->guest);
            set_state(pair, ZCRX_PAIR_NO_GUEST, xstrdup(error));
        } else {
            pair->ready_since = time_msec();
            pair->retry_at = 0;
            pair->need_bounce = false;
            set_state(pair, ZCRX_PAIR_READY, NULL);
        }
    }
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
    .down = down,
};

/* Makes the VF ready for being started with 'n_queues' queues: attaches it
 * again if stopping it took closing it.  Returns NULL or an error. */
static char *
prepare_vf(struct zcrx_pair *pair, uint16_t n_queues)
{
    struct zcrx_vf_config config = pair->config.vf;
    struct zcrx_vf *vf = &pair->vf;
    char *error = NULL;

    if (!zcrx_vf_is_attached(vf)) {
        error = zcrx_vf_attach(vf, pair->config.devargs);
    }
    if (!error && (vf->n_queues != n_queues || vf->mtu != config.mtu)) {
        config.n_queues = n_queues;
        error = zcrx_vf_configure(vf, &config);
        if (!error && pair->config.has_mac) {
            error = zcrx_vf_set_mac(vf, &pair->config.mac);
        }
    }
    return error;
}

/* Looks at the buffers that the guest of 'q' has posted, up to 'wanted' of
 * them, without taking them.  Returns how many there are, and in '*reason' why
 * one of them does not qualify for zero-copy, if so. */
static uint16_t
look_at_buffers(const struct zcrx_pair *pair, struct zcrx_queue *q,
                uint16_t wanted, enum zcrx_copy_reason *reason)
{
    struct zcrx_rx_buf *bufs = xmalloc(wanted * sizeof *bufs);
    const struct zcrx_pool rules = {
        .max_frame = pair->vf.max_frame,
        .vf_writes_header = pair->vf.writes_header,
    };
    uint16_t n = zcrx_vring_take_rx(&q->rx, bufs, wanted);

    *reason = ZCRX_ZERO_COPY;
    for (uint16_t i = 0; i < n && *reason == ZCRX_ZERO_COPY; i++) {
        *reason = zcrx_pool_qualify(&rules, &bufs[i]);
    }
    for (uint16_t i = 0; i < n; i++) {
        zcrx_vring_untake(&q->rx, &bufs[i].head, 1);
    }
    free(bufs);
    return n;
}

/* Sets up ring sync for queue 'i', up to what the VF queue needs.
 *
 * Returns true if successful.  Otherwise, '*error' says what is wrong, or is
 * NULL if the guest needs more time. */
static bool
prepare_queue(struct zcrx_pair *pair, uint16_t i, char **error)
{
    bool in_time = time_msec() < pair->ready_since + POST_GRACE;
    struct zcrx_queue *q = &pair->queues[i];
    enum zcrx_mode mode = pair->config.mode;
    char name[RTE_MEMPOOL_NAMESIZE];
    struct zcrx_pool_config config;
    enum zcrx_copy_reason reason;
    uint16_t n_posted;
    bool bounce;

    *error = NULL;
    if (zcrx_vring_init(&q->rx, &pair->guest.pairs[i].rx, &pair->guest.map)
        || zcrx_vring_init(&q->tx, &pair->guest.pairs[i].tx,
                           &pair->guest.map)) {
        *error = xasprintf("queue %"PRIu16": virtqueues cannot be set up", i);
        return false;
    }
    n_posted = look_at_buffers(pair, q, pair->n_rxd, &reason);
    if (q->rx.error) {
        *error = xasprintf("queue %"PRIu16": %s", i,
                           zcrx_vring_strerror(q->rx.error));
        return false;
    }
    if (mode == ZCRX_MODE_ZERO_COPY && reason != ZCRX_ZERO_COPY) {
        *error = xasprintf("zcrx-mode is zero-copy, but %s",
                           zcrx_copy_reason_to_string(reason));
        return false;
    }
    if (!n_posted || (n_posted < pair->n_rxd
                      && (in_time || mode == ZCRX_MODE_ZERO_COPY))) {
        return false;
    }
    bounce = (mode == ZCRX_MODE_COPY || reason != ZCRX_ZERO_COPY
              || n_posted < pair->n_rxd || pair->need_bounce
              || (!pair->vf.no_ring && q->rx.size < SMALL_RING));

    snprintf(name, sizeof name, "zcrx-%08x-%"PRIu16"-%04x",
             hash_string(pair->name, 0), i,
             (unsigned int) time_msec() & 0xffff);
    config = (struct zcrx_pool_config) {
        .name = name,
        .socket_id = zcrx_vf_socket_id(&pair->vf),
        .vq = &q->rx,
        .max_frame = pair->vf.max_frame,
        .n_bounce = (bounce && mode != ZCRX_MODE_ZERO_COPY
                     ? pair->n_rxd + 2 * ZCRX_BURST : 0),
        .bounce_below = pair->n_rxd,
        .copy = mode == ZCRX_MODE_COPY,
        .vf_writes_header = pair->vf.writes_header,
    };
    q->pool = zcrx_pool_create(&config);
    if (!q->pool) {
        *error = xasprintf("queue %"PRIu16": not enough memory for a pool", i);
        return false;
    }
    zcrx_vf_describe_queue(&pair->vf, i, &q->vf);
    return true;
}

static bool
create_tx_pool(struct zcrx_pair *pair)
{
    unsigned int n = pair->n_active * (pair->vf.n_txd + 4 * ZCRX_BURST);
    char name[RTE_MEMPOOL_NAMESIZE];

    snprintf(name, sizeof name, "zcrx-%08x-tx-%04x",
             hash_string(pair->name, 0), (unsigned int) time_msec() & 0xffff);
    pair->tx_mp = rte_pktmbuf_pool_create(name, n, ZCRX_BURST, 0,
                                          RTE_PKTMBUF_HEADROOM
                                          + pair->vf.tx_seg_size,
                                          zcrx_vf_socket_id(&pair->vf));
    return pair->tx_mp != NULL;
}

/* Starts the VF, with ring sync prepared.  Returns NULL or an error. */
static char *
start_vf(struct zcrx_pair *pair)
{
    struct rte_mempool *pools[ZCRX_MAX_QUEUE_PAIRS];
    char *error;

    if (!create_tx_pool(pair)) {
        return xstrdup("not enough memory for transmission");
    }
    for (uint16_t i = 0; i < pair->n_active; i++) {
        pair->queues[i].tx_mp = pair->tx_mp;
        pools[i] = pair->queues[i].pool->mp;
    }
    error = zcrx_vf_start(&pair->vf, pools, pair->n_rxd);
    if (error) {
        return error;
    }
    free_retired(pair);
    for (uint16_t i = 0; i < pair->n_active; i++) {
        struct zcrx_queue *q = &pair->queues[i];

        /* From now on, a guest without buffers shall be felt by the wire, so
         * long as the VF has enough to go on. */
        q->pool->bounce_below = pair->n_rxd / 2;
        zcrx_queue_start(q);
    }
    return NULL;
}

/* Returns what the guest did wrong in one of its virtqueues, if anything. */
static enum zcrx_vring_error
find_guest_error(const struct zcrx_pair *pair)
{
    enum zcrx_vring_error error = ZCRX_VRING_OK;

    for (uint16_t i = 0; i < pair->n_active && !error; i++) {
        error = zcrx_queue_error(&pair->queues[i]);
    }
    return error;
}

/* The pair has stopped because of 'error', until the guest's driver resets its
 * device. */
static void
set_broken(struct zcrx_pair *pair, enum zcrx_vring_error error)
{
    VLOG_WARN("%s: guest broke a virtqueue: %s", pair->name,
              zcrx_vring_strerror(error));
    set_state(pair, ZCRX_PAIR_BROKEN,
              xasprintf("guest broke a virtqueue: %s",
                        zcrx_vring_strerror(error)));
}

/* Queue pairs that are to be used: those that the guest has set up, from the
 * first one on. */
static uint16_t
count_usable_queues(const struct zcrx_pair *pair)
{
    uint16_t max = MIN(pair->guest.n_queue_pairs, pair->n_queues);
    uint16_t n = 0;

    while (n < max && pair->guest.pairs[n].ready) {
        n++;
    }
    return n;
}

/* Starts the pair, which is ready, if the guest is. */
static void
start(struct zcrx_pair *pair)
{
    uint16_t n = count_usable_queues(pair);
    enum zcrx_vring_error guest_error;
    bool go = n > 0;
    char *error;

    if (!go) {
        return;
    }
    error = prepare_vf(pair, n);
    if (!error) {
        map_memory(pair);
        __atomic_store_n(&pair->n_active, n, __ATOMIC_RELAXED);
        pair->n_rxd = zcrx_vf_rx_descriptors(&pair->vf, pair->config.vf.n_rxd,
                                             pair->guest.pairs[0].rx.size);
        for (uint16_t i = 0; i < n && go; i++) {
            go = prepare_queue(pair, i, &error);
        }
        if (go) {
            error = start_vf(pair);
        }
        if (go && !error) {
            set_state(pair, ZCRX_PAIR_RUNNING, NULL);
            return;
        }
    }

    guest_error = find_guest_error(pair);
    stop_queues(pair);
    if (guest_error) {
        free(error);
        set_broken(pair, guest_error);
    } else if (error) {
        VLOG_WARN_RL(&rl, "%s: not started: %s", pair->name, error);
        pair->retry_at = time_msec() + RETRY_INTERVAL;
        set_state(pair, ZCRX_PAIR_READY, error);
    } else {
        /* The guest needs more time. */
    }
}

/* Looks after the pair while it runs. */
static void
check_running(struct zcrx_pair *pair)
{
    enum zcrx_vring_error guest_error = find_guest_error(pair);
    bool link_up = zcrx_vf_link_is_up(&pair->vf);
    bool need_bounce = false;

    for (uint16_t i = 0; i < pair->n_active; i++) {
        need_bounce |= pair->queues[i].pool->want_bounce;
    }
    if (guest_error) {
        stop_queues(pair);
        set_broken(pair, guest_error);
    } else if (need_bounce) {
        pair->need_bounce = true;
        stop_for_change(pair, "guest buffers do not qualify for zero-copy");
    } else if (link_up != pair->link_up) {
        pair->link_up = link_up;
        pair->changed(pair);
    }
}

/* Does what there is to do, without waiting.  Main thread. */
void
zcrx_pair_run(struct zcrx_pair *pair)
{
    ovs_mutex_lock(&pair->mutex);
    if (pair->state == ZCRX_PAIR_RUNNING) {
        check_running(pair);
    }
    if (pair->state == ZCRX_PAIR_READY && pair->may_start
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
    zcrx_vf_init(&pair->vf, name);
}

static void
free_queues(struct zcrx_pair *pair)
{
    for (uint16_t i = 0; i < pair->n_queues; i++) {
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
    zcrx_vf_destroy(&pair->vf);
    free_retired(pair);
    free_queues(pair);
    ovs_mutex_unlock(&pair->mutex);

    zcrx_pair_config_destroy(&pair->config);
    free(pair->why);
    ovs_mutex_destroy(&pair->mutex);
}

void
zcrx_pair_config_destroy(struct zcrx_pair_config *config)
{
    free(config->devargs);
    free(config->path);
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
        unmap_memory(pair);
        zcrx_vf_detach(vf);
        free_retired(pair);
    } else if (!memcmp(&config->vf, &old->vf, sizeof old->vf)
               && config->mode == old->mode
               && config->has_mac == old->has_mac
               && (!config->has_mac
                   || eth_addr_equals(config->mac, old->mac))) {
        return NULL;
    }
    stop_for_change(pair, "options changed");
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

/* Makes the pair what 'config' says, which it takes over in any case.  Returns
 * NULL or an error, after which the pair is of no use until this succeeds.  A
 * change of the number of queues takes effect with zcrx_pair_reconfigure(),
 * until which the pair does not start.  Main thread. */
char *
zcrx_pair_set_config(struct zcrx_pair *pair, struct zcrx_pair_config *config)
{
    char *error;

    if (pair->config.path && strcmp(pair->config.path, config->path)) {
        zcrx_vhost_unregister(&pair->vhost);
    }

    ovs_mutex_lock(&pair->mutex);
    config->vf.mtu = (pair->config.vf.mtu ? pair->config.vf.mtu
                      : RTE_ETHER_MTU);
    error = set_vf(pair, config);
    pair->may_start = !error && pair->n_queues == config->vf.n_queues;
    zcrx_pair_config_destroy(&pair->config);
    pair->config = *config;
    memset(config, 0, sizeof *config);
    ovs_mutex_unlock(&pair->mutex);

    if (!error && !pair->vhost.path) {
        error = zcrx_vhost_register(&pair->vhost, pair->name,
                                    pair->config.path, &vhost_ops);
    }
    return error;
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
                              zcrx_vf_socket_id(&pair->vf), free_injected);
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
    up = (pair->state == ZCRX_PAIR_RUNNING && zcrx_vf_link_is_up(&pair->vf));
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

/* Returns why frames are or would be copied to the guest of 'pair', whose
 * mutex the caller holds, or NULL if they are not. */
const char *
zcrx_pair_why_copy(const struct zcrx_pair *pair)
{
    if (pair->config.mode == ZCRX_MODE_COPY) {
        return zcrx_copy_reason_to_string(ZCRX_COPY_MODE);
    }
    for (uint16_t i = 0; i < pair->n_active; i++) {
        const struct zcrx_pool *pool = pair->queues[i].pool;

        if (pool && pool->n_bounce_posted) {
            return zcrx_copy_reason_to_string(pool->last_reason);
        }
    }
    return NULL;
}
