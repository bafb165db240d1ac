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

#include "zcrx-segment.h"

#include <errno.h>
#include <string.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

/* Copies 'n' bytes of 'm', which has so many, from 'offset' on to 'dst'. */
static void
copy_part(const struct rte_mbuf *m, uint32_t offset, uint32_t n, char *dst)
{
    for (; n; m = m->next) {
        if (offset < m->data_len) {
            uint32_t part = RTE_MIN(n, m->data_len - offset);

            memcpy(dst, rte_pktmbuf_mtod_offset(m, const char *, offset),
                   part);
            dst += part;
            n -= part;
            offset = 0;
        } else {
            offset -= m->data_len;
        }
    }
}

/* Stores the transport layer's checksum in 'copy', a frame in one piece whose
 * headers are where 'm' says.  As a driver finds it, the sum over the pseudo
 * header is there already. */
static void
complete_csum(const struct rte_mbuf *m, struct rte_mbuf *copy)
{
    uint32_t start = m->l2_len + m->l3_len;
    bool udp = ((m->ol_flags & RTE_MBUF_F_TX_L4_MASK)
                == RTE_MBUF_F_TX_UDP_CKSUM);
    uint32_t at = start + (udp ? offsetof(struct rte_udp_hdr, dgram_cksum)
                           : offsetof(struct rte_tcp_hdr, cksum));
    char *frame = rte_pktmbuf_mtod(copy, char *);
    uint16_t sum = ~rte_raw_cksum(frame + start, copy->data_len - start);

    /* In UDP, 0 means that there is none; the other 0 is as good. */
    sum = sum ? sum : UINT16_MAX;
    memcpy(frame + at, &sum, sizeof sum);
}

/* Makes the headers of 'm', as they are in 'frame', those of the segment of
 * 'len' bytes that is the 'i'th, begins 'offset' bytes into the payload and is
 * the last one, or not. */
static void
complete_headers(const struct rte_mbuf *m, char *frame, uint32_t len,
                 unsigned int i, uint32_t offset, bool last)
{
    char *l3 = frame + m->l2_len;
    char *l4 = l3 + m->l3_len;
    struct rte_tcp_hdr tcp;

    memcpy(&tcp, l4, sizeof tcp);
    tcp.sent_seq = rte_cpu_to_be_32(rte_be_to_cpu_32(tcp.sent_seq) + offset);
    if (!last) {
        tcp.tcp_flags &= ~(RTE_TCP_FIN_FLAG | RTE_TCP_PSH_FLAG);
    }
    if (i) {
        tcp.tcp_flags &= ~RTE_TCP_CWR_FLAG; /* RFC 3168 6.1.2. */
    }
    tcp.cksum = 0;
    memcpy(l4, &tcp, sizeof tcp);

    if (m->ol_flags & RTE_MBUF_F_TX_IPV4) {
        struct rte_ipv4_hdr *ip = (void *) l3;

        ip->total_length = rte_cpu_to_be_16(len - m->l2_len);
        ip->packet_id = rte_cpu_to_be_16(rte_be_to_cpu_16(ip->packet_id) + i);
        ip->hdr_checksum = 0;
        ip->hdr_checksum = rte_ipv4_cksum(ip);
        tcp.cksum = rte_ipv4_udptcp_cksum(ip, l4);
    } else {
        struct rte_ipv6_hdr *ip6 = (void *) l3;

        ip6->payload_len = rte_cpu_to_be_16(len - m->l2_len - m->l3_len);
        tcp.cksum = rte_ipv6_udptcp_cksum(ip6, l4);
    }
    memcpy(l4, &tcp, sizeof tcp);
}

static int
segment(const struct rte_mbuf *m, zcrx_new_frame_func *new_frame,
        struct rte_mbuf *copies[ZCRX_MAX_SEGMENTS])
{
    uint32_t headers = m->l2_len + m->l3_len + m->l4_len;
    uint32_t payload = m->pkt_len - headers;
    uint32_t offset = 0;
    int n = 0;

    if (payload > (uint32_t) m->tso_segsz * ZCRX_MAX_SEGMENTS) {
        return -E2BIG;
    }
    while (offset < payload) {
        uint32_t part = RTE_MIN(payload - offset, (uint32_t) m->tso_segsz);
        struct rte_mbuf *copy = new_frame(headers + part);
        char *frame;

        if (!copy) {
            return n ? n : -ENOMEM;
        }
        frame = rte_pktmbuf_mtod(copy, char *);
        copy_part(m, 0, headers, frame);
        copy_part(m, headers + offset, part, frame + headers);
        complete_headers(m, frame, headers + part, n, offset,
                         offset + part == payload);
        copies[n++] = copy;
        offset += part;
    }
    return n;
}

/* Copies 'm', a frame that was made ready for the VF, to new frames in one
 * piece each, with checksums in place and of a length that a wire takes.
 * Returns how many, which is one unless 'm' is to be segmented; fewer if there
 * is no memory for all.  Returns a negative errno value if there is none,
 * -E2BIG if there would be too many segments.  PMD thread. */
int
zcrx_segment_copy(const struct rte_mbuf *m, zcrx_new_frame_func *new_frame,
                  struct rte_mbuf *copies[ZCRX_MAX_SEGMENTS])
{
    if (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) {
        return segment(m, new_frame, copies);
    }
    copies[0] = new_frame(m->pkt_len);
    if (!copies[0]) {
        return -ENOMEM;
    }
    copy_part(m, 0, m->pkt_len, rte_pktmbuf_mtod(copies[0], char *));
    if (m->ol_flags & RTE_MBUF_F_TX_L4_MASK) {
        complete_csum(m, copies[0]);
    }
    return 1;
}
