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

/* The mempool whose objects are guest buffers, in random sequences of what
 * the guest, the VF and the queue pair do with it.  After each step, every
 * guest buffer must be in one place and every count be right.
 *
 * A seed can be given on the command line. */

#include "zcrx-pool.h"

#include <inttypes.h>
#include <string.h>

#include "check.h"
#include "eal.h"
#include "guest.h"

#define MEM_SIZE 16384
#define MAX_RING 256
#define MAX_BOUNCE 64
#define MAX_FRAME 1514
#define N_STEPS 6000

static struct guest guest;
static struct guest_vq gq;      /* The driver's side. */
static struct zcrx_vring vq;    /* The device's. */
static const struct zcrx_vring_ops *real_ops; /* Of 'vq'. */
static struct zcrx_pool *pool;  /* Under test. */
static uint64_t seed = 1;
static uint64_t state;          /* Of the random numbers. */

/* The next buffer that the pool takes from the ring, counted like
 * 'gq.n_offered'. */
static uint16_t next;

/* What the VF has, oldest first. */
static struct rte_mbuf *out[MAX_RING + MAX_BOUNCE];
static unsigned int n_out;

static uint32_t
any(uint32_t n)
{
    return next_random(&state, n);
}

/* The kinds of buffers.  They overlap: nothing here looks at what is in
 * them. */
enum kind {
    GOOD,
    SMALL,
    SPLIT_HEADER,
    NO_DMA,
    N_KINDS
};

/* By head. */
static enum kind kinds[MAX_RING];

static void
post(enum kind kind)
{
    uint64_t mem = guest.gpa[kind == NO_DMA ? GUEST_NO_DMA : GUEST_FAR];
    const struct guest_piece pieces[2] = {
        { mem, kind == SPLIT_HEADER ? 6 : kind == SMALL ? 200 : 2048 },
        { mem + 2048, 2048 },
    };
    unsigned int n = 1 + (kind == SPLIT_HEADER);

    if (gq.n_free >= n) {
        kinds[guest_post(&gq, pieces, n, GUEST_DIRECT)] = kind;
    }
}

static void
count_id(unsigned int *counts, uint16_t id)
{
    CHECK(id < gq.size);
    CHECK(gq.bufs[id].posted);
    counts[id]++;
}

/* Checks that each buffer is in one place, and each count right. */
static void
check_places(void)
{
    unsigned int held[MAX_RING] = { 0 }; /* By the pool and the VF. */
    unsigned int ring[MAX_RING] = { 0 }; /* Available. */
    unsigned int n_guest = 0, n_bounce = 0;
    unsigned int n_held = 0;
    uint16_t n_avail = gq.n_offered - next;

    CHECK(!vq.error);
    for (unsigned int i = 0; i < n_out; i++) {
        uint16_t id;

        if (zcrx_pool_is_guest(pool, out[i], &id)) {
            count_id(held, id);
            CHECK_EQ(kinds[id], GOOD);
            n_guest++;
        } else {
            n_bounce++;
            for (unsigned int j = 0; j < i; j++) {
                CHECK(out[i] != out[j]);
            }
            for (unsigned int j = 0; j < pool->n_bounce_free; j++) {
                CHECK(out[i] != pool->bounce[j]);
            }
        }
    }
    CHECK_EQ(pool->n_posted, n_guest);
    CHECK_EQ(pool->n_bounce_posted, n_bounce);
    CHECK_EQ(pool->n_bounce_free + n_bounce, pool->n_bounce);
    CHECK_EQ(rte_mempool_avail_count(pool->mp),
             pool->n_unused + pool->n_bounce_free);

    for (unsigned int i = 0; i < pool->n_unused; i++) {
        count_id(held, pool->unused[i]);
    }
    CHECK(pool->n_reserved <= pool->n_bounce);
    for (unsigned int i = 0; i < pool->n_reserved; i++) {
        count_id(held, pool->reserved[(pool->reserved_head + i)
                                      % pool->n_bounce].id);
    }
    for (uint16_t i = 0; i < n_avail; i++) {
        count_id(ring, gq.offered[(uint16_t) (next + i)]);
    }
    for (uint16_t id = 0; id < gq.size; id++) {
        CHECK_EQ(held[id] + ring[id], gq.bufs[id].posted);
        CHECK_EQ(held[id], zcrx_vring_is_outstanding(&vq, id));
        n_held += held[id];
    }
    CHECK_EQ(vq.n_outstanding, n_held);
    CHECK_EQ(n_held, n_guest + pool->n_unused + pool->n_reserved);
    CHECK_EQ(n_held + n_avail, gq.n_posted);
    if (!gq.packed) {
        CHECK_EQ(vq.next_avail, (uint16_t) (gq.avail_idx - n_avail));
    }
}

/* Returns true if the pool cannot have a reason to refuse 'n' mbufs. */
static bool
must_succeed(unsigned int n, const struct zcrx_pool_config *config)
{
    unsigned int have = pool->n_unused;
    uint16_t n_avail = gq.n_offered - next;

    if (config->copy) {
        return n <= have + pool->n_bounce_free;
    }
    if (!zcrx_pool_is_unbound(pool)) {
        for (uint16_t i = 0; i < n_avail; i++) {
            if (kinds[gq.offered[(uint16_t) (next + i)]] != GOOD) {
                break;
            }
            have++;
        }
    }
    return n <= have;
}

/* As zcrx_vring_untake(), for which 'heads' must be what was taken last: else
 * a process that is killed after it leaves a journal that is wrong. */
static void
untake_last(struct zcrx_vring *vq_, const struct zcrx_head *heads, uint16_t n)
{
    uint16_t pos = vq.next_avail;

    CHECK(vq_ == &vq);
    for (uint16_t i = n; i > 0; i--) {
        const struct zcrx_taken *taken = &vq.taken[heads[i - 1].id];

        if (gq.packed && pos < taken->n_desc) {
            pos += vq.size;
        }
        pos -= taken->n_desc;
        CHECK(taken->n_desc);
        CHECK_EQ(taken->pos, pos);
    }
    real_ops->untake(&vq, heads, n);
}

/* Has the VF ask for 'n' mbufs.  Returns true if it got them. */
static bool
get_bulk(void **objs, unsigned int n)
{
    const struct zcrx_plain_limits plain = pool->plain;
    struct zcrx_vring_ops ops = *vq.ops;
    bool got;

    real_ops = vq.ops;
    ops.untake = untake_last;
    if (any(2)) {
        /* Taking plain buffers needs to know the real ones. */
        pool->plain.max = 0;
        vq.ops = &ops;
    }
    got = !rte_mempool_get_bulk(pool->mp, objs, n);
    pool->plain = plain;
    vq.ops = real_ops;
    return got;
}

/* The VF asks for some mbufs. */
static void
dequeue(const struct zcrx_pool_config *config)
{
    static bool outstanding[MAX_RING];
    struct zcrx_pool before = *pool;
    unsigned int n = 1 + any(any(4) ? 8 : gq.size);
    bool must = must_succeed(n, config);
    uint16_t used_idx = vq.used_idx;
    void *objs[MAX_RING];
    uint32_t n_reserved = before.n_reserved;

    for (uint16_t id = 0; id < gq.size; id++) {
        outstanding[id] = zcrx_vring_is_outstanding(&vq, id);
    }
    pool->credit = any(8) ? UINT32_MAX : any(20);
    before.credit = pool->credit;
    if (!get_bulk(objs, n)) {
        CHECK(!must || n > before.credit);
        /* What was taken is what was found for bounce mbufs out there. */
        CHECK_EQ(pool->credit, before.credit);
        CHECK_EQ(pool->n_unused, before.n_unused);
        CHECK_EQ(pool->n_posted, before.n_posted);
        CHECK_EQ(pool->n_bounce_posted, before.n_bounce_posted);
        CHECK(pool->n_reserved == n_reserved
              || pool->n_reserved <= pool->n_bounce_posted);
        for (; n_reserved < pool->n_reserved; n_reserved++) {
            uint16_t id = gq.offered[next++];

            CHECK_EQ(pool->reserved[(pool->reserved_head + n_reserved)
                                    % pool->n_bounce].id, id);
            outstanding[id] = true;
        }
        CHECK_EQ(vq.used_idx, used_idx);
        for (uint16_t id = 0; id < gq.size; id++) {
            CHECK_EQ(outstanding[id], zcrx_vring_is_outstanding(&vq, id));
        }
        return;
    }

    CHECK(n <= before.credit);
    CHECK_EQ(pool->credit, before.credit - n);
    for (unsigned int i = 0; i < n; i++) {
        struct rte_mbuf *m = objs[i];
        uint16_t id;
        bool is_guest = zcrx_pool_is_guest(pool, m, &id);

        if (i < before.n_unused) {
            /* First what the VF had before. */
            CHECK(is_guest && outstanding[id]);
            outstanding[id] = false;
        } else if (is_guest) {
            /* Then what the guest offers, in its order, save those that wait
             * for a frame to be copied to. */
            while (gq.offered[next] != id) {
                CHECK(n_reserved < pool->n_reserved);
                CHECK_EQ(pool->reserved[(pool->reserved_head + n_reserved++)
                                        % pool->n_bounce].id,
                         gq.offered[next++]);
                CHECK(next != gq.n_offered);
            }
            next++;
        }
        out[n_out++] = m;
    }
    while (n_reserved < pool->n_reserved) {
        CHECK_EQ(pool->reserved[(pool->reserved_head + n_reserved++)
                                % pool->n_bounce].id, gq.offered[next++]);
    }
}

static struct rte_mbuf *
remove_out(unsigned int i)
{
    struct rte_mbuf *m = out[i];

    memmove(&out[i], &out[i + 1], (--n_out - i) * sizeof out[0]);
    return m;
}

/* The VF gives back up to 'n' mbufs without a frame, in any order. */
static void
enqueue(unsigned int n)
{
    void *objs[N_ELEMENTS(out)];
    unsigned int i;

    for (i = 0; i < n && n_out; i++) {
        objs[i] = remove_out(any(n_out));
    }
    if (i) {
        rte_mempool_put_bulk(pool->mp, objs, i);
    }
}

static void
publish(const struct zcrx_used *used, uint16_t n)
{
    zcrx_vring_publish(&vq, used, n);
    for (uint16_t i = 0; i < n; i++) {
        uint32_t len;

        CHECK(guest_collect(&gq, &len) == &gq.bufs[used[i].id]);
        CHECK_EQ(len, used[i].len);
    }
    CHECK(!guest_collect(&gq, NULL));
}

/* The VF receives a frame into its oldest mbuf, and the guest gets it, or not
 * if it has no buffer. */
static void
receive(void)
{
    static const char frame[MAX_FRAME];
    uint32_t len = 14 + any(MAX_FRAME - 13);
    struct zcrx_used used[ZCRX_MAX_MERGE];
    const struct zcrx_head *head;
    enum zcrx_copy_result result;
    uint16_t n_used;
    uint16_t id;

    if (!n_out) {
        return;
    }
    if (zcrx_pool_is_guest(pool, out[0], &id)) {
        remove_out(0);
        pool->n_posted--;
        used[0].id = id;
        used[0].len = 12 + len;
        publish(used, 1);
        return;
    }
    head = zcrx_pool_reserved(pool);
    result = zcrx_vring_copy_in(&vq, head, frame, len, 0, used, &n_used);
    if (result == ZCRX_COPY_NO_BUFFER) {
        CHECK(!head);
        return;
    }
    CHECK(result == ZCRX_COPY_OK || (!head && result == ZCRX_COPY_TOO_LONG));
    if (result == ZCRX_COPY_OK && head) {
        CHECK_EQ(used[0].id, head->id);
        zcrx_pool_pop_reserved(pool);
    } else {
        for (uint16_t i = 0; i < n_used; i++) {
            CHECK_EQ(used[i].id, gq.offered[next++]);
        }
    }
    zcrx_pool_free_bounce(pool, remove_out(0));
    publish(used, n_used);
}

/* The pair stops and starts. */
static void
restart(void)
{
    uint16_t last_avail, last_used;
    uint16_t left = 0, n_held;

    enqueue(n_out);
    n_held = vq.n_outstanding;
    zcrx_pool_put_back_all(pool);
    for (;;) {
        uint32_t len;

        if (!guest_collect(&gq, &len)) {
            break;
        }
        CHECK_EQ(len, 0);
        left++;
    }
    CHECK_EQ(vq.n_outstanding, 0);
    zcrx_vring_get_position(&vq, &last_avail, &last_used);
    CHECK_EQ(last_avail, last_used);
    /* All are available again, or all have been returned. */
    CHECK(!left || left == n_held);
    next -= left ? 0 : n_held;
}

static void
run(uint16_t size, bool packed, bool mergeable, struct zcrx_pool_config config)
{
    unsigned int n_mbufs[2] = { 0, 0 };

    state = seed;
    n_out = 0;
    guest_init(&guest, MEM_SIZE);
    next = 0;
    if (packed) {
        guest_vq_init_packed(&gq, &guest, size, size / 2, true);
    } else {
        guest_vq_init(&gq, &guest, size, 65000, true);
    }
    gq.config.mergeable = mergeable;
    CHECK(!zcrx_vring_init(&vq, &gq.config, &guest.map));
    config.name = "test-pool-model";
    config.socket_id = SOCKET_ID_ANY;
    config.vq = &vq;
    config.max_frame = MAX_FRAME;
    pool = zcrx_pool_create(&config);
    CHECK(pool);

    for (int step = 0; step < N_STEPS; step++) {
        /* For a while at a time, the guest is a good one. */
        bool good = step / 100 % 3 == 0;
        uint32_t what = any(100);

        if (what < 30) {
            for (uint32_t n = any(10); n; n--) {
                post(good || any(3) ? GOOD : any(N_KINDS));
            }
        } else if (what < 60) {
            dequeue(&config);
        } else if (what < 90) {
            for (uint32_t n = any(10); n; n--) {
                receive();
            }
        } else if (what < 99) {
            enqueue(1 + any(3));
        } else {
            restart();
        }
        check_places();
        n_mbufs[0] += pool->n_posted;
        n_mbufs[1] += pool->n_bounce_posted;
    }
    restart();
    check_places();
    /* It was not all in vain. */
    CHECK(config.copy || n_mbufs[0]);
    CHECK(!config.n_bounce || n_mbufs[1]);
    CHECK(config.n_bounce || config.copy || pool->want_bounce);

    zcrx_pool_destroy(pool);
    zcrx_vring_destroy(&vq);
    guest_vq_destroy(&gq);
    guest_destroy(&guest);
}

int
main(int argc, char *argv[])
{
    static const struct {
        const char *name;
        uint16_t size;
        bool packed;
        bool mergeable;
        struct zcrx_pool_config config;
    } runs[] = {
        { "no bounce mbufs", 64, false, false, { .n_bounce = 0 } },
        { "few bounce mbufs", 64, false, false,
          { .n_bounce = 5, .bounce_below = 3 } },
        { "one bounce mbuf", 16, false, true,
          { .n_bounce = 1, .bounce_below = 1 } },
        { "many bounce mbufs", 16, false, true,
          { .n_bounce = MAX_BOUNCE, .bounce_below = MAX_BOUNCE / 2 } },
        { "large ring", MAX_RING, false, false,
          { .n_bounce = MAX_BOUNCE, .bounce_below = 100 } },
        { "large ring, mergeable", MAX_RING, false, true,
          { .n_bounce = MAX_BOUNCE, .bounce_below = 10 } },
        { "copy mode", 64, false, true,
          { .n_bounce = MAX_BOUNCE, .copy = true } },
        { "packed, no bounce mbufs", 64, true, false, { .n_bounce = 0 } },
        { "packed, few bounce mbufs", 63, true, false,
          { .n_bounce = 5, .bounce_below = 3 } },
        { "packed, many bounce mbufs", 17, true, true,
          { .n_bounce = MAX_BOUNCE, .bounce_below = MAX_BOUNCE / 2 } },
        { "packed, large ring, mergeable", MAX_RING, true, true,
          { .n_bounce = MAX_BOUNCE, .bounce_below = 10 } },
        { "packed, copy mode", 64, true, true,
          { .n_bounce = MAX_BOUNCE, .copy = true } },
    };

    if (argc > 1) {
        seed = strtoull(argv[1], NULL, 0);
        CHECK(seed);
    }
    start_dpdk();
    for (size_t i = 0; i < N_ELEMENTS(runs); i++) {
        check_what = runs[i].name;
        run(runs[i].size, runs[i].packed, runs[i].mergeable, runs[i].config);
        printf("ok %s, %d steps from seed %"PRIu64"\n", runs[i].name, N_STEPS,
               seed);
    }
    return EXIT_SUCCESS;
}
