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
#include <unistd.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_vhost.h>

#include "simnic-frame.h"

/* The vhost device that came last.  Guests come one after the other. */
static int last_vid = -1;

static int
new_device(int vid)
{
    __atomic_store_n(&last_vid, vid, __ATOMIC_RELEASE);
    return 0;
}

static void
destroy_device(int vid)
{
    (void) vid;
}

static const struct rte_vhost_device_ops vhost_ops = {
    .new_device = new_device,
    .destroy_device = destroy_device,
};

static void
start_port(struct relay_guest *guest, const char *name,
           const struct relay_setup *setup)
{
    const struct rte_eth_conf conf = { .rxmode.mtu = setup->mtu };
    uint32_t room = RTE_PKTMBUF_HEADROOM + RTE_MAX(setup->mtu + 64, 2048);
    uint16_t size = setup->guest_ring;
    uint16_t n = setup->n_pairs;
    bool ok;

    guest->mp = rte_pktmbuf_pool_create(name, n * 2 * size + 512, 256, 0, room,
                                        SOCKET_ID_ANY);
    ok = guest->mp && !rte_eth_dev_configure(guest->port, n, n, &conf);
    for (uint16_t i = 0; i < n && ok; i++) {
        ok = (!rte_eth_rx_queue_setup(guest->port, i, size, SOCKET_ID_ANY,
                                      NULL, guest->mp)
              && !rte_eth_tx_queue_setup(guest->port, i, size, SOCKET_ID_ANY,
                                         NULL));
    }
    if (!ok || rte_eth_dev_start(guest->port)) {
        relay_die("cannot start a guest: %s", rte_strerror(rte_errno));
    }
}

/* Returns true if the guest has set 'n' virtqueues up.  The vhost device is
 * there when two of them are. */
static bool
has_virtqueues(int vid, uint16_t n)
{
    struct rte_vhost_vring vring;

    for (uint16_t i = 0; i < n; i++) {
        if (rte_vhost_get_vhost_vring(vid, i, &vring) || !vring.desc
            || vring.kickfd < 0) {
            return false;
        }
    }
    return true;
}

/* Starts a guest called 'name' and connects DPDK's vhost library to it. */
void
relay_guest_init(struct relay_guest *guest, const char *name,
                 const struct relay_setup *setup)
{
    struct rte_dev_iterator iterator;
    char args[512];

    snprintf(guest->path, sizeof guest->path, "%s/%s.sock", setup->folder,
             name);
    last_vid = -1;
    if (rte_vhost_driver_register(guest->path, RTE_VHOST_USER_CLIENT)
        || rte_vhost_driver_callback_register(guest->path, &vhost_ops)
        || rte_vhost_driver_start(guest->path)) {
        relay_die("cannot use vhost: %s", guest->path);
    }
    snprintf(args, sizeof args, "net_virtio_user_%s,path=%s,server=1,"
             "queues=%u,queue_size=%u,mac=52:54:00:00:00:01,in_order=0,"
             "packed_vq=%d", name, guest->path, setup->n_pairs,
             setup->guest_ring, setup->packed);
    if (rte_dev_probe(args)) {
        relay_die("cannot create a guest: %s", args);
    }
    guest->port = RTE_MAX_ETHPORTS;
    RTE_ETH_FOREACH_MATCHING_DEV (guest->port, args, &iterator) {
        rte_eth_iterator_cleanup(&iterator);
        break;
    }
    if (guest->port == RTE_MAX_ETHPORTS) {
        relay_die("cannot use the guest: %s", args);
    }
    start_port(guest, name, setup);
    while ((guest->vid = __atomic_load_n(&last_vid, __ATOMIC_ACQUIRE)) < 0
           || !has_virtqueues(guest->vid, 2 * setup->n_pairs)) {
        usleep(1000);
    }
    for (uint16_t i = 0; i < 2 * setup->n_pairs; i++) {
        rte_vhost_enable_guest_notification(guest->vid, i, 0);
    }
}

/* Makes sure that the frame in 'm' is as it was made, and the next one. */
void
relay_check_frame(const struct rte_mbuf *m, uint32_t *next_number)
{
    struct simnic_tags tags;

    if (m->nb_segs != 1
        || simnic_frame_check(rte_pktmbuf_mtod(m, const void *), m->data_len,
                              &tags) != SIMNIC_FRAME_INTACT) {
        relay_die("a frame is not what was sent");
    }
    if (tags.number != *next_number) {
        relay_die("frame %u came instead of %u", tags.number, *next_number);
    }
    *next_number += 1;
}

/* Has the guest take all frames that are in queue pair 'pair', and return their buffers;
 * 'next_number' is as for a path's 'consume'.  Returns how many frames there
 * were. */
unsigned int
relay_guest_consume(struct relay_guest *guest, uint16_t pair,
                    uint32_t *next_number)
{
    struct rte_mbuf *mbufs[RELAY_BURST];
    unsigned int total = 0;
    uint16_t n;

    /* Drivers stop short of the last frames once, to align what follows. */
    for (int none = 0; none < 2; none = n ? 0 : none + 1) {
        n = rte_eth_rx_burst(guest->port, pair, mbufs, RELAY_BURST);
        for (uint16_t i = 0; i < n && next_number; i++) {
            relay_check_frame(mbufs[i], next_number);
        }
        rte_pktmbuf_free_bulk(mbufs, n);
        total += n;
    }
    return total;
}

void
relay_guest_destroy(struct relay_guest *guest)
{
    struct rte_eth_dev_info info;

    rte_vhost_driver_unregister(guest->path);
    if (!rte_eth_dev_info_get(guest->port, &info)) {
        rte_eth_dev_stop(guest->port);
        rte_eth_dev_close(guest->port);
        rte_dev_remove(info.device);
    }
    rte_mempool_free(guest->mp);
}
