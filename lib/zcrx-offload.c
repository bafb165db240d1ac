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

#include "zcrx-offload.h"

#include <stddef.h>
#include <string.h>
#include <netinet/in.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#define F(FEATURE) (UINT64_C(1) << VIRTIO_NET_F_##FEATURE)

#define RX_CSUM (RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)
#define TX_CSUM (RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM)
#define TX_TSO (RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_MULTI_SEGS)

/* VLAN tags that a frame may have for the VF to find its headers. */
#define MAX_TAGS 2

/* The type of an 802.1ad tag. */
#define TYPE_QINQ 0x88a8

static bool
has_all(uint64_t capabilities, uint64_t wanted)
{
    return (capabilities & wanted) == wanted;
}

/* Returns the virtio-net features, as a mask of 1 << VIRTIO_NET_F_*, that a VF
 * described by 'info' is good for. */
uint64_t
zcrx_offload_features(const struct rte_eth_dev_info *info)
{
    uint64_t features = 0;

    if (has_all(info->rx_offload_capa, RX_CSUM)) {
        features |= F(GUEST_CSUM);
    }
    if (has_all(info->tx_offload_capa, TX_CSUM)) {
        features |= F(CSUM);
        /* Virtio 1.2 5.1.3.1: segmentation requires checksums. */
        if (has_all(info->tx_offload_capa, TX_TSO)
            && (info->tx_desc_lim.nb_seg_max
                > ZCRX_MAX_TSO_FRAME / ZCRX_TSO_SEG_SIZE)) {
            features |= F(HOST_TSO4) | F(HOST_TSO6);
        }
    }
    return features;
}

/* Adds to 'conf' what the VF described by 'info' must be told to do for a
 * guest that negotiated 'features'. */
void
zcrx_offload_configure(const struct rte_eth_dev_info *info, uint64_t features,
                       struct rte_eth_conf *conf)
{
    features &= zcrx_offload_features(info);
    if (features & F(GUEST_CSUM)) {
        conf->rxmode.offloads |= (info->rx_offload_capa
                                  & (RX_CSUM
                                     | RTE_ETH_RX_OFFLOAD_IPV4_CKSUM));
    }
    if (features & F(CSUM)) {
        conf->txmode.offloads |= TX_CSUM;
    }
    if (features & (F(HOST_TSO4) | F(HOST_TSO6))) {
        conf->txmode.offloads |= TX_TSO | (info->tx_offload_capa
                                           & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM);
    }
}

/* Makes '*o' what is to be done for a guest that negotiated 'features' and
 * whose VF is described by 'info' and sends frames of up to 'max_frame'
 * bytes. */
void
zcrx_offload_init(struct zcrx_offload *o, const struct rte_eth_dev_info *info,
                  uint64_t features, uint32_t max_frame)
{
    features &= zcrx_offload_features(info);
    *o = (struct zcrx_offload) {
        .rx_csum = features & F(GUEST_CSUM),
        .tx = {
            .max_frame = max_frame,
            .max_segs = info->tx_desc_lim.nb_seg_max,
            .csum = features & F(CSUM),
            /* Virtio 1.2 5.1.3.1: not without checksums. */
            .tso4 = features & F(CSUM) && features & F(HOST_TSO4),
            .tso6 = features & F(CSUM) && features & F(HOST_TSO6),
            .ip_csum = info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM,
        },
    };
}

/* Where the headers of a frame are. */
struct headers {
    uint32_t l2_len;
    uint32_t l3_len;
    uint8_t protocol;           /* Above IP. */
    bool ipv6;
};

/* Copies 'n' bytes at 'offset' of the first mbuf of 'm' to 'dst'.  Returns
 * false if it does not have that many. */
static bool
peek(const struct rte_mbuf *m, uint32_t offset, void *dst, uint32_t n)
{
    if (offset + n > m->data_len) {
        return false;
    }
    memcpy(dst, rte_pktmbuf_mtod_offset(m, const char *, offset), n);
    return true;
}

/* Finds the headers of the frame in 'm'.  Returns false unless it is a whole
 * IPv4 or IPv6 packet, the latter without extension headers. */
static bool
find_headers(const struct rte_mbuf *m, struct headers *h)
{
    rte_be16_t type;
    int tags = 0;

    h->l2_len = 2 * RTE_ETHER_ADDR_LEN;
    for (;;) {
        if (!peek(m, h->l2_len, &type, sizeof type)) {
            return false;
        }
        h->l2_len += sizeof type;
        if (type != RTE_BE16(RTE_ETHER_TYPE_VLAN)
            && type != RTE_BE16(TYPE_QINQ)) {
            break;
        }
        if (tags++ == MAX_TAGS) {
            return false;
        }
        h->l2_len += RTE_VLAN_HLEN - sizeof type;
    }
    if (type == RTE_BE16(RTE_ETHER_TYPE_IPV4)) {
        struct rte_ipv4_hdr ip;

        if (!peek(m, h->l2_len, &ip, sizeof ip) || ip.version_ihl >> 4 != 4
            || ip.fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG
                                             | RTE_IPV4_HDR_OFFSET_MASK)) {
            return false;
        }
        h->ipv6 = false;
        h->l3_len = rte_ipv4_hdr_len(&ip);
        h->protocol = ip.next_proto_id;
        return h->l3_len >= sizeof ip;
    } else if (type == RTE_BE16(RTE_ETHER_TYPE_IPV6)) {
        struct rte_ipv6_hdr ip6;

        if (!peek(m, h->l2_len, &ip6, sizeof ip6)
            || rte_be_to_cpu_32(ip6.vtc_flow) >> 28 != 6) {
            return false;
        }
        h->ipv6 = true;
        h->l3_len = sizeof ip6;
        h->protocol = ip6.proto;
        return true;
    }
    return false;
}

/* Tells the VF where the headers 'h' of 'm' are, with 'l4_len' bytes after
 * them, and what to do in 'flags'. */
static void
ask(struct rte_mbuf *m, const struct headers *h, uint32_t l4_len,
    uint64_t flags)
{
    m->l2_len = h->l2_len;
    m->l3_len = h->l3_len;
    m->l4_len = l4_len;
    m->ol_flags |= flags | (h->ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4);
}

/* Stores 'value' at 'offset' of the frame in 'm', which has room for it. */
static void
store_sum(struct rte_mbuf *m, uint32_t offset, uint16_t value)
{
    const uint8_t *bytes = (const uint8_t *) &value;

    for (uint32_t i = 0; i < sizeof value; i++) {
        struct rte_mbuf *seg = m;
        uint32_t at = offset + i;

        while (at >= seg->data_len) {
            at -= seg->data_len;
            seg = seg->next;
        }
        *rte_pktmbuf_mtod_offset(seg, uint8_t *, at) = bytes[i];
    }
}

/* Returns the one's complement sum over the frame in 'm' from 'offset' on.
 * (DPDK's rte_raw_cksum_mbuf() loses carries where a part of a frame begins at
 * an odd place.) */
static uint16_t
sum_from(const struct rte_mbuf *m, uint32_t offset)
{
    uint32_t sum = 0;
    bool odd = false;

    for (; m; m = m->next) {
        if (offset < m->data_len) {
            uint32_t n = m->data_len - offset;
            uint16_t part = rte_raw_cksum(rte_pktmbuf_mtod_offset(m, char *,
                                                                  offset), n);

            sum += odd ? rte_bswap16(part) : part;
            odd ^= n & 1;
            offset = 0;
        } else {
            offset -= m->data_len;
        }
    }
    sum = (sum & UINT16_MAX) + (sum >> 16);
    return (sum & UINT16_MAX) + (sum >> 16);
}

/* Computes the checksum that 'hdr' asks for, which lies within 'm'. */
static void
compute_csum(const struct virtio_net_hdr_v1 *hdr, struct rte_mbuf *m)
{
    /* The guest has put the sum over the pseudo header where the checksum is
     * to be, so that it is part of the sum. */
    uint16_t sum = ~sum_from(m, hdr->csum_start);

    /* In UDP, 0 means that there is none; the other 0 is as good. */
    store_sum(m, hdr->csum_start + hdr->csum_offset, sum ? sum : UINT16_MAX);
}

/* Leaves the checksum that 'hdr' asks for to the VF.  What no VF is sure to
 * understand, such as tunnels, is computed here. */
static bool
request_csum(const struct zcrx_tx_offload *o,
             const struct virtio_net_hdr_v1 *hdr, struct rte_mbuf *m)
{
    uint32_t start = hdr->csum_start;
    struct headers h;

    if (!o->csum || start + hdr->csum_offset + 2u > m->pkt_len) {
        return false;
    }
    if (find_headers(m, &h) && start == h.l2_len + h.l3_len) {
        if (h.protocol == IPPROTO_TCP
            && hdr->csum_offset == offsetof(struct rte_tcp_hdr, cksum)
            && start + sizeof(struct rte_tcp_hdr) <= m->data_len) {
            ask(m, &h, sizeof(struct rte_tcp_hdr), RTE_MBUF_F_TX_TCP_CKSUM);
            return true;
        }
        if (h.protocol == IPPROTO_UDP
            && hdr->csum_offset == offsetof(struct rte_udp_hdr, dgram_cksum)
            && start + sizeof(struct rte_udp_hdr) <= m->data_len) {
            ask(m, &h, sizeof(struct rte_udp_hdr), RTE_MBUF_F_TX_UDP_CKSUM);
            return true;
        }
    }
    compute_csum(hdr, m);
    return true;
}

/* Leaves the segmentation that 'hdr' asks for to the VF
 * (Virtio 1.2 5.1.6.2). */
static bool
request_tso(const struct zcrx_tx_offload *o,
            const struct virtio_net_hdr_v1 *hdr, struct rte_mbuf *m)
{
    struct rte_tcp_hdr tcp;
    struct headers h;
    uint32_t l4, all;

    if (!(hdr->gso_type == VIRTIO_NET_HDR_GSO_TCPV4 ? o->tso4
          : hdr->gso_type == VIRTIO_NET_HDR_GSO_TCPV6 ? o->tso6 : false)
        || !(hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
        || !hdr->gso_size
        || !find_headers(m, &h)
        || h.ipv6 != (hdr->gso_type == VIRTIO_NET_HDR_GSO_TCPV6)
        || h.protocol != IPPROTO_TCP
        || hdr->csum_start != h.l2_len + h.l3_len
        || hdr->csum_offset != offsetof(struct rte_tcp_hdr, cksum)
        || !peek(m, h.l2_len + h.l3_len, &tcp, sizeof tcp)) {
        return false;
    }
    l4 = (tcp.data_off >> 4) * 4;
    all = h.l2_len + h.l3_len + l4;
    if (l4 < sizeof tcp || all > m->data_len
        || all + hdr->gso_size > o->max_frame || m->nb_segs > o->max_segs) {
        return false;
    }
    if (m->pkt_len <= all + hdr->gso_size) {
        /* Some drivers do not take what needs no segmentation. */
        ask(m, &h, l4, RTE_MBUF_F_TX_TCP_CKSUM);
        return true;
    }
    ask(m, &h, l4, RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM
                   | (!h.ipv6 && o->ip_csum ? RTE_MBUF_F_TX_IP_CKSUM : 0));
    m->tso_segsz = hdr->gso_size;
    return true;
}

/* Makes the VF do what 'hdr', the header that the guest put in front of the
 * frame in 'm', asks for.  Returns false if the guest may not ask for that, or
 * if it makes no sense.  'hdr' is a copy that the guest cannot change; the
 * frame is in host memory, too.
 *
 * Frames with flags must go through rte_eth_tx_prepare() before they are given
 * to the VF.  PMD thread. */
bool
zcrx_offload_request(const struct zcrx_tx_offload *o,
                     const struct virtio_net_hdr_v1 *hdr, struct rte_mbuf *m)
{
    return (hdr->gso_type == VIRTIO_NET_HDR_GSO_NONE
            ? request_csum(o, hdr, m) : request_tso(o, hdr, m));
}
