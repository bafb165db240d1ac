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

#ifndef ZCRX_SYNC_H
#define ZCRX_SYNC_H 1

/* Ring sync: one queue pair of a port, that is a queue of the VF together with
 * a virtqueue pair of the guest, and the moving of frames between them.
 *
 *     VF rx queue ---> zcrx_queue_poll() ---> guest's receive virtqueue
 *     VF tx queue <--- zcrx_queue_poll() <--- guest's transmit virtqueue
 *     OVS -----------> zcrx_queue_inject() -> guest's receive virtqueue
 *
 * Some frames go through OVS instead, see zcrx-slow.h.
 *
 * The queue pair belongs to the PMD thread that polls it.  Whoever else wants
 * to touch it closes 'gate' first; see zcrx-gate.h.
 *
 * A guest that breaks one of the two virtqueues stops that one; frames of the
 * other direction go on. */

#include <stdbool.h>
#include <stdint.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "zcrx-gate.h"
#include "zcrx-latency.h"
#include "zcrx-offload.h"
#include "zcrx-pool.h"
#include "zcrx-rate.h"
#include "zcrx-slow.h"
#include "zcrx-stats.h"
#include "zcrx-vring.h"

/* Frames that are moved in one direction in one turn. */
#define ZCRX_BURST 32

/* Frames that OVS may have sent to a queue and that have not reached the
 * guest. */
#define ZCRX_INJECT_SIZE 1024

/* What the VF behind a queue pair is like. */
struct zcrx_queue_vf {
    uint16_t port_id;           /* DPDK port. */
    uint16_t queue_id;
    bool no_ring;               /* The driver takes an mbuf per frame when the
                                 * frame is there. */
    bool chains;                /* As 'no_ring', and takes more than one for a
                                 * long frame. */
    struct zcrx_offload offload;
};

struct zcrx_capture;

struct zcrx_queue {
    struct zcrx_gate gate;

    /* Fixed while the gate is open. */
    struct zcrx_queue_vf vf;
    struct zcrx_vring rx;       /* The guest receives. */
    struct zcrx_vring tx;       /* The guest transmits. */
    struct zcrx_pool *pool;
    struct rte_mempool *tx_mp;  /* For frames of the guest. */
    bool running;               /* The VF and the guest's queues are set up. */
    bool idle;                  /* They are, and the guest has disabled
                                 * them. */
    bool in_use;                /* Neither; any thread may look. */
    struct zcrx_capture *capture; /* Of frames that pass, or NULL. */

    /* Frames in bounce mbufs that wait for a guest buffer. */
    struct rte_mbuf *pending[ZCRX_BURST];
    uint16_t pending_head;
    uint16_t pending_tail;
    unsigned int turn;          /* For sampling. */
    unsigned int n_passed;      /* Frames of the last turn that OVS does not
                                 * get to see. */

    /* OVS's frames for the guest: any thread in, the owner out. */
    struct rte_ring *injected;
    void (*free_injected)(struct rte_mbuf *);

    struct zcrx_slow slow;      /* What goes through OVS. */

    struct zcrx_stats stats;
    struct zcrx_latency latency;
    uint64_t received;          /* TSC when the VF was last asked, of the turns
                                 * that are sampled; 0 if it was not. */

    /* For diagnosis.  Main thread, with the pair's mutex. */
    struct zcrx_stats cleared;  /* 'stats' at the last dpdkzcrx/stats-clear. */
    struct zcrx_latency cleared_latency;
    struct zcrx_rate rate;
} __rte_cache_aligned;          /* So that no two threads write to the same
                                 * line: queue pairs follow each other. */

int zcrx_queue_init(struct zcrx_queue *, const char *name, int socket_id,
                    void (*free_injected)(struct rte_mbuf *));
void zcrx_queue_destroy(struct zcrx_queue *);

void zcrx_queue_start(struct zcrx_queue *);
void zcrx_queue_harvest(struct zcrx_queue *);
void zcrx_queue_recall(struct zcrx_queue *);
void zcrx_queue_stop_rx(struct zcrx_queue *);
void zcrx_queue_stop(struct zcrx_queue *);
void zcrx_queue_set_idle(struct zcrx_queue *, bool idle);

unsigned int zcrx_queue_poll(struct zcrx_queue *);
void zcrx_queue_rest(struct zcrx_queue *);
bool zcrx_queue_inject(struct zcrx_queue *, struct rte_mbuf *);
enum zcrx_vring_error zcrx_queue_error(const struct zcrx_queue *);

/* Returns true if frames pass through 'q'.  Any thread. */
static inline bool
zcrx_queue_in_use(const struct zcrx_queue *q)
{
    return __atomic_load_n(&q->in_use, __ATOMIC_RELAXED);
}

/* Returns the mbufs of 'q' that the VF has.  With the PMD thread shut out. */
static inline uint32_t
zcrx_queue_n_out(const struct zcrx_queue *q)
{
    return (q->pool ? (zcrx_pool_n_out(q->pool)
                       - (q->pending_tail - q->pending_head)) : 0);
}

#endif /* zcrx-sync.h */
