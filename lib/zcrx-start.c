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

#include "zcrx-start.h"

#include <inttypes.h>

#include "openvswitch/vlog.h"
#include "ovs-thread.h"
#include "timeval.h"
#include "util.h"
#include "zcrx-journal.h"
#include "zcrx-pair.h"
#include "zcrx-probe.h"
#include "zcrx-queues.h"
#include "zcrx-stop.h"
#include "zcrx-tx.h"

VLOG_DEFINE_THIS_MODULE(zcrx_start);

/* Virtqueues with fewer entries than this are served with bounce mbufs at
 * hand, because drivers take up to 64 mbufs at once, or none. */
#define SMALL_RING 128

/* How many pools VF queues may still point to, unless one attempt to start the
 * VF has more. */
#define MAX_RETIRED 16

/* Returns what the guest negotiated of the things that are left to the VF, if
 * the VF is good for them in the pair's mode. */
static uint64_t
wanted_features(const struct zcrx_pair *pair)
{
    bool copied = pair->config.mode == ZCRX_MODE_COPY;

    return pair->guest.features & zcrx_vf_offloads(&pair->vf, copied);
}

static char *
configure_vf(struct zcrx_pair *pair, uint16_t n_queues)
{
    struct zcrx_vf_config config = pair->config.vf;
    char *error;

    config.n_queues = n_queues;
    config.features = wanted_features(pair);
    error = zcrx_vf_configure(&pair->vf, &config);
    if (!error && pair->config.has_mac) {
        error = zcrx_vf_set_mac(&pair->vf, &pair->config.mac);
    }
    return error;
}

/* Returns true if the VF has failed to set up its queues so often that what
 * they may point to is to be freed by giving the VF up for a moment: all of
 * DPDK has room for so many mempools only. */
static bool
has_many_retired(const struct zcrx_pair *pair)
{
    return pair->n_retired > MAX(pair->n_queues, MAX_RETIRED);
}

/* Makes the VF ready for being started with 'n_queues' queues: attaches it
 * again if stopping it took closing it.  Returns NULL or an error. */
static char *
prepare_vf(struct zcrx_pair *pair, uint16_t n_queues)
{
    struct zcrx_vf *vf = &pair->vf;
    char *error = NULL;

    if (zcrx_vf_is_attached(vf) && has_many_retired(pair)) {
        zcrx_unmap_memory(pair);
        zcrx_detach_vf(pair);
    }
    if (zcrx_vf_is_attached(vf) && !vf->must_configure
        && vf->n_queues == n_queues
        && vf->mtu == pair->config.vf.mtu
        && vf->features == wanted_features(pair)) {
        return NULL;
    }
    if (zcrx_vf_is_attached(vf)) {
        error = configure_vf(pair, n_queues);
        if (!error || !vf->probed) {
            return error;
        }
        /* Some drivers cannot have more queues than they once had, until they
         * are attached anew. */
        free(error);
        zcrx_unmap_memory(pair);
        zcrx_detach_vf(pair);
    }
    error = zcrx_vf_attach(vf, pair->config.devargs);
    return error ? error : configure_vf(pair, n_queues);
}

static bool
is_in_grace(const struct zcrx_pair *pair)
{
    return time_msec() < pair->grace_until;
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
    zcrx_vring_untake_rx(&q->rx, bufs, n);
    free(bufs);
    return n;
}

/* Sets up the virtqueues of queue 'i'.  The guest may have broken the transmit
 * virtqueue before, which is then only marked as broken. */
static bool
prepare_vrings(struct zcrx_pair *pair, uint16_t i)
{
    const struct zcrx_vring_config *tx = &pair->guest.pairs[i].tx;
    struct zcrx_queue *q = &pair->queues[i];

    zcrx_journal_map(pair->name, &pair->guest, i);
    if (zcrx_vring_init(&q->rx, &pair->guest.pairs[i].rx, &pair->guest.map)) {
        return false;
    }
    q->tx.error = tx->error;
    if (!tx->error && zcrx_vring_init(&q->tx, tx, &pair->guest.map)) {
        return false;
    }
    /* A daemon that was killed may have got further. */
    zcrx_keep_position(pair, i);
    return true;
}

/* Sets up ring sync for queue 'i', but for its pool, and stores in '*bounce'
 * whether that is to have host buffers.
 *
 * Returns true if successful.  Otherwise, '*error' says what is wrong, or is
 * NULL if the guest needs more time or it must be tried again, without this
 * queue, which the guest has broken. */
static bool
prepare_queue(struct zcrx_pair *pair, uint16_t i, bool *bounce, char **error)
{
    struct zcrx_queue *q = &pair->queues[i];
    enum zcrx_mode mode = pair->config.mode;
    enum zcrx_copy_reason reason;
    uint16_t n_posted;

    *error = NULL;
    if (!prepare_vrings(pair, i)) {
        *error = xasprintf("queue %"PRIu16": virtqueues cannot be set up", i);
        return false;
    }
    n_posted = look_at_buffers(pair, q, pair->n_rxd, &reason);
    if (q->rx.error) {
        zcrx_queues_found_error(pair, i, true, q->rx.error);
        return false;
    }
    if (mode == ZCRX_MODE_ZERO_COPY && reason != ZCRX_ZERO_COPY) {
        *error = xasprintf("zcrx-mode is zero-copy, but %s",
                           zcrx_copy_reason_to_string(reason));
        return false;
    }
    if (n_posted < pair->n_rxd && (is_in_grace(pair)
                                   || mode == ZCRX_MODE_ZERO_COPY)) {
        return false;
    }
    *bounce = (mode == ZCRX_MODE_COPY || reason != ZCRX_ZERO_COPY
               || n_posted < pair->n_rxd || pair->need_bounce
               || (!pair->vf.no_ring && q->rx.size < SMALL_RING));
    return true;
}

/* Gives queue 'i', which is prepared, its pool, with host buffers if 'bounce'
 * is true, and what queue 'vf_queue' of the VF needs besides.  Returns NULL or
 * an error. */
static char *
create_pool(struct zcrx_pair *pair, uint16_t i, uint16_t vf_queue, bool bounce)
{
    struct zcrx_queue *q = &pair->queues[i];
    enum zcrx_mode mode = pair->config.mode;
    char name[RTE_MEMPOOL_NAMESIZE];
    struct zcrx_pool_config config;

    zcrx_vf_name_mempool(name);
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
        return xasprintf("queue %"PRIu16": not enough memory for a pool", i);
    }
    zcrx_vf_describe_queue(&pair->vf, vf_queue, &q->vf);
    return NULL;
}

static bool
create_tx_pool(struct zcrx_pair *pair, const struct zcrx_offload *offload)
{
    unsigned int max_frame = (offload->tx.tso4 || offload->tx.tso6
                              ? ZCRX_MAX_TSO_FRAME : pair->vf.max_frame);
    unsigned int max_segs = max_frame / pair->vf.tx_seg_size + 1;
    char name[RTE_MEMPOOL_NAMESIZE];

    zcrx_vf_name_mempool(name);
    /* There is one PMD thread per core at most. */
    pair->tx_mp = zcrx_tx_create_pool(name, pair->vf.n_queues, pair->vf.n_txd,
                                      max_segs, pair->vf.tx_seg_size,
                                      MIN(count_total_cores(), RTE_MAX_LCORE),
                                      zcrx_vf_socket_id(&pair->vf));
    return pair->tx_mp != NULL;
}

/* Starts the VF, with ring sync prepared for the queues in 'chosen', one for
 * each of its own.  Returns NULL or an error. */
static char *
start_vf(struct zcrx_pair *pair, const uint16_t *chosen)
{
    struct rte_mempool *pools[ZCRX_MAX_QUEUE_PAIRS];
    char *error;

    if (!create_tx_pool(pair, &pair->queues[chosen[0]].vf.offload)) {
        return xstrdup("not enough memory for transmission");
    }
    for (uint16_t i = 0; i < pair->vf.n_queues; i++) {
        pair->queues[chosen[i]].tx_mp = pair->tx_mp;
        pools[i] = pair->queues[chosen[i]].pool->mp;
    }
    pair->vf_has_pools = true;
    error = zcrx_vf_set_up_queues(&pair->vf, pools, pair->n_rxd);
    if (error) {
        return error;
    }
    zcrx_free_retired(pair);
    error = zcrx_vf_start(&pair->vf);
    if (error) {
        return error;
    }
    for (uint16_t i = 0; i < pair->vf.n_queues; i++) {
        struct zcrx_queue *q = &pair->queues[chosen[i]];

        /* From now on, a guest without buffers shall be felt by the wire,
         * unless it is known that it will never have enough. */
        q->pool->bounce_below = pair->need_bounce ? pair->n_rxd / 2 : 0;
        zcrx_queue_start(q);
        ZCRX_PROBE3(start, pair->name, chosen[i], &q->rx);
    }
    zcrx_queues_started(pair);
    return NULL;
}

/* Returns the length of the shortest receive virtqueue of the 'n' queue pairs
 * in 'chosen'. */
static uint16_t
shortest_ring(const struct zcrx_pair *pair, const uint16_t *chosen, uint16_t n)
{
    uint16_t size = UINT16_MAX;

    for (uint16_t i = 0; i < n; i++) {
        size = MIN(size, pair->guest.pairs[chosen[i]].rx.size);
    }
    return size;
}

/* Starts 'pair', which has a guest that is set up.  Returns true if it runs
 * now.  Otherwise, '*error' says what is wrong, or is NULL if the guest needs
 * more time or has broken a virtqueue, and zcrx_stop() must be called.  Main
 * thread. */
bool
zcrx_start(struct zcrx_pair *pair, char **error)
{
    uint16_t chosen[ZCRX_MAX_QUEUE_PAIRS];
    uint16_t n = zcrx_queues_choose(pair, chosen);
    bool bounce[ZCRX_MAX_QUEUE_PAIRS];

    *error = NULL;
    if (!n || (zcrx_queues_n_enabled(pair) < pair->n_queues
               && is_in_grace(pair))) {
        /* A guest sets up one queue pair after the other. */
        return false;
    }
    *error = prepare_vf(pair, n);
    if (*error) {
        return false;
    }
    zcrx_map_memory(pair);
    pair->n_rxd = zcrx_vf_rx_descriptors(&pair->vf, pair->config.vf.n_rxd,
                                         shortest_ring(pair, chosen, n));
    for (uint16_t i = 0; i < n; i++) {
        if (!prepare_queue(pair, chosen[i], &bounce[i], error)) {
            return false;
        }
    }
    for (uint16_t i = 0; i < n && !*error; i++) {
        *error = create_pool(pair, chosen[i], i, bounce[i]);
    }
    if (!*error) {
        *error = start_vf(pair, chosen);
    }
    return !*error;
}
