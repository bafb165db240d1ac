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

#ifndef ZCRX_OFFLOAD_H
#define ZCRX_OFFLOAD_H 1

/* Offloads: what the guest may leave to the VF, and what the VF can tell the
 * guest, in the terms of the virtio-net header and in those of mbufs.
 *
 *     VF's verdict on a checksum   ---> VIRTIO_NET_HDR_F_DATA_VALID
 *     VIRTIO_NET_HDR_F_NEEDS_CSUM  ---> RTE_MBUF_F_TX_{TCP,UDP}_CKSUM
 *     VIRTIO_NET_HDR_GSO_TCPV{4,6} ---> RTE_MBUF_F_TX_TCP_SEG
 */

#include <stdbool.h>
#include <stdint.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <linux/virtio_net.h>

/* Bytes that a frame which the VF is to segment has at most: an IP packet of
 * the greatest length, with two VLAN tags and, for IPv6, its own header. */
#define ZCRX_MAX_TSO_FRAME (UINT16_MAX + 22 + 40)

/* Bytes of it that go into one host buffer. */
#define ZCRX_TSO_SEG_SIZE 4096

/* What the guest may ask for when it transmits. */
struct zcrx_tx_offload {
    uint32_t max_frame;         /* Bytes of a frame on the wire. */
    uint16_t max_segs;          /* Mbufs of one frame that the VF takes. */
    bool csum;                  /* VIRTIO_NET_F_CSUM. */
    bool tso4;                  /* VIRTIO_NET_F_HOST_TSO4. */
    bool tso6;                  /* VIRTIO_NET_F_HOST_TSO6. */
    bool ip_csum;               /* The VF wants to be told to compute the IPv4
                                 * checksums of segments. */
};

/* What ring sync does for the guest of a VF, by queue. */
struct zcrx_offload {
    bool rx_csum;               /* VIRTIO_NET_F_GUEST_CSUM. */
    struct zcrx_tx_offload tx;
};

uint64_t zcrx_offload_features(const struct rte_eth_dev_info *);
void zcrx_offload_configure(const struct rte_eth_dev_info *,
                            uint64_t features, struct rte_eth_conf *);
void zcrx_offload_init(struct zcrx_offload *, const struct rte_eth_dev_info *,
                       uint64_t features, uint32_t max_frame);

bool zcrx_offload_request(const struct zcrx_tx_offload *,
                          const struct virtio_net_hdr_v1 *, struct rte_mbuf *);

/* Returns true if a header asks the device to do something with the frame. */
static inline bool
zcrx_offload_is_requested(const struct virtio_net_hdr_v1 *hdr)
{
    return (hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM
            || hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE);
}

/* Returns the flags of the header for a received frame, for a guest that
 * negotiated VIRTIO_NET_F_GUEST_CSUM.  The VF's verdict on the transport
 * layer's checksum is what counts; that of an IPv4 header, for which there is
 * no flag, must not be bad (Virtio 1.2 5.1.6.4.1).  A frame with a wrong
 * checksum is for the guest to find. */
static inline uint8_t
zcrx_offload_verdict(const struct rte_mbuf *m)
{
    return ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK)
            == RTE_MBUF_F_RX_L4_CKSUM_GOOD
            && (m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK)
               != RTE_MBUF_F_RX_IP_CKSUM_BAD
            ? VIRTIO_NET_HDR_F_DATA_VALID : 0);
}

#endif /* zcrx-offload.h */
