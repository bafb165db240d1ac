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

/* Offloads: what the guest is told of received frames, and what becomes of its
 * requests. */

#include "rig.h"

#include <string.h>
#include <netinet/in.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <linux/virtio_net.h>

#include "eal.h"

#define CAPTURE "test-offload.pcap"
#define TX_CAPTURE "test-offload-tx.pcap"
#define N_FRAMES 2000

#define L4_GOOD RTE_MBUF_F_RX_L4_CKSUM_GOOD
#define IP_GOOD RTE_MBUF_F_RX_IP_CKSUM_GOOD

static uint64_t seed = 1;
static struct rte_mempool *mp;

static const struct zcrx_tx_offload all = {
    .max_frame = 1518, .max_segs = 40,
    .csum = true, .tso4 = true, .tso6 = true, .ip_csum = true,
};

/* What the VF says of checksums, and whether the guest may rely on it. */
static const struct {
    uint64_t ol_flags;
    bool valid;
} verdicts[] = {
    { 0, false },
    { L4_GOOD | IP_GOOD, true },
    { L4_GOOD, true },          /* IPv6, or a VF that does not look at IP. */
    { L4_GOOD | RTE_MBUF_F_RX_IP_CKSUM_BAD, false },
    { RTE_MBUF_F_RX_L4_CKSUM_BAD | IP_GOOD, false },
    { RTE_MBUF_F_RX_L4_CKSUM_NONE | IP_GOOD, false },
    { IP_GOOD, false },
};

static uint32_t n_judged;

/* Makes the VF's driver one that knows of checksums. */
static uint16_t
judge(uint16_t port, uint16_t queue, struct rte_mbuf *mbufs[], uint16_t n,
      uint16_t max, void *aux)
{
    (void) port, (void) queue, (void) max, (void) aux;
    for (uint16_t i = 0; i < n; i++) {
        mbufs[i]->ol_flags = verdicts[n_judged++
                                      % N_ELEMENTS(verdicts)].ol_flags;
    }
    return n;
}

static void
check_verdicts(const struct rig_config *config)
{
    uint8_t expected[RIG_MAX_FRAME], frame[RIG_MAX_FRAME];
    const struct rte_eth_rxtx_callback *callback;
    uint32_t n = 0;

    n_judged = 0;
    rig_start(config);
    callback = rte_eth_add_rx_callback(rig.port, 0, judge, NULL);
    CHECK(callback);
    while (n < N_FRAMES) {
        uint32_t len;

        rig_post(next_random(&seed, config->n_bounce ? RIG_N_KINDS
                                    : RIG_N_GOOD), 1514);
        rig_poll();
        while ((len = rig_receive(frame))) {
            bool valid = verdicts[n % N_ELEMENTS(verdicts)].valid;

            CHECK_EQ(len, rig_make_frame(n, expected));
            CHECK(!memcmp(frame, expected, len));
            CHECK_EQ(rig.hdr_flags, (config->offload.rx_csum && valid
                                     ? VIRTIO_NET_HDR_F_DATA_VALID : 0));
            n++;
        }
    }
    CHECK(!rte_eth_remove_rx_callback(rig.port, 0, callback));
    rig_stop();
    rig_destroy();
}

static void
test_verdicts(void)
{
    static const struct rig_config configs[] = {
        { .indirect = true },
        { .indirect = true, .legacy = true },
        { .indirect = true, .mergeable = true, .n_bounce = 64 },
        { .indirect = true, .copy = true, .n_bounce = 64 },
    };

    for (size_t i = 0; i < N_ELEMENTS(configs); i++) {
        struct rig_config config = configs[i];

        config.devargs = "net_pcap0,rx_pcap=" CAPTURE;
        check_verdicts(&config);
        config.offload.rx_csum = true;
        check_verdicts(&config);
    }
}

/* A packet to ask something for. */
struct packet {
    uint8_t frame[ZCRX_MAX_TSO_FRAME];
    uint32_t len;
    struct virtio_net_hdr_v1 hdr;
    uint32_t l2_len, l3_len;
};

static void
put_be16(uint8_t *p, uint16_t value)
{
    p[0] = value >> 8;
    p[1] = value;
}

/* Makes '*p' a packet as Linux hands it to a device that computes checksums:
 * where the checksum is to be, there is the sum over the pseudo header. */
static void
make_packet(struct packet *p, unsigned int n_tags, bool ipv6, uint8_t protocol,
            uint32_t payload)
{
    uint32_t l4_len = protocol == IPPROTO_TCP ? 20 : 8;
    uint8_t *ip, *l4;
    uint16_t sum;

    memset(p, 0, sizeof *p);
    p->l2_len = 14 + 4 * n_tags;
    p->l3_len = ipv6 ? 40 : 20;
    p->len = p->l2_len + p->l3_len + l4_len + payload;
    for (uint32_t i = 0; i < p->len; i++) {
        p->frame[i] = next_random(&seed, 256);
    }
    for (unsigned int i = 0; i < n_tags; i++) {
        put_be16(p->frame + 12 + 4 * i, n_tags > 1 && !i ? 0x88a8 : 0x8100);
    }
    put_be16(p->frame + p->l2_len - 2, ipv6 ? 0x86dd : 0x0800);
    ip = p->frame + p->l2_len;
    l4 = ip + p->l3_len;
    p->hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    p->hdr.csum_start = p->l2_len + p->l3_len;
    p->hdr.csum_offset = protocol == IPPROTO_TCP ? 16 : 6;
    if (protocol == IPPROTO_TCP) {
        l4[12] = 5 << 4;
    }
    if (ipv6) {
        ip[0] = 0x60;
        put_be16(ip + 4, l4_len + payload);
        ip[6] = protocol;
        sum = rte_ipv6_phdr_cksum((const void *) ip, 0);
    } else {
        ip[0] = 0x45;
        put_be16(ip + 2, 20 + l4_len + payload);
        put_be16(ip + 6, 0x4000);
        ip[9] = protocol;
        sum = rte_ipv4_phdr_cksum((const void *) ip, 0);
    }
    memcpy(l4 + p->hdr.csum_offset, &sum, sizeof sum);
}

/* Returns a copy of the packet in mbufs of up to 'seg' bytes. */
static struct rte_mbuf *
to_mbufs(const struct packet *p, uint32_t seg)
{
    struct rte_mbuf *m = NULL, *tail = NULL;

    for (uint32_t done = 0; done < p->len;) {
        uint32_t n = RTE_MIN(seg, p->len - done);
        struct rte_mbuf *next = rte_pktmbuf_alloc(mp);

        CHECK(next);
        memcpy(rte_pktmbuf_append(next, n), p->frame + done, n);
        done += n;
        if (tail) {
            tail->next = next;
            m->nb_segs++;
            m->pkt_len += n;
        } else {
            m = next;
        }
        tail = next;
    }
    return m;
}

/* Returns true if 'p' is taken with the offloads 'o', and then what the VF is
 * asked in '*flags'. */
static bool
request(const struct zcrx_tx_offload *o, const struct packet *p,
        uint64_t *flags)
{
    struct rte_mbuf *m = to_mbufs(p, 2048);
    bool ok = zcrx_offload_request(o, &p->hdr, m);

    *flags = m->ol_flags;
    if (ok && *flags) {
        CHECK_EQ(m->l2_len, p->l2_len);
        CHECK_EQ(m->l3_len, p->l3_len);
    }
    if (ok && *flags & RTE_MBUF_F_TX_TCP_SEG) {
        CHECK_EQ(m->tso_segsz, p->hdr.gso_size);
        CHECK_EQ(m->l4_len, 20);
    }
    rte_pktmbuf_free(m);
    return ok;
}

/* Checks that 'p' is refused. */
static void
check_refused(const struct zcrx_tx_offload *o, const struct packet *p)
{
    uint64_t flags;

    CHECK(!request(o, p, &flags));
}

static void
test_csum(void)
{
    const struct zcrx_tx_offload none = { .max_frame = 1518, .max_segs = 40 };
    static struct packet p;
    uint64_t flags;

    for (unsigned int i = 0; i < 12; i++) {
        bool ipv6 = i & 1;
        bool tcp = i & 2;

        make_packet(&p, i / 4, ipv6, tcp ? IPPROTO_TCP : IPPROTO_UDP, 100);
        CHECK(request(&all, &p, &flags));
        CHECK_EQ(flags, (ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4)
                        | (tcp ? RTE_MBUF_F_TX_TCP_CKSUM
                           : RTE_MBUF_F_TX_UDP_CKSUM));
        check_refused(&none, &p);
    }

    /* At the end of the frame, and beyond it. */
    make_packet(&p, 0, false, IPPROTO_UDP, 0);
    CHECK(request(&all, &p, &flags));
    p.hdr.csum_offset = p.len - p.hdr.csum_start - 1;
    check_refused(&all, &p);
    p.hdr.csum_offset = UINT16_MAX;
    check_refused(&all, &p);
    p.hdr.csum_start = UINT16_MAX;
    check_refused(&all, &p);
    p.hdr.csum_offset = 0;
    check_refused(&all, &p);
    p.hdr.csum_start = p.len;
    check_refused(&all, &p);
}

/* The checksum that 'p' asks for (RFC 1071). */
static uint16_t
internet_checksum(const struct packet *p)
{
    uint32_t sum = 0;

    for (uint32_t i = p->hdr.csum_start; i < p->len; i += 2) {
        sum += p->frame[i] << 8 | (i + 1 < p->len ? p->frame[i + 1] : 0);
    }
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum == 0xffff ? 0xffff : ~sum;
}

/* What VFs may not understand is computed, wherever it lies. */
static void
test_csum_by_cpu(void)
{
    static struct packet p;

    for (uint32_t seg = 60; seg <= 2048; seg = seg * 2 + 1) {
        for (int i = 0; i < 200; i++) {
            uint8_t copy[1024];
            const uint8_t *frame;
            struct rte_mbuf *m;
            uint32_t at;

            make_packet(&p, 0, false, IPPROTO_UDP, 200 + i);
            switch (i % 4) {
            case 0:             /* A tunnel. */
                p.frame[p.l2_len + 9] = IPPROTO_GRE;
                break;
            case 1:             /* Something unknown. */
                put_be16(p.frame + 12, 0x1234);
                break;
            case 2:             /* Inside another packet. */
                p.hdr.csum_start += 30 + i;
                break;
            default:            /* A fragment. */
                put_be16(p.frame + p.l2_len + 6, 0x2000);
                break;
            }
            p.hdr.csum_offset = 2 * next_random(&seed, 20);
            m = to_mbufs(&p, seg);
            CHECK(zcrx_offload_request(&all, &p.hdr, m));
            CHECK_EQ(m->ol_flags, 0);
            frame = rte_pktmbuf_read(m, 0, p.len, copy);
            at = p.hdr.csum_start + p.hdr.csum_offset;
            put_be16(p.frame + at, internet_checksum(&p));
            CHECK(!memcmp(frame, p.frame, p.len));
            rte_pktmbuf_free(m);
        }
    }
}

static void
test_tso(void)
{
    static struct packet p;
    uint64_t flags;

    for (unsigned int i = 0; i < 6; i++) {
        struct zcrx_tx_offload o = all;
        struct packet *bad;
        bool ipv6 = i & 1;

        make_packet(&p, i / 2, ipv6, IPPROTO_TCP, 30000);
        p.hdr.gso_type = (ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6
                          : VIRTIO_NET_HDR_GSO_TCPV4);
        p.hdr.gso_size = 1400;
        CHECK(request(&o, &p, &flags));
        CHECK_EQ(flags, (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM
                         | (ipv6 ? RTE_MBUF_F_TX_IPV6
                            : RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM)));
        o.ip_csum = false;
        CHECK(request(&o, &p, &flags));
        CHECK(!(flags & RTE_MBUF_F_TX_IP_CKSUM));

        /* Not agreed upon, or not possible. */
        o.tso4 = ipv6;
        o.tso6 = !ipv6;
        check_refused(&o, &p);
        o = all;
        o.max_segs = 14;
        check_refused(&o, &p);
        o = all;
        o.max_frame = p.l2_len + p.l3_len + 20 + 1399;
        check_refused(&o, &p);
        o.max_frame++;
        CHECK(request(&o, &p, &flags));

        bad = malloc(sizeof *bad);
        CHECK(bad);
#define CHECK_BAD(CHANGE) *bad = p; CHANGE; check_refused(&all, bad)
        CHECK_BAD(bad->hdr.flags = 0);
        CHECK_BAD(bad->hdr.gso_size = 0);
        CHECK_BAD(bad->hdr.gso_type |= VIRTIO_NET_HDR_GSO_ECN);
        CHECK_BAD(bad->hdr.gso_type = VIRTIO_NET_HDR_GSO_UDP);
        CHECK_BAD(bad->hdr.gso_type = 5);
        CHECK_BAD(bad->hdr.gso_type ^= (VIRTIO_NET_HDR_GSO_TCPV4
                                        ^ VIRTIO_NET_HDR_GSO_TCPV6));
        CHECK_BAD(bad->hdr.csum_start++);
        CHECK_BAD(bad->hdr.csum_offset = 6);
        CHECK_BAD(bad->frame[bad->hdr.csum_start + 12] = 4 << 4);
        CHECK_BAD(bad->frame[bad->l2_len + (ipv6 ? 6 : 9)] = IPPROTO_UDP);
        CHECK_BAD(bad->len = bad->hdr.csum_start + 19);
        CHECK_BAD(bad->len = 13);
#undef CHECK_BAD
        free(bad);

        /* One segment. */
        make_packet(&p, i / 2, ipv6, IPPROTO_TCP, 1400);
        p.hdr.gso_type = (ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6
                          : VIRTIO_NET_HDR_GSO_TCPV4);
        p.hdr.gso_size = 1400;
        CHECK(request(&all, &p, &flags));
        CHECK_EQ(flags, (RTE_MBUF_F_TX_TCP_CKSUM
                         | (ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4)));
    }
}

/* Whatever the header says, nothing outside the frame is touched, and what the
 * VF is told lies within its first part (CVE-2024-11614). */
static void
test_hostile(void)
{
    static const uint8_t types[] = { 0, 0, 1, 3, 4, 5, 0x81, 0x84, 255 };
    static struct packet p;
    unsigned int n_taken = 0;

    for (int i = 0; i < 200000; i++) {
        struct rte_mbuf *m;

        make_packet(&p, next_random(&seed, 3), next_random(&seed, 2),
                    next_random(&seed, 2) ? IPPROTO_TCP : IPPROTO_UDP,
                    next_random(&seed, 300));
        for (uint32_t n = next_random(&seed, 4); n; n--) {
            p.frame[next_random(&seed, 80)] = next_random(&seed, 256);
        }
        if (next_random(&seed, 2)) {
            p.len = 1 + next_random(&seed, p.len);
        }
        p.hdr.gso_type = types[next_random(&seed, N_ELEMENTS(types))];
        p.hdr.gso_size = next_random(&seed, 2) ? next_random(&seed, 100)
                         : next_random(&seed, 65536);
        if (!next_random(&seed, 3)) {
            p.hdr.csum_start = next_random(&seed, 2)
                               ? next_random(&seed, 400)
                               : next_random(&seed, 65536);
            p.hdr.csum_offset = next_random(&seed, 2)
                                ? next_random(&seed, 100)
                                : next_random(&seed, 65536);
        }
        m = to_mbufs(&p, 1 + next_random(&seed, 400));
        if (zcrx_offload_request(&all, &p.hdr, m)) {
            n_taken++;
            if (m->ol_flags) {
                CHECK(m->l2_len + m->l3_len + m->l4_len <= m->data_len);
            }
        }
        CHECK_EQ(m->pkt_len, p.len);
        rte_mbuf_sanity_check(m, 1);
        rte_pktmbuf_free(m);
    }
    CHECK(n_taken > 10000 && n_taken < 190000);
}

static uint64_t seen[4];

/* Counts what the VF is given. */
static uint16_t
watch(uint16_t port, uint16_t queue, struct rte_mbuf *mbufs[], uint16_t n,
      void *aux)
{
    (void) port, (void) queue, (void) aux;
    for (uint16_t i = 0; i < n; i++) {
        uint64_t flags = mbufs[i]->ol_flags;

        CHECK(mbufs[i]->nb_segs == 1 || flags & RTE_MBUF_F_TX_TCP_SEG);
        seen[flags & RTE_MBUF_F_TX_TCP_SEG ? 3
             : (flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_TCP_CKSUM ? 2
             : (flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_UDP_CKSUM ? 1
             : 0]++;
    }
    return n;
}

/* From the guest's virtqueue to the VF. */
static void
test_guest_asks(void)
{
    const struct rig_config config = {
        .devargs = "net_pcap0,tx_pcap=" TX_CAPTURE,
        .max_frame = RIG_MAX_FRAME,
        .offload.tx = all,
    };
    const struct rte_eth_rxtx_callback *callback;
    static struct packet p;

    memset(seen, 0, sizeof seen);
    rig_start(&config);
    callback = rte_eth_add_tx_callback(rig.port, 0, watch, NULL);
    CHECK(callback);
    for (unsigned int i = 0; i < 1000; i++) {
        make_packet(&p, 0, i & 4, i & 1 ? IPPROTO_TCP : IPPROTO_UDP, 900);
        if (i % 10 == 9) {
            make_packet(&p, 0, false, IPPROTO_TCP, 8000);
            p.hdr.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
            p.hdr.gso_size = 1000;
        } else if (i % 10 == 8) {
            p.hdr.csum_start = 1000;
        } else if (i % 10 == 7) {
            p.hdr.flags = 0;
        }
        CHECK(rig_send(&p.hdr, p.frame, p.len));
        rig_poll();
        rig_reclaim();
    }
    CHECK_EQ(seen[0], 100);
    CHECK_EQ(seen[1], 400);
    CHECK_EQ(seen[2], 300);
    CHECK_EQ(seen[3], 100);
    CHECK_EQ(rig.queue.stats.tx_dropped_offload, 100);
    CHECK_EQ(rig_tx_dropped(), 100);
    CHECK(!rte_eth_remove_tx_callback(rig.port, 0, callback));
    rig_stop();
    rig_destroy();
}

/* What a VF is good for. */
static void
test_features(void)
{
    struct rte_eth_dev_info info = { .tx_desc_lim.nb_seg_max = UINT16_MAX };
    const uint64_t csum = 1 << VIRTIO_NET_F_CSUM;
    const uint64_t guest_csum = 1 << VIRTIO_NET_F_GUEST_CSUM;
    const uint64_t tso = (1 << VIRTIO_NET_F_HOST_TSO4
                          | 1 << VIRTIO_NET_F_HOST_TSO6);
    struct zcrx_offload o;

    CHECK_EQ(zcrx_offload_features(&info), 0);
    info.tx_offload_capa = (RTE_ETH_TX_OFFLOAD_TCP_TSO
                            | RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
    info.rx_offload_capa = RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
    CHECK_EQ(zcrx_offload_features(&info), 0);
    info.rx_offload_capa |= RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
    CHECK_EQ(zcrx_offload_features(&info), guest_csum);
    info.tx_offload_capa |= (RTE_ETH_TX_OFFLOAD_TCP_CKSUM
                             | RTE_ETH_TX_OFFLOAD_UDP_CKSUM);
    CHECK_EQ(zcrx_offload_features(&info), guest_csum | csum | tso);
    info.tx_desc_lim.nb_seg_max = 8;
    CHECK_EQ(zcrx_offload_features(&info), guest_csum | csum);

    for (int i = 0; i < 2; i++) {
        struct rte_eth_conf conf = { .txmode.offloads = 0 };

        zcrx_offload_configure(&info, i ? UINT64_MAX : 0, &conf);
        CHECK_EQ(conf.rxmode.offloads, i ? info.rx_offload_capa : 0);
        CHECK_EQ(conf.txmode.offloads, i ? (RTE_ETH_TX_OFFLOAD_TCP_CKSUM
                                            | RTE_ETH_TX_OFFLOAD_UDP_CKSUM)
                                       : 0);
        zcrx_offload_init(&o, &info, i ? UINT64_MAX : 0, 1518);
        CHECK(o.rx_csum == i && o.tx.csum == i && !o.tx.tso4 && !o.tx.tso6);
    }
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "features", test_features },
        { "checksum", test_csum },
        { "checksum by CPU", test_csum_by_cpu },
        { "segmentation", test_tso },
        { "hostile headers", test_hostile },
    };
    static const struct test_case ring_cases[] = {
        { "verdicts on checksums", test_verdicts },
        { "guest's requests", test_guest_asks },
    };

    start_dpdk();
    mp = rte_pktmbuf_pool_create("test-offload", 1024, 0, 0,
                                 RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    CHECK(mp);
    rig_write_capture(CAPTURE, N_FRAMES);
    run_cases(cases, N_ELEMENTS(cases));
    return rig_run_cases(ring_cases, N_ELEMENTS(ring_cases));
}
