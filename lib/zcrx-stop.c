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

#include "zcrx-stop.h"

#include "util.h"
#include "zcrx-dma.h"
#include "zcrx-pair.h"
#include "zcrx-probe.h"

/* What a VF may be using of a pair's.  It is the pair's, too, as long as the
 * pair has a reference; when it is destroyed, what is in here goes with it. */
struct load {
    struct zcrx_vf_load up;
    struct zcrx_pool **pools;   /* 'n_pools' of them. */
    size_t n_pools;
    struct rte_mempool *tx_mp;
    struct zcrx_gpa_map map;
};

static struct load *
load_cast(const struct zcrx_vf_load *up)
{
    return CONTAINER_OF(up, struct load, up);
}

/* Returns the buffers that the VF has not given back. */
static uint32_t
load_n_out(const struct zcrx_vf_load *up)
{
    const struct load *load = load_cast(up);
    uint32_t n = load->tx_mp ? rte_mempool_in_use_count(load->tx_mp) : 0;

    for (size_t i = 0; i < load->n_pools; i++) {
        n += zcrx_pool_n_out(load->pools[i]);
    }
    return n;
}

static void
load_destroy(struct zcrx_vf_load *up)
{
    struct load *load = load_cast(up);

    for (size_t i = 0; i < load->map.n; i++) {
        zcrx_dma_unmap(NULL, &load->map.regions[i]);
    }
    zcrx_gpa_map_destroy(&load->map);
    for (size_t i = 0; i < load->n_pools; i++) {
        zcrx_pool_destroy(load->pools[i]);
    }
    rte_mempool_free(load->tx_mp);
    free(load->pools);
    free(load);
}

/* Returns what the VF of 'pair' may be using, with the guest's memory if
 * 'with_memory' is true. */
static struct load *
load_create(const struct zcrx_pair *pair, bool with_memory)
{
    struct load *load = xzalloc(sizeof *load);

    zcrx_vf_load_init(&load->up, load_n_out, load_destroy);
    load->pools = xmalloc((pair->n_retired + pair->n_queues)
                          * sizeof *load->pools);
    for (size_t i = 0; i < pair->n_retired; i++) {
        load->pools[load->n_pools++] = pair->retired[i];
    }
    for (uint16_t i = 0; i < pair->n_queues; i++) {
        if (pair->queues[i].pool) {
            load->pools[load->n_pools++] = pair->queues[i].pool;
        }
    }
    load->tx_mp = pair->tx_mp;
    if (with_memory) {
        load->map = pair->guest.map;
    }
    return load;
}

/* Ends the use of 'load' by the pair.  What is in it stays the pair's if
 * 'stopped' is true, and has become the VF's otherwise. */
static void
load_return(struct zcrx_pair *pair, struct load *load, bool stopped)
{
    if (stopped) {
        load->n_pools = 0;
        load->tx_mp = NULL;
        zcrx_gpa_map_init(&load->map);
    } else {
        if (load->map.n) {
            zcrx_gpa_map_init(&pair->guest.map);
            pair->mapped = false;
        }
        pair->tx_mp = NULL;
        pair->n_retired = 0;
        zcrx_stats_add(&pair->past.vf_stop_failures, 1);
    }
    zcrx_vf_load_unref(&load->up);
}

/* Frees the pools of earlier runs.  No VF queue may refer to them. */
void
zcrx_free_retired(struct zcrx_pair *pair)
{
    for (size_t i = 0; i < pair->n_retired; i++) {
        zcrx_pool_destroy(pair->retired[i]);
    }
    free(pair->retired);
    pair->retired = NULL;
    pair->n_retired = 0;
}

/* Takes the pool away from 'q'.  It hands out nothing any more, but if queues
 * of the VF may still point to it, it is freed only later. */
void
zcrx_retire_pool(struct zcrx_pair *pair, struct zcrx_queue *q)
{
    if (!pair->vf_has_pools) {
        zcrx_pool_destroy(q->pool);
        q->pool = NULL;
    } else if (q->pool) {
        zcrx_pool_close(q->pool);
        pair->retired = xrealloc(pair->retired, (pair->n_retired + 1)
                                                * sizeof *pair->retired);
        pair->retired[pair->n_retired++] = q->pool;
        q->pool = NULL;
    }
}

/* Makes the guest's memory reachable for the VF. */
void
zcrx_map_memory(struct zcrx_pair *pair)
{
    struct rte_device *device = zcrx_vf_dma_device(&pair->vf);

    for (size_t i = 0; i < pair->guest.map.n && !pair->mapped; i++) {
        struct zcrx_gpa_region *region = &pair->guest.map.regions[i];

        if (pair->vf.copies) {
            region->no_dma = pair->vf.copies;
        } else {
            zcrx_dma_map(device, region);
        }
    }
    pair->mapped = true;
}

/* Undoes that.  The VF must not use guest memory. */
void
zcrx_unmap_memory(struct zcrx_pair *pair)
{
    struct rte_device *device = zcrx_vf_dma_device(&pair->vf);

    for (size_t i = 0; i < pair->guest.map.n && pair->mapped; i++) {
        zcrx_dma_unmap(device, &pair->guest.map.regions[i]);
    }
    pair->mapped = false;
}

/* Gives the VF up, which is stopped, and frees what its queues referred to. */
void
zcrx_detach_vf(struct zcrx_pair *pair)
{
    struct load *load = load_create(pair, false);
    bool stopped = zcrx_vf_detach(&pair->vf, &load->up);

    load_return(pair, load, stopped);
    zcrx_free_retired(pair);
}

/* Remembers how far the virtqueues of queue pair 'i' have got, for the next
 * start and for the vhost library. */
void
zcrx_keep_position(struct zcrx_pair *pair, uint16_t i)
{
    struct zcrx_vring_config *rx = &pair->guest.pairs[i].rx;
    struct zcrx_vring_config *tx = &pair->guest.pairs[i].tx;

    zcrx_vring_get_position(&pair->queues[i].rx, &rx->last_avail,
                            &rx->last_used);
    if (pair->queues[i].tx.ops) {
        zcrx_vring_get_position(&pair->queues[i].tx, &tx->last_avail,
                                &tx->last_used);
    }
    zcrx_vhost_set_position(&pair->vhost, i, rx, tx);
}

/* Stops 'pair', however far zcrx_start() got: shuts the PMD threads out, gives
 * the guest what has arrived, makes the VF stop and give all buffers back,
 * makes the guest's buffers available again and tells the vhost library how
 * far the virtqueues have got.  Takes little more than zcrx_vf_stop() does at
 * most, given that PMD threads make their turns.
 *
 * Returns true if neither the VF nor a PMD thread touches the guest's memory
 * any more.  If the VF cannot be made to stop, returns false: no PMD thread
 * touches the guest's memory any more, 'pair' has neither a VF nor that memory
 * any more, and the memory stays mapped until the VF has stopped.  The caller
 * must forget about the guest then.  Any thread but a PMD thread. */
bool
zcrx_stop(struct zcrx_pair *pair)
{
    struct load *load;
    bool stopped;

    for (uint16_t i = 0; i < pair->n_queues; i++) {
        zcrx_gate_close(&pair->queues[i].gate);
    }
    for (uint16_t i = 0; i < pair->n_queues; i++) {
        zcrx_queue_harvest(&pair->queues[i]);
        zcrx_queue_recall(&pair->queues[i]);
    }
    load = load_create(pair, true);
    stopped = zcrx_vf_stop(&pair->vf, &load->up, false);
    for (uint16_t i = 0; i < pair->n_queues; i++) {
        struct zcrx_queue *q = &pair->queues[i];

        if (!stopped) {
            q->pool = NULL;
        }
        if (q->running) {
            zcrx_queue_stop(q);
            zcrx_keep_position(pair, i);
            ZCRX_PROBE3(stop, pair->name, i, &q->rx);
        }
        zcrx_retire_pool(pair, q);
        zcrx_vring_destroy(&q->rx);
        zcrx_vring_destroy(&q->tx);
    }
    load_return(pair, load, stopped);
    pair->vf_has_pools = false;

    if (!zcrx_vf_is_attached(&pair->vf)) {
        zcrx_free_retired(pair);
        zcrx_unmap_memory(pair);
    }
    rte_mempool_free(pair->tx_mp);
    pair->tx_mp = NULL;
    __atomic_store_n(&pair->n_active, 0, __ATOMIC_RELAXED);
    zcrx_face_set_active(pair->face, 0);
    pair->link_up = false;
    pair->why_copy = NULL;
    return stopped;
}
