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


#include "zcrx-vring.h"
#include "zcrx-vring-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/virtio_net.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "virtqueues are little-endian, and so must be the host"
#endif

/* Makes 'vq' ready for use with the rings that 'config' names, which must stay
 * mapped until zcrx_vring_destroy(), as must the memory in 'map'.  Returns 0
 * or a positive errno value. */
int
zcrx_vring_init(struct zcrx_vring *vq, const struct zcrx_vring_config *config,
                const struct zcrx_gpa_map *map)
{
    memset(vq, 0, sizeof *vq);
    if (!config->size || config->size > ZCRX_VRING_MAX_SIZE
        || config->size & (config->size - 1)) {
        return EINVAL;
    }
    /* Not xcalloc(): nothing here knows Open vSwitch. */
    vq->outstanding = calloc(config->size, sizeof *vq->outstanding);
    vq->taken_at = calloc(config->size, sizeof *vq->taken_at);
    if (!vq->outstanding || !vq->taken_at) {
        zcrx_vring_destroy(vq);
        return ENOMEM;
    }
    vq->desc = config->desc;
    vq->avail = config->avail;
    vq->used = config->used;
    vq->map = map;
    vq->size = config->size;
    vq->mask = config->size - 1;
    vq->next_avail = config->last_avail;
    vq->seen_avail = config->last_avail;
    vq->used_idx = config->last_used;
    vq->signalled_used = config->last_used;
    vq->hdr_len = (config->version_1 || config->mergeable
                   ? ZCRX_HDR_LEN : ZCRX_HDR_LEN_LEGACY);
    vq->rx = config->rx;
    vq->mergeable = config->mergeable;
    vq->event_idx = config->event_idx;
    vq->indirect = config->indirect;
    vq->callfd = config->callfd;
    return 0;
}

/* Frees what 'vq' owns.  Buffers must have been put back before. */
void
zcrx_vring_destroy(struct zcrx_vring *vq)
{
    free(vq->outstanding);
    free(vq->taken_at);
    memset(vq, 0, sizeof *vq);
}

/* Returns a description of 'error', a constant. */
const char *
zcrx_vring_strerror(enum zcrx_vring_error error)
{
    switch (error) {
    case ZCRX_VRING_OK:
        return "none";
#define ZCRX_VRING_ERROR(CODE, TEXT) \
    case ZCRX_VRING_BAD_##CODE: \
        return TEXT;
    ZCRX_VRING_ERRORS
#undef ZCRX_VRING_ERROR
    default:
        return "unknown";
    }
}

/* The guest's own indices, for display. */
uint16_t
zcrx_vring_guest_avail(const struct zcrx_vring *vq)
{
    return vq->avail ? LOAD_ONCE(vq->avail->idx) : 0;
}

uint16_t
zcrx_vring_guest_used(const struct zcrx_vring *vq)
{
    return vq->used ? LOAD_ONCE(vq->used->idx) : 0;
}

/* The part of zcrx_vring_n_avail() that looks at the guest's index. */
uint16_t
zcrx_vring_n_avail__(struct zcrx_vring *vq)
{
    uint16_t idx, n;

    if (vq->error) {
        return 0;
    }
    /* Pairs with the driver's barrier between filling the ring and moving the
     * index (Virtio 1.2 2.7.13.3). */
    idx = __atomic_load_n(&vq->avail->idx, __ATOMIC_ACQUIRE);
    n = idx - vq->next_avail;
    if (n > vq->size) {
        zcrx_vring_set_error(vq, ZCRX_VRING_BAD_INDEX);
        return 0;
    }
    vq->seen_avail = idx;
    return n;
}

/* Takes up to 'n' available buffers in the order in which the guest offered
 * them, and stores them in 'heads'.  Returns how many. */
uint16_t
zcrx_vring_take(struct zcrx_vring *vq, struct zcrx_head *heads, uint16_t n)
{
    uint16_t n_avail = zcrx_vring_n_avail(vq);
    uint16_t i;

    if (n > n_avail) {
        /* What was seen before may not be all there is. */
        n_avail = zcrx_vring_n_avail__(vq);
        n = n < n_avail ? n : n_avail;
    }
    if (vq->error) {
        return 0;
    }

    for (i = 0; i < n; i++) {
        uint16_t id = LOAD_ONCE(vq->avail->ring[vq->next_avail & vq->mask]);

        if (id >= vq->size) {
            zcrx_vring_set_error(vq, ZCRX_VRING_BAD_HEAD);
            break;
        }
        if (vq->outstanding[id]) {
            zcrx_vring_set_error(vq, ZCRX_VRING_BAD_DUPLICATE);
            break;
        }
        vq->outstanding[id] = true;
        vq->taken_at[id] = vq->next_avail++;
        heads[i].id = id;
    }
    vq->n_outstanding += i;
    return i;
}

/* Undoes the taking of 'heads', the 'n' buffers that were taken last. */
void
zcrx_vring_untake(struct zcrx_vring *vq, const struct zcrx_head *heads,
                  uint16_t n)
{
    for (uint16_t i = 0; i < n; i++) {
        vq->outstanding[heads[i].id] = false;
    }
    vq->next_avail -= n;
    vq->n_outstanding -= n;
}

/* Describes the receive buffer 'head', which was taken, in '*buf'.  Returns
 * false and stops the queue if there is something wrong with it. */
static bool
describe_rx(struct zcrx_vring *vq, struct zcrx_rx_buf *buf)
{
    const struct zcrx_gpa_region *region = NULL;
    uint32_t hdr_left = vq->hdr_len;
    struct zcrx_chain chain;
    uint32_t room = 0;
    uint64_t gpa = 0;

    buf->hdr = NULL;
    buf->contig = 0;

    zcrx_chain_init(&chain, vq, &buf->head);
    while (zcrx_chain_next(&chain)) {
        if (hdr_left) {
            uint32_t n = chain.len < hdr_left ? chain.len : hdr_left;

            if (n == vq->hdr_len) {
                buf->hdr = zcrx_gpa_to_hva(chain.region, chain.gpa);
            }
            hdr_left -= n;
            chain.gpa += n;
            chain.len -= n;
        }
        if (!chain.len) {
            continue;
        }
        if (!room) {
            region = chain.region;
            gpa = chain.gpa;
            buf->contig = chain.len;
        }
        room += chain.len;
    }
    if (vq->error) {
        return false;
    }
    if (!room) {
        zcrx_vring_set_error(vq, ZCRX_VRING_BAD_LENGTH);
        return false;
    }
    buf->room = room;
    buf->data = zcrx_gpa_to_hva(region, gpa);
    buf->iova = zcrx_gpa_to_iova(region, gpa, buf->contig);
    return true;
}

/* Takes up to 'n' receive buffers, like zcrx_vring_take(), and describes them
 * in 'bufs'. */
uint16_t
zcrx_vring_take_rx(struct zcrx_vring *vq, struct zcrx_rx_buf *bufs, uint16_t n)
{
    uint16_t i;

    for (i = 0; i < n; i++) {
        if (!zcrx_vring_take(vq, &bufs[i].head, 1)) {
            break;
        }
        if (!describe_rx(vq, &bufs[i])) {
            zcrx_vring_untake(vq, &bufs[i].head, 1);
            break;
        }
    }
    return i;
}

/* Puts all buffers that are outstanding back, so that they are available
 * again, and the queue's position is one that vhost can be told.
 *
 * While buffers are used in the order in which they were taken, that is a
 * matter of moving back.  Where frames from elsewhere overtook those from the
 * wire, there is no single position that would describe what is available: the
 * buffers are then returned to the guest without a frame (a used length of 0,
 * which drivers count as a length error), because a buffer must never get
 * lost. */
void
zcrx_vring_put_back_all(struct zcrx_vring *vq)
{
    uint16_t n = vq->n_outstanding;
    bool in_order = (uint16_t) (vq->next_avail - n) == vq->used_idx;

    if (!n) {
        return;
    }
    for (uint16_t i = 0; i < n && in_order; i++) {
        uint16_t pos = vq->used_idx + i;
        uint16_t id = LOAD_ONCE(vq->avail->ring[pos & vq->mask]);

        /* One that was overtaken may have been used and offered again since,
         * and then be in the ring twice. */
        in_order = (id < vq->size && vq->outstanding[id]
                    && vq->taken_at[id] == pos);
    }
    if (in_order) {
        vq->next_avail -= n;
        memset(vq->outstanding, 0, vq->size * sizeof *vq->outstanding);
        vq->n_outstanding = 0;
    } else {
        for (uint32_t id = 0; id < vq->size; id++) {
            if (vq->outstanding[id]) {
                struct zcrx_used used = { .id = id };

                zcrx_vring_publish(vq, &used, 1);
            }
        }
    }
}

/* Hands 'n' outstanding buffers to the guest, which may see them from then
 * on. */
void
zcrx_vring_publish(struct zcrx_vring *vq, const struct zcrx_used *used,
                   uint16_t n)
{
    for (uint16_t i = 0; i < n; i++) {
        struct vring_used_elem *elem
            = &vq->used->ring[(vq->used_idx + i) & vq->mask];

        elem->id = used[i].id;
        elem->len = used[i].len;
        vq->outstanding[used[i].id] = false;
    }
    vq->n_outstanding -= n;
    vq->used_idx += n;

    /* The entries, and the frames, before the index (Virtio 1.2 2.7.8.2). */
    __atomic_store_n(&vq->used->idx, vq->used_idx, __ATOMIC_RELEASE);
}

/* Returns true if the guest wants to be notified of what was published since
 * this was last asked (Virtio 1.2 2.7.7.2, 2.7.10.1). */
bool
zcrx_vring_must_notify(struct zcrx_vring *vq)
{
    uint16_t old = vq->signalled_used;

    if (vq->used_idx == old) {
        return false;
    }
    /* The used index must be visible before the guest's wish is read: the
     * driver does the reverse before it goes to sleep. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    vq->signalled_used = vq->used_idx;
    if (vq->event_idx) {
        uint16_t event = LOAD_ONCE(vq->avail->ring[vq->size]);

        return vring_need_event(event, vq->used_idx, old);
    }
    return !(LOAD_ONCE(vq->avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
}

/* Notifies the guest if it wants to be.  Returns true if it was.  Does not
 * block: 'callfd' is nonblocking, and a notification that does not fit is one
 * that the guest has not yet taken note of. */
bool
zcrx_vring_notify(struct zcrx_vring *vq)
{
    uint64_t one = 1;

    if (!zcrx_vring_must_notify(vq) || vq->callfd < 0) {
        return false;
    }
    return write(vq->callfd, &one, sizeof one) == sizeof one;
}

/* Tells the guest that it need not notify us, as we poll.  With event index,
 * 'flags' must be 0, and the guest notifies when it passes 'avail_event',
 * which is left behind (Virtio 1.2 2.7.10). */
void
zcrx_vring_suppress_kicks(struct zcrx_vring *vq)
{
    uint16_t flags = vq->event_idx ? 0 : VRING_USED_F_NO_NOTIFY;

    __atomic_store_n(&vq->used->flags, flags, __ATOMIC_RELAXED);
    if (vq->event_idx) {
        __virtio16 *avail_event = (__virtio16 *) &vq->used->ring[vq->size];

        __atomic_store_n(avail_event, vq->next_avail - 1, __ATOMIC_RELAXED);
    }
}
