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

#ifndef ZCRX_VF_H
#define ZCRX_VF_H 1

/* The VF: any DPDK Ethernet device, driven through its stock poll-mode driver.
 *
 *                attach            configure          start
 *     (detached) ------> attached ----------> stopped ------> started
 *         ^                                      ^               |
 *         |   close, if that is what it takes    |     stop      |
 *         +--------------------------------------+---------------+
 *
 * If the driver does not stop in time, the VF becomes a detached one, too, and
 * the device cannot be attached until it has stopped (see zcrx-vf-stop.c).
 *
 * A device that is removed or reset under way is lost (zcrx_vf_is_lost()) and
 * of no use until it is stopped, detached and attached again.
 *
 * The caller serialises all calls.  Errors are malloc()'d strings, the
 * caller's to free. */

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>

#include "netdev-provider.h"
#include "openvswitch/thread.h"
#include "openvswitch/types.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "smap.h"
#include "zcrx-flow.h"

struct zcrx_queue_vf;

/* What is asked of the VF.  0 descriptors means whatever is suitable. */
struct zcrx_vf_config {
    uint16_t n_queues;          /* Receive, and as many transmit queues. */
    uint16_t n_rxd;             /* Receive descriptors per queue. */
    uint16_t n_txd;             /* Transmit descriptors per queue. */
    uint16_t mtu;               /* Bytes. */
    uint64_t features;          /* That the guest negotiated, as far as they
                                 * are in zcrx_vf_offloads(). */
};

/* Why a VF must be attached again. */
enum zcrx_vf_loss {
    ZCRX_VF_NOT_LOST,
    ZCRX_VF_RESET,              /* By the PF, with all its queues. */
    ZCRX_VF_REMOVED,
};

struct zcrx_vf {
    char *owner;                /* Name of the port. */
    char *devargs;              /* As the user gave them. */
    uint16_t port_id;           /* RTE_MAX_ETHPORTS while detached. */
    bool probed;                /* The device was not there before. */
    bool started;
    bool queue_stopping;        /* 'queue_stopper' has not stopped a queue in
                                 * time. */
    pthread_t queue_stopper;
    enum zcrx_vf_loss *lost;    /* Set by any thread. */
    struct rte_eth_dev_info info;
    struct rte_eth_link link;   /* When last asked for. */
    struct eth_addr mac;        /* As is this; zero if it never was. */

    /* What the driver is like. */
    bool no_ring;               /* Takes an mbuf per frame as frames come. */
    bool chains;                /* ...and several for a long frame. */
    bool all_queues;            /* Something else spreads frames over all of
                                 * its queues. */
    bool writes_header;         /* Writes a virtio-net header before frames. */
    bool no_tso;                /* Segments not what guests ask for. */
    bool uses_cpu;              /* Moves data by CPU, not by DMA. */
    const char *copies;         /* Why it cannot receive into guest memory,
                                 * NULL if it can. */
    bool power_of_2;            /* Its number of queue pairs. */
    bool rounds_up;             /* What it writes. */
    uint16_t max_simd;          /* Bits of registers that its driver may use,
                                 * 0 for any. */
    bool dies_with_link;        /* Once down, its link does not come up. */
    uint16_t fixed_rxd;         /* Receive descriptors that it has whatever it
                                 * is asked for, or 0. */

    /* As configured. */
    uint16_t n_queues;
    bool rss;                   /* It spreads frames by a hash of theirs. */
    uint16_t n_txd;
    uint16_t mtu;
    uint64_t features;
    uint32_t max_frame;         /* Bytes of a frame that it writes at most. */
    uint32_t max_tx_frame;      /* Bytes of a frame to it. */
    uint32_t tx_seg_size;       /* Bytes of a frame per transmit mbuf. */

    struct rte_mempool *parking; /* Host buffers, to take guests' out. */

    /* What it matches of the slow path, see zcrx-flow.h and zcrx-vf-flow.c. */
    struct zcrx_flows flows;
    struct rte_mempool *flow_mp; /* For the queue of 'flows', or NULL. */
    uint32_t flow_room;         /* Bytes of a frame in one of these mbufs. */
    bool no_flows;              /* It cannot keep other frames out of that
                                 * queue. */
    bool must_configure;        /* Before it is started: that failed, or when
                                 * it was started it lacked something. */
};

/* What a VF may be using of its owner's: buffers, the pools that these belong
 * to, and memory.  To be embedded in something that knows. */
struct zcrx_vf_load {
    struct ovs_refcount ref_cnt;
    uint32_t (*n_out)(const struct zcrx_vf_load *); /* Buffers that are not
                                                     * back. */
    void (*destroy)(struct zcrx_vf_load *);
};

/* To be held while DPDK adds or removes a device, or is asked for one.  Its
 * lists of devices have no lock, and are the same for all VFs: while the main
 * thread adds one, another one may be given up in a thread of its own.  It is
 * not to be held while a device is closed, which may take any time. */
extern struct ovs_mutex zcrx_vf_devices_mutex;

/* Devices that belong to somebody are hidden from the rest of Open vSwitch,
 * see vswitchd/zcrx-devices.c, but not from a thread for which this is true:
 * it looks for a VF. */
DECLARE_EXTERN_PER_THREAD_DATA(bool, zcrx_vf_lookup);

void zcrx_vf_init(struct zcrx_vf *, const char *owner);
void zcrx_vf_destroy(struct zcrx_vf *);

char *zcrx_vf_attach(struct zcrx_vf *, const char *devargs);
bool zcrx_vf_detach(struct zcrx_vf *, struct zcrx_vf_load *);
bool zcrx_vf_is_attached(const struct zcrx_vf *);
bool zcrx_vf_is_lost(const struct zcrx_vf *);
char *zcrx_vf_check(const struct zcrx_vf *, const struct zcrx_vf_config *);
char *zcrx_vf_check_mtu(const struct zcrx_vf *, uint16_t mtu);
uint64_t zcrx_vf_offloads(const struct zcrx_vf *, bool copied);
char *zcrx_vf_configure(struct zcrx_vf *, const struct zcrx_vf_config *);

uint16_t zcrx_vf_rx_descriptors(const struct zcrx_vf *, uint16_t wanted,
                                uint16_t ring_size);
char *zcrx_vf_set_up_queues(struct zcrx_vf *, struct rte_mempool **pools,
                            uint16_t n_rxd);
char *zcrx_vf_start(struct zcrx_vf *);

void zcrx_vf_add_flow_queue(struct zcrx_vf *, struct rte_eth_conf *,
                            uint16_t n_queues);
char *zcrx_vf_set_up_flow_queue(struct zcrx_vf *);
bool zcrx_vf_start_flow_queue(struct zcrx_vf *);

void zcrx_vf_load_init(struct zcrx_vf_load *,
                       uint32_t (*n_out)(const struct zcrx_vf_load *),
                       void (*destroy)(struct zcrx_vf_load *));
void zcrx_vf_load_unref(struct zcrx_vf_load *);
bool zcrx_vf_stop(struct zcrx_vf *, struct zcrx_vf_load *, bool close);
bool zcrx_vf_stop_queue(struct zcrx_vf *, uint16_t queue_id);
bool zcrx_vf_is_stopping(const char *devargs);

/* Stores in 'name' one for a mempool of a VF's queues.  These may point to
 * pools of earlier attempts to start that are as old as the same millisecond.
 * Any thread. */
static inline void
zcrx_vf_name_mempool(char name[RTE_MEMPOOL_NAMESIZE])
{
    snprintf(name, RTE_MEMPOOL_NAMESIZE, "zcrx-%016"PRIx64, rte_rdtsc());
}

char *zcrx_vf_set_mac(struct zcrx_vf *, const struct eth_addr *);
int zcrx_vf_get_mac(struct zcrx_vf *, struct eth_addr *);
void zcrx_vf_watch(struct zcrx_vf *);
void zcrx_vf_forgive_reset(struct zcrx_vf *);
void zcrx_vf_unwatch(struct zcrx_vf *);
bool zcrx_vf_link_is_up(struct zcrx_vf *);
enum netdev_features zcrx_vf_features(const struct zcrx_vf *);
int zcrx_vf_socket_id(const struct zcrx_vf *);
struct rte_device *zcrx_vf_dma_device(const struct zcrx_vf *);
void zcrx_vf_describe_queue(const struct zcrx_vf *, uint16_t queue_id,
                            struct zcrx_queue_vf *);

#endif /* zcrx-vf.h */
