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

/* The audit of a queue pair: it finds nothing while frames are passed, and
 * everything that is made wrong. */

#include "rig.h"

#include <string.h>

#include "eal.h"
#include "zcrx-audit.h"

#define N_FRAMES 1000
#define CAPTURE "test-audit.pcap"
#define PCAP "net_pcap0,rx_pcap=" CAPTURE

static uint64_t seed = 1;
static char last_problem[256];

static void
note_problem(void *aux, const char *problem)
{
    CHECK(aux == &seed);
    snprintf(last_problem, sizeof last_problem, "%s", problem);
}

static unsigned int
audit(void)
{
    struct zcrx_audit a = { .report = note_problem, .aux = &seed };

    zcrx_audit_queue(&a, &rig.queue);
    if (rig.queue.running && !a.n_problems) {
        CHECK_EQ(a.n_buffers, rig.queue.rx.n_outstanding);
    }
    return a.n_problems;
}

static void
check_sound(void)
{
    last_problem[0] = '\0';
    check_what = last_problem;
    CHECK_EQ(audit(), 0);
}

/* Passes frames from all sides with an audit after each turn. */
static void
test_sound(void)
{
    static const struct rig_config configs[] = {
        { .devargs = PCAP, .chains = true, .mergeable = true },
        { .devargs = PCAP, .chains = true, .n_bounce = 64,
          .indirect = true },
        { .devargs = PCAP, .chains = true, .n_bounce = 64, .copy = true,
          .indirect = true },
        { .devargs = PCAP, .chains = true, .n_bounce = 64, .indirect = true,
          .ring_size = 64 },
    };

    for (size_t i = 0; i < N_ELEMENTS(configs); i++) {
        rig_start(&configs[i]);
        check_sound();
        for (int turn = 0; turn < 200; turn++) {
            unsigned int n = next_random(&seed, 60);
            static uint8_t frame[RIG_MAX_FRAME];

            while (n-- && rig_post(next_random(&seed, configs[i].n_bounce
                                                      ? RIG_N_KINDS - 1 : 2),
                                   1514)) {
                continue;
            }
            if (next_random(&seed, 4) == 0) {
                rig_inject(next_random(&seed, N_FRAMES));
            }
            rig_send(NULL, frame, next_random(&seed, 1514));
            rig_poll();
            check_sound();
            while (rig_receive(frame)) {
                continue;
            }
            rig_reclaim();
        }
        rig_stop();
        check_sound();
        rig_destroy();
    }
}

/* Changes the object 'OBJECT' to 'VALUE', has the audit find that, and changes
 * it back. */
#define CHECK_FOUND(OBJECT, VALUE)                                          \
    do {                                                                    \
        __typeof__(OBJECT) save__ = (OBJECT);                               \
                                                                            \
        (OBJECT) = (VALUE);                                                 \
        check_what = "was not found";                                       \
        CHECK(save__ != (OBJECT) && audit());                               \
        (OBJECT) = save__;                                                  \
        check_sound();                                                      \
    } while (0)

static void
check_vring_errors(struct zcrx_vring *vq, struct guest_vq *gq, uint16_t taken)
{
    CHECK_FOUND(vq->error, ZCRX_VRING_BAD_INDEX);
    CHECK_FOUND(vq->n_outstanding, vq->n_outstanding + 1);
    CHECK_FOUND(vq->next_avail, vq->next_avail + 1);
    CHECK_FOUND(vq->used_idx, vq->used_idx - 1);
    CHECK_FOUND(vq->taken[taken].n_desc, 0);
    if (gq->packed) {
        CHECK_FOUND(vq->n_desc_outstanding, vq->n_desc_outstanding - 1);
        CHECK_FOUND(vq->taken[taken].n_desc, 7);
        CHECK_FOUND(vq->avail_wrap, !vq->avail_wrap);
        CHECK_FOUND(vq->used_wrap, !vq->used_wrap);
    } else {
        CHECK_FOUND(gq->used->idx, gq->used->idx + 1);
        CHECK_FOUND(gq->avail->idx, vq->next_avail + vq->size + 1);
    }
}

static void
check_pool_errors(struct zcrx_pool *pool, uint16_t posted)
{
    struct rte_mbuf *m = &pool->guest_mbufs[posted];
    static uint8_t elsewhere[4096];
    uint32_t n_out = pool->n_posted;
    uint16_t not_taken = 0;

    CHECK_FOUND(pool->n_posted, n_out - 1);
    CHECK_FOUND(pool->n_posted, n_out + 1);
    CHECK_FOUND(m->buf_addr, (void *) elsewhere);
    CHECK_FOUND(m->buf_addr, (char *) m->buf_addr + rig.guest.size);
    CHECK_FOUND(m->buf_iova, m->buf_iova + 4096);
    CHECK_FOUND(m->buf_len, RTE_PKTMBUF_HEADROOM + 60);
    if (pool->hdrs_apart) {
        CHECK_FOUND(pool->hdrs[posted], (void *) elsewhere);
    }

    /* Two are unused. */
    CHECK_EQ(pool->n_unused, 2);
    CHECK_FOUND(pool->n_unused, 1);
    CHECK_FOUND(pool->unused[0], pool->unused[1]);
    CHECK_FOUND(pool->unused[0], pool->vq->size);
    while (zcrx_vring_is_outstanding(pool->vq, not_taken)) {
        not_taken++;
    }
    CHECK_FOUND(pool->unused[0], not_taken);

    CHECK_FOUND(pool->n_bounce_free, pool->n_bounce_free - 1);
    CHECK_FOUND(pool->n_bounce_posted, 1);
    CHECK_FOUND(pool->bounce[0], pool->bounce[1]);
    CHECK_FOUND(pool->bounce[0], m);
    CHECK_FOUND(rig.queue.pending_tail, 1);
}

static void
check_unsound(enum rig_kind kind)
{
    const struct rig_config config = { .devargs = PCAP, .n_bounce = 64,
                                       .chains = true };
    struct zcrx_queue *q = &rig.queue;
    struct rte_mbuf *mbufs[32];
    uint16_t id, posted;

    rig_start(&config);
    rig_post_all(kind, 1514);
    /* As if the VF had a ring. */
    q->pool->credit = UINT32_MAX;
    CHECK(!rte_pktmbuf_alloc_bulk(q->pool->mp, mbufs, 32));
    CHECK(zcrx_pool_is_guest(q->pool, mbufs[7], &posted));
    rte_pktmbuf_free_bulk(&mbufs[30], 2);
    check_sound();

    check_vring_errors(&q->rx, &rig.rx, posted);
    check_pool_errors(q->pool, posted);
    CHECK_FOUND(q->pool->n_reserved, 1);
    CHECK(zcrx_pool_is_guest(q->pool, mbufs[0], &id));

    CHECK_FOUND(q->tx.next_avail, q->tx.next_avail + 1);
    CHECK_FOUND(q->tx.taken[0].n_desc, 1);
#define ZCRX_COUNTER(NAME) \
    CHECK_FOUND(q->stats.NAME, q->stats.NAME + 1);
    ZCRX_COPY_REASONS
    ZCRX_WIRE_DROP_REASONS
    ZCRX_GUEST_DROP_REASONS
    ZCRX_COUNTER(wire_rx_frames)
    ZCRX_COUNTER(zero_copy_frames)
    ZCRX_COUNTER(to_guest_frames)
    ZCRX_COUNTER(injected_frames)
    ZCRX_COUNTER(guest_tx_frames)
    ZCRX_COUNTER(wire_tx_frames)
#undef ZCRX_COUNTER

    rte_pktmbuf_free_bulk(mbufs, 30);
    check_sound();
    rig_stop();
    check_sound();
    rig_destroy();
}

/* With headers right before the frames, and apart from these. */
static void
test_unsound(void)
{
    check_unsound(RIG_ONE);
    check_unsound(RIG_OWN_HEADER);
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "sound while frames are passed", test_sound },
        { "what is unsound is found", test_unsound },
    };

    start_dpdk();
    rig_write_capture(CAPTURE, N_FRAMES);
    return rig_run_cases(cases, N_ELEMENTS(cases));
}
