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

#include "zcrx-pool.h"

#include <errno.h>
#include <string.h>
#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_mbuf_pool_ops.h>

#include "zcrx-probe.h"
#include "zcrx-vring-plain.h"

/* Guest buffers that are taken from the virtqueue at once. */
#define POOL_BURST 32

/* How long a VF may wait for buffers before there is something wrong, in
 * milliseconds. */
#define PATIENCE 100

/* An mbuf's length field has 16 bits. */
#define MAX_BUF_LEN UINT16_MAX

/* Private area of a bounce mbuf. */
struct bounce_priv {
    uint32_t reason;            /* An enum zcrx_copy_reason. */
    uint32_t has;               /* After zcrx_pool_recall(): nonzero if the VF
                                 * has it.  (Private areas of mbufs are a
                                 * multiple of 8 bytes.) */
};

static struct bounce_priv *
bounce_priv(const struct rte_mbuf *m)
{
    return (struct bounce_priv *) (m + 1);
}

/* Returns a description of 'reason', a constant. */
const char *
zcrx_copy_reason_to_string(enum zcrx_copy_reason reason)
{
    switch (reason) {
    case ZCRX_ZERO_COPY:
        return "zero-copy";
    case ZCRX_COPY_MODE:
        return "zcrx-mode is copy";
    case ZCRX_COPY_SMALL_BUFFER:
        return "guest buffers are smaller than the VF's largest frame";
    case ZCRX_COPY_LAYOUT:
        return "guest buffers are not in one piece or at odd addresses, or "
               "their headers lie where the VF would write";
    case ZCRX_COPY_NO_DMA:
        return "the VF cannot write to the guest's memory";
    case ZCRX_COPY_LATE_BUFFER:
        return "the guest has posted fewer buffers than the VF has "
               "descriptors";
    case ZCRX_N_COPY_REASONS:
    default:
        return "unknown";
    }
}

/* Returns ZCRX_ZERO_COPY if the VF may write frames straight into 'buf',
 * otherwise why not. */
enum zcrx_copy_reason
zcrx_pool_qualify(const struct zcrx_pool *pool, const struct zcrx_rx_buf *buf)
{
    if (buf->room < pool->max_frame) {
        return ZCRX_COPY_SMALL_BUFFER;
    }
    /* NICs have other uses for the lowest bit of an address. */
    if (buf->contig < pool->max_frame || !buf->hdr
        || (uintptr_t) buf->data & 1) {
        return ZCRX_COPY_LAYOUT;
    }
    if (pool->vf_writes_header
        && (char *) buf->data - (char *) buf->hdr != ZCRX_HDR_LEN) {
        return ZCRX_COPY_LAYOUT;
    }
    if (buf->iova == ZCRX_BAD_IOVA) {
        return ZCRX_COPY_NO_DMA;
    }
    return ZCRX_ZERO_COPY;
}

/* Returns the mbuf for 'buf', which qualifies. */
static struct rte_mbuf *
post_guest(struct zcrx_pool *pool, const struct zcrx_rx_buf *buf)
{
    struct rte_mbuf *m = &pool->guest_mbufs[buf->head.id];
    uint32_t room = RTE_MIN(buf->contig,
                            (uint32_t) MAX_BUF_LEN - RTE_PKTMBUF_HEADROOM);

    /* Drivers add the constant headroom to these; nothing in front of the
     * frame is ours. */
    m->buf_addr = (char *) buf->data - RTE_PKTMBUF_HEADROOM;
    m->buf_iova = buf->iova - RTE_PKTMBUF_HEADROOM;
    m->buf_len = RTE_PKTMBUF_HEADROOM + room;
    pool->hdrs[buf->head.id] = NULL;
    if ((char *) buf->data - (char *) buf->hdr != pool->vq->hdr_len) {
        pool->hdrs[buf->head.id] = buf->hdr;
        pool->hdrs_apart = true;
    }
    pool->copying = false;
    pool->n_posted++;
    return m;
}

/* What post_plain() needs. */
struct plain_post {
    struct rte_mbuf *guest_mbufs;
    void **objs;
    uint32_t offset;            /* From where an mbuf begins to the header. */
};

/* Points the guest mbuf for buffer 'id' at it. */
static inline void
post_plain(void *post_, uint16_t id, uintptr_t hdr, uint16_t len)
{
    struct plain_post *post = post_;
    struct rte_mbuf *m = &post->guest_mbufs[id];

    m->buf_addr = (void *) (hdr - post->offset);
    m->buf_iova = hdr - post->offset;
    m->buf_len = len + post->offset;
    *post->objs++ = m;
}

/* As dequeue_guest(), for as long as the guest's buffers are plain ones.  On
 * its own, it can keep all that it needs in registers. */
static uint32_t __rte_noinline
dequeue_plain(struct zcrx_pool *pool, void **objs, uint32_t n)
{
    struct plain_post post = {
        .guest_mbufs = pool->guest_mbufs,
        .objs = objs,
        .offset = RTE_PKTMBUF_HEADROOM - pool->vq->hdr_len,
    };
    uint16_t got = zcrx_vring_take_plain(pool->vq,
                                         RTE_MIN(n, (uint32_t) UINT16_MAX),
                                         pool->plain, post_plain, &post);

    if (got) {
        pool->copying = false;
        pool->n_posted += got;
    }
    return got;
}

/* Returns a bounce mbuf, of which there must be one. */
static struct rte_mbuf *
post_bounce(struct zcrx_pool *pool, enum zcrx_copy_reason reason)
{
    struct rte_mbuf *m = pool->bounce[--pool->n_bounce_free];

    bounce_priv(m)->reason = reason;
    pool->last_reason = reason;
    pool->copying = true;
    pool->n_bounce_posted++;
    return m;
}

static void
reserve(struct zcrx_pool *pool, const struct zcrx_head *head)
{
    uint32_t pos = (pool->reserved_head + pool->n_reserved) % pool->n_bounce;

    zcrx_vring_save(pool->vq, head);
    pool->reserved[pos] = *head;
    pool->n_reserved++;
}

/* Returns the guest buffer that was reserved for the oldest bounce mbuf, NULL
 * if there is none. */
const struct zcrx_head *
zcrx_pool_reserved(const struct zcrx_pool *pool)
{
    return pool->n_reserved ? &pool->reserved[pool->reserved_head] : NULL;
}

/* Forgets the reserved buffer that zcrx_pool_reserved() returns, which has
 * been used. */
void
zcrx_pool_pop_reserved(struct zcrx_pool *pool)
{
    pool->reserved_head = (pool->reserved_head + 1) % pool->n_bounce;
    pool->n_reserved--;
}

/* Frees bounce mbuf 'm', which came back from the VF with a frame. */
void
zcrx_pool_free_bounce(struct zcrx_pool *pool, struct rte_mbuf *m)
{
    if (unlikely(m->nb_segs != 1)) {
        rte_pktmbuf_free(m);    /* With all that the driver chained to it. */
        return;
    }
    pool->bounce[pool->n_bounce_free++] = m;
    pool->n_bounce_posted--;
}

/* Returns why bounce mbuf 'm' was posted. */
enum zcrx_copy_reason
zcrx_pool_bounce_reason(const struct rte_mbuf *m)
{
    return bounce_priv(m)->reason;
}

/* Reserves guest buffers for bounce mbufs that were posted without, when the
 * guest's buffers have become large enough.  Returns true if each has one, so
 * that what follows may be zero-copy. */
static bool
bind_bounce(struct zcrx_pool *pool)
{
    while (zcrx_pool_is_unbound(pool)) {
        struct zcrx_rx_buf buf;

        if (!zcrx_vring_take_rx(pool->vq, &buf, 1)) {
            return false;
        }
        if (buf.room < pool->max_frame) {
            zcrx_vring_untake_rx(pool->vq, &buf, 1);
            return false;
        }
        reserve(pool, &buf.head);
    }
    return true;
}

/* Stores up to 'n' mbufs for the buffers that the guest offers next in 'objs',
 * in their order.  Returns how many; fewer than 'n' if the guest's buffers run
 * out, or if one is too small for any frame to be copied to it alone, with the
 * reason in '*why'. */
static uint32_t
dequeue_guest(struct zcrx_pool *pool, void **objs, uint32_t n,
              enum zcrx_copy_reason *why)
{
    struct zcrx_rx_buf bufs[POOL_BURST];
    uint16_t want = RTE_MIN(n, (uint32_t) POOL_BURST);
    uint16_t got;

    /* Once headers lie elsewhere, 'hdrs' must be kept for every buffer. */
    if (pool->plain.max && !pool->hdrs_apart) {
        uint32_t n_plain = dequeue_plain(pool, objs, n);

        if (n_plain) {
            return n_plain;
        }
    }
    got = zcrx_vring_take_rx(pool->vq, bufs, want);
    if (!got) {
        *why = ZCRX_COPY_LATE_BUFFER;
    }
    for (uint16_t i = 0; i < got; i++) {
        enum zcrx_copy_reason reason = zcrx_pool_qualify(pool, &bufs[i]);

        if (reason == ZCRX_ZERO_COPY) {
            objs[i] = post_guest(pool, &bufs[i]);
        } else if (reason != ZCRX_COPY_SMALL_BUFFER && pool->n_bounce_free) {
            reserve(pool, &bufs[i].head);
            objs[i] = post_bounce(pool, reason);
        } else {
            zcrx_vring_untake_rx(pool->vq, &bufs[i], got - i);
            *why = reason;
            return i;
        }
    }
    return got;
}

/* Returns true if the VF had 'm' when its mbufs were recalled, and has not
 * given it back since. */
static bool
is_recalled(struct zcrx_pool *pool, struct rte_mbuf *m)
{
    bool has;
    uint16_t id;

    if (zcrx_pool_is_guest(pool, m, &id)) {
        has = pool->has[id];
        pool->has[id] = false;
    } else {
        has = bounce_priv(m)->has;
        bounce_priv(m)->has = false;
    }
    return has;
}

static int
pool_enqueue(struct rte_mempool *mp, void *const *objs, unsigned int n)
{
    struct zcrx_pool *pool = mp->pool_data;

    for (unsigned int i = 0; i < n; i++) {
        struct rte_mbuf *m = objs[i];
        uint16_t id;

        if (pool->recalled && !is_recalled(pool, m)) {
            continue;
        }
        if (zcrx_pool_is_guest(pool, m, &id)) {
            pool->unused[pool->n_unused++] = id;
            pool->n_posted--;
            pool->n_given_back++;
        } else {
            pool->bounce[pool->n_bounce_free++] = m;
            if (pool->n_bounce_posted) {
                pool->n_bounce_posted--;
                pool->n_given_back++;
            }
        }
    }
    return 0;
}

/* Makes the buffer that was reserved last available again. */
static void
undo_reserve(struct zcrx_pool *pool)
{
    uint32_t pos = pool->reserved_head + --pool->n_reserved;

    zcrx_vring_untake(pool->vq, &pool->reserved[pos % pool->n_bounce], 1);
}

/* Takes back the 'n' mbufs in 'objs', which were dequeued last, and with them
 * the reservations beyond the first 'n_reserved': the newest buffer first,
 * whatever it was taken for, as the journal must be right in between. */
static void
undo_dequeue(struct zcrx_pool *pool, void **objs, uint32_t n,
             uint32_t n_reserved)
{
    while (n) {
        struct rte_mbuf *m = objs[--n];
        struct zcrx_head head;

        if (zcrx_pool_is_guest(pool, m, &head.id)) {
            zcrx_vring_untake(pool->vq, &head, 1);
            pool->n_posted--;
        } else {
            pool->bounce[pool->n_bounce_free++] = m;
            pool->n_bounce_posted--;
            /* The first ones may be for what was reserved before. */
            if (pool->n_reserved > n_reserved) {
                undo_reserve(pool);
            }
        }
    }
    /* Those for which the VF has mbufs. */
    while (pool->n_reserved > n_reserved) {
        undo_reserve(pool);
    }
}

/* Returns true if a VF without mbufs has waited in vain, for some time, for
 * more than the 'n' that the guest has buffers for.  A guest that was merely
 * late has more by then. */
static bool
is_starving(struct zcrx_pool *pool, uint32_t n)
{
    uint64_t now = rte_rdtsc();

    if (!pool->starving_since || pool->starving_with != n) {
        pool->starving_since = now;
        pool->starving_with = n;
        return false;
    }
    return now - pool->starving_since > pool->patience;
}

/* Notes why the VF, which may have others, does not get the mbufs that it
 * wants, when there are 'n' of them. */
static void
explain_failure(struct zcrx_pool *pool, enum zcrx_copy_reason why, uint32_t n)
{
    if (pool->vq->error) {
        return;
    }
    if (why == ZCRX_COPY_LATE_BUFFER) {
        if (!n || zcrx_pool_n_out(pool) || !is_starving(pool, n)) {
            return;
        }
        pool->bounce_below = pool->starving_below;
    }
    if (!pool->n_bounce) {
        pool->want_bounce = true;
        pool->last_reason = why;
    }
}

/* All or nothing, as the mempool library has it. */
static int
pool_dequeue(struct rte_mempool *mp, void **objs, unsigned int n)
{
    struct zcrx_pool *pool = mp->pool_data;
    enum zcrx_copy_reason why = ZCRX_COPY_MODE;
    uint32_t n_out = zcrx_pool_n_out(pool);
    uint32_t n_reserved;
    uint32_t n_unused = 0;
    uint32_t done = 0;

    if (n > pool->credit) {
        return -ENOBUFS;
    }
    /* What the VF gave back goes first: it is the oldest. */
    while (done < n && n_unused < pool->n_unused) {
        n_unused++;
        objs[done++] = &pool->guest_mbufs[pool->unused[pool->n_unused
                                                       - n_unused]];
    }
    /* Then what was reserved for a bounce mbuf that came to nothing. */
    while (done < n && pool->n_reserved > pool->n_bounce_posted
           && pool->n_bounce_free) {
        objs[done++] = post_bounce(pool, pool->last_reason);
    }
    n_reserved = pool->n_reserved;
    if (!pool->copy && bind_bounce(pool)) {
        n_reserved = pool->n_reserved;
        while (done < n) {
            uint32_t got = dequeue_guest(pool, &objs[done], n - done, &why);

            done += got;
            if (!got) {
                break;
            }
        }
    } else {
        why = pool->copy ? ZCRX_COPY_MODE : pool->last_reason;
    }
    if (done < n && n - done <= pool->n_bounce_free
        && (why != ZCRX_COPY_LATE_BUFFER
            || n_out < pool->bounce_below)) {
        while (done < n) {
            objs[done++] = post_bounce(pool, why);
        }
    }
    if (done < n) {
        undo_dequeue(pool, objs + n_unused, done - n_unused, n_reserved);
        explain_failure(pool, why, done);
        return -ENOBUFS;
    }
    pool->starving_since = 0;
    pool->n_unused -= n_unused;
    pool->n_posted += n_unused;
    pool->credit -= n;
    ZCRX_PROBE3(post, pool->vq, n, pool->n_posted);
    return 0;
}

static unsigned int
pool_get_count(const struct rte_mempool *mp)
{
    const struct zcrx_pool *pool = mp->pool_data;

    return pool->n_unused + pool->n_bounce_free;
}

static int
pool_alloc(struct rte_mempool *mp)
{
    mp->pool_data = mp->pool_config;
    return 0;
}

static const struct rte_mempool_ops zcrx_pool_ops = {
    .name = ZCRX_POOL_OPS,
    .alloc = pool_alloc,
    .enqueue = pool_enqueue,
    .dequeue = pool_dequeue,
    .get_count = pool_get_count,
};

RTE_MEMPOOL_REGISTER_OPS(zcrx_pool_ops);

static void
set_has(struct rte_mempool *mp __rte_unused, void *aux __rte_unused, void *m,
        unsigned int i __rte_unused)
{
    bounce_priv(m)->has = true;
}

/* Makes 'pool' hand out nothing any more, and take back nothing but what the
 * VF has at this moment: when they are closed, some drivers give back mbufs
 * with which they delivered frames long ago. */
void
zcrx_pool_recall(struct zcrx_pool *pool)
{
    pool->credit = 0;
    pool->recalled = true;

    for (uint32_t id = 0; id < pool->n_guest_mbufs; id++) {
        pool->has[id] = zcrx_vring_is_outstanding(pool->vq, id);
    }
    for (uint32_t i = 0; i < pool->n_unused; i++) {
        pool->has[pool->unused[i]] = false;
    }
    for (uint32_t i = 0; i < pool->n_reserved; i++) {
        uint32_t pos = (pool->reserved_head + i) % pool->n_bounce;

        pool->has[pool->reserved[pos].id] = false;
    }

    rte_mempool_obj_iter(pool->mp, set_has, NULL);
    for (uint32_t i = 0; i < pool->n_bounce_free; i++) {
        bounce_priv(pool->bounce[i])->has = false;
    }
}

/* Makes 'pool' hand out nothing any more: its virtqueue may go away while a
 * stopped VF queue, or the mempool library, still refers to it. */
void
zcrx_pool_close(struct zcrx_pool *pool)
{
    pool->credit = 0;
}

/* Frees 'pool'.  The VF must have none of its mbufs, and no queue that would
 * ask it for more. */
void
zcrx_pool_destroy(struct zcrx_pool *pool)
{
    if (!pool) {
        return;
    }
    /* The library takes every object out before it frees them. */
    zcrx_pool_close(pool);
    rte_mempool_free(pool->mp);
    rte_free(pool->guest_mbufs);
    rte_free(pool->hdrs);
    rte_free(pool->unused);
    rte_free(pool->has);
    rte_free(pool->bounce);
    rte_free(pool->reserved);
    rte_free(pool);
}

static void
init_guest_mbuf(struct zcrx_pool *pool, struct rte_mbuf *m)
{
    m->pool = pool->mp;
    m->data_off = RTE_PKTMBUF_HEADROOM;
    m->nb_segs = 1;
    m->port = RTE_MBUF_PORT_INVALID;
    rte_mbuf_refcnt_set(m, 1);
}

/* Returns a new pool as 'config' says, on the receive virtqueue 'config->vq',
 * none of whose buffers may be outstanding, or NULL if there is not enough
 * memory.  Host memory is used for the mbufs' headers, and for frames only if
 * there are bounce mbufs.  The caller owns the pool.
 *
 * Any thread, with the queue pair's gate closed. */
struct zcrx_pool *
zcrx_pool_create(const struct zcrx_pool_config *config)
{
    /* Drivers that program one buffer size for the whole queue round down, to
     * as much as 1,024 bytes, and split frames that are longer. */
    uint32_t room = RTE_PKTMBUF_HEADROOM + RTE_ALIGN_CEIL(config->max_frame,
                                                          1024);
    struct rte_pktmbuf_pool_private priv = {
        .mbuf_data_room_size = RTE_MIN(room, (uint32_t) MAX_BUF_LEN),
        .mbuf_priv_size = sizeof(struct bounce_priv),
    };
    uint32_t n = config->n_bounce;
    uint16_t size = config->vq->size;
    int node = config->socket_id;
    struct zcrx_pool *pool;

    pool = rte_zmalloc_socket("zcrx_pool", sizeof *pool, RTE_CACHE_LINE_SIZE,
                              node);
    if (!pool) {
        return NULL;
    }
    pool->vq = config->vq;
    pool->max_frame = config->max_frame;
    pool->n_bounce = n;
    pool->copy = config->copy;
    pool->vf_writes_header = config->vf_writes_header;
    if (config->max_frame <= MAX_BUF_LEN / 2
        && (!config->vf_writes_header
            || config->vq->hdr_len == ZCRX_HDR_LEN)) {
        pool->plain.min = config->max_frame + config->vq->hdr_len;
        pool->plain.max = (MAX_BUF_LEN - RTE_PKTMBUF_HEADROOM
                           + config->vq->hdr_len);
    }
    pool->bounce_below = config->bounce_below;
    pool->starving_below = config->bounce_below / 2;
    pool->patience = rte_get_tsc_hz() / 1000 * PATIENCE;
    pool->credit = UINT32_MAX;  /* For the driver's first filling. */
    pool->last_reason = (config->copy ? ZCRX_COPY_MODE
                         : ZCRX_COPY_LATE_BUFFER);

    pool->n_guest_mbufs = size;
    pool->guest_mbufs = rte_zmalloc_socket("zcrx_mbufs",
                                           size * sizeof *pool->guest_mbufs,
                                           RTE_CACHE_LINE_SIZE, node);
    pool->hdrs = rte_zmalloc_socket("zcrx_hdrs", size * sizeof *pool->hdrs,
                                    RTE_CACHE_LINE_SIZE, node);
    pool->unused = rte_zmalloc_socket("zcrx_unused",
                                      size * sizeof *pool->unused, 0, node);
    pool->has = rte_zmalloc_socket("zcrx_has", size * sizeof *pool->has, 0,
                                   node);
    pool->bounce = rte_zmalloc_socket("zcrx_bounce",
                                      RTE_MAX(n, 1u) * sizeof *pool->bounce,
                                      0, node);
    pool->reserved = rte_zmalloc_socket("zcrx_reserved",
                                        RTE_MAX(n, 1u)
                                        * sizeof *pool->reserved, 0, node);
    pool->mp = rte_mempool_create_empty(config->name, RTE_MAX(n, 1u),
                                        sizeof(struct rte_mbuf)
                                        + priv.mbuf_priv_size
                                        + priv.mbuf_data_room_size,
                                        0, sizeof priv, node, 0);
    if (!pool->guest_mbufs || !pool->hdrs || !pool->unused || !pool->has
        || !pool->bounce || !pool->reserved || !pool->mp
        || rte_mempool_set_ops_byname(pool->mp, ZCRX_POOL_OPS, pool)) {
        goto error;
    }
    /* What pool_alloc() does, which the library calls only when there is
     * something to populate the pool with. */
    pool->mp->pool_data = pool;
    rte_pktmbuf_pool_init(pool->mp, &priv);
    for (uint16_t i = 0; i < size; i++) {
        init_guest_mbuf(pool, &pool->guest_mbufs[i]);
    }
    if (n) {
        /* Each object comes in through pool_enqueue(). */
        if (rte_mempool_populate_default(pool->mp) < 0) {
            goto error;
        }
        rte_mempool_obj_iter(pool->mp, rte_pktmbuf_init, NULL);
    }
    return pool;

error:
    zcrx_pool_destroy(pool);
    return NULL;
}

/* Makes the guest buffers that are not used yet available again and forgets
 * the mbufs that the VF has.  The caller must have made sure that the VF will
 * not write to any of them. */
void
zcrx_pool_put_back_all(struct zcrx_pool *pool)
{
    pool->n_unused = 0;
    pool->n_reserved = 0;
    zcrx_vring_put_back_all(pool->vq);
}
