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
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_vhost.h>

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
    relay_vf_configure(&path->vf, setup);
    relay_vf_set_pool(&path->vf, setup, 0, path->aux);
    relay_vf_start(&path->vf, setup);
}

static unsigned int
floor_turn(struct relay_path *path, uint16_t pair)
{
    struct rte_mbuf *mbufs[RELAY_BURST];
    uint16_t n = rte_eth_rx_burst(path->vf.port, pair, mbufs, RELAY_BURST);

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
    struct copy *copy = path->aux = relay_allocate(sizeof *copy);

    copy->mp = create_pool("relay-copy", setup);
    relay_guest_init(&copy->guest, "copy_guest", setup);
    relay_vf_init(&path->vf, "copy_vf", setup);
    relay_vf_configure(&path->vf, setup);
    relay_vf_set_pool(&path->vf, setup, 0, copy->mp);
    relay_vf_start(&path->vf, setup);
}

static unsigned int
copy_turn(struct relay_path *path, uint16_t pair)
{
    struct rte_mbuf *mbufs[RELAY_BURST];
    uint16_t n = rte_eth_rx_burst(path->vf.port, pair, mbufs, RELAY_BURST);
    struct copy *copy = path->aux;

    rte_vhost_enqueue_burst(copy->guest.vid, pair * 2, mbufs, n);
    rte_pktmbuf_free_bulk(mbufs, n);
    return n;
}

static unsigned int
copy_consume(struct relay_path *path, uint16_t pair, uint32_t *next_number)
{
    struct copy *copy = path->aux;

    return relay_guest_consume(&copy->guest, pair, next_number);
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
