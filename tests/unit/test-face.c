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

/* What a pair and its wire face share: frames go through each of its rings in
 * order, and no ring keeps another from being looked at.  What it takes of
 * Open vSwitch and of the pair is played. */

#include <config.h>

#include "zcrx-face.h"

#include <rte_mbuf.h>

#include "check.h"
#include "eal.h"
#include "hash.h"
#include "openvswitch/shash.h"
#include "util.h"
#include "zcrx-pair-slow.h"
#include "zcrx-pair.h"

#define N_RINGS 5
#define BURST 32

static struct zcrx_pair pair;
static struct zcrx_face *face;

/* Frames, which nobody looks into: queue 'i' sends the numbers from 'sent[i]'
 * on. */
static struct rte_mbuf frames[N_RINGS][ZCRX_SLOW_RING_SIZE];
static unsigned int sent[N_RINGS], received[N_RINGS], n_freed;

/* Queue 'i' sends up to 'n' frames.  Returns how many there was room for. */
static unsigned int
send_frames(unsigned int i, unsigned int n)
{
    unsigned int k;

    for (k = 0; k < n; k++) {
        struct rte_mbuf *m = &frames[i][sent[i] % ZCRX_SLOW_RING_SIZE];

        if (rte_ring_enqueue(face->to_wire_face[i], m)) {
            break;
        }
        sent[i]++;
    }
    return k;
}

/* Receive queue 'rxq' of 'n_rxq' of the wire face is polled once. */
static unsigned int
receive_frames(uint16_t rxq, uint16_t n_rxq)
{
    struct rte_mbuf *burst[BURST];
    uint16_t n = zcrx_face_receive(face, rxq, n_rxq, burst, BURST);

    CHECK(n <= BURST);
    for (uint16_t k = 0; k < n; k++) {
        unsigned int i = (burst[k] - frames[0]) / ZCRX_SLOW_RING_SIZE;

        CHECK(i < N_RINGS);
        CHECK_EQ(i % n_rxq, rxq);
        CHECK(burst[k] == &frames[i][received[i] % ZCRX_SLOW_RING_SIZE]);
        received[i]++;
    }
    return n;
}

static void
test_order(void)
{
    for (uint16_t n_rxq = 1; n_rxq <= N_RINGS + 2; n_rxq++) {
        for (unsigned int i = 0; i < N_RINGS; i++) {
            CHECK_EQ(send_frames(i, 10 * i), 10 * i);
        }
        for (uint16_t rxq = 0; rxq < n_rxq; rxq++) {
            while (receive_frames(rxq, n_rxq)) {
                continue;
            }
        }
        for (unsigned int i = 0; i < N_RINGS; i++) {
            CHECK_EQ(received[i], sent[i]);
        }
    }
}

/* All queue pairs send more than is taken: each gets its share. */
static void
test_load(void)
{
    for (uint16_t n_rxq = 1; n_rxq <= 2; n_rxq++) {
        unsigned int before[N_RINGS];

        memcpy(before, received, sizeof before);
        for (unsigned int round = 0; round < 2 * N_RINGS; round++) {
            for (unsigned int i = 0; i < N_RINGS; i++) {
                send_frames(i, BURST);
            }
            for (uint16_t rxq = 0; rxq < n_rxq; rxq++) {
                CHECK_EQ(receive_frames(rxq, n_rxq), BURST);
            }
        }
        for (unsigned int i = 0; i < N_RINGS; i++) {
            CHECK(received[i] - before[i] >= 2 * BURST);
        }
        for (uint16_t rxq = 0; rxq < n_rxq; rxq++) {
            while (receive_frames(rxq, n_rxq)) {
                continue;
            }
        }
    }
}

/* OVS to the wire: without a pair, by the next queue pair that is in use, and
 * with no room. */
static void
test_send(void)
{
    struct zcrx_stats stats;

    CHECK(!zcrx_face_send(face, 0, &frames[0][0]));
    zcrx_face_set_active(face, 1u << 1 | 1u << 3);
    for (unsigned int txq = 0; txq < 2 * N_RINGS; txq++) {
        unsigned int i = txq < 2 || txq > 3 ? 1 : 3;

        CHECK(zcrx_face_send(face, txq, &frames[0][0]));
        CHECK_EQ(rte_ring_count(face->to_vf[i]), 1);
        rte_ring_reset(face->to_vf[i]);
    }
    while (zcrx_face_send(face, 1, &frames[0][0])) {
        continue;
    }
    CHECK_EQ(rte_ring_count(face->to_vf[1]), ZCRX_SLOW_RING_SIZE - 1);
    CHECK_EQ(n_freed, 2);
    zcrx_face_get_stats(face, &stats);
    CHECK_EQ(stats.wire_out_dropped_not_running, 1);
    CHECK_EQ(stats.wire_out_dropped_queue_full, 1);
}

/* Of the pair. */

void
zcrx_pair_free_frame(struct rte_mbuf *m OVS_UNUSED)
{
    n_freed++;
}

void
zcrx_pair_get_stats(struct zcrx_pair *pair_ OVS_UNUSED,
                    struct zcrx_stats *stats)
{
    memset(stats, 0, sizeof *stats);
}

void
zcrx_pair_set_wire_face(struct zcrx_pair *pair_ OVS_UNUSED,
                        bool has OVS_UNUSED)
{
}

/* Of Open vSwitch: there is one face. */

uint32_t
hash_bytes(const void *p OVS_UNUSED, size_t n OVS_UNUSED,
           uint32_t basis OVS_UNUSED)
{
    return 0;
}

struct shash_node *
shash_add_nocopy(struct shash *sh OVS_UNUSED, char *name,
                 const void *data OVS_UNUSED)
{
    free(name);
    return NULL;
}

void *
shash_find_data(const struct shash *sh OVS_UNUSED, const char *name OVS_UNUSED)
{
    return NULL;
}

void *
shash_find_and_delete(struct shash *sh OVS_UNUSED,
                      const char *name OVS_UNUSED)
{
    return NULL;
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "frames stay in order", test_order },
        { "each queue pair has its turn", test_load },
        { "frames of OVS", test_send },
    };
    int status;

    start_dpdk();
    face = zcrx_face_join("zc0", &pair);
    CHECK(zcrx_face_grow(face, N_RINGS, 0));
    status = run_cases(cases, N_ELEMENTS(cases));
    zcrx_face_leave(face, &(struct zcrx_stats) { .to_guest_frames = 0 });
    return status;
}
