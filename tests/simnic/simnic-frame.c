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

#include "simnic-frame.h"

#include <endian.h>
#include <stddef.h>
#include <string.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

/* Where things are, in bytes. */
#define IP_OFFSET 14
#define UDP_OFFSET 34
#define TAGS_OFFSET 42
#define NOISE_OFFSET 60
#define MACS_LEN 12

/* The noise of a frame starts at one of these many bytes of the table. */
#define N_NOISE_STARTS 8192
#define N_NOISE (N_NOISE_STARTS + SIMNIC_FRAME_MAX)

struct tags {
    uint32_t magic;
    uint32_t number;
    uint64_t time;
    uint16_t stream;
} __attribute__((packed));

static uint8_t noise[N_NOISE];
static uint32_t noise_sums[N_NOISE / 2 + 1]; /* Of the 16-bit words before. */

static uint16_t
load_be16(const void *p)
{
    uint16_t value;

    memcpy(&value, p, sizeof value);
    return be16toh(value);
}

static void
store_be16(void *p, uint16_t value)
{
    value = htobe16(value);
    memcpy(p, &value, sizeof value);
}

/* Fills the table, the same in every process, before main() runs. */
static void __attribute__((constructor))
init_noise(void)
{
    uint32_t x = 2463534242;

    for (size_t i = 0; i < N_NOISE; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        noise[i] = x >> 8;
    }
    for (size_t i = 0; i < N_NOISE / 2; i++) {
        noise_sums[i + 1] = noise_sums[i] + load_be16(&noise[2 * i]);
    }
}

/* Adds up the 16-bit words at 'p', as Internet checksums do. */
static uint32_t
sum_words(const void *p_, uint32_t len, uint32_t sum)
{
    const uint8_t *p = p_;

    for (; len > 1; len -= 2, p += 2) {
        sum += load_be16(p);
    }
    return len ? sum + (*p << 8) : sum;
}

static uint16_t
fold(uint32_t sum)
{
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return ~sum;
}

/* Makes a frame of 'len' bytes, from SIMNIC_FRAME_MIN to SIMNIC_FRAME_MAX,
 * that says what is in 'tags'. */
void
simnic_frame_make(void *frame_, uint32_t len, const struct simnic_tags *tags)
{
    uint32_t start = 2 * tags->number % N_NOISE_STARTS;
    uint32_t n_noise = len - NOISE_OFFSET;
    uint16_t udp_len = len - UDP_OFFSET;
    uint8_t *frame = frame_;
    struct ether_header eth = {
        .ether_dhost = { 0x52, 0x54, 0, 0, 0, 1 },
        .ether_shost = { 0x02, 0, 0, 0, tags->flow >> 8, tags->flow & 0xff },
        .ether_type = htobe16(ETHERTYPE_IP),
    };
    struct iphdr ip = {
        .version = 4,
        .ihl = 5,
        .tot_len = htobe16(len - IP_OFFSET),
        .ttl = 64,
        .protocol = IPPROTO_UDP,
        .saddr = htobe32(0xc6120000 + tags->flow), /* 198.18.0.0/15. */
        .daddr = htobe32(0xc6130001),
    };
    struct udphdr udp = {
        .source = htobe16(1024 + tags->flow),
        .dest = htobe16(9),
        .len = htobe16(udp_len),
    };
    struct tags t = {
        .magic = htobe32(SIMNIC_FRAME_MAGIC),
        .number = htobe32(tags->number),
        .time = htobe64(tags->time),
        .stream = htobe16(tags->stream),
    };
    uint32_t sum = IPPROTO_UDP + udp_len;
    uint32_t noise_sum;
    uint16_t checksum;

    ip.check = htobe16(fold(sum_words(&ip, sizeof ip, 0)));
    sum = sum_words(&ip.saddr, 2 * sizeof ip.saddr, sum);
    sum = sum_words(&udp, sizeof udp, sum);
    sum = sum_words(&t, sizeof t, sum);
    noise_sum = noise_sums[(start + n_noise) / 2] - noise_sums[start / 2];
    sum += (noise_sum & 0xffff) + (noise_sum >> 16);
    if (n_noise & 1) {
        sum += noise[start + n_noise - 1] << 8;
    }
    checksum = fold(sum);
    udp.check = htobe16(checksum ? checksum : 0xffff);

    memcpy(frame, &eth, sizeof eth);
    memcpy(frame + IP_OFFSET, &ip, sizeof ip);
    memcpy(frame + UDP_OFFSET, &udp, sizeof udp);
    memcpy(frame + TAGS_OFFSET, &t, sizeof t);
    memcpy(frame + NOISE_OFFSET, &noise[start], n_noise);
}

/* Makes the UDP checksum of 'frame' wrong. */
void
simnic_frame_spoil_checksum(void *frame_)
{
    uint8_t *check = (uint8_t *) frame_ + UDP_OFFSET
                     + offsetof(struct udphdr, check);

    /* Neither 0, which means none, nor what is right. */
    store_be16(check, load_be16(check) ^ 0x5555 ? load_be16(check) ^ 0x5555
                                                : 0x1234);
}

/* Compares the frame of 'len' bytes at 'frame' with what it should be, all but
 * its MAC addresses, which a forwarder may change.  Stores what it says about
 * itself in '*tags' unless it is foreign. */
enum simnic_verdict
simnic_frame_check(const void *frame_, uint32_t len, struct simnic_tags *tags)
{
    const uint32_t check = UDP_OFFSET + offsetof(struct udphdr, check);
    const uint8_t *frame = frame_;
    uint8_t good[SIMNIC_FRAME_MAX];
    struct tags t;

    if (len < SIMNIC_FRAME_MIN || len > SIMNIC_FRAME_MAX) {
        return SIMNIC_FRAME_FOREIGN;
    }
    memcpy(&t, frame + TAGS_OFFSET, sizeof t);
    if (t.magic != htobe32(SIMNIC_FRAME_MAGIC)) {
        return SIMNIC_FRAME_FOREIGN;
    }
    tags->number = be32toh(t.number);
    tags->time = be64toh(t.time);
    tags->stream = be16toh(t.stream);
    tags->flow = load_be16(frame + UDP_OFFSET) - 1024;

    simnic_frame_make(good, len, tags);
    if (!memcmp(frame + MACS_LEN, good + MACS_LEN, len - MACS_LEN)) {
        return SIMNIC_FRAME_INTACT;
    }
    memcpy(good + check, frame + check, 2);
    return (memcmp(frame + MACS_LEN, good + MACS_LEN, len - MACS_LEN)
            ? SIMNIC_FRAME_ALTERED : SIMNIC_FRAME_BAD_CHECKSUM);
}

static uint32_t
hash_bytes(const uint8_t *p, uint32_t len, uint32_t hash)
{
    /* FNV-1a. */
    for (uint32_t i = 0; i < len; i++) {
        hash = (hash ^ p[i]) * 16777619;
    }
    return hash;
}

/* Returns a hash of the addresses and ports of 'frame', as a NIC computes it
 * to spread flows over queues, or 0 if it has none of them. */
uint32_t
simnic_frame_hash(const void *frame_, uint32_t len)
{
    const uint8_t *frame = frame_;
    uint32_t hash = 2166136261;
    uint32_t at = IP_OFFSET;
    uint32_t ports;
    uint8_t protocol;

    if (len < SIMNIC_FRAME_MIN) {
        return 0;
    }
    if (load_be16(frame + at - 2) == ETHERTYPE_VLAN) {
        at += 4;
    }
    if (load_be16(frame + at - 2) == ETHERTYPE_IP) {
        protocol = frame[at + 9];
        hash = hash_bytes(frame + at + 12, 8, hash);
        ports = at + 4 * (frame[at] & 15);
    } else if (load_be16(frame + at - 2) == ETHERTYPE_IPV6
               && at + 44 <= len) {
        protocol = frame[at + 6];
        hash = hash_bytes(frame + at + 8, 32, hash);
        ports = at + 40;
    } else {
        return 0;
    }
    if ((protocol == IPPROTO_TCP || protocol == IPPROTO_UDP)
        && ports + 4 <= len) {
        hash = hash_bytes(frame + ports, 4, hash);
    }
    return hash ^ hash >> 16;
}

/* Does what a virtio-net header with VIRTIO_NET_HDR_F_NEEDS_CSUM asks for:
 * puts the checksum of everything from 'start' on at 'offset' from there.
 * Both lie within the frame. */
void
simnic_frame_fill_checksum(void *frame_, uint32_t len, uint16_t start,
                           uint16_t offset)
{
    uint8_t *frame = frame_;
    uint16_t checksum = fold(sum_words(frame + start, len - start, 0));

    store_be16(frame + start + offset, checksum ? checksum : 0xffff);
}

/* Stores in '*l3' where the IP header of 'frame' begins, whose TCP header is
 * at 'l4'.  Returns false if there is none. */
static bool
find_ip(const uint8_t *frame, uint16_t l4, uint16_t *l3, bool *ipv6)
{
    *l3 = IP_OFFSET;
    while (load_be16(frame + *l3 - 2) == ETHERTYPE_VLAN && *l3 + 4 < l4) {
        *l3 += 4;
    }
    *ipv6 = load_be16(frame + *l3 - 2) == ETHERTYPE_IPV6;
    return (*ipv6 ? *l3 + sizeof(struct ip6_hdr) == l4
            : (load_be16(frame + *l3 - 2) == ETHERTYPE_IP
               && *l3 + 4 * (frame[*l3] & 15) == l4));
}

/* Makes the headers of a segment right: 'frame', 'len' bytes long, with the IP
 * header at 'l3' and the TCP header at 'l4', is the one number 'n' and begins
 * 'done' bytes into the data. */
static void
fix_headers(uint8_t *frame, uint32_t len, uint16_t l3, uint16_t l4, bool ipv6,
            uint16_t n, uint32_t done, bool is_last)
{
    struct tcphdr tcp;
    uint32_t sum;

    memcpy(&tcp, frame + l4, sizeof tcp);
    tcp.seq = htobe32(be32toh(tcp.seq) + done);
    tcp.fin &= is_last;
    tcp.psh &= is_last;
    tcp.check = 0;
    memcpy(frame + l4, &tcp, sizeof tcp);

    if (ipv6) {
        store_be16(frame + l3 + offsetof(struct ip6_hdr, ip6_plen), len - l4);
        sum = sum_words(frame + l3 + offsetof(struct ip6_hdr, ip6_src), 32,
                        0);
    } else {
        uint8_t *ip = frame + l3;

        store_be16(ip + offsetof(struct iphdr, tot_len), len - l3);
        store_be16(ip + offsetof(struct iphdr, id),
                   load_be16(ip + offsetof(struct iphdr, id)) + n);
        store_be16(ip + offsetof(struct iphdr, check), 0);
        store_be16(ip + offsetof(struct iphdr, check),
                   fold(sum_words(ip, l4 - l3, 0)));
        sum = sum_words(ip + offsetof(struct iphdr, saddr), 8, 0);
    }
    sum += IPPROTO_TCP + len - l4;
    store_be16(frame + l4 + offsetof(struct tcphdr, check),
               fold(sum_words(frame + l4, len - l4, sum)));
}

/* Does what a virtio-net header with VIRTIO_NET_HDR_GSO_TCPV4 or _TCPV6 asks
 * for: calls 'cb' for each segment of the TCP packet in 'frame', whose TCP
 * header is at 'start', with up to 'size' bytes of data each.  Returns false
 * if it is none. */
bool
simnic_frame_segment(const void *frame_, uint32_t len, uint16_t start,
                     uint16_t size,
                     void (*cb)(void *aux, void *segment, uint32_t len),
                     void *aux)
{
    uint8_t segment[SIMNIC_FRAME_MAX];
    const uint8_t *frame = frame_;
    uint32_t all, done = 0;
    uint16_t l3, n = 0;
    bool ipv6;

    if (start + sizeof(struct tcphdr) > len
        || !find_ip(frame, start, &l3, &ipv6)) {
        return false;
    }
    all = start + (frame[start + 12] >> 4) * 4;
    if (all > len || all < start + sizeof(struct tcphdr) || !size
        || all + size > sizeof segment) {
        return false;
    }
    do {
        uint32_t left = len - all - done;
        uint32_t part = left < size ? left : size;

        memcpy(segment, frame, all);
        memcpy(segment + all, frame + all + done, part);
        fix_headers(segment, all + part, l3, start, ipv6, n++, done,
                    part == left);
        cb(aux, segment, all + part);
        done += part;
    } while (all + done < len);
    return true;
}
