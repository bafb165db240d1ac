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

#include "simnic-private.h"

#include <stdio.h>
#include <string.h>
#include <linux/virtio_net.h>

/* The header that a device puts in front of each frame (Virtio 1.2 5.1.6). */
#define HDR_LEN 12
#define HDR_LEN_LEGACY 10

/* Frames that are shorter than this are none. */
#define ETH_HDR_LEN 14

static uint32_t
hdr_len(const struct simnic *sn)
{
    return (simnic_has_feature(sn, VIRTIO_NET_F_MRG_RXBUF)
            || simnic_has_feature(sn, VIRTIO_F_VERSION_1)
            ? HDR_LEN : HDR_LEN_LEGACY);
}

/* Fetches what the driver has made available for receiving, as NICs do, before
 * there are frames. */
void
simnic_fetch_posted(struct simnic *sn, struct simnic_pair *pair)
{
    while (pair->n_posted < pair->rx.size
           && simnic_ring_fetch(&pair->rx,
                                simnic_posted(pair, pair->n_posted))) {
        if (sn->faults.n_stall) {
            /* The driver will never see this one again. */
            sn->faults.n_stall--;
            sn->stats.stalled++;
        } else {
            pair->n_posted++;
        }
    }
    simnic_is_sound(sn, &pair->rx);
}

/* Copies the 'len' bytes at 'src' into the segments of 'buffer' from 'offset'
 * on.  Returns how many there was room for. */
static uint32_t
write_buffer(struct simnic *sn, struct simnic_pair *pair,
             const struct simnic_buffer *buffer, uint32_t offset,
             const void *src, uint32_t len)
{
    uint32_t done = 0;

    for (uint16_t i = 0; i < buffer->n_segs && done < len; i++) {
        struct simnic_seg seg = buffer->segs[i];
        uint8_t *p;

        if (offset >= seg.len) {
            offset -= seg.len;
            continue;
        }
        seg.addr += offset;
        seg.len -= offset;
        seg.len = seg.len < len - done ? seg.len : len - done;
        offset = 0;
        p = simnic_translate(sn, &pair->rx, &seg);
        if (!p) {
            break;
        }
        memcpy(p, (const uint8_t *) src + done, seg.len);
        if (sn->config.clean) {
            simnic_clean(p, seg.len);
        }
        done += seg.len;
    }
    return done;
}

static uint32_t
buffer_room(const struct simnic_buffer *buffer)
{
    uint32_t room = 0;

    for (uint16_t i = 0; i < buffer->n_segs; i++) {
        room += buffer->segs[i].len;
    }
    return room;
}

enum delivery { DELIVERED, NO_DESCRIPTOR, TOO_LONG };

/* "DMAs" a frame into as many posted buffers as it takes, and stages their
 * completion. */
static enum delivery
deliver(struct simnic *sn, struct simnic_pair *pair, const uint8_t *frame,
        uint32_t len, uint64_t now)
{
    bool mergeable = simnic_has_feature(sn, VIRTIO_NET_F_MRG_RXBUF);
    struct virtio_net_hdr_v1 hdr = { .gso_type = VIRTIO_NET_HDR_GSO_NONE };
    uint32_t left = hdr_len(sn) + len;
    uint32_t done = 0;
    uint16_t n = 0;

    while (left) {
        uint32_t room;

        if (n == pair->n_posted) {
            return n == pair->rx.size ? TOO_LONG : NO_DESCRIPTOR;
        }
        room = buffer_room(simnic_posted(pair, n++));
        left -= room < left ? room : left;
        if (left && !mergeable) {
            return TOO_LONG;
        }
    }

    if (sn->faults.checksum == SIMNIC_CHECKSUM_RIGHT
        && simnic_has_feature(sn, VIRTIO_NET_F_GUEST_CSUM)) {
        hdr.flags = VIRTIO_NET_HDR_F_DATA_VALID;
    }
    hdr.num_buffers = n;
    for (uint16_t i = 0; i < n; i++) {
        const struct simnic_buffer *buffer = simnic_posted(pair, i);
        uint32_t offset = 0;

        if (!i) {
            offset = write_buffer(sn, pair, buffer, 0, &hdr, hdr_len(sn));
        }
        offset += write_buffer(sn, pair, buffer, offset, frame + done,
                               len - done);
        if (sn->halted) {
            return DELIVERED;
        }
        done += offset - (i ? 0 : hdr_len(sn));
        simnic_ring_complete(&pair->rx, buffer, offset,
                             now + sn->faults.delay);
    }
    pair->posted_head = (pair->posted_head + n) % pair->rx.size;
    pair->n_posted -= n;
    pair->stats.rx_frames++;
    pair->stats.rx_bytes += len;
    return DELIVERED;
}

/* Makes of the next frame what the faults that are on say.  Returns it. */
static const uint8_t *
spoil(struct simnic *sn, const uint8_t *frame, uint32_t *len, uint8_t *copy)
{
    const struct simnic_faults *f = &sn->faults;
    bool odd = (f->odd_every
                && sn->config.source->n_sent % f->odd_every == 0);

    if (!odd && f->checksum != SIMNIC_CHECKSUM_BAD) {
        return frame;
    }
    memcpy(copy, frame, *len);
    if (f->checksum == SIMNIC_CHECKSUM_BAD && *len >= SIMNIC_FRAME_MIN) {
        simnic_frame_spoil_checksum(copy);
    }
    if (odd) {
        if (f->odd_size > *len) {
            memset(copy + *len, 0xdd, f->odd_size - *len);
        }
        *len = f->odd_size;
        sn->stats.odd_frames++;
    }
    return copy;
}

/* Moves up to 'n' frames from the wire to queue pair 'only', or to whichever
 * they belong to if that is NULL: what is not IP to the first one, as with
 * receive-side scaling.  Returns how many. */
unsigned int
simnic_receive(struct simnic *sn, struct simnic_pair *only, unsigned int n)
{
    struct simnic_source *source = sn->config.source;
    bool limited = source->rate != SIMNIC_UNLIMITED;
    uint8_t copy[SIMNIC_FRAME_MAX];
    unsigned int i;

    for (i = 0; i < n && !sn->halted; i++) {
        uint64_t now = simnic_now();
        struct simnic_pair *pair = only ? only : sn->active[0];
        const uint8_t *frame;
        enum delivery result;
        uint32_t len;

        frame = simnic_source_peek(source, now, &len);
        if (!only && sn->n_active > 1) {
            pair = sn->active[simnic_source_hash(source) % sn->n_active];
        }
        if (!limited && !pair->n_posted) {
            break;
        }
        frame = spoil(sn, frame, &len, copy);
        result = deliver(sn, pair, frame, len, now);
        if (result == NO_DESCRIPTOR) {
            if (!limited) {
                break;
            }
            pair->stats.rx_no_descriptor++;
        } else if (result == TOO_LONG) {
            pair->stats.rx_too_long++;
        }
        simnic_source_advance(source);
    }
    return i;
}

/* Counts a transmitted frame, after it was checked. */
static void
account(struct simnic *sn, const uint8_t *frame, uint32_t len)
{
    struct simnic_stats *stats = &sn->stats;
    struct simnic_tags tags;

    switch (simnic_frame_check(frame, len, &tags)) {
    case SIMNIC_FRAME_INTACT:
        stats->tx_intact++;
        break;
    case SIMNIC_FRAME_FOREIGN:
        stats->tx_foreign++;
        return;
    case SIMNIC_FRAME_BAD_CHECKSUM:
        stats->tx_bad_checksum++;
        break;
    case SIMNIC_FRAME_ALTERED:
    default:
        stats->tx_altered++;
        return;
    }
    if (tags.number >= sn->tx_next_number) {
        stats->tx_gaps += tags.number - sn->tx_next_number;
        sn->tx_next_number = tags.number + 1;
    } else {
        stats->tx_backward++;
    }
}

/* Returns true if the driver may ask for what is in 'hdr', for a frame of
 * 'len' bytes. */
static bool
may_ask(const struct simnic *sn, const struct virtio_net_hdr_v1 *hdr,
        uint32_t len)
{
    bool csum = hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;

    if (csum && (!simnic_has_feature(sn, VIRTIO_NET_F_CSUM)
                 || hdr->csum_start + hdr->csum_offset + 2u > len)) {
        return false;
    }
    switch (hdr->gso_type) {
    case VIRTIO_NET_HDR_GSO_NONE:
        return true;
    case VIRTIO_NET_HDR_GSO_TCPV4:
        return csum && simnic_has_feature(sn, VIRTIO_NET_F_HOST_TSO4);
    case VIRTIO_NET_HDR_GSO_TCPV6:
        return csum && simnic_has_feature(sn, VIRTIO_NET_F_HOST_TSO6);
    default:
        return false;
    }
}

static void
put_on_wire(struct simnic *sn, struct simnic_pair *pair, void *frame,
            uint32_t len)
{
    pair->stats.tx_frames++;
    pair->stats.tx_bytes += len;
    account(sn, frame, len);
    if (sn->config.transmitted) {
        sn->config.transmitted(sn->config.aux, frame, len);
    }
}

struct segmentation {
    struct simnic *sn;
    struct simnic_pair *pair;
};

static void
put_segment(void *s_, void *segment, uint32_t len)
{
    struct segmentation *s = s_;

    put_on_wire(s->sn, s->pair, segment, len);
}

/* Takes one frame that the driver transmits, out of 'buffer'. */
static void
take_frame(struct simnic *sn, struct simnic_pair *pair,
           const struct simnic_buffer *buffer)
{
    uint8_t data[HDR_LEN + SIMNIC_FRAME_MAX_TSO];
    uint32_t skip = hdr_len(sn);
    struct virtio_net_hdr_v1 hdr;
    uint8_t *frame = data + skip;
    uint32_t len = 0;

    for (uint16_t i = 0; i < buffer->n_segs; i++) {
        const struct simnic_seg *seg = &buffer->segs[i];
        const void *p = simnic_translate(sn, &pair->tx, seg);

        if (!p) {
            return;
        }
        if (seg->len > sizeof data - len) {
            sn->stats.tx_bad_length++;
            return;
        }
        memcpy(data + len, p, seg->len);
        len += seg->len;
    }
    if (len < skip + ETH_HDR_LEN) {
        sn->stats.tx_bad_length++;
        return;
    }
    len -= skip;
    memcpy(&hdr, data, sizeof hdr);
    if (!may_ask(sn, &hdr, len)) {
        simnic_halt(sn, &pair->tx,
                    "a header asks for what was not negotiated");
        return;
    }
    if (hdr.gso_type != VIRTIO_NET_HDR_GSO_NONE) {
        struct segmentation s = { sn, pair };

        if (!simnic_frame_segment(frame, len, hdr.csum_start, hdr.gso_size,
                                  put_segment, &s)) {
            simnic_halt(sn, &pair->tx, "a frame cannot be segmented");
        }
        sn->stats.tx_offloads++;
        return;
    }
    if (len > SIMNIC_FRAME_MAX) {
        sn->stats.tx_bad_length++;
        return;
    }
    if (hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
        simnic_frame_fill_checksum(frame, len, hdr.csum_start,
                                   hdr.csum_offset);
        sn->stats.tx_offloads++;
    }
    put_on_wire(sn, pair, frame, len);
}

/* Moves up to a burst of frames from the driver to the wire.  Returns how
 * many. */
unsigned int
simnic_transmit(struct simnic *sn, struct simnic_pair *pair, uint64_t now)
{
    struct simnic_buffer buffer;
    unsigned int n = 0;

    while (n < SIMNIC_BURST && simnic_ring_fetch(&pair->tx, &buffer)) {
        take_frame(sn, pair, &buffer);
        if (sn->halted) {
            return n;
        }
        simnic_ring_complete(&pair->tx, &buffer, 0, now);
        n++;
    }
    simnic_ring_flush(&pair->tx, now, sn->config.clean);
    simnic_is_sound(sn, &pair->tx);
    return n;
}

