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

/* The slow path of a queue pair: frames of a class go to OVS, in copies, and
 * nothing is lost or comes twice. */

#include "rig.h"

#include <errno.h>
#include <string.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <linux/virtio_net.h>

#include "eal.h"

#define N_FRAMES 3000
#define CAPTURE "test-slow.pcap"
#define TX_CAPTURE "test-slow-tx.pcap"
#define PCAP "net_pcap0,rx_pcap=" CAPTURE ",tx_pcap=" TX_CAPTURE

static uint64_t seed = 1;
static struct rte_mempool *mp;  /* For OVS. */
static unsigned int mp_left = UINT32_MAX; /* What may be taken of it. */
static struct rte_ring *to_wire_face, *to_vf;
static struct zcrx_steer steers[4];

enum { NONE, MCAST, ALL, LACP }; /* No frame of a capture is of LACP. */

static struct rte_mbuf *
new_frame(uint32_t len)
{
    struct rte_mbuf *m = mp_left ? rte_pktmbuf_alloc(mp) : NULL;

    if (m) {
        mp_left--;
        m->data_len = m->pkt_len = len;
    }
    return m;
}

static void
free_frame(struct rte_mbuf *m)
{
    rte_pktmbuf_free(m);
}

/* Makes the rules those of 'steers[which]', while the pair may be running. */
static void
set_rules(int which, bool guest_tx_ovs, bool has_wire_face)
{
    const struct zcrx_slow_rules rules = {
        .steer = &steers[which],
        .wire_steer = &steers[which],
        .guest_tx_ovs = guest_tx_ovs,
        .has_wire_face = has_wire_face,
    };

    zcrx_gate_close(&rig.queue.gate);
    zcrx_slow_set_rules(&rig.queue, &rules);
    zcrx_gate_open(&rig.queue.gate);
}

static void
start(const struct rig_config *config)
{
    rig_start(config);
    CHECK(!zcrx_slow_init(&rig.queue, SOCKET_ID_ANY, new_frame, to_wire_face,
                          to_vf));
    rig.queue.slow.free_frame = free_frame;
    mp_left = UINT32_MAX;
}

static void
stop(void)
{
    rig_stop();
    zcrx_slow_destroy(&rig.queue);
    rig_destroy();
    CHECK_EQ(rte_ring_count(to_vf), 0);
    CHECK_EQ(rte_mempool_in_use_count(mp), 0);
}

/* Makes the VF match what 'steers[which]' says, and software nothing. */
static void
set_flows(int which)
{
    const struct zcrx_slow_rules rules = {
        .steer = &steers[which],
        .wire_steer = &steers[NONE],
        .polls_flows = true,
        .flow_queue = 1,
        .has_wire_face = true,
    };

    zcrx_gate_close(&rig.queue.gate);
    zcrx_slow_set_rules(&rig.queue, &rules);
    zcrx_gate_open(&rig.queue.gate);
}

/* The guest: writes to all memory in which its buffers are. */
static void
scribble(void)
{
    uint16_t size = rig.config.ring_size ? rig.config.ring_size : 256;

    memset(rig.guest.mem[GUEST_FAR] + 32, next_random(&seed, 256),
           2 * size * rig.slot_size - 32);
}

/* The first bytes of the frames in a capture. */
static uint64_t keys[N_FRAMES];

static void
make_keys(void)
{
    static uint8_t frame[RIG_MAX_FRAME];

    for (uint32_t seq = 0; seq < N_FRAMES; seq++) {
        rig_make_frame(seq, frame);
        memcpy(&keys[seq], frame, sizeof keys[seq]);
    }
}

/* Checks that 'frame' is one of a capture's that did not come before, and
 * notes that it came.  Returns its number. */
static uint32_t
check_frame(const uint8_t *frame, uint32_t len, bool came[N_FRAMES])
{
    static uint8_t expected[RIG_MAX_FRAME];
    uint32_t seq = 0;

    while (memcmp(&keys[seq], frame, sizeof keys[seq])) {
        seq++;
        CHECK(seq < N_FRAMES);
    }
    CHECK_EQ(len, rig_make_frame(seq, expected));
    CHECK(!memcmp(frame, expected, len));
    CHECK(!came[seq]);
    came[seq] = true;
    return seq;
}

static bool
is_group(uint32_t seq)
{
    static uint8_t frame[RIG_MAX_FRAME];

    rig_make_frame(seq, frame);
    return frame[0] & 1;
}

/* What came of the frames of a capture, and what is next if the order is
 * kept. */
struct progress {
    bool to_ovs[N_FRAMES];
    bool to_guest[N_FRAMES];
    uint32_t next_slow;         /* To OVS, or from there to the guest. */
    uint32_t next_fast;
    unsigned int n_to_ovs;
    unsigned int n_to_guest;
    unsigned int n_dropped;     /* By OVS. */
};

/* OVS: takes the frames of the wire face, looks at them, and sends some to the
 * guest. */
static void
be_ovs(struct progress *p, unsigned int drop_one_in)
{
    struct rte_mbuf *m;

    while (!rte_ring_sc_dequeue(to_wire_face, (void **) &m)) {
        uint32_t seq = check_frame(rte_pktmbuf_mtod(m, uint8_t *),
                                   m->data_len, p->to_ovs);

        CHECK(seq >= p->next_slow);
        p->next_slow = seq + 1;
        p->n_to_ovs++;
        rte_pktmbuf_free(m);
        if (!drop_one_in || next_random(&seed, drop_one_in)) {
            while (!rig_inject(seq)) {
                rig_poll();
            }
        } else {
            p->to_guest[seq] = true;
            p->n_dropped++;
        }
    }
}

static void
be_guest(struct progress *p)
{
    static uint8_t frame[RIG_MAX_FRAME];
    uint32_t len;

    while ((len = rig_receive(frame))) {
        uint32_t seq = check_frame(frame, len, p->to_guest);

        if (!p->to_ovs[seq]) {
            CHECK(seq >= p->next_fast);
            p->next_fast = seq + 1;
        }
        p->n_to_guest++;
    }
}

static const struct rig_config configs[] = {
    { .devargs = PCAP, .chains = true, .mergeable = true },
    { .devargs = PCAP, .chains = true, .n_bounce = 64, .indirect = true },
    { .devargs = PCAP, .chains = true, .n_bounce = 64, .copy = true,
      .indirect = true },
    { .devargs = PCAP, .chains = true, .n_bounce = 64, .ring_size = 64,
      .legacy = true, .indirect = true },
    { .devargs = PCAP, .chains = true, .ring_size = 1024,
      .indirect = true },
};

/* Passes all frames of a capture with group addresses going to OVS, or with
 * rules that change, and a guest that writes to its buffers before OVS looks.
 * 'drop_one_in' of those that OVS has are not for the guest. */
static void
pass_from_wire(const struct rig_config *config, unsigned int drop_one_in,
               bool change)
{
    static struct progress p;
    const struct zcrx_stats *s = &rig.queue.stats;
    unsigned int idle = 0;

    memset(&p, 0, sizeof p);
    start(config);
    set_rules(MCAST, false, true);
    while (p.n_to_guest + p.n_dropped + s->inject_dropped_no_buffer
           < N_FRAMES) {
        unsigned int n = next_random(&seed, 60);
        unsigned int before = p.n_to_guest;

        while (n-- && rig_post(next_random(&seed, config->n_bounce
                                                  ? RIG_N_KINDS - 1 : 2),
                               1514)) {
            continue;
        }
        if (change && next_random(&seed, 4) == 0) {
            set_rules(next_random(&seed, 3), false, next_random(&seed, 2));
        }
        rig_poll();
        be_guest(&p);
        scribble();
        be_ovs(&p, drop_one_in);
        CHECK(rig.queue.slow.n_holes <= ZCRX_MAX_OLD_HOLES);
        idle = before == p.n_to_guest ? idle + 1 : 0;
        CHECK(idle < 100000);
    }
    CHECK_EQ(s->wire_rx_frames, N_FRAMES);
    CHECK_EQ(s->slow_wire_frames, p.n_to_ovs);
    CHECK_EQ(s->to_guest_frames, p.n_to_guest);
    CHECK_EQ(rig_dropped(), 0);
    if (!change) {
        for (uint32_t seq = 0; seq < N_FRAMES; seq++) {
            CHECK_EQ(p.to_ovs[seq], is_group(seq));
        }
        CHECK_EQ(rig.queue.slow.counts.counts[0][ZCRX_FROM_WIRE].frames,
                 p.n_to_ovs);
        CHECK_EQ(s->slow_passed_frames, 0);
    } else {
        CHECK(s->slow_passed_frames);
    }
    stop();
}

static void
test_from_wire(void)
{
    for (size_t i = 0; i < N_ELEMENTS(configs); i++) {
        pass_from_wire(&configs[i], 0, false);
        pass_from_wire(&configs[i], 2, false);
        pass_from_wire(&configs[i], 3, true);
    }
}

/* What the VF matches itself, which here are all frames of one queue, comes
 * with the class that it is in, and the others pass without being looked at.
 * Nothing of it is lost when the rules change. */
static void
test_flows(void)
{
    static struct progress p;
    const struct zcrx_slow_count (*counts)[ZCRX_N_DIRS];
    const struct zcrx_stats *s = &rig.queue.stats;
    unsigned int n_group = 0;
    struct rte_mbuf *m;

    memset(&p, 0, sizeof p);
    start(&(struct rig_config) {
        .devargs = "net_pcap0,rx_pcap=" CAPTURE ",rx_pcap=" CAPTURE
                   ",tx_pcap=" TX_CAPTURE,
        .chains = true,
        .flow_mp = mp,
    });
    set_flows(MCAST);
    counts = rig.queue.slow.counts.counts;
    while (p.n_to_ovs < N_FRAMES / 2) {
        rig_post_all(RIG_ONE, 1514);
        rig_poll();
        p.next_fast += rig_receive_all();
        CHECK_EQ(rig.queue.slow.n_holes, 0);
        while (!rte_ring_sc_dequeue(to_wire_face, (void **) &m)) {
            CHECK_EQ(check_frame(rte_pktmbuf_mtod(m, uint8_t *), m->data_len,
                                 p.to_ovs), p.n_to_ovs);
            n_group += is_group(p.n_to_ovs++);
            rte_pktmbuf_free(m);
        }
    }
    CHECK_EQ(counts[0][ZCRX_FROM_WIRE].frames, n_group);
    CHECK_EQ(counts[ZCRX_SLOW_OTHER][ZCRX_FROM_WIRE].frames,
             p.n_to_ovs - n_group);
    CHECK_EQ(s->zero_copy_frames, p.next_fast);

    /* The VF has just ceased to match these. */
    zcrx_gate_close(&rig.queue.gate);
    zcrx_slow_drain_flows(&rig.queue);
    CHECK(rte_ring_count(to_wire_face) >= ZCRX_SLOW_RING_SIZE - ZCRX_BURST);
    zcrx_gate_open(&rig.queue.gate);
    while (!rte_ring_sc_dequeue(to_wire_face, (void **) &m)) {
        CHECK_EQ(check_frame(rte_pktmbuf_mtod(m, uint8_t *), m->data_len,
                             p.to_ovs), p.n_to_ovs);
        p.n_to_ovs++;
        rte_pktmbuf_free(m);
    }
    set_rules(MCAST, false, true);
    rig_poll();
    CHECK_EQ(s->slow_wire_frames, p.n_to_ovs + rte_ring_count(to_wire_face));
    CHECK_EQ(s->wire_rx_frames, (s->zero_copy_frames + s->copied_slow_path
                                 + s->slow_wire_frames
                                 + s->dropped_slow_face_full));
    while (!rte_ring_sc_dequeue(to_wire_face, (void **) &m)) {
        rte_pktmbuf_free(m);
    }
    stop();
}

/* Buffers whose frames went to OVS come back to the guest if nothing else
 * comes, be its transmit virtqueue 'tx_error'. */
static void
return_holes(enum zcrx_vring_error tx_error)
{
    unsigned int n_posted;
    struct rte_mbuf *m;
    uint64_t start_tsc;

    start(&configs[0]);
    rig.queue.tx.error = tx_error;
    set_rules(ALL, false, true);
    rig_post_all(RIG_ONE, 1514);
    n_posted = rig.rx.n_posted;
    while (rig.queue.stats.slow_wire_frames < n_posted) {
        rig_poll();
        CHECK(rig.queue.slow.n_holes <= ZCRX_MAX_OLD_HOLES);
        while (!rte_ring_sc_dequeue(to_wire_face, (void **) &m)) {
            rte_pktmbuf_free(m);
        }
    }
    CHECK_EQ(rig.queue.stats.slow_buffers_empty + rig.queue.slow.n_holes,
             n_posted);
    start_tsc = rte_rdtsc();
    while (rig.queue.slow.n_holes) {
        rig_poll();
        CHECK(rte_rdtsc() - start_tsc < 60 * rte_get_tsc_hz());
    }
    CHECK_EQ(rig_receive_all(), 0);
    CHECK_EQ(rig.rx.n_posted, 0);
    stop();
}

static void
test_holes(void)
{
    return_holes(ZCRX_VRING_OK);
    return_holes(ZCRX_VRING_BAD_LOOP);
}

/* A log for all of the guest's memory in which the VF writes. */
static uint8_t log_pages[(GUEST_FAR_GPA >> 15) + 1024];

/* Returns true if the log says that 'len' bytes at 'gpa' were written to. */
static bool
is_logged(uint64_t gpa, uint32_t len)
{
    for (uint64_t page = gpa >> 12; page <= (gpa + len - 1) >> 12; page++) {
        if (!(log_pages[page / 8] & 1 << page % 8)) {
            return false;
        }
    }
    return true;
}

/* Such buffers are the first to be used: by what OVS sends, then by what the
 * VF delivers.  Either is in the log of a live migration. */
static void
test_fill_holes(void)
{
    static uint8_t frame[RIG_MAX_FRAME];
    uint16_t filled[10];
    const struct zcrx_stats *s = &rig.queue.stats;
    unsigned int n_filled = N_ELEMENTS(filled);
    unsigned int n_got = 0;
    unsigned int n_posted;
    unsigned int n_holes;
    struct rte_mbuf *m;
    uint64_t n_empty;

    start(&configs[0]);
    rig.queue.slow.patience = UINT64_MAX;
    set_rules(ALL, false, true);
    rig_post_all(RIG_ONE, 1514);
    n_posted = rig.rx.n_posted;
    while (s->slow_wire_frames < n_posted) {
        rig_poll();
    }
    n_holes = rig.queue.slow.n_holes;
    n_empty = s->slow_buffers_empty;
    CHECK_EQ(n_empty + n_holes, n_posted);
    CHECK(n_holes > n_filled);
    for (uint32_t seq = 0; seq < n_filled; seq++) {
        filled[seq] = rig.queue.slow.holes[(rig.queue.slow.first_hole + seq)
                                           % ZCRX_MAX_HOLES];
        CHECK(rig_inject(seq));
    }
    rig.queue.rx.log = (struct zcrx_log) { log_pages, sizeof log_pages };
    memset(log_pages, 0, sizeof log_pages);
    while (s->injected_frames < n_filled) {
        rig_poll();
    }
    for (uint32_t seq = 0; seq < n_filled; seq++) {
        CHECK(is_logged(rig.rx.bufs[filled[seq]].pieces[0].gpa,
                        12 + rig_make_frame(seq, frame)));
    }
    rig.queue.rx.log.base = NULL;
    while (rig_receive(frame)) {
        n_got++;
    }
    CHECK_EQ(n_got, n_filled);
    CHECK_EQ(rig.queue.slow.n_holes, n_holes - n_filled);
    CHECK_EQ(s->slow_buffers_empty, n_empty);

    set_rules(MCAST, false, true);
    n_posted = 0;
    while (n_posted < n_filled && rig_post(RIG_ONE, 1514)) {
        n_posted++;
    }
    CHECK_EQ(n_posted, n_filled);
    n_posted += s->wire_rx_frames;
    while (s->wire_rx_frames < n_posted) {
        rig_poll();
    }
    n_got = 0;
    while (rig_receive(frame)) {
        n_got++;
    }
    CHECK(n_got > 0);
    CHECK_EQ(s->copied_slow_path, n_got);
    CHECK_EQ(s->zero_copy_frames, 0);
    CHECK_EQ(s->slow_buffers_empty, n_empty);

    set_rules(NONE, false, true);
    CHECK_EQ(rig.queue.slow.n_holes, 0);
    while (!rte_ring_sc_dequeue(to_wire_face, (void **) &m)) {
        rte_pktmbuf_free(m);
    }
    stop();
}

/* A single such buffer, which each frame of the VF fills and leaves another
 * one, comes back in the end, and what follows is zero-copy again. */
static void
test_one_hole(void)
{
    const struct zcrx_slow *slow = &rig.queue.slow;
    const struct zcrx_stats *s = &rig.queue.stats;
    uint64_t holes_since, n_copied;
    struct rte_mbuf *m;

    start(&configs[0]);
    rig.queue.slow.patience = UINT64_MAX;
    set_rules(ALL, false, true);
    CHECK(rig_post(RIG_ONE, 1514));
    while (!slow->n_holes) {
        rig_poll();
    }
    holes_since = slow->holes_since;
    CHECK(!rte_ring_sc_dequeue(to_wire_face, (void **) &m));
    rte_pktmbuf_free(m);
    rig.rx_seq++;

    set_rules(LACP, false, true);
    while (s->copied_slow_path < 100) {
        CHECK(rig_post(RIG_ONE, 1514));
        rig_poll();
        CHECK_EQ(slow->n_holes, 1);
        rig_receive_all();
    }
    CHECK_EQ(slow->holes_since, holes_since);
    CHECK_EQ(s->zero_copy_frames, 0);

    rig.queue.slow.patience = 0;
    CHECK(rig_post(RIG_ONE, 1514));
    rig_poll();
    CHECK_EQ(slow->n_holes, 0);
    CHECK_EQ(s->slow_buffers_empty, 1);
    n_copied = s->copied_slow_path;
    CHECK(rig_post(RIG_ONE, 1514));
    while (!s->zero_copy_frames) {
        rig_poll();
    }
    CHECK_EQ(s->copied_slow_path, n_copied);
    rig_receive_all();
    stop();
}

/* No wire face takes frames, or there is no memory. */
static void
test_no_room(void)
{
    struct rte_mbuf *m;

    start(&configs[0]);
    set_rules(ALL, false, true);
    while (!rig.queue.stats.dropped_slow_face_full) {
        rig_post_all(RIG_ONE, 1514);
        rig_poll();
        CHECK_EQ(rig_receive_all(), 0);
    }
    mp_left = 0;
    while (!rig.queue.stats.dropped_slow_no_memory) {
        rig_post_all(RIG_ONE, 1514);
        rig_poll();
        CHECK_EQ(rig_receive_all(), 0);
    }
    CHECK_EQ(rig.queue.stats.slow_wire_frames, ZCRX_SLOW_RING_SIZE - 1);
    while (!rte_ring_sc_dequeue(to_wire_face, (void **) &m)) {
        rte_pktmbuf_free(m);
    }
    stop();
}

/* From the guest: what is slow path, in copies that the guest cannot write
 * to, and the rest to the VF. */
static void
test_from_guest(void)
{
    static uint8_t frame[RIG_MAX_FRAME];
    static bool to_ovs[N_FRAMES];
    const struct zcrx_stats *s = &rig.queue.stats;
    uint32_t next = 0;
    uint32_t seq = 0;

    memset(to_ovs, 0, sizeof to_ovs);
    start(&(struct rig_config) { .devargs = "net_pcap0,tx_pcap="
                                            TX_CAPTURE });
    while (seq < N_FRAMES || rig.queue.slow.n_stash) {
        bool all = next_random(&seed, 10) == 0;
        unsigned int n = next_random(&seed, 40);
        struct rte_mbuf *frames[20];
        uint16_t n_frames;

        set_rules(next_random(&seed, 8) ? MCAST : NONE, all, false);
        while (n-- && seq < N_FRAMES
               && rig_send(NULL, frame, rig_make_frame(seq, frame))) {
            seq++;
        }
        rig_poll();
        rig_reclaim();
        if (!rig.tx.n_posted) {
            scribble();
        }
        n_frames = zcrx_slow_take(&rig.queue, frames, 20);
        for (uint16_t i = 0; i < n_frames; i++) {
            uint32_t got = check_frame(rte_pktmbuf_mtod(frames[i], uint8_t *),
                                       frames[i]->data_len, to_ovs);

            CHECK(got >= next);
            next = got + 1;
            rte_pktmbuf_free(frames[i]);
        }
    }
    while (rig.tx.n_posted) {
        rig_poll();
        rig_reclaim();
    }
    CHECK_EQ(s->guest_tx_frames, N_FRAMES);
    CHECK(s->slow_guest_frames > N_FRAMES / 3);
    CHECK(s->wire_tx_frames > N_FRAMES / 3);
    CHECK_EQ(s->slow_guest_frames + s->wire_tx_frames, N_FRAMES);
    stop();
}

/* What the guest left to the device is done for OVS. */
static void
test_offloads(void)
{
    static struct {
        struct rte_ether_hdr eth;
        struct rte_ipv4_hdr ip;
        struct rte_tcp_hdr tcp;
        uint8_t payload[8000];
    } __attribute__((__packed__, __aligned__(2))) packet;
    struct virtio_net_hdr_v1 hdr = {
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
        .csum_start = 34,
        .csum_offset = 16,
        .gso_size = 1400,
    };
    const uint32_t headers = sizeof packet - sizeof packet.payload;

    start(&(struct rig_config) {
        .devargs = "net_pcap0,tx_pcap=" TX_CAPTURE,
        .max_frame = RIG_MAX_FRAME,
        .offload.tx = { .max_segs = 40, .csum = true, .tso4 = true,
                        .tso6 = true },
    });
    set_rules(NONE, true, false);
    for (size_t i = 0; i < sizeof packet.payload; i++) {
        packet.payload[i] = next_random(&seed, 256);
    }
    for (unsigned int i = 0; i < 3; i++) {
        /* One to be segmented, one with a checksum only, and one that would
         * become too many. */
        uint32_t len = i == 1 ? 777 : sizeof packet.payload;
        uint32_t done = 0;
        struct rte_mbuf *m;
        unsigned int n = 0;

        packet.eth.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
        packet.ip = (struct rte_ipv4_hdr) {
            .version_ihl = RTE_IPV4_VHL_DEF,
            .next_proto_id = IPPROTO_TCP,
            .src_addr = RTE_BE32(0xc0000201),
            .dst_addr = RTE_BE32(0xc0000202),
            .packet_id = RTE_BE16(65534),
        };
        packet.ip.total_length = rte_cpu_to_be_16(headers - 14 + len);
        packet.ip.hdr_checksum = rte_ipv4_cksum(&packet.ip);
        packet.tcp = (struct rte_tcp_hdr) {
            .data_off = 5 << 4,
            .sent_seq = RTE_BE32(UINT32_MAX - 2000),
            .tcp_flags = (RTE_TCP_ACK_FLAG | RTE_TCP_PSH_FLAG
                          | RTE_TCP_FIN_FLAG | RTE_TCP_CWR_FLAG),
        };
        packet.tcp.cksum = rte_ipv4_phdr_cksum(&packet.ip, 0);
        hdr.gso_type = (i == 1 ? VIRTIO_NET_HDR_GSO_NONE
                        : VIRTIO_NET_HDR_GSO_TCPV4);
        hdr.gso_size = i == 2 ? 50 : 1400;
        CHECK(rig_send(&hdr, (const uint8_t *) &packet, headers + len));
        rig_poll();
        CHECK_EQ(rig_reclaim(), 1);
        while (zcrx_slow_take(&rig.queue, &m, 1)) {
            const struct rte_ipv4_hdr *ip;
            const struct rte_tcp_hdr *tcp;
            uint32_t part = m->data_len - headers;
            uint8_t flags = RTE_TCP_ACK_FLAG;

            ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, 14);
            tcp = (const struct rte_tcp_hdr *) (ip + 1);
            CHECK_EQ(rte_be_to_cpu_16(ip->total_length), m->data_len - 14);
            CHECK_EQ(rte_be_to_cpu_16(ip->packet_id), (65534 + n) & 0xffff);
            CHECK_EQ(rte_raw_cksum(ip, sizeof *ip), 0xffff);
            CHECK(!rte_ipv4_udptcp_cksum_verify(ip, tcp));
            CHECK_EQ(rte_be_to_cpu_32(tcp->sent_seq),
                     (uint32_t) (UINT32_MAX - 2000 + done));
            CHECK(!memcmp(tcp + 1, packet.payload + done, part));
            done += part;
            if (done == len) {
                flags |= RTE_TCP_PSH_FLAG | RTE_TCP_FIN_FLAG;
            }
            if (!n) {
                flags |= RTE_TCP_CWR_FLAG;
            }
            CHECK_EQ(tcp->tcp_flags, flags);
            CHECK(part <= (i == 1 ? len : 1400u));
            rte_pktmbuf_free(m);
            n++;
        }
        CHECK_EQ(done, i == 2 ? 0 : len);
        CHECK_EQ(n, i == 0 ? 6 : i == 1 ? 1 : 0);
    }
    CHECK_EQ(rig.queue.stats.slow_guest_frames, 2);
    CHECK_EQ(rig.queue.stats.tx_dropped_offload, 1);
    stop();
}

/* From OVS to the wire. */
static void
test_to_wire(void)
{
    const struct zcrx_stats *s = &rig.queue.stats;
    uint32_t seq = 0;
    struct rte_mbuf *m;

    start(&(struct rig_config) { .devargs = "net_pcap0,tx_pcap="
                                            TX_CAPTURE });
    set_rules(NONE, false, true);
    while (seq < N_FRAMES) {
        unsigned int n = next_random(&seed, 40);

        while (n-- && seq < N_FRAMES) {
            m = new_frame(0);
            CHECK(m);
            m->data_len = rig_make_frame(seq, rte_pktmbuf_mtod(m, void *));
            m->pkt_len = m->data_len;
            CHECK(!rte_ring_mp_enqueue(to_vf, m));
            seq++;
        }
        rig_poll();
    }
    while (rte_ring_count(to_vf)) {
        rig_poll();
    }
    CHECK_EQ(s->wire_out_frames, N_FRAMES);

    m = new_frame(1515);
    CHECK(m && !rte_ring_mp_enqueue(to_vf, m));
    rig_poll();
    CHECK_EQ(s->wire_out_dropped_length, 1);

    /* What comes while no frames are to pass. */
    m = new_frame(60);
    CHECK(m && !rte_ring_mp_enqueue(to_vf, m));
    zcrx_queue_rest(&rig.queue);
    CHECK_EQ(s->wire_out_dropped_not_running, 1);

    /* What is left when the pair stops. */
    m = new_frame(60);
    CHECK(m && !rte_ring_mp_enqueue(to_vf, m));
    rig_stop();
    CHECK_EQ(s->wire_out_dropped_not_running, 2);
    zcrx_slow_destroy(&rig.queue);
    rig_destroy();
    CHECK_EQ(rte_mempool_in_use_count(mp), 0);
    CHECK_EQ(rig_check_capture(TX_CAPTURE), N_FRAMES);
}

/* Frames of the slow path that the VF has when it is stopped go there, and do
 * not count in the next turn of the PMD thread. */
static void
test_stop(void)
{
    const struct rig_config config = { .devargs = PCAP };
    struct rte_mbuf *m;

    start(&config);
    set_rules(ALL, false, true);
    rig_post_all(RIG_ONE, 1514);

    /* As if the driver had filled its ring. */
    rig.queue.vf.no_ring = false;
    m = rte_mbuf_raw_alloc(rig.queue.pool->mp);
    CHECK(m);
    zcrx_gate_close(&rig.queue.gate);
    zcrx_queue_harvest(&rig.queue);
    rte_mbuf_raw_free(m);
    zcrx_gate_open(&rig.queue.gate);
    CHECK_EQ(rig.queue.stats.slow_wire_frames, ZCRX_BURST);
    CHECK_EQ(rig.queue.slow.n_taken, 0);
    rig.queue.vf.no_ring = true;
    while (!rte_ring_sc_dequeue(to_wire_face, (void **) &m)) {
        rte_pktmbuf_free(m);
    }
    stop();
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "from the wire", test_from_wire },
        { "matched by the VF", test_flows },
        { "buffers without frames", test_holes },
        { "buffers without frames are filled", test_fill_holes },
        { "one buffer without a frame among traffic", test_one_hole },
        { "no room", test_no_room },
        { "from the guest", test_from_guest },
        { "offloads", test_offloads },
        { "to the wire", test_to_wire },
        { "stopped", test_stop },
    };

    start_dpdk();
    mp = rte_pktmbuf_pool_create("test-slow", 4095, 0, 0, 2048 + 128,
                                 SOCKET_ID_ANY);
    to_wire_face = rte_ring_create("test-slow-w", ZCRX_SLOW_RING_SIZE,
                                   SOCKET_ID_ANY,
                                   RING_F_SP_ENQ | RING_F_SC_DEQ);
    to_vf = rte_ring_create("test-slow-v", ZCRX_SLOW_RING_SIZE, SOCKET_ID_ANY,
                            RING_F_SC_DEQ);
    CHECK(mp && to_wire_face && to_vf);
    CHECK(!zcrx_steer_parse(&steers[NONE], "none"));
    CHECK(!zcrx_steer_parse(&steers[MCAST], "mcast"));
    CHECK(!zcrx_steer_parse(&steers[ALL], "all"));
    CHECK(!zcrx_steer_parse(&steers[LACP], "lacp"));
    rig_write_capture(CAPTURE, N_FRAMES);
    make_keys();
    return rig_run_cases(cases, N_ELEMENTS(cases));
}
