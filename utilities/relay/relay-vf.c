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

#define _GNU_SOURCE 1         /* For pthread_setaffinity_np(). */

#include "relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <rte_bus_vdev.h>
#include <rte_dev.h>
#include <rte_eal_memconfig.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_memory.h>

#include "simnic.h"
#include "simnic-util.h"

/* How long a queue pair may take to start, in milliseconds. */
#define PATIENCE 60000

/* The device answers its driver, which waits for that, from a thread of its
 * own.  Nothing is said while frames move. */
static void *
answer(void *vf_)
{
    struct relay_vf *vf = vf_;
    cpu_set_t cpus;

    /* DPDK has bound its caller to one CPU, which has to measure. */
    memset(&cpus, 0xff, sizeof cpus);
    pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus);
    while (__atomic_load_n(&vf->running, __ATOMIC_RELAXED)) {
        struct pollfd fds[2];

        simnic_run(vf->sn);
        poll(fds, simnic_fds(vf->sn, fds), 100);
    }
    return NULL;
}

static int
allow_segments(const struct rte_memseg_list *msl, const struct rte_memseg *ms,
               size_t len, void *memory)
{
    if (!msl->external) {
        simnic_memory_allow(memory, ms->addr, len);
    }
    return 0;
}

/* Makes 'vf' the VF called 'name', with the device behind it.  The device may
 * touch all memory of DPDK. */
void
relay_vf_init(struct relay_vf *vf, const char *name,
              const struct relay_setup *setup)
{
    struct simnic_config config = {
        .memory = simnic_memory_local(),
        .features = simnic_all_features(),
        .max_pairs = setup->n_pairs,
    };
    struct rte_dev_iterator iterator;
    char socket[256], args[512];
    char *error;

    vf->source = simnic_zalloc(1, sizeof *vf->source);
    simnic_source_init(vf->source);
    vf->memory = config.memory;
    config.source = vf->source;
    vf->sn = simnic_create(&config);

    snprintf(socket, sizeof socket, "%s/%s.sock", setup->folder, name);
    error = simnic_listen(vf->sn, socket);
    if (error) {
        relay_die("%s", error);
    }
    vf->running = true;
    if (pthread_create(&vf->thread, NULL, answer, vf)) {
        relay_die("cannot create a thread");
    }

    /* The driver starts its queues already when it is probed. */
    rte_memseg_contig_walk(allow_segments, vf->memory);
    snprintf(args, sizeof args, "net_virtio_user_%s,path=%s,queues=%u,"
             "queue_size=%u,mac=52:54:00:00:00:02,%s", name, socket,
             setup->n_pairs, setup->vf_ring, setup->vf_args);
    if (rte_dev_probe(args)) {
        relay_die("cannot create a VF: %s", args);
    }
    vf->port = RTE_MAX_ETHPORTS;
    RTE_ETH_FOREACH_MATCHING_DEV (vf->port, args, &iterator) {
        rte_eth_iterator_cleanup(&iterator);
        break;
    }
    vf->tx_mp = rte_pktmbuf_pool_create(name, 64, 0, 0,
                                        RTE_MBUF_DEFAULT_BUF_SIZE,
                                        SOCKET_ID_ANY);
    if (vf->port == RTE_MAX_ETHPORTS || !vf->tx_mp) {
        relay_die("cannot use the VF: %s", args);
    }
    vf->max_frame = setup->mtu + 26;
}

static bool
is_running(struct relay_vf *vf, uint16_t pair)
{
    struct simnic_pair_state state;

    simnic_deliver(vf->sn, pair, 0); /* Has it look for buffers. */
    simnic_get_pair(vf->sn, pair, &state);
    return state.running;
}

/* Gives 'vf' its queues.  Each needs a pool before 'vf' is started. */
void
relay_vf_configure(struct relay_vf *vf, const struct relay_setup *setup)
{
    const struct rte_eth_conf conf = { .rxmode.mtu = setup->mtu };

    if (rte_eth_dev_configure(vf->port, setup->n_pairs, setup->n_pairs,
                              &conf)) {
        relay_die("cannot configure a VF: %s", rte_strerror(rte_errno));
    }
}

/* Has receive queue 'pair' of 'vf' refilled from 'mp'. */
void
relay_vf_set_pool(struct relay_vf *vf, const struct relay_setup *setup,
                  uint16_t pair, struct rte_mempool *mp)
{
    if (rte_eth_tx_queue_setup(vf->port, pair, setup->vf_ring, SOCKET_ID_ANY,
                               NULL)
        || rte_eth_rx_queue_setup(vf->port, pair, setup->vf_ring,
                                  SOCKET_ID_ANY, NULL, mp)) {
        relay_die("cannot set up a VF: %s", rte_strerror(rte_errno));
    }
}

/* Starts 'vf', and waits until the device has heard of that from the driver,
 * which does not ask for an answer. */
void
relay_vf_start(struct relay_vf *vf, const struct relay_setup *setup)
{
    unsigned int waited = 0;

    if (rte_eth_dev_start(vf->port)) {
        relay_die("cannot start a VF: %s", rte_strerror(rte_errno));
    }
    for (uint16_t i = 0; i < setup->n_pairs; i++) {
        while (!is_running(vf, i)) {
            if (waited++ > PATIENCE) {
                relay_die("queue pair %u of a VF does not start", i);
            }
            usleep(1000);
        }
    }
}

/* Closes 'vf', so that it gives back all buffers, and frees what it owns. */
void
relay_vf_destroy(struct relay_vf *vf)
{
    struct rte_eth_dev_info info;

    if (!rte_eth_dev_info_get(vf->port, &info)) {
        rte_eth_dev_stop(vf->port);
        rte_eth_dev_close(vf->port);
        rte_dev_remove(info.device);
    }
    __atomic_store_n(&vf->running, false, __ATOMIC_RELAXED);
    pthread_join(vf->thread, NULL);
    simnic_destroy(vf->sn);
    simnic_source_destroy(vf->source);
    simnic_memory_destroy(vf->memory);
    rte_mempool_free(vf->tx_mp);
    free(vf->source);
}
