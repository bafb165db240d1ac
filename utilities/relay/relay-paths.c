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

#include <stdlib.h>
#include <string.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_vhost.h>

#include "simnic.h"
#include "zcrx-sync.h"

static void *
allocate(size_t size)
{
    void *p = rte_zmalloc("relay", size, RTE_CACHE_LINE_SIZE);

    if (!p) {
        relay_die("out of memory");
    }
    return p;
}

/* Returns a pool as Open vSwitch has them for a VF. */
static struct rte_mempool *
create_pool(const char *name, const struct relay_setup *setup)
{
    uint32_t room = RTE_PKTMBUF_HEADROOM + RTE_MAX(setup->mtu + 64, 2048);
    struct rte_mempool *mp;

    mp = rte_pktmbuf_pool_create(name, 4 * setup->vf_ring, 512, 0, room,
                                 SOCKET_ID_ANY);
    if (!mp) {
        relay_die("out of memory");
    }
    return mp;
}

/* The floor. */

static void
floor_start(struct relay_path *path, const struct relay_setup *setup)
{
    path->aux = create_pool("relay-floor", setup);
    relay_vf_init(&path->vf, "floor_vf", setup);
    relay_vf_start(&path->vf, setup, path->aux);
}

static unsigned int
floor_turn(struct relay_path *path)
{
    struct rte_mbuf *mbufs[RELAY_BURST];
    uint16_t n = rte_eth_rx_burst(path->vf.port, 0, mbufs, RELAY_BURST);

    rte_pktmbuf_free_bulk(mbufs, n);
    return n;
}

static unsigned int
floor_turn_checked(struct relay_path *path, uint32_t *next_number)
{
    struct rte_mbuf *mbufs[RELAY_BURST];
    uint16_t n = rte_eth_rx_burst(path->vf.port, 0, mbufs, RELAY_BURST);

    for (uint16_t i = 0; i < n; i++) {
        relay_check_frame(mbufs[i], next_number);
    }
    rte_pktmbuf_free_bulk(mbufs, n);
    return n;
}

static void
floor_stop(struct relay_path *path)
{
    relay_vf_destroy(&path->vf);
    rte_mempool_free(path->aux);
}

const struct relay_path relay_floor = {
    .name = "floor",
    .start = floor_start,
    .turn = floor_turn,
    .turn_checked = floor_turn_checked,
    .stop = floor_stop,
};

/* Copying by DPDK's vhost library. */

struct copy {
    struct rte_mempool *mp;
    struct relay_guest guest;
};

static void
copy_start(struct relay_path *path, const struct relay_setup *setup)
{
    struct copy *copy = path->aux = allocate(sizeof *copy);

    copy->mp = create_pool("relay-copy", setup);
    relay_guest_init(&copy->guest, "copy_guest", setup);
    relay_vf_init(&path->vf, "copy_vf", setup);
    relay_vf_start(&path->vf, setup, copy->mp);
}

static unsigned int
copy_turn(struct relay_path *path)
{
    struct rte_mbuf *mbufs[RELAY_BURST];
    uint16_t n = rte_eth_rx_burst(path->vf.port, 0, mbufs, RELAY_BURST);
    struct copy *copy = path->aux;

    rte_vhost_enqueue_burst(copy->guest.vid, 0, mbufs, n);
    rte_pktmbuf_free_bulk(mbufs, n);
    return n;
}

static unsigned int
copy_consume(struct relay_path *path, uint32_t *next_number)
{
    struct copy *copy = path->aux;

    return relay_guest_consume(&copy->guest, next_number);
}

static void
copy_stop(struct relay_path *path)
{
    struct copy *copy = path->aux;

    relay_vf_destroy(&path->vf);
    relay_guest_destroy(&copy->guest);
    rte_mempool_free(copy->mp);
    rte_free(copy);
}

const struct relay_path relay_copy = {
    .name = "vhost-copy",
    .start = copy_start,
    .turn = copy_turn,
    .consume = copy_consume,
    .stop = copy_stop,
};

/* Ring sync. */

struct zcrx {
    struct zcrx_queue queue;
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
        .rx = !i,
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

static void
zcrx_start(struct relay_path *path, const struct relay_setup *setup)
{
    struct zcrx *zcrx = path->aux = allocate(sizeof *zcrx);
    struct zcrx_queue *q = &zcrx->queue;
    struct zcrx_pool_config config = {
        .name = "relay-zcrx",
        .socket_id = SOCKET_ID_ANY,
        .vq = &q->rx,
        .vf_writes_header = true,
    };

    relay_guest_init(&zcrx->guest, "zcrx_guest", setup);
    relay_vf_init(&path->vf, "zcrx_vf", setup);
    map_guest(zcrx, path->vf.memory);
    init_vring(zcrx, 0, &q->rx, setup);
    init_vring(zcrx, 1, &q->tx, setup);

    config.max_frame = path->vf.max_frame;
    q->pool = zcrx_pool_create(&config);
    if (!q->pool
        || zcrx_queue_init(q, "relay-zcrx", SOCKET_ID_ANY,
                           rte_pktmbuf_free)) {
        relay_die("out of memory");
    }
    q->tx_mp = path->vf.tx_mp;
    q->vf.port_id = path->vf.port;
    q->vf.offload.tx.max_frame = path->vf.max_frame;
    relay_vf_start(&path->vf, setup, q->pool->mp);
    zcrx_queue_start(q);
}

static unsigned int
zcrx_turn(struct relay_path *path)
{
    struct zcrx *zcrx = path->aux;

    return zcrx_queue_poll(&zcrx->queue);
}

static unsigned int
zcrx_consume(struct relay_path *path, uint32_t *next_number)
{
    struct zcrx *zcrx = path->aux;

    return relay_guest_consume(&zcrx->guest, next_number);
}

static void
zcrx_stop(struct relay_path *path)
{
    struct zcrx *zcrx = path->aux;
    struct zcrx_queue *q = &zcrx->queue;

    if (q->stats.zero_copy_frames != q->stats.wire_rx_frames) {
        relay_die("frames were copied or lost on the zero-copy path");
    }
    zcrx_gate_close(&q->gate);
    zcrx_queue_recall(q);
    relay_vf_destroy(&path->vf);
    zcrx_queue_stop(q);
    zcrx_pool_destroy(q->pool);
    zcrx_queue_destroy(q);
    zcrx_vring_destroy(&q->rx);
    zcrx_vring_destroy(&q->tx);
    zcrx_gpa_map_destroy(&zcrx->map);
    relay_guest_destroy(&zcrx->guest);
    rte_free(zcrx);
}

const struct relay_path relay_zcrx = {
    .name = "zcrx",
    .start = zcrx_start,
    .turn = zcrx_turn,
    .consume = zcrx_consume,
    .stop = zcrx_stop,
};
