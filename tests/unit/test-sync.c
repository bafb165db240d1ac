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

/* Ring sync, from the wire to the guest: a whole queue pair with a stock
 * driver as the VF. */

#include "rig.h"

#include <string.h>
#include <rte_ethdev.h>

#include "eal.h"

#define N_FRAMES 3000
#define CAPTURE "test-sync.pcap"
#define PCAP "net_pcap0,rx_pcap=" CAPTURE

static uint64_t seed = 1;

/* Passes the whole capture to a guest that posts as many buffers as it can, or
 * a few at random times.  Returns how many turns that took. */
static void
pass_all(enum rig_kind first_kind, unsigned int n_kinds, uint32_t room)
{
    unsigned int received = 0;
    unsigned int idle = 0;

    while (idle < 20) {
        unsigned int n = next_random(&seed, 60);
        unsigned int moved;

        while (n-- && rig_post(first_kind + next_random(&seed, n_kinds),
                               room)) {
            continue;
        }
        moved = rig_poll();
        received += rig_receive_all();
        idle = moved ? 0 : idle + 1;
    }
    CHECK_EQ(received, N_FRAMES);
    CHECK_EQ(rig.queue.stats.wire_rx_frames, N_FRAMES);
    CHECK_EQ(rig.queue.stats.to_guest_frames, N_FRAMES);
    CHECK_EQ(rig.queue.stats.to_guest_bytes, rig.queue.stats.wire_rx_bytes);
    CHECK_EQ(rig_dropped(), 0);
}

static void
test_zero_copy(void)
{
    static const struct {
        const char *what;
        enum rig_kind first;
        unsigned int n;
        struct rig_config config;
    } runs[] = {
        { "modern", RIG_ONE, 2, { .n_bounce = 0 } },
        { "legacy", RIG_OWN_HEADER, 1, { .legacy = true } },
        { "mergeable", RIG_ONE, 1, { .mergeable = true } },
        { "indirect", RIG_ONE, 3, { .indirect = true } },
        { "small ring", RIG_ONE, 1, { .ring_size = 8 } },
        { "one at a time", RIG_ONE, 1, { .ring_size = 1 } },
        { "event index", RIG_ONE, 2, { .event_idx = true } },
    };

    for (size_t i = 0; i < N_ELEMENTS(runs); i++) {
        struct rig_config config = runs[i].config;

        check_what = runs[i].what;
        config.devargs = PCAP;
        config.chains = true;
        rig_start(&config);
        pass_all(runs[i].first, runs[i].n, 1514);
        CHECK_EQ(rig.queue.stats.zero_copy_frames, N_FRAMES);
        CHECK_EQ(rig_copied(), 0);
        rig_stop();
        rig_destroy();
    }
}

/* Each of the reasons to copy frames, and all at once. */
static void
test_copied(void)
{
    static const struct {
        const char *what;
        uint64_t *counter;      /* NULL if there are several. */
        enum rig_kind first;
        unsigned int n;
        uint32_t room;
        struct rig_config config;
    } runs[] = {
        { "small", &rig.queue.stats.copied_small_buffer, RIG_ONE, 1, 200,
          { .n_bounce = 64, .mergeable = true } },
        { "in pieces", &rig.queue.stats.copied_layout, RIG_PAGES, 1, 1514,
          { .n_bounce = 64 } },
        { "split header", &rig.queue.stats.copied_layout, RIG_SPLIT_HEADER, 1,
          1514, { .n_bounce = 64, .legacy = true } },
        { "no DMA", &rig.queue.stats.copied_no_dma, RIG_NO_DMA, 1, 1514,
          { .n_bounce = 64 } },
        { "copy", &rig.queue.stats.copied_mode, RIG_ONE, 2, 1514,
          { .n_bounce = 64, .copy = true } },
        { "copy, small", &rig.queue.stats.copied_mode, RIG_ONE, 2, 150,
          { .n_bounce = 64, .copy = true, .mergeable = true } },
        { "everything", NULL, RIG_ONE, RIG_N_KINDS, 1514,
          { .n_bounce = 64, .indirect = true } },
        { "everything, with a burst's worth of bounce mbufs", NULL, RIG_ONE,
          RIG_N_KINDS, 1514,
          { .n_bounce = ZCRX_BURST, .indirect = true, .mergeable = true } },
    };

    for (size_t i = 0; i < N_ELEMENTS(runs); i++) {
        struct rig_config config = runs[i].config;

        check_what = runs[i].what;
        config.devargs = PCAP;
        config.chains = true;
        rig_start(&config);
        pass_all(runs[i].first, runs[i].n, runs[i].room);
        if (runs[i].counter) {
            CHECK_EQ(*runs[i].counter, N_FRAMES);
            CHECK_EQ(rig.queue.stats.zero_copy_frames, 0);
        } else {
            CHECK(rig.queue.stats.copied_layout);
            CHECK(rig.queue.stats.copied_no_dma);
            CHECK(rig.queue.stats.zero_copy_frames);
        }
        rig_stop();
        rig_destroy();
    }
}

/* A VF that always has frames, and takes as many mbufs at once as it is asked
 * for frames.  It gets only those that the guest has room for. */
static void
test_null(void)
{
    const struct rig_config config = {
        .devargs = "net_null0,size=1000,copy=1",
        .n_bounce = 64,
    };
    uint8_t frame[RIG_MAX_FRAME];
    unsigned int n_posted = 0, n_received = 0;

    rig_start(&config);
    CHECK_EQ(rig_poll(), 0);
    CHECK_EQ(rig_poll(), 0);
    for (int i = 0; i < 500; i++) {
        unsigned int n = next_random(&seed, 100);
        uint32_t len;

        while (n-- && rig_post(next_random(&seed, RIG_N_GOOD - 1), 1514)) {
            n_posted++;
        }
        rig_poll();
        for (; (len = rig_receive(frame)) != 0; n_received++) {
            CHECK_EQ(len, 1000);
            for (int j = 0; j < len; j++) {
                CHECK(!frame[j]);
            }
        }
    }
    while (n_received < n_posted) {
        CHECK(rig_poll());
        while (rig_receive(frame)) {
            n_received++;
        }
    }
    CHECK_EQ(rig_poll(), 0);
    CHECK_EQ(rig.queue.stats.zero_copy_frames, n_posted);
    CHECK_EQ(rig.queue.stats.wire_rx_bytes, 1000 * n_posted);
    CHECK_EQ(rig_dropped() + rig_copied(), 0);
    rig_stop();
    rig_destroy();
}

/* Frames that no buffer of the guest has room for: these are dropped, others
 * are not. */
static void
test_too_long(void)
{
    const struct rig_config config = {
        .devargs = PCAP,
        .chains = true,
        .n_bounce = 64,
    };
    uint8_t expected[RIG_MAX_FRAME], frame[RIG_MAX_FRAME];
    uint32_t seq = 0, n_long = 0;

    rig_start(&config);
    for (int idle = 0; idle < 20; idle++) {
        uint32_t len;

        rig_post_all(RIG_ONE, 700);
        if (rig_poll()) {
            idle = 0;
        }
        while ((len = rig_receive(frame)) != 0) {
            while (rig_make_frame(seq, expected) > 700) {
                n_long++;
                seq++;
            }
            CHECK_EQ(len, rig_make_frame(seq++, expected));
            CHECK(!memcmp(frame, expected, len));
        }
    }
    n_long += N_FRAMES - seq;
    CHECK_EQ(rig.queue.stats.wire_rx_frames, N_FRAMES);
    CHECK_EQ(rig.queue.stats.dropped_too_long, n_long);
    CHECK_EQ(rig.queue.stats.copied_small_buffer, N_FRAMES - n_long);
    rig_stop();
    rig_destroy();
}

/* A driver that spreads long frames over several mbufs: these are dropped, and
 * all their mbufs come back. */
static void
test_segments(void)
{
    const struct rig_config config = {
        .devargs = PCAP,
        .n_bounce = 100,
        .copy = true,
        .max_frame = 500,       /* Frames are longer than was agreed on. */
    };
    uint8_t frame[RIG_MAX_FRAME];
    unsigned int received = 0;

    rig_start(&config);
    for (int idle = 0; idle < 20; idle++) {
        rig_post_all(RIG_ONE, 1514);
        /* More than the driver asks for. */
        rig.queue.vf.no_ring = false;
        if (rig_poll()) {
            idle = 0;
        }
        while (rig_receive(frame)) {
            received++;
        }
    }
    CHECK_EQ(rig.queue.stats.wire_rx_frames, N_FRAMES);
    CHECK(rig.queue.stats.dropped_too_long > N_FRAMES / 4);
    CHECK_EQ(rig.queue.stats.copied_mode, received);
    rig_stop();
    rig_destroy();
}

/* The same with guest buffers that wait for a frame each: they go on waiting
 * for one that is not too long, though the guest has posted no more. */
static void
test_segments_reserved(void)
{
    const struct rig_config config = {
        .devargs = PCAP,
        .n_bounce = 100,
        .max_frame = 500,
    };
    uint8_t frame[RIG_MAX_FRAME];
    unsigned int received = 0;

    rig_start(&config);
    for (int i = 0; i < 8; i++) {
        rig_post(RIG_NO_DMA, 1514);
    }
    for (int i = 0; i < 1000 && received < 8; i++) {
        rig_poll();
        while (rig_receive(frame)) {
            received++;
        }
    }
    CHECK_EQ(received, 8);
    CHECK_EQ(rig.queue.stats.copied_no_dma, 8);
    CHECK(rig.queue.stats.dropped_too_long);
    CHECK_EQ(rig_poll(), 0);
    rig_stop();
    rig_destroy();
}

/* A driver that chains mbufs writes in front of what is the guest's.  It never
 * gets to do so. */
static void
test_chains(void)
{
    const struct rig_config config = {
        .devargs = PCAP,
        .chains = true,
        .max_frame = 500,
    };
    uint8_t expected[RIG_MAX_FRAME], frame[RIG_MAX_FRAME];
    uint32_t seq = 0;

    rig_start(&config);
    for (int i = 0; i < N_FRAMES; i++) {
        uint32_t len;

        rig_post_all(RIG_ONE, 600);
        rig_poll();
        while ((len = rig_receive(frame)) != 0) {
            while (rig_make_frame(seq, expected) > 600) {
                seq++;          /* The driver dropped it. */
            }
            CHECK_EQ(len, rig_make_frame(seq++, expected));
            CHECK(!memcmp(frame, expected, len));
        }
    }
    CHECK(rig.queue.stats.zero_copy_frames > N_FRAMES / 4);
    CHECK_EQ(rig_dropped(), 0);
    for (size_t i = 0; i < rig.guest.size; i++) {
        size_t in_slot = (i - 32) % rig.slot_size;

        CHECK((i >= 32 && in_slot < 12 + 600)
              || rig.guest.mem[GUEST_FAR][i] == GUEST_CANARY);
    }
    rig_stop();
    rig_destroy();
}

/* Returns the VF's frames in ways in which no driver should. */
static uint16_t
misplace(uint16_t port, uint16_t queue, struct rte_mbuf *mbufs[], uint16_t n,
         uint16_t max, void *aux)
{
    (void) port, (void) queue, (void) max, (void) aux;
    for (uint16_t i = 0; i < n; i++) {
        switch (i % 4) {
        case 0:
            break;
        case 1:
            mbufs[i]->data_off += 2;
            break;
        case 2:
            mbufs[i]->data_len = mbufs[i]->buf_len;
            break;
        default:
            mbufs[i]->data_off -= 2;
            break;
        }
    }
    return n;
}

static void
test_misplaced(void)
{
    const struct rig_config config = { .devargs = "net_null0,size=100" };
    const struct rte_eth_rxtx_callback *cb;

    rig_start(&config);
    cb = rte_eth_add_rx_callback(rig.port, 0, misplace, NULL);
    CHECK(cb);
    for (int i = 0; i < 32; i++) {
        rig_post(RIG_ONE, 1514);
    }
    CHECK_EQ(rig_poll(), 32);
    CHECK_EQ(rig.queue.stats.zero_copy_frames, 8);
    CHECK_EQ(rig.queue.stats.dropped_too_long, 24);
    CHECK_EQ(rig.queue.pool->n_unused, 24);
    /* What came back is filled now, as it should be, though the guest has
     * posted no more. */
    CHECK(!rte_eth_remove_rx_callback(rig.port, 0, cb));
    CHECK_EQ(rig_poll(), 24);
    CHECK_EQ(rig.queue.stats.zero_copy_frames, 32);
    CHECK_EQ(rig.queue.pool->n_unused, 0);
    CHECK_EQ(rig_poll(), 0);
    rig_stop();
    rig_destroy();
}

/* A frame that waits for buffers is neither lost nor counted twice, and no
 * other overtakes it. */
static void
test_pending(void)
{
    const struct rig_config config = {
        .devargs = PCAP,
        .chains = true,
        .n_bounce = 64,
        .mergeable = true,
    };

    rig_start(&config);
    for (int i = 0; i < 5000 && rig.rx_seq < 1000; i++) {
        if (rig_post(RIG_ONE, 88) && i % 3) {
            rig_post(RIG_ONE, 88);
        }
        rig_poll();
        rig_receive_all();
    }
    CHECK(rig.rx_seq > 100);
    /* One is in hand. */
    while (rig.queue.pending_head == rig.queue.pending_tail) {
        rig_post(RIG_ONE, 88);
        rig_poll();
        rig_receive_all();
    }
    CHECK_EQ(rig_dropped(), 0);
    rig_stop();
    CHECK_EQ(rig.queue.stats.dropped_stop, 1);
    CHECK_EQ(rig_dropped(), 1);
    rig_destroy();
}

static void
post_empty(unsigned int n)
{
    while (n--) {
        guest_post_one(&rig.rx, GUEST_FAR_GPA, 0);
    }
}

/* A guest that offers a great many buffers for a few frames, and at the same
 * time as many good ones as can be. */
static void
test_many_used(void)
{
    for (unsigned int n_empty = 0; n_empty <= 61; n_empty++) {
        const struct rig_config config = {
            .devargs = "net_null0,size=100",
            .n_bounce = 64,
            .mergeable = true,
        };
        unsigned int n = 0;

        rig_start(&config);
        /* Two frames come and find too little room. */
        rig_post(RIG_ONE, 1);
        rig_post(RIG_ONE, 1);
        CHECK_EQ(rig_poll(), 2);
        CHECK_EQ(rig.queue.stats.to_guest_frames, 0);

        /* Room for the two, but behind many buffers of no length. */
        post_empty(n_empty);
        rig_post(RIG_ONE, 100);
        rig_post(RIG_ONE, 50);
        post_empty(ZCRX_MAX_MERGE - 2);
        rig_post(RIG_ONE, 50);
        rig_post_all(RIG_ONE, 1514);
        rig_poll();
        CHECK_EQ(rig.queue.stats.copied_small_buffer, 2);
        CHECK_EQ(rig.queue.stats.zero_copy_frames, 32);
        while (guest_collect(&rig.rx, NULL)) {
            n++;
        }
        CHECK_EQ(n, 3 + n_empty + ZCRX_MAX_MERGE + 32);
        rig_stop();
        rig_destroy();
    }
}

/* The guest breaks its receive ring, which is not touched any more; then the
 * transmit ring, too. */
static void
test_guest_error(void)
{
    const struct rig_config config = {
        .devargs = "net_null0,size=100",
        .n_bounce = 64,
    };
    uint8_t frame[RIG_MAX_FRAME];

    rig_start(&config);
    for (int i = 0; i < 40; i++) {
        rig_post(RIG_ONE, 1514);
    }
    CHECK_EQ(rig_poll(), 32);
    guest_offer(&rig.rx, 9999);
    CHECK_EQ(zcrx_queue_error(&rig.queue), ZCRX_VRING_OK);
    rig_poll();
    rig_poll();
    CHECK_EQ(rig.queue.stats.zero_copy_frames, 40); /* What is before it. */
    CHECK_EQ(rig.queue.stats.dropped_guest_error, rig_dropped());
    CHECK_EQ(zcrx_queue_error(&rig.queue), ZCRX_VRING_BAD_HEAD);
    CHECK_EQ(rig.queue.stats.guest_errors, 1);
    while (rig_receive(frame)) {
        continue;
    }
    rig_post(RIG_ONE, 1514);
    for (int i = 0; i < 10; i++) {
        rig_send(NULL, frame, 60);
        CHECK_EQ(rig_poll(), 1);
        CHECK_EQ(rig_reclaim(), 1);
    }
    CHECK(!guest_collect(&rig.rx, NULL));
    CHECK_EQ(rig.queue.stats.guest_errors, 1);

    guest_offer(&rig.tx, 9999);
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(rig_poll(), 0);
    }
    CHECK_EQ(rig.queue.tx.error, ZCRX_VRING_BAD_HEAD);
    CHECK_EQ(rig.queue.stats.guest_errors, 2);
    rig_send(NULL, frame, 60);
    CHECK_EQ(rig_poll(), 0);
    CHECK_EQ(rig_reclaim(), 0);
    rig_stop();
    rig_destroy();
}

/* Nothing moves behind a closed gate. */
static void
test_gate(void)
{
    const struct rig_config config = { .devargs = "net_null0,size=100" };
    uint8_t frame[RIG_MAX_FRAME];

    rig_start(&config);
    rig_post_all(RIG_ONE, 1514);
    CHECK_EQ(rig_poll(), 32);
    zcrx_gate_close(&rig.queue.gate);
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(rig_poll(), 0);
    }
    zcrx_gate_open(&rig.queue.gate);
    CHECK_EQ(rig_poll(), 32);
    for (int i = 0; i < 64; i++) {
        CHECK(rig_receive(frame));
    }
    CHECK(!rig_receive(frame));
    rig_stop();
    rig_destroy();
}

static void
post_burst(void)
{
    for (int i = 0; i < 32; i++) {
        CHECK(rig_post(RIG_ONE, 1514));
    }
}

/* The guest is notified once a turn, if it wants to be, and asked again in the
 * next one if it did not. */
static void
test_notifications(void)
{
    const struct rig_config config = { .devargs = "net_null0,size=100" };

    rig_start(&config);
    CHECK(!guest_would_kick(&rig.rx));
    CHECK(!guest_would_kick(&rig.tx));
    post_burst();
    CHECK_EQ(rig_poll(), 32);
    CHECK_EQ(rig_read_eventfd(rig.rx_eventfd), 1);
    CHECK_EQ(rig_read_eventfd(rig.tx_eventfd), 0);
    CHECK_EQ(rig.queue.stats.guest_notifications, 1);
    CHECK_EQ(rig_poll(), 0);
    CHECK_EQ(rig_read_eventfd(rig.rx_eventfd), 0); /* Once is enough. */

    guest_want_interrupts(&rig.rx, false);
    post_burst();
    CHECK_EQ(rig_poll(), 32);
    CHECK_EQ(rig_read_eventfd(rig.rx_eventfd), 0);
    CHECK_EQ(rig.queue.stats.guest_notifications, 1);
    guest_want_interrupts(&rig.rx, true);
    CHECK_EQ(rig_poll(), 0);
    CHECK_EQ(rig_read_eventfd(rig.rx_eventfd), 1);
    CHECK_EQ(rig.queue.stats.guest_notifications, 2);

    guest_want_interrupts(&rig.rx, false);
    post_burst();
    CHECK_EQ(rig_poll(), 32);
    CHECK_EQ(rig_poll(), 0);
    guest_want_interrupts(&rig.rx, true);
    CHECK_EQ(rig_poll(), 0);    /* It was visible before the last turn. */
    CHECK_EQ(rig_read_eventfd(rig.rx_eventfd), 0);

    /* The PMD thread is kept out before the next turn. */
    guest_want_interrupts(&rig.rx, false);
    post_burst();
    CHECK_EQ(rig_poll(), 32);
    guest_want_interrupts(&rig.rx, true);
    zcrx_queue_set_idle(&rig.queue, true);
    CHECK_EQ(rig_read_eventfd(rig.rx_eventfd), 1);
    zcrx_queue_set_idle(&rig.queue, false);

    /* There is no next turn, as no frames are to pass. */
    guest_want_interrupts(&rig.rx, false);
    post_burst();
    CHECK_EQ(rig_poll(), 32);
    guest_want_interrupts(&rig.rx, true);
    post_burst();
    CHECK(rig_inject(0));
    zcrx_queue_rest(&rig.queue);
    CHECK_EQ(rig_read_eventfd(rig.rx_eventfd), 1);
    CHECK_EQ(rig.queue.stats.guest_notifications, 3);
    CHECK_EQ(rig.queue.stats.inject_dropped_no_guest, 1);
    CHECK_EQ(rig_poll(), 32);
    rig_stop();
    rig_destroy();
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "zero-copy", test_zero_copy },
        { "copied", test_copied },
        { "as fast as can be", test_null },
        { "too long", test_too_long },
        { "in several mbufs", test_segments },
        { "in several mbufs, buffers waiting", test_segments_reserved },
        { "drivers that chain mbufs", test_chains },
        { "misplaced", test_misplaced },
        { "waiting for buffers", test_pending },
        { "many buffers at once", test_many_used },
        { "guest error", test_guest_error },
        { "closed gate", test_gate },
        { "notifications", test_notifications },
    };

    start_dpdk();
    rig_write_capture(CAPTURE, N_FRAMES);
    return rig_run_cases(cases, N_ELEMENTS(cases));
}
