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

/* Which guest buffers the VF may write to, and the mbufs that it gets for
 * them. */

#include "zcrx-pool.h"

#include <string.h>

#include "check.h"
#include "eal.h"
#include "guest.h"

#define MEM_SIZE 262144
#define MAX_FRAME 1514

static struct guest guest;
static struct guest_vq gq;      /* The driver's side. */
static struct zcrx_vring vq;    /* The device's. */
static struct zcrx_pool *pool;  /* Under test. */

static void
set_up(bool vf_writes_header)
{
    const struct zcrx_pool_config config = {
        .name = "test-qualify",
        .socket_id = SOCKET_ID_ANY,
        .vq = &vq,
        .max_frame = MAX_FRAME,
        .vf_writes_header = vf_writes_header,
    };

    guest_init(&guest, MEM_SIZE);
    guest_vq_init(&gq, &guest, 64, 65530, true);
    CHECK(!zcrx_vring_init(&vq, &gq.config, &guest.map));
    pool = zcrx_pool_create(&config);
    CHECK(pool);
}

static void
tear_down(void)
{
    zcrx_pool_destroy(pool);
    zcrx_vring_destroy(&vq);
    guest_vq_destroy(&gq);
    guest_destroy(&guest);
}

/* Drivers find the guest's memory where they expect an mbuf's. */
static void
test_mbufs(void)
{
    static const uint32_t rooms[] = { 1514, 2036, 9018, 65407, 65408, 100000 };

    for (int version_1 = 0; version_1 < 2; version_1++) {
        uint32_t hdr_len = version_1 ? 12 : 10;

        set_up(false);
        vq.hdr_len = hdr_len;
        for (int i = 0; i < 2 * N_ELEMENTS(rooms); i++) {
            uint32_t room = rooms[i / 2];
            uint64_t mem = guest.gpa[GUEST_FAR] + 1000 * i;
            bool own = i % 2;
            const struct guest_piece pieces[] = {
                { mem, own ? hdr_len : hdr_len + room },
                { mem + 556, room },
            };
            uint16_t id = guest_post(&gq, pieces, 1 + own, GUEST_DIRECT);
            uint8_t *hdr = guest_ptr(&guest, mem);
            uint8_t *data = own ? guest_ptr(&guest, mem + 556) : hdr + hdr_len;
            struct rte_mbuf *m;
            uint16_t got_id;

            room = room < 65535 - RTE_PKTMBUF_HEADROOM ? room
                   : 65535 - RTE_PKTMBUF_HEADROOM;
            CHECK(!rte_mempool_get_bulk(pool->mp, (void **) &m, 1));
            CHECK(zcrx_pool_is_guest(pool, m, &got_id));
            CHECK_EQ(got_id, id);
            CHECK((uint8_t *) m->buf_addr + RTE_PKTMBUF_HEADROOM == data);
            CHECK_EQ(m->buf_iova + RTE_PKTMBUF_HEADROOM, (uintptr_t) data);
            CHECK_EQ(m->buf_len, RTE_PKTMBUF_HEADROOM + room);
            CHECK(zcrx_pool_hdr(pool, m, id) == hdr);
            CHECK(m->pool == pool->mp);
            /* What vector drivers do not write, or overwrite. */
            CHECK(rte_mbuf_refcnt_read(m) == 1);
            CHECK(m->nb_segs == 1 && !m->next && !m->ol_flags);
            CHECK_EQ(m->data_off, RTE_PKTMBUF_HEADROOM);
            CHECK(rte_pktmbuf_tailroom(m) == room);
        }
        tear_down();
    }
}

/* Checks that a buffer of 'n' pieces is posted, or not because of 'reason'. */
static void
check_qualifies(const struct guest_piece *pieces, unsigned int n,
                enum zcrx_copy_reason reason)
{
    bool ok = reason == ZCRX_ZERO_COPY;
    struct zcrx_rx_buf buf;
    void *m;

    guest_post(&gq, pieces, n, GUEST_DIRECT);
    CHECK_EQ(zcrx_vring_take_rx(&vq, &buf, 1), 1);
    CHECK_EQ(zcrx_pool_qualify(pool, &buf), reason);
    zcrx_vring_untake_rx(&vq, &buf, 1);

    CHECK_EQ(!rte_mempool_get_bulk(pool->mp, &m, 1), ok);
    CHECK_EQ(pool->want_bounce, !ok);
    CHECK_EQ(vq.n_outstanding, ok);
    pool->want_bounce = false;
    if (ok) {
        rte_pktmbuf_free(m);
        zcrx_pool_put_back_all(pool);
    } else {
        CHECK_EQ(pool->last_reason, reason);
    }
    CHECK_EQ(vq.n_outstanding, 0);
    vq.next_avail++;            /* Have the next one looked at. */
    vq.used_idx++;
}

static void
test_qualify(void)
{
    const uint64_t far = GUEST_FAR_GPA;
    const uint64_t border = GUEST_LOW_GPA + MEM_SIZE;

    for (int writes_header = 0; writes_header < 2; writes_header++) {
        const struct {
            struct guest_piece pieces[3];
            enum zcrx_copy_reason reason;
        } cases[] = {
            { { { far, 12 + MAX_FRAME } }, ZCRX_ZERO_COPY },
            { { { far, 12 + MAX_FRAME - 1 } }, ZCRX_COPY_SMALL_BUFFER },
            { { { far, 100 } }, ZCRX_COPY_SMALL_BUFFER },
            { { { far, 12 }, { far + 12, MAX_FRAME } }, ZCRX_ZERO_COPY },
            /* The header elsewhere: there a VF would write to what is not the
             * header. */
            { { { far, 12 }, { far + 14, MAX_FRAME } },
              writes_header ? ZCRX_COPY_LAYOUT : ZCRX_ZERO_COPY },
            { { { far + 4000, 12 }, { far, MAX_FRAME } },
              writes_header ? ZCRX_COPY_LAYOUT : ZCRX_ZERO_COPY },
            { { { far, 12 }, { far + 99, MAX_FRAME - 1 } },
              ZCRX_COPY_SMALL_BUFFER },
            /* In pieces. */
            { { { far, 12 }, { far + 12, MAX_FRAME - 1 }, { far, 1 } },
              ZCRX_COPY_LAYOUT },
            { { { far, 12 + MAX_FRAME }, { far, 1 } }, ZCRX_ZERO_COPY },
            { { { far, 6 }, { far + 6, 6 + MAX_FRAME } }, ZCRX_COPY_LAYOUT },
            { { { border - 12 - MAX_FRAME + 1, 12 + MAX_FRAME } },
              ZCRX_COPY_LAYOUT },
            { { { border - 12 - MAX_FRAME, 12 + MAX_FRAME } },
              ZCRX_ZERO_COPY },
            { { { border - 1, 13 + MAX_FRAME } }, ZCRX_COPY_LAYOUT },
            /* At odd addresses. */
            { { { far + 1, 12 + MAX_FRAME } }, ZCRX_COPY_LAYOUT },
            { { { far + 1, 13 + MAX_FRAME } }, ZCRX_COPY_LAYOUT },
            { { { border - 13 - MAX_FRAME, 13 + MAX_FRAME } },
              ZCRX_COPY_LAYOUT },
            { { { far, 12 }, { far + 13, MAX_FRAME } }, ZCRX_COPY_LAYOUT },
            { { { far + 1, 12 }, { far + 100, MAX_FRAME } },
              writes_header ? ZCRX_COPY_LAYOUT : ZCRX_ZERO_COPY },
            /* Out of reach. */
            { { { GUEST_NO_DMA_GPA, 12 + MAX_FRAME } }, ZCRX_COPY_NO_DMA },
            { { { GUEST_NO_DMA_GPA, 11 + MAX_FRAME } },
              ZCRX_COPY_SMALL_BUFFER },
        };

        set_up(writes_header);
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
            unsigned int n = 1;

            while (n < 3 && cases[i].pieces[n].len) {
                n++;
            }
            check_qualifies(cases[i].pieces, n, cases[i].reason);
        }
        /* A VF's header is longer than a legacy guest's. */
        vq.hdr_len = 10;
        check_qualifies((struct guest_piece[]) { { far, 10 + MAX_FRAME } }, 1,
                        writes_header ? ZCRX_COPY_LAYOUT : ZCRX_ZERO_COPY);
        tear_down();
    }
}

static void
test_names(void)
{
    for (int i = 0; i < ZCRX_N_COPY_REASONS; i++) {
        for (int j = 0; j < i; j++) {
            CHECK(strcmp(zcrx_copy_reason_to_string(i),
                         zcrx_copy_reason_to_string(j)));
        }
    }
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "mbufs on guest memory", test_mbufs },
        { "what qualifies", test_qualify },
        { "names of reasons", test_names },
    };

    start_dpdk();
    return run_cases(cases, N_ELEMENTS(cases));
}
