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

/* The mempool whose objects are guest buffers: what the VF gets from it, and
 * what becomes of what it gives back. */

#include "zcrx-pool.h"

#include <errno.h>
#include <string.h>

#include "check.h"
#include "eal.h"
#include "guest.h"

#define MEM_SIZE 262144
#define MAX_RING 256
#define MAX_FRAME 1514
#define START 65530

static struct guest guest;
static struct guest_vq gq;      /* The driver's side. */
static struct zcrx_vring vq;    /* The device's. */
static struct zcrx_pool *pool;  /* Under test. */
static struct zcrx_pool_config config;

/* What the VF has, oldest first. */
static struct rte_mbuf *out[2 * MAX_RING];
static unsigned int n_out;

static void
set_up_ring(uint16_t size)
{
    guest_init(&guest, MEM_SIZE);
    guest_vq_init(&gq, &guest, size, START, true);
    CHECK(!zcrx_vring_init(&vq, &gq.config, &guest.map));
    memset(&config, 0, sizeof config);
    config.name = "test-pool";
    config.socket_id = SOCKET_ID_ANY;
    config.vq = &vq;
    config.max_frame = MAX_FRAME;
    n_out = 0;
}

static void
create_pool(uint32_t n_bounce)
{
    config.n_bounce = n_bounce;
    pool = zcrx_pool_create(&config);
    CHECK(pool);
    CHECK_EQ(zcrx_pool_n_out(pool), 0);
    CHECK_EQ(pool->n_bounce_free, n_bounce);
    CHECK_EQ(rte_mempool_avail_count(pool->mp), n_bounce);
}

static void
set_up(uint16_t size, uint32_t n_bounce)
{
    set_up_ring(size);
    create_pool(n_bounce);
}

static void
tear_down(void)
{
    zcrx_pool_destroy(pool);
    zcrx_vring_destroy(&vq);
    guest_vq_destroy(&gq);
    guest_destroy(&guest);
}

/* The kinds of buffers.  They may overlap, as nothing here looks at what is
 * in them. */
enum kind {
    GOOD,
    OWN_HEADER,                 /* Good, too, for most VFs. */
    SMALL,
    IN_PIECES,
    SPLIT_HEADER,
    NO_DMA,
    N_KINDS
};

static uint16_t
post(enum kind kind)
{
    uint64_t mem = guest.gpa[kind == NO_DMA ? GUEST_NO_DMA : GUEST_FAR];
    struct guest_piece pieces[2] = { { mem, 12 }, { mem + 100, MAX_FRAME } };

    switch (kind) {
    case OWN_HEADER:
        return guest_post(&gq, pieces, 2, GUEST_DIRECT);
    case SMALL:
        return guest_post_one(&gq, mem, 12 + MAX_FRAME - 1);
    case IN_PIECES:
        pieces[0].len = 200;
        return guest_post(&gq, pieces, 2, GUEST_DIRECT);
    case SPLIT_HEADER:
        pieces[0].len = 6;
        pieces[1].len += 6;
        return guest_post(&gq, pieces, 2, GUEST_DIRECT);
    case GOOD:
    case NO_DMA:
    case N_KINDS:
    default:
        return guest_post_one(&gq, mem, 12 + MAX_FRAME);
    }
}

/* Has the VF ask for 'n' mbufs.  Returns true if it got them. */
static bool
dequeue(unsigned int n)
{
    void *objs[2 * MAX_RING];

    CHECK(n_out + n <= N_ELEMENTS(out));
    if (rte_mempool_get_bulk(pool->mp, objs, n)) {
        return false;
    }
    memcpy(&out[n_out], objs, n * sizeof objs[0]);
    n_out += n;
    CHECK_EQ(zcrx_pool_n_out(pool), n_out);
    return true;
}

/* Has the VF give back the mbuf that is 'i'th in 'out'. */
static void
enqueue(unsigned int i)
{
    struct rte_mbuf *m = out[i];

    memmove(&out[i], &out[i + 1], (--n_out - i) * sizeof out[0]);
    rte_pktmbuf_free(m);
}

static void
check_guest_mbuf(const struct rte_mbuf *m, uint16_t id)
{
    uint16_t got;

    CHECK(zcrx_pool_is_guest(pool, m, &got));
    CHECK_EQ(got, id);
}

static void
check_bounce_mbuf(const struct rte_mbuf *m, enum zcrx_copy_reason reason)
{
    uint16_t id;

    CHECK(!zcrx_pool_is_guest(pool, m, &id));
    CHECK_EQ(zcrx_pool_bounce_reason(m), reason);
    CHECK(m->pool == pool->mp);
    CHECK(m->buf_len >= RTE_PKTMBUF_HEADROOM + MAX_FRAME);
    CHECK(rte_mbuf_refcnt_read(m) == 1 && m->nb_segs == 1 && !m->next);
}

/* The ring and the pool but for what may change when nothing is given. */
struct snapshot {
    struct zcrx_vring vq;
    struct zcrx_pool pool;
    bool outstanding[MAX_RING];
    uint16_t unused[MAX_RING];
};

static struct snapshot
take_snapshot(void)
{
    struct snapshot s;

    memset(&s, 0, sizeof s);
    memcpy(&s.vq, &vq, sizeof vq);
    memcpy(&s.pool, pool, sizeof s.pool);
    s.vq.seen_avail = 0;
    s.vq.region = NULL;
    s.pool.want_bounce = 0;
    s.pool.last_reason = 0;
    s.pool.bounce_below = 0;
    s.pool.starving_since = 0;
    s.pool.starving_with = 0;
    for (uint16_t id = 0; id < vq.size; id++) {
        s.outstanding[id] = zcrx_vring_is_outstanding(&vq, id);
    }
    memcpy(s.unused, pool->unused, pool->n_unused * sizeof *pool->unused);
    return s;
}

static void
check_unchanged(const struct snapshot *before)
{
    struct snapshot after = take_snapshot();

    CHECK(!memcmp(before, &after, sizeof after));
}

static void
test_all_or_nothing(void)
{
    for (unsigned int n = 0; n <= 64; n++) {
        for (unsigned int more = 1; more < 70; more += 17) {
            struct snapshot before;
            uint16_t ids[64];

            set_up(64, 0);
            for (unsigned int i = 0; i < n; i++) {
                ids[i] = post(GOOD);
            }
            pool->patience = 0;
            before = take_snapshot();
            CHECK(!dequeue(n + more));
            check_unchanged(&before);
            CHECK(!pool->want_bounce);
            /* It would wait for buffers that the guest may not have. */
            CHECK(!dequeue(n + more));
            CHECK_EQ(pool->want_bounce, n > 0);
            pool->want_bounce = false;
            CHECK(dequeue(n));
            for (unsigned int i = 0; i < n; i++) {
                check_guest_mbuf(out[i], ids[i]);
            }
            CHECK_EQ(pool->n_posted, n);

            /* Here, the VF has buffers, and the guest just none to spare. */
            before = take_snapshot();
            CHECK(!dequeue(1));
            check_unchanged(&before);
            CHECK(!pool->want_bounce);
            if (n && n < 64) {
                post(GOOD);
                CHECK(!dequeue(2));
                CHECK(!pool->want_bounce);
            }
            tear_down();
        }
    }
}

/* As soon as one of the buffers does not qualify, none is taken. */
static void
test_no_bounce(void)
{
    for (enum kind kind = SMALL; kind < N_KINDS; kind++) {
        for (unsigned int n = 0; n < 40; n += 13) {
            struct snapshot before;

            set_up(64, 0);
            for (unsigned int i = 0; i < n; i++) {
                post(GOOD);
            }
            post(kind);
            post(GOOD);
            before = take_snapshot();
            CHECK(!dequeue(n + 1));
            CHECK(pool->want_bounce);
            CHECK_EQ(pool->last_reason,
                     kind == SMALL ? ZCRX_COPY_SMALL_BUFFER
                     : kind == NO_DMA ? ZCRX_COPY_NO_DMA : ZCRX_COPY_LAYOUT);
            check_unchanged(&before);
            CHECK(dequeue(n));
            tear_down();
        }
    }
}

/* A broken ring gives no buffers, and is no reason for bounce mbufs. */
static void
test_guest_error(void)
{
    struct snapshot before;

    set_up(64, 0);
    post(GOOD);
    post(GOOD);
    guest_offer(&gq, 64);
    before = take_snapshot();
    CHECK(!dequeue(3));
    CHECK_EQ(vq.error, ZCRX_VRING_BAD_HEAD);
    CHECK(!pool->want_bounce);
    before.vq.error = vq.error;
    check_unchanged(&before);
    CHECK(!dequeue(1));
    tear_down();
}

/* Buffers that a frame must be copied to keep their place. */
static void
test_reserved(void)
{
    static const enum kind kinds[] = { GOOD, NO_DMA, OWN_HEADER, IN_PIECES,
                                       SPLIT_HEADER, GOOD };
    static const enum zcrx_copy_reason reasons[] = {
        ZCRX_ZERO_COPY, ZCRX_COPY_NO_DMA, ZCRX_ZERO_COPY, ZCRX_COPY_LAYOUT,
        ZCRX_COPY_LAYOUT, ZCRX_ZERO_COPY,
    };
    enum { N = N_ELEMENTS(kinds), ROUNDS = 20 };

    /* More rounds than 'reserved' has room for. */
    set_up(64, 10);
    CHECK(!zcrx_pool_reserved(pool));
    for (int round = 0; round < ROUNDS; round++) {
        uint16_t ids[N];

        for (int i = 0; i < N; i++) {
            ids[i] = post(kinds[i]);
        }
        CHECK(dequeue(N));
        CHECK_EQ(pool->n_posted, 3);
        CHECK_EQ(pool->n_bounce_posted, 3);
        CHECK_EQ(pool->n_reserved, 3);
        CHECK_EQ(vq.n_outstanding, N);
        CHECK(!zcrx_pool_is_unbound(pool));
        for (int i = 0; i < N; i++) {
            const struct zcrx_head *head = zcrx_pool_reserved(pool);
            struct zcrx_used used = { .id = ids[i], .len = 12 };

            if (reasons[i] == ZCRX_ZERO_COPY) {
                check_guest_mbuf(out[i], ids[i]);
                pool->n_posted--;
            } else {
                check_bounce_mbuf(out[i], reasons[i]);
                CHECK(head && head->id == ids[i]);
                zcrx_pool_pop_reserved(pool);
                zcrx_pool_free_bounce(pool, out[i]);
            }
            zcrx_vring_publish(&vq, &used, 1);
            CHECK(guest_collect(&gq, NULL) == &gq.bufs[ids[i]]);
        }
        CHECK(!zcrx_pool_reserved(pool));
        CHECK_EQ(zcrx_pool_n_out(pool), 0);
        n_out = 0;
    }
    CHECK(!pool->want_bounce);
    tear_down();
}

/* A reservation outlives a bounce mbuf that comes back without a frame. */
static void
test_reserved_returned(void)
{
    uint16_t ids[3];

    set_up(64, 10);
    ids[0] = post(NO_DMA);
    ids[1] = post(NO_DMA);
    ids[2] = post(GOOD);
    CHECK(dequeue(2));
    enqueue(0);
    CHECK_EQ(pool->n_bounce_posted, 1);
    CHECK_EQ(pool->n_reserved, 2);
    CHECK(zcrx_pool_reserved(pool)->id == ids[0]);

    CHECK(dequeue(2));
    check_bounce_mbuf(out[1], ZCRX_COPY_NO_DMA);
    check_guest_mbuf(out[2], ids[2]);
    CHECK_EQ(pool->n_reserved, 2);
    CHECK_EQ(vq.n_outstanding, 3);
    zcrx_pool_pop_reserved(pool);
    CHECK(zcrx_pool_reserved(pool)->id == ids[1]);
    tear_down();
}

/* Small buffers stay in the ring until the frame is there.  When larger ones
 * follow, those go to the frames that are already on their way. */
static void
test_unbound(void)
{
    uint16_t ids[4];

    set_up(64, 10);
    for (int i = 0; i < 3; i++) {
        post(SMALL);
    }
    CHECK(dequeue(2));
    check_bounce_mbuf(out[0], ZCRX_COPY_SMALL_BUFFER);
    CHECK(zcrx_pool_is_unbound(pool));
    CHECK_EQ(vq.n_outstanding, 0);
    CHECK_EQ(vq.next_avail, START);
    CHECK(!zcrx_pool_reserved(pool));

    /* As long as there is a small one in front, all wait. */
    for (int i = 0; i < 4; i++) {
        ids[i] = post(GOOD);
    }
    CHECK(dequeue(1));
    check_bounce_mbuf(out[2], ZCRX_COPY_SMALL_BUFFER);
    CHECK_EQ(vq.n_outstanding, 0);

    /* The small ones have been used, and one frame delivered. */
    for (int i = 0; i < 3; i++) {
        struct zcrx_head head;
        struct zcrx_used used = { .len = 12 };

        CHECK_EQ(zcrx_vring_take(&vq, &head, 1), 1);
        used.id = head.id;
        zcrx_vring_publish(&vq, &used, 1);
        CHECK(guest_collect(&gq, NULL));
    }
    zcrx_pool_free_bounce(pool, out[0]);
    memmove(out, out + 1, --n_out * sizeof out[0]);

    CHECK(dequeue(2));
    check_guest_mbuf(out[2], ids[2]);
    check_guest_mbuf(out[3], ids[3]);
    CHECK(!zcrx_pool_is_unbound(pool));
    CHECK_EQ(pool->n_reserved, 2);
    CHECK(zcrx_pool_reserved(pool)->id == ids[0]);
    zcrx_pool_pop_reserved(pool);
    CHECK(zcrx_pool_reserved(pool)->id == ids[1]);
    tear_down();
}

/* With no guest buffers at all, bounce mbufs keep the VF from running dry. */
static void
test_late(void)
{
    struct snapshot before;

    set_up_ring(64);
    config.bounce_below = 6;
    create_pool(10);
    CHECK(!dequeue(11));
    CHECK(dequeue(4));
    check_bounce_mbuf(out[0], ZCRX_COPY_LATE_BUFFER);
    CHECK(dequeue(2));          /* It had fewer than 6. */
    CHECK(!dequeue(1));
    enqueue(0);
    CHECK(dequeue(3));
    before = take_snapshot();
    CHECK(!dequeue(1));
    check_unchanged(&before);
    CHECK(!pool->want_bounce);
    enqueue(0);
    enqueue(0);
    enqueue(0);
    CHECK(!dequeue(6));         /* There are 5. */
    CHECK(dequeue(5));
    tear_down();

    /* A guest that is late once is waited for, but not for ever. */
    set_up_ring(64);
    config.bounce_below = 6;
    create_pool(10);
    pool->bounce_below = 0;     /* As when the VF has started. */
    post(GOOD);
    CHECK(!dequeue(3));
    pool->patience = 0;
    post(GOOD);
    CHECK(!dequeue(3));         /* There is one more. */
    CHECK(!dequeue(3));         /* There is not. */
    CHECK(dequeue(3));
    CHECK_EQ(pool->n_posted, 2);
    CHECK_EQ(pool->n_bounce_posted, 1);
    CHECK(!dequeue(1));         /* It has as many as it needs. */
    tear_down();

    /* Some from the guest, the rest from here. */
    set_up_ring(64);
    config.bounce_below = 6;
    create_pool(10);
    post(GOOD);
    post(GOOD);
    CHECK(dequeue(5));
    CHECK_EQ(pool->n_posted, 2);
    CHECK_EQ(pool->n_bounce_posted, 3);
    tear_down();

    /* Too few of either. */
    set_up_ring(64);
    config.bounce_below = 6;
    create_pool(2);
    post(GOOD);
    post(GOOD);
    CHECK(!dequeue(5));
    CHECK(!pool->want_bounce);
    tear_down();
}

static void
test_copy_mode(void)
{
    struct snapshot before;

    set_up_ring(64);
    config.copy = true;
    create_pool(10);
    post(GOOD);
    for (int i = 0; i < 2; i++) {
        CHECK(dequeue(5));
        check_bounce_mbuf(out[5 * i], ZCRX_COPY_MODE);
    }
    before = take_snapshot();
    CHECK(!dequeue(1));
    check_unchanged(&before);
    CHECK_EQ(vq.n_outstanding, 0);
    CHECK_EQ(vq.next_avail, START);
    tear_down();
}

static void
test_credit(void)
{
    struct snapshot before;

    set_up(64, 0);
    for (int i = 0; i < 20; i++) {
        post(GOOD);
    }
    CHECK(dequeue(5));          /* None is set: the driver fills its ring. */
    pool->credit = 7;
    before = take_snapshot();
    CHECK(!dequeue(8));
    check_unchanged(&before);
    CHECK(dequeue(4));
    CHECK_EQ(pool->credit, 3);
    CHECK(!dequeue(4));
    CHECK(dequeue(3));
    CHECK_EQ(pool->credit, 0);
    CHECK(!dequeue(1));
    CHECK(dequeue(0));
    CHECK(!pool->want_bounce);
    tear_down();
}

/* What the VF gives back is what it gets next. */
static void
test_unused(void)
{
    struct snapshot before;
    uint16_t ids[6];

    set_up(64, 0);
    for (int i = 0; i < 6; i++) {
        ids[i] = post(GOOD);
    }
    CHECK(dequeue(4));
    out[1]->next = out[2];      /* One frame in two. */
    out[1]->nb_segs = 2;
    enqueue(1);
    out[1] = out[--n_out];
    CHECK_EQ(pool->n_unused, 2);
    CHECK_EQ(pool->n_posted, 2);
    CHECK_EQ(vq.n_outstanding, 4);
    CHECK_EQ(rte_mempool_avail_count(pool->mp), 2);

    before = take_snapshot();
    CHECK(!dequeue(5));
    check_unchanged(&before);
    CHECK(dequeue(3));
    CHECK((out[2] == &pool->guest_mbufs[ids[1]]
           && out[3] == &pool->guest_mbufs[ids[2]])
          || (out[3] == &pool->guest_mbufs[ids[1]]
              && out[2] == &pool->guest_mbufs[ids[2]]));
    CHECK(!out[2]->next && !out[3]->next && out[2]->nb_segs == 1);
    check_guest_mbuf(out[4], ids[4]);
    CHECK_EQ(pool->n_unused, 0);
    tear_down();
}

static void
test_put_back_all(void)
{
    set_up(64, 10);
    for (int i = 0; i < 10; i++) {
        post(i % 2 ? NO_DMA : GOOD);
    }
    CHECK(dequeue(8));
    for (int i = 0; i < 8; i++) {
        enqueue(0);
    }
    CHECK_EQ(zcrx_pool_n_out(pool), 0);
    CHECK_EQ(vq.n_outstanding, 8);
    zcrx_pool_put_back_all(pool);
    CHECK_EQ(vq.n_outstanding, 0);
    CHECK_EQ(vq.next_avail, START);
    CHECK_EQ(gq.used->idx, START);
    CHECK_EQ(pool->n_unused, 0);
    CHECK_EQ(pool->n_reserved, 0);
    CHECK_EQ(pool->n_bounce_free, 10);
    CHECK(dequeue(10));
    CHECK_EQ(vq.n_outstanding, 10);
    tear_down();
}

/* A VF that is slow to stop may give mbufs back when the virtqueue is long
 * gone. */
/* A driver that gives back, at the end, also what it has given before. */
static void
test_recall(void)
{
    struct rte_mbuf *all[12];
    struct rte_mbuf *frame, *bounce;

    set_up(64, 4);
    for (int i = 0; i < 10; i++) {
        post(i % 5 == 4 ? NO_DMA : GOOD);
    }
    CHECK(dequeue(9));
    memcpy(all, out, 9 * sizeof all[0]);

    /* Two frames are published, one was copied from a bounce mbuf, and one
     * mbuf came back without a frame. */
    for (int i = 0; i < 2; i++) {
        struct zcrx_used used = { .len = 64 };
        uint16_t id;

        CHECK(zcrx_pool_is_guest(pool, out[0], &id));
        used.id = id;
        zcrx_vring_publish(&vq, &used, 1);
        memmove(&out[0], &out[1], --n_out * sizeof out[0]);
        pool->n_posted--;
    }
    enqueue(1);
    bounce = all[4];
    check_bounce_mbuf(bounce, ZCRX_COPY_NO_DMA);
    zcrx_pool_free_bounce(pool, bounce);

    zcrx_pool_recall(pool);
    CHECK(rte_mempool_get_bulk(pool->mp, (void **) &frame, 1));
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 9; i++) {
            rte_mempool_put(pool->mp, all[i]);
        }
        CHECK_EQ(zcrx_pool_n_out(pool), 0);
        CHECK_EQ(pool->n_unused, 6);
        CHECK_EQ(pool->n_bounce_free, 4);
    }
    zcrx_pool_put_back_all(pool);
    CHECK_EQ(vq.n_outstanding, 0);
    n_out = 0;
    tear_down();
}

static void
test_close(void)
{
    set_up(64, 10);
    for (int i = 0; i < 10; i++) {
        post(i % 2 ? NO_DMA : GOOD);
    }
    CHECK(dequeue(8));
    zcrx_pool_close(pool);
    zcrx_vring_destroy(&vq);
    CHECK(!dequeue(1));
    while (n_out) {
        enqueue(0);
    }
    CHECK_EQ(zcrx_pool_n_out(pool), 0);
    CHECK_EQ(pool->n_unused, 4);
    CHECK_EQ(pool->n_bounce_free, 10);
    CHECK(!dequeue(1));
    tear_down();
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "all or nothing", test_all_or_nothing },
        { "no bounce mbufs", test_no_bounce },
        { "guest error", test_guest_error },
        { "reserved buffers", test_reserved },
        { "reserved buffers without a frame", test_reserved_returned },
        { "small buffers", test_unbound },
        { "late buffers", test_late },
        { "copy mode", test_copy_mode },
        { "credit", test_credit },
        { "unused buffers", test_unused },
        { "putting back", test_put_back_all },
        { "recalling", test_recall },
        { "closing", test_close },
    };

    start_dpdk();
    return run_cases(cases, N_ELEMENTS(cases));
}
