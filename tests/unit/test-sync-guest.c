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

/* Ring sync, from the guest to the wire and from OVS to the guest, and
 * stopping it: a whole queue pair with a stock driver as the VF. */

#include "rig.h"

#include <string.h>
#include <rte_ethdev.h>
#include <rte_version.h>
#include <linux/virtio_net.h>

#include "eal.h"

#define CAPTURE "test-sync-tx.pcap"
#define RX_CAPTURE "test-sync-rx.pcap"
#define N_FRAMES 3000

static uint64_t seed = 1;

static void
test_guest_to_wire(void)
{
    static const struct rig_config configs[] = {
        { .devargs = "net_pcap0,tx_pcap=" CAPTURE },
        { .devargs = "net_pcap0,tx_pcap=" CAPTURE, .legacy = true },
        { .devargs = "net_pcap0,tx_pcap=" CAPTURE, .ring_size = 8 },
    };

    for (size_t i = 0; i < N_ELEMENTS(configs); i++) {
        unsigned int n_sent = 0, n_reclaimed = 0;
        uint64_t bytes = 0;
        uint8_t frame[2048];

        rig_start(&configs[i]);
        while (n_reclaimed < N_FRAMES) {
            uint32_t n = next_random(&seed, 60);

            for (; n && n_sent < N_FRAMES; n--) {
                uint32_t len = rig_make_frame(n_sent, frame);

                if (!rig_send(NULL, frame, len)) {
                    break;
                }
                n_sent++;
                bytes += len;
            }
            rig_poll();
            n_reclaimed += rig_reclaim();
            CHECK(n_reclaimed <= n_sent);
        }
        CHECK_EQ(rig.queue.stats.wire_tx_frames, N_FRAMES);
        CHECK_EQ(rig.queue.stats.wire_tx_bytes, bytes);
        CHECK_EQ(rig.queue.stats.guest_tx_bytes, bytes);
        CHECK_EQ(rig_tx_dropped(), 0);
        CHECK(rig_read_eventfd(rig.tx_eventfd));
        rig_stop();
        rig_destroy();
        CHECK_EQ(rig_check_capture(CAPTURE), N_FRAMES);
    }
}

/* Looks at what the VF is given to send: frames of the lengths in
 * 'wanted_lens', in that order, of which it takes 'takes'. */
static uint32_t wanted_lens[4096];
static unsigned int n_wanted, n_watched;
static unsigned int takes;

static void
make_jumbo(uint32_t len, uint8_t *frame)
{
    for (uint32_t i = 0; i < len; i++) {
        frame[i] = (i * 7 + len) % 251;
    }
}

static uint16_t
watch(uint16_t port, uint16_t queue, struct rte_mbuf *mbufs[], uint16_t n,
      void *aux)
{
    uint8_t frame[RIG_MAX_FRAME + 100], expected[RIG_MAX_FRAME + 100];

    (void) port, (void) queue, (void) aux;
    for (uint16_t i = 0; i < n; i++) {
        uint32_t len = mbufs[i]->pkt_len;
        uint32_t wanted;
        const uint8_t *p;

        CHECK(n_watched < n_wanted);
        wanted = wanted_lens[n_watched++];
        CHECK_EQ(len, RTE_MAX(wanted, 17));
        p = rte_pktmbuf_read(mbufs[i], 0, len, frame);
        CHECK(p);
        memset(expected, 0, len);
        make_jumbo(wanted, expected);
        CHECK(!memcmp(p, expected, len));
        CHECK_EQ(mbufs[i]->nb_segs, (len + 2047) / 2048);
        rte_mbuf_sanity_check(mbufs[i], 1);
    }
    return n < takes ? n : takes;
}

/* Starts 'config' with a watch on what the VF sends. */
static const struct rte_eth_rxtx_callback *watcher;

static void
start_watched(const struct rig_config *config)
{
    rig_start(config);
    n_wanted = n_watched = 0;
    takes = UINT16_MAX;
    watcher = rte_eth_add_tx_callback(rig.port, 0, watch, NULL);
    CHECK(watcher);
}

static void
stop_watched(void)
{
    CHECK_EQ(n_watched, n_wanted);
    CHECK(!rte_eth_remove_tx_callback(rig.port, 0, watcher));
    rig_stop();
    rig_destroy();
}

/* The guest sends a frame of 'len' bytes, that is to be seen or not. */
static void
send_jumbo(const void *hdr, uint32_t len, bool wanted)
{
    uint8_t frame[RIG_MAX_FRAME + 100];

    make_jumbo(len, frame);
    CHECK(rig_send(hdr, frame, len));
    if (wanted) {
        wanted_lens[n_wanted++] = len;
    }
}

/* Frames up to the longest that there are, over several host buffers. */
static void
test_jumbo(void)
{
    static const uint32_t lens[] = {
        14, 15, 60, 2047, 2048, 2049, 4095, 4096, 4097, 6144, 9017, 9018,
        8192, 8193, 61,
    };
    const struct rig_config config = {
        .devargs = "net_null0",
        .max_frame = RIG_MAX_FRAME,
        .ring_size = 64,
    };
    uint64_t bytes = 0;

    start_watched(&config);
    for (size_t i = 0; i < N_ELEMENTS(lens); i++) {
        send_jumbo(NULL, lens[i], true);
        bytes += RTE_MAX(lens[i], 17u);
    }
    send_jumbo(NULL, RIG_MAX_FRAME + 1, false);
    CHECK_EQ(rig_poll(), N_ELEMENTS(lens) + 1);
    CHECK_EQ(n_watched, n_wanted);
    CHECK_EQ(rig.queue.stats.wire_tx_frames, N_ELEMENTS(lens));
    CHECK_EQ(rig.queue.stats.wire_tx_bytes, bytes);
    CHECK_EQ(rig.queue.stats.tx_dropped_length, 1);
    CHECK_EQ(rig_reclaim(), N_ELEMENTS(lens) + 1);
    stop_watched();
}

/* What is not passed on, and why. */
static void
test_dropped(void)
{
    const struct rig_config config = { .devargs = "net_null0" };
    struct virtio_net_hdr_v1 hdr;
    uint64_t gpa;

    memset(&hdr, 0, sizeof hdr);
    start_watched(&config);
    for (int i = 0; i < 2; i++) {
        send_jumbo(NULL, 60, true);
        send_jumbo(NULL, 13, false);
        send_jumbo(NULL, 0, false);
        send_jumbo(NULL, 1515, false);
        send_jumbo(NULL, 3000, false);
        send_jumbo(NULL, 1514, true);
    }
    /* Not even a header. */
    gpa = guest_alloc(&rig.guest, GUEST_FAR, sizeof hdr);
    guest_write(&rig.guest, gpa, &hdr, sizeof hdr);
    guest_post_one(&rig.tx, gpa, 0);
    guest_post_one(&rig.tx, gpa, 11);
    guest_post_one(&rig.tx, gpa, 12);
    CHECK_EQ(rig_poll(), 15);
    CHECK_EQ(rig.queue.stats.tx_dropped_length, 11);
    CHECK_EQ(rig.queue.stats.wire_tx_frames, 4);
    for (int i = 0; i < 15; i++) {
        CHECK(guest_collect(&rig.tx, NULL));
    }

    /* Offloads that were not agreed on, and what is none. */
    hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    send_jumbo(&hdr, 60, false);
    hdr.flags = VIRTIO_NET_HDR_F_DATA_VALID;
    send_jumbo(&hdr, 61, true);
    hdr.flags = 0;
    hdr.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
    send_jumbo(&hdr, 62, false);
    hdr.gso_type = VIRTIO_NET_HDR_GSO_UDP | VIRTIO_NET_HDR_GSO_ECN;
    send_jumbo(&hdr, 63, false);
    hdr.gso_type = VIRTIO_NET_HDR_GSO_NONE;
    hdr.num_buffers = 9;
    send_jumbo(&hdr, 64, true);
    CHECK_EQ(rig_poll(), 5);
    CHECK_EQ(rig.queue.stats.tx_dropped_offload, 3);
    CHECK_EQ(rig.queue.stats.wire_tx_frames, 6);
    CHECK_EQ(n_watched, n_wanted);

    /* A VF that is full. */
    for (takes = 0; takes < 10; takes += 3) {
        uint64_t dropped = rig.queue.stats.tx_dropped_vf_full;

        for (int i = 0; i < 9; i++) {
            send_jumbo(NULL, 100 + i, true);
        }
        CHECK_EQ(rig_poll(), 9);
        CHECK_EQ(rig.queue.stats.tx_dropped_vf_full, dropped + 9 - takes);
    }
    stop_watched();
}

/* With no host buffers the guest waits; with too few for a long frame that is
 * dropped. */
static void
test_no_mbufs(void)
{
    const struct rig_config config = {
        .devargs = "net_null0",
        .max_frame = RIG_MAX_FRAME,
        .ring_size = 128,
        .n_tx_mbufs = 39,
    };
    struct rte_mbuf *held[39];

    start_watched(&config);
    CHECK(!rte_pktmbuf_alloc_bulk(rig.queue.tx_mp, held, 39));
    for (int i = 0; i < 20; i++) {
        send_jumbo(NULL, 60 + i, true);
    }
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(rig_poll(), 0);
    }
    CHECK_EQ(rig_reclaim(), 0);
    rte_pktmbuf_free_bulk(held, 39);
    CHECK_EQ(rig_poll(), 20);
    CHECK_EQ(rig.queue.stats.wire_tx_frames, 20);
    CHECK_EQ(rig_reclaim(), 20);

    /* Each takes 5, so after the first one there are 3 to spare for the next
     * until those that are dropped give theirs back. */
    for (int i = 0; i < 32; i++) {
        send_jumbo(NULL, 9000, true);
    }
    CHECK_EQ(rig_poll(), 32);
    CHECK(rig.queue.stats.tx_dropped_no_mbuf);
    CHECK_EQ(rig_tx_dropped(), rig.queue.stats.tx_dropped_no_mbuf);
    CHECK(n_watched > 20 && n_watched < n_wanted);
    n_wanted -= rig.queue.stats.tx_dropped_no_mbuf;
    CHECK_EQ(rig_reclaim(), 32);
    stop_watched();
}

/* The guest breaks its transmit ring.  Of a broken ring nothing is read, and a
 * frame of which only a part can be read is not sent. */
static void
test_guest_error(void)
{
    for (int in_ring = 0; in_ring < 2; in_ring++) {
        const struct rig_config config = { .devargs = "net_null0" };
        const struct guest_piece pieces[] = {
            { GUEST_FAR_GPA, 12 + 60 },
            { 0x666, 60 },
        };
        const uint8_t no_hdr[12] = { 0 };

        start_watched(&config);
        send_jumbo(NULL, 60, !in_ring);
        send_jumbo(NULL, 61, !in_ring);
        if (in_ring) {
            guest_offer(&rig.tx, 9999);
        } else {
            guest_write(&rig.guest, GUEST_FAR_GPA, no_hdr, sizeof no_hdr);
            guest_post(&rig.tx, pieces, 2, GUEST_DIRECT);
        }
        send_jumbo(NULL, 62, false);
        rig_poll();
        CHECK_EQ(n_watched, n_wanted);
        CHECK_EQ(rig.queue.stats.tx_dropped_guest_error, 2);
        CHECK_EQ(rig_tx_dropped(), 2);
        CHECK_EQ(zcrx_queue_error(&rig.queue),
                 in_ring ? ZCRX_VRING_BAD_HEAD : ZCRX_VRING_BAD_ADDRESS);
        CHECK_EQ(rig.queue.stats.guest_errors, 1);
        /* It goes on to receive. */
        rig_post_all(RIG_ONE, 1514);
        for (int i = 1; i < 4; i++) {
            CHECK_EQ(rig_poll(), 32);
            CHECK_EQ(rig.queue.stats.wire_rx_frames, i * 32);
        }
        CHECK_EQ(rig.queue.stats.guest_errors, 1);
        stop_watched();
    }
}

/* What OVS outputs to the port. */
static void
test_inject(void)
{
    const struct rig_config config = {
        .devargs = "net_pcap0,tx_pcap=" CAPTURE,
        .mergeable = true,
    };
    unsigned int n = 0;

    rig_start(&config);
    /* No buffers. */
    CHECK(rig_inject(0));
    CHECK(rig_inject(0));
    CHECK_EQ(rig_poll(), 2);
    CHECK_EQ(rig.queue.stats.inject_dropped_no_buffer, 2);

    /* Over one buffer or several. */
    while (n < 500) {
        for (uint32_t i = next_random(&seed, 40); i; i--) {
            CHECK(rig_inject(n++));
        }
        rig_post_all(RIG_ONE, 600);
        rig_poll();
        rig_poll();
        rig_receive_all();
    }
    CHECK_EQ(rig.rx_seq, n);
    CHECK_EQ(rig.queue.stats.injected_frames, n);
    CHECK_EQ(rig.queue.stats.injected_bytes, rig.queue.stats.to_guest_bytes);
    CHECK_EQ(rig.queue.stats.inject_dropped_no_buffer, 2);

    /* As many at once as there is room for. */
    for (n = 0; rig_inject(0); n++) {
        continue;
    }
    CHECK_EQ(n, ZCRX_INJECT_SIZE - 1);
    CHECK_EQ(rig_poll(), 32);
    rig_stop();
    CHECK_EQ(rig.queue.stats.inject_dropped_no_guest, n - 32);

    /* What was sent to a guest that went is not for the one that comes. */
    CHECK(rig_inject(0));
    rig_resume();
    CHECK_EQ(rig.queue.stats.inject_dropped_no_guest, n - 32 + 1);
    CHECK_EQ(rig_poll(), 0);
    CHECK(rig_inject(0));
    rig_stop();
    CHECK(rig_inject(0));       /* Freed at the very end. */
    rig_destroy();
}

static void
test_inject_too_long(void)
{
    const struct rig_config config = { .devargs = "net_pcap0,tx_pcap="
                                                  CAPTURE };
    unsigned int n_long = 0;

    rig_start(&config);
    rig_post_all(RIG_ONE, 700);
    for (int i = 0; i < 32; i++) {
        uint8_t frame[2048];

        CHECK(rig_inject(i));
        n_long += rig_make_frame(i, frame) > 700;
    }
    CHECK_EQ(rig_poll(), 32);
    CHECK_EQ(rig.queue.stats.inject_dropped_too_long, n_long);
    CHECK_EQ(rig.queue.stats.injected_frames, 32 - n_long);
    rig_stop();
    rig_destroy();
}

/* Frames that OVS sends overtake buffers that the VF has.  When it stops then,
 * the guest gets these back, and is told so. */
static void
test_stop_out_of_order(void)
{
    const struct rig_config config = { .devargs = "net_null0,size=60" };
    struct rte_mbuf *held[5];
    uint32_t len;

    rig_start(&config);
    rig_post_all(RIG_ONE, 1514);
    rig.queue.pool->credit = UINT32_MAX;
    CHECK(!rte_pktmbuf_alloc_bulk(rig.queue.pool->mp, held, 5));
    CHECK(rig_inject(0));
    CHECK_EQ(rig_poll(), 32 + 1);
    CHECK(rig_read_eventfd(rig.rx_eventfd));
    for (int i = 0; i < 32 + 1; i++) {
        CHECK(guest_collect(&rig.rx, &len));
        CHECK(len > 12);
    }
    rte_pktmbuf_free_bulk(held, 5);
    rig_stop();
    for (int i = 0; i < 5; i++) {
        CHECK(guest_collect(&rig.rx, &len));
        CHECK_EQ(len, 0);
    }
    CHECK(!guest_collect(&rig.rx, NULL));
    CHECK(rig_read_eventfd(rig.rx_eventfd));
    rig_destroy();
}

/* In DPDK 25.11, net_null does not free what it has sent if it copies. */
#if RTE_VERSION < RTE_VERSION_NUM(25, 11, 0, 0)
#define NULL_COPY ",copy=1"
#else
#define NULL_COPY ""
#endif

/* Everything at once, with the guest posting what it likes, and stops now and
 * then.  Frames may be lost only where that is counted. */
static void
test_all(void)
{
    static const struct rig_config configs[] = {
        /* Begins anew after each stop. */
        { .devargs = "net_pcap0,rx_pcap=" RX_CAPTURE, .n_bounce = 64,
          .chains = true, .indirect = true, .mergeable = true },
        { .devargs = "net_null0,size=1000" NULL_COPY, .n_bounce = 64,
          .indirect = true },
        { .devargs = "net_null0,size=1514", .n_bounce = 64, .copy = true,
          .indirect = true, .mergeable = true },
        { .devargs = "net_null0,size=64", .event_idx = true },
    };

    for (size_t i = 0; i < N_ELEMENTS(configs); i++) {
        unsigned int n_kinds = configs[i].indirect ? RIG_N_KINDS : 2;
        uint64_t n_received = 0, n_reclaimed = 0;
        uint8_t frame[RIG_MAX_FRAME];

        rig_start(&configs[i]);
        for (int step = 0; step < 5000; step++) {
            for (uint32_t n = next_random(&seed, 60); n; n--) {
                rig_post(next_random(&seed, n_kinds),
                         next_random(&seed, 10) || !configs[i].mergeable
                         ? 1514 : 300);
            }
            for (uint32_t n = next_random(&seed, 40); n; n--) {
                rig_send(NULL, frame, rig_make_frame(n, frame));
            }
            for (uint32_t n = next_random(&seed, 10); n; n--) {
                rig_inject(n);
            }
            rig_poll();
            while (rig_receive(frame)) {
                n_received++;
            }
            n_reclaimed += rig_reclaim();
            if (!next_random(&seed, 300)) {
                rig_stop();
                rig_resume();
            }
        }
        rig_stop();
        while (rig_receive(frame)) {
            n_received++;
        }
        n_reclaimed += rig_reclaim();
        CHECK_EQ(zcrx_queue_error(&rig.queue), ZCRX_VRING_OK);
        CHECK_EQ(n_received, rig.queue.stats.to_guest_frames);
        CHECK_EQ(n_reclaimed, rig.queue.stats.guest_tx_frames);
        CHECK_EQ(rig.queue.stats.wire_tx_frames, n_reclaimed);
        CHECK(rig.queue.stats.wire_rx_frames > 10000);
        rig_destroy();
    }
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "from the guest to the wire", test_guest_to_wire },
        { "jumbo frames", test_jumbo },
        { "dropped", test_dropped },
        { "no host buffers", test_no_mbufs },
        { "guest error", test_guest_error },
        { "from OVS to the guest", test_inject },
        { "from OVS, too long", test_inject_too_long },
        { "stopping out of order", test_stop_out_of_order },
        { "everything at once", test_all },
    };

    start_dpdk();
    rig_write_capture(RX_CAPTURE, N_FRAMES);
    return rig_run_cases(cases, N_ELEMENTS(cases));
}
