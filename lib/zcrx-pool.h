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

#ifndef ZCRX_POOL_H
#define ZCRX_POOL_H 1

/* The mempool from which a VF queue refills its receive ring, and whose
 * objects are guest buffers.
 *
 * Two kinds of mbuf leave the pool.  A *guest* mbuf is a window onto one
 * buffer of the guest's receive virtqueue; there is one for each descriptor
 * id.  A *bounce* mbuf has host memory; a frame in it is copied to the guest
 * later, because the guest buffer whose turn it was does not qualify.
 *
 *                     guest mbuf                      bounce mbuf
 *
 *      in the ring ----------+          +-----------> free
 *      (available)   dequeue |          | dequeue      |
 *           |                v          |              v
 *           |              posted ------+----------> posted
 *           |             |      |                  |     |
 *           |     enqueue |      | frame      frame |     | enqueue
 *           |             v      v                  v     v
 *           +<--------- unused  filled            filled  free
 *             put back           |                  |
 *                                +----> used <------+ copy
 *
 * To keep the order of the available ring also then, a guest buffer that does
 * not qualify but has room for any frame is *reserved*, in its place in the
 * order, for the next bounce mbuf; buffers too small for that are left in the
 * ring and taken when the frame is there.
 *
 * Only the owner of the queue pair calls any of this, directly or through the
 * VF's driver. */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "zcrx-stats.h"
#include "zcrx-vring.h"

/* Name of the mempool ops. */
#define ZCRX_POOL_OPS "zcrx"

/* Why a guest buffer is not posted zero-copy. */
enum zcrx_copy_reason {
    ZCRX_ZERO_COPY,
    ZCRX_COPY_MODE,
    ZCRX_COPY_SMALL_BUFFER,
    ZCRX_COPY_LAYOUT,
    ZCRX_COPY_NO_DMA,
    ZCRX_COPY_LATE_BUFFER,
    ZCRX_N_COPY_REASONS,
};

const char *zcrx_copy_reason_to_string(enum zcrx_copy_reason);

struct zcrx_pool_config {
    const char *name;           /* Unique among mempools. */
    int socket_id;              /* NUMA node or SOCKET_ID_ANY. */
    struct zcrx_vring *vq;      /* The guest's receive virtqueue. */
    uint32_t max_frame;         /* Bytes that the VF may write at most. */
    uint32_t n_bounce;          /* Bounce mbufs, 0 for none. */
    uint32_t bounce_below;      /* When the guest has no buffers: post bounce
                                 * mbufs while the VF has fewer than this. */
    bool copy;                  /* Use only bounce mbufs. */
    bool vf_writes_header;      /* The VF writes a virtio-net header of 12
                                 * bytes in front of each frame. */
};

struct zcrx_pool {
    struct rte_mempool *mp;     /* What the VF queue is given. */
    struct zcrx_vring *vq;
    struct rte_mbuf *guest_mbufs; /* By descriptor id. */
    uint16_t n_guest_mbufs;     /* As many as 'vq' has entries. */
    void **hdrs;                /* By descriptor id: the virtio-net header;
                                 * NULL if it lies right before the frame. */
    bool hdrs_apart;            /* Some of 'hdrs' are not NULL. */
    struct zcrx_plain_limits plain; /* Of plain buffers that qualify; with a
                                     * 'max' of 0, none does. */
    uint32_t max_frame;
    uint32_t n_bounce;
    uint32_t bounce_below;
    bool copy;
    bool vf_writes_header;

    /* A VF that has no mbufs wants more at a time than the guest has buffers:
     * either may wait for the other. */
    uint64_t patience;          /* How long that may last, in TSC cycles. */
    uint64_t starving_since;    /* TSC, 0 if it is not so. */
    uint32_t starving_with;     /* Buffers that the guest had then. */
    uint32_t starving_below;    /* 'bounce_below' from then on. */

    uint32_t n_posted;          /* Guest mbufs that the VF has. */
    uint32_t n_bounce_posted;   /* Bounce mbufs that the VF has. */

    uint16_t *unused;           /* Stack of ids that the VF gave back. */
    uint32_t n_unused;
    uint32_t n_given_back;      /* Mbufs of both kinds that the VF gave back
                                 * without a frame; for the owner to count and
                                 * reset. */

    struct rte_mbuf **bounce;   /* Stack of free bounce mbufs. */
    uint32_t n_bounce_free;
    struct zcrx_head *reserved; /* Circular, 'n_bounce' entries. */
    uint32_t reserved_head;
    uint32_t n_reserved;

    /* Set while the VF gives back what it has: which guest mbufs those are.
     * (Bounce mbufs know that of themselves.) */
    bool recalled;
    bool *has;                  /* By descriptor id. */

    /* How many mbufs the VF may still get in this turn.  Keeps a driver that
     * takes one mbuf per frame from chaining several. */
    uint32_t credit;

    bool want_bounce;           /* A buffer did not qualify and there are no
                                 * bounce mbufs: the pool must be set up
                                 * again. */
    bool copying;               /* The last mbuf posted was a bounce mbuf. */
    enum zcrx_copy_reason last_reason; /* Of the last bounce mbuf. */
};

struct zcrx_pool *zcrx_pool_create(const struct zcrx_pool_config *);
void zcrx_pool_recall(struct zcrx_pool *);
void zcrx_pool_close(struct zcrx_pool *);
void zcrx_pool_destroy(struct zcrx_pool *);
void zcrx_pool_put_back_all(struct zcrx_pool *);

enum zcrx_copy_reason zcrx_pool_qualify(const struct zcrx_pool *,
                                        const struct zcrx_rx_buf *);
const struct zcrx_head *zcrx_pool_reserved(const struct zcrx_pool *);
void zcrx_pool_pop_reserved(struct zcrx_pool *);
void zcrx_pool_free_bounce(struct zcrx_pool *, struct rte_mbuf *);
enum zcrx_copy_reason zcrx_pool_bounce_reason(const struct rte_mbuf *);

/* Returns where the header for the frame in guest mbuf 'm' belongs, if it is
 * one of 'hdr_len' bytes right before the frame. */
static inline void *
zcrx_pool_hdr_before(const struct rte_mbuf *m, uint8_t hdr_len)
{
    return (char *) m->buf_addr + RTE_PKTMBUF_HEADROOM - hdr_len;
}

/* Returns where the header for the frame in guest mbuf 'm', whose id is 'id',
 * belongs. */
static inline void *
zcrx_pool_hdr(const struct zcrx_pool *pool, const struct rte_mbuf *m,
              uint16_t id)
{
    return (pool->hdrs_apart && pool->hdrs[id] ? pool->hdrs[id]
            : zcrx_pool_hdr_before(m, pool->vq->hdr_len));
}

/* Returns true if the frame in guest mbuf 'm' does not begin where it should,
 * or is not in 'm' alone.  Both are in the word of an mbuf that drivers rearm
 * at once. */
static inline bool
zcrx_pool_is_moved(const struct rte_mbuf *m)
{
    const uint64_t expected = RTE_PKTMBUF_HEADROOM | UINT64_C(1) << 32;
    const uint64_t mask = UINT64_C(0x0000ffff0000ffff);
    uint64_t word;

    RTE_BUILD_BUG_ON(offsetof(struct rte_mbuf, data_off)
                     != offsetof(struct rte_mbuf, rearm_data));
    RTE_BUILD_BUG_ON(offsetof(struct rte_mbuf, nb_segs)
                     != offsetof(struct rte_mbuf, rearm_data) + 4);
    memcpy(&word, &m->rearm_data, sizeof word);
    return (word ^ expected) & mask;
}

/* Returns the mbufs that the VF has. */
static inline uint32_t
zcrx_pool_n_out(const struct zcrx_pool *pool)
{
    return pool->n_posted + pool->n_bounce_posted;
}

/* Returns true if 'm' is a guest mbuf, and its descriptor id in '*id'. */
static inline bool
zcrx_pool_is_guest(const struct zcrx_pool *pool, const struct rte_mbuf *m,
                   uint16_t *id)
{
    uintptr_t i = m - pool->guest_mbufs;

    *id = i;
    return i < pool->n_guest_mbufs;
}

/* Returns true if frames are being copied to buffers that are taken only when
 * the frame is there. */
static inline bool
zcrx_pool_is_unbound(const struct zcrx_pool *pool)
{
    return pool->n_bounce_posted > pool->n_reserved;
}

#endif /* zcrx-pool.h */
