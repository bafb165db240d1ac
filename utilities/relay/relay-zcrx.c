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

#include "relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <rte_malloc.h>
#include <rte_vhost.h>

#include "simnic.h"
#include "zcrx-sync.h"

/* Ring sync. */
struct zcrx {
    struct zcrx_queue *queues;  /* As many as there are queue pairs. */
    uint16_t n;
    struct zcrx_gpa_map map;
    struct relay_guest guest;
};

/* Makes the guest's memory known, to ring sync and to the device. */
static void
map_guest(struct zcrx *zcrx, struct simnic_memory *memory)
{
    struct rte_vhost_memory *mem;

    if (rte_vhost_get_mem_table(zcrx->guest.vid, &mem)) {
        relay_die("the guest has no memory");
    }
    zcrx_gpa_map_init(&zcrx->map);
    for (uint32_t i = 0; i < mem->nregions; i++) {
        const struct rte_vhost_mem_region *r = &mem->regions[i];
        const struct zcrx_gpa_region region = {
            .gpa = r->guest_phys_addr,
            .size = r->size,
            .hva = r->host_user_addr,
            .page_size = 4096,
        };

        if (zcrx_gpa_map_add(&zcrx->map, &region)) {
            relay_die("the guest's memory cannot be used");
        }
        simnic_memory_allow(memory, (void *) (uintptr_t) r->host_user_addr,
                            r->size);
    }
    free(mem);
}

static void
init_vring(struct zcrx *zcrx, uint16_t i, struct zcrx_vring *vq,
           const struct relay_setup *setup)
{
    struct zcrx_vring_config config = {
        .packed = setup->packed,
        .rx = i % 2 == 0,
        .version_1 = true,
        .mergeable = true,
    };
    struct rte_vhost_vring vring;

    if (rte_vhost_get_vhost_vring(zcrx->guest.vid, i, &vring)
        || rte_vhost_get_vring_base(zcrx->guest.vid, i, &config.last_avail,
                                    &config.last_used)) {
        relay_die("the guest has no virtqueue");
    }
    config.desc = vring.desc;
    config.avail = vring.avail;
    config.used = vring.used;
    config.size = vring.size;
    config.callfd = vring.callfd;
    if (zcrx_vring_init(vq, &config, &zcrx->map)) {
        relay_die("the guest's virtqueue cannot be used");
    }
}

/* Sets queue pair 'i' up, as far as that goes before the VF starts. */
static void
init_queue(struct zcrx *zcrx, uint16_t i, struct relay_path *path,
           const struct relay_setup *setup)
{
    struct zcrx_queue *q = &zcrx->queues[i];
    char name[RTE_RING_NAMESIZE];
    struct zcrx_pool_config config = {
        .name = name,
        .socket_id = SOCKET_ID_ANY,
        .vq = &q->rx,
        .max_frame = path->vf.max_frame,
        .vf_writes_header = true,
    };

    snprintf(name, sizeof name, "relay-zcrx-%u", i);
    init_vring(zcrx, 2 * i, &q->rx, setup);
    init_vring(zcrx, 2 * i + 1, &q->tx, setup);
    q->pool = zcrx_pool_create(&config);
    if (!q->pool
        || zcrx_queue_init(q, name, SOCKET_ID_ANY, rte_pktmbuf_free)) {
        relay_die("out of memory");
    }
    q->tx_mp = path->vf.tx_mp;
    q->vf.port_id = path->vf.port;
    q->vf.queue_id = i;
    q->vf.offload.tx.max_frame = path->vf.max_frame;
    relay_vf_set_pool(&path->vf, setup, i, q->pool->mp);
}

static void
zcrx_start(struct relay_path *path, const struct relay_setup *setup)
{
    struct zcrx *zcrx = path->aux = relay_allocate(sizeof *zcrx);

    zcrx->n = setup->n_pairs;
    zcrx->queues = relay_allocate(zcrx->n * sizeof *zcrx->queues);
    relay_guest_init(&zcrx->guest, "zcrx_guest", setup);
    relay_vf_init(&path->vf, "zcrx_vf", setup);
    relay_vf_configure(&path->vf, setup);
    map_guest(zcrx, path->vf.memory);
    for (uint16_t i = 0; i < zcrx->n; i++) {
        init_queue(zcrx, i, path, setup);
    }
    relay_vf_start(&path->vf, setup);
    for (uint16_t i = 0; i < zcrx->n; i++) {
        zcrx_queue_start(&zcrx->queues[i]);
    }
}

static unsigned int
zcrx_turn(struct relay_path *path, uint16_t pair)
{
    struct zcrx *zcrx = path->aux;

    return zcrx_queue_poll(&zcrx->queues[pair]);
}

static unsigned int
zcrx_consume(struct relay_path *path, uint16_t pair, uint32_t *next_number)
{
    struct zcrx *zcrx = path->aux;

    return relay_guest_consume(&zcrx->guest, pair, next_number);
}

static void
zcrx_stop(struct relay_path *path)
{
    struct zcrx *zcrx = path->aux;

    for (uint16_t i = 0; i < zcrx->n; i++) {
        struct zcrx_queue *q = &zcrx->queues[i];

        if (q->stats.zero_copy_frames != q->stats.wire_rx_frames) {
            relay_die("frames were copied or lost on the zero-copy path");
        }
        zcrx_gate_close(&q->gate);
        zcrx_queue_recall(q);
    }
    relay_vf_destroy(&path->vf);
    for (uint16_t i = 0; i < zcrx->n; i++) {
        struct zcrx_queue *q = &zcrx->queues[i];

        zcrx_queue_stop(q);
        zcrx_pool_destroy(q->pool);
        zcrx_queue_destroy(q);
        zcrx_vring_destroy(&q->rx);
        zcrx_vring_destroy(&q->tx);
    }
    zcrx_gpa_map_destroy(&zcrx->map);
    relay_guest_destroy(&zcrx->guest);
    rte_free(zcrx->queues);
    rte_free(zcrx);
}

const struct relay_path relay_zcrx = {
    .name = "zcrx",
    .start = zcrx_start,
    .turn = zcrx_turn,
    .consume = zcrx_consume,
    .stop = zcrx_stop,
};
