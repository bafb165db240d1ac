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

/* What the kinds of virtqueue have in common. */

#include "zcrx-vring.h"
#include "zcrx-vring-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "virtqueues are little-endian, and so must be the host"
#endif

static void
init_split(struct zcrx_vring *vq, const struct zcrx_vring_config *config)
{
    vq->ops = &zcrx_vring_split;
    vq->desc = config->desc;
    vq->avail = config->avail;
    vq->used = config->used;
    vq->mask = config->size - 1;
    vq->next_avail = config->last_avail;
    vq->seen_avail = config->last_avail;
    vq->used_idx = config->last_used;
}

static void
init_packed(struct zcrx_vring *vq, const struct zcrx_vring_config *config)
{
    vq->ops = &zcrx_vring_packed;
    vq->packed_desc = config->desc;
    vq->driver_event = config->avail;
    vq->device_event = config->used;
    vq->next_avail = config->last_avail & 0x7fff;
    vq->avail_wrap = config->last_avail >> 15;
    vq->used_idx = config->last_used & 0x7fff;
    vq->used_wrap = config->last_used >> 15;
    vq->saved = calloc(config->size, sizeof *vq->saved);
}

/* Returns true if the 'len' bytes at 'p' lie in one region of 'map' and 'p' is
 * a multiple of 'align'. */
static bool
is_mapped(const struct zcrx_gpa_map *map, const void *p, size_t align,
          uint64_t len)
{
    return ((uintptr_t) p % align == 0
            && zcrx_gpa_has_hva(map, (uintptr_t) p, len));
}

/* Returns true if the size of the virtqueue that 'config' describes is one
 * that it can have, and it has its positions (Virtio 1.2 2.7, 2.8.10.1). */
static bool
has_size(const struct zcrx_vring_config *config)
{
    uint16_t size = config->size;

    return (size && size <= ZCRX_VRING_MAX_SIZE
            && (config->packed
                ? ((config->last_avail & 0x7fff) < size
                   && (config->last_used & 0x7fff) < size)
                : !(size & (size - 1))));
}

/* Returns true if all parts of the virtqueue that 'config' describes are
 * aligned as they must be and lie in the guest's memory (Virtio 1.2 2.7,
 * 2.8.10.1).
 *
 * The vhost library does not see to that: it looks at where the parts are when
 * it is told, and not again when their length changes after that. */
static bool
has_place(const struct zcrx_vring_config *config,
          const struct zcrx_gpa_map *map)
{
    uint64_t size = config->size;

    if (!is_mapped(map, config->desc, 16, size * sizeof(struct vring_desc))) {
        return false;
    }
    if (config->packed) {
        uint64_t len = sizeof(struct vring_packed_desc_event);

        return (is_mapped(map, config->avail, 4, len)
                && is_mapped(map, config->used, 4, len));
    } else {
        /* The last word is there with VIRTIO_F_EVENT_IDX only. */
        uint64_t event = config->event_idx ? sizeof(uint16_t) : 0;

        return (is_mapped(map, config->avail, 2,
                          sizeof(struct vring_avail)
                          + size * sizeof(uint16_t) + event)
                && is_mapped(map, config->used, 4,
                             sizeof(struct vring_used)
                             + size * sizeof(struct vring_used_elem)
                             + event));
    }
}

/* Returns ZCRX_VRING_OK if the virtqueue that 'config' describes can be used,
 * as far as that can be told without looking into it; otherwise why not. */
enum zcrx_vring_error
zcrx_vring_check(const struct zcrx_vring_config *config,
                 const struct zcrx_gpa_map *map)
{
    return (!has_size(config) ? ZCRX_VRING_BAD_SIZE
            : !has_place(config, map) ? ZCRX_VRING_BAD_PLACE
            : ZCRX_VRING_OK);
}

/* Makes 'vq' ready for use with the rings that 'config' names, which must stay
 * mapped until zcrx_vring_destroy(), as must the memory in 'map'.  Returns 0
 * or a positive errno value. */
int
zcrx_vring_init(struct zcrx_vring *vq, const struct zcrx_vring_config *config,
                const struct zcrx_gpa_map *map)
{
    uint16_t size = config->size;

    memset(vq, 0, sizeof *vq);
    if (!has_size(config)) {
        return EINVAL;
    }
    vq->size = size;
    vq->map = map;
    vq->region = &map->regions[0];
    vq->hdr_len = (config->version_1 || config->mergeable
                   ? ZCRX_HDR_LEN : ZCRX_HDR_LEN_LEGACY);
    vq->rx = config->rx;
    vq->mergeable = config->mergeable;
    vq->event_idx = config->event_idx;
    vq->indirect = config->indirect;
    vq->callfd = config->callfd;
    vq->log = config->log;
    if (config->packed) {
        init_packed(vq, config);
    } else {
        init_split(vq, config);
    }
    if ((config->packed && !vq->saved)
        || !zcrx_vring_journal_open(vq, config)) {
        zcrx_vring_destroy(vq);
        return ENOMEM;
    }
    return 0;
}

/* Frees what 'vq' owns.  Its buffers should have been put back before. */
void
zcrx_vring_destroy(struct zcrx_vring *vq)
{
    if (vq->ops == &zcrx_vring_packed) {
        for (uint16_t i = 0; vq->n_saved && i < vq->size; i++) {
            free(vq->saved[i]);
        }
        free(vq->saved);
    }
    if (!vq->persistent) {
        free(vq->journal);
    }
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

/* Returns "split" or "packed". */
const char *
zcrx_vring_kind(const struct zcrx_vring *vq)
{
    return vq->ops->kind;
}

/* The guest's own indices, for display.  A packed ring has none; they are our
 * positions then. */
uint16_t
zcrx_vring_guest_avail(const struct zcrx_vring *vq)
{
    return (vq->ops == &zcrx_vring_split ? LOAD_ONCE(vq->avail->idx)
            : vq->next_avail);
}

uint16_t
zcrx_vring_guest_used(const struct zcrx_vring *vq)
{
    return (vq->ops == &zcrx_vring_split ? LOAD_ONCE(vq->used->idx)
            : vq->used_idx);
}

/* Stores the position of 'vq' as struct zcrx_vring_config has it. */
void
zcrx_vring_get_position(const struct zcrx_vring *vq, uint16_t *last_avail,
                        uint16_t *last_used)
{
    *last_avail = vq->next_avail;
    *last_used = vq->used_idx;
    if (vq->ops == &zcrx_vring_packed) {
        *last_avail |= vq->avail_wrap << 15;
        *last_used |= vq->used_wrap << 15;
    }
}

/* Returns how many buffers the guest has made available that were not taken
 * yet.  Of a packed ring, where they must be counted, it counts no more than
 * ZCRX_COUNT_MAX. */
uint16_t
zcrx_vring_n_avail(struct zcrx_vring *vq)
{
    return vq->error ? 0 : vq->ops->n_avail(vq);
}

/* Takes up to 'n' available buffers in the order in which the guest offered
 * them, and stores them in 'heads'.  Returns how many. */
uint16_t
zcrx_vring_take(struct zcrx_vring *vq, struct zcrx_head *heads, uint16_t n)
{
    return vq->error ? 0 : vq->ops->take(vq, heads, n);
}

/* Undoes the taking of 'heads', the 'n' buffers that were taken last.  To undo
 * the taking of several one by one, begin with the newest: only then does the
 * journal fit the ring if the process is killed in between. */
void
zcrx_vring_untake(struct zcrx_vring *vq, const struct zcrx_head *heads,
                  uint16_t n)
{
    vq->ops->untake(vq, heads, n);
}

/* As zcrx_vring_untake(), for what zcrx_vring_take_rx() gave. */
void
zcrx_vring_untake_rx(struct zcrx_vring *vq, const struct zcrx_rx_buf *bufs,
                     uint16_t n)
{
    while (n > 0) {
        zcrx_vring_untake(vq, &bufs[--n].head, 1);
    }
}

/* Makes sure that buffer 'head', which was taken, can still be walked when
 * others have been published.  Returns false, and stops the queue, if there is
 * no memory for that. */
bool
zcrx_vring_save(struct zcrx_vring *vq, const struct zcrx_head *head)
{
    return vq->ops->save(vq, head);
}

/* Describes the receive buffer 'head', which was taken, in '*buf'.  Returns
 * false and stops the queue if there is something wrong with it. */
bool
zcrx_vring_describe_rx(struct zcrx_vring *vq, struct zcrx_rx_buf *buf)
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
    return vq->error ? 0 : vq->ops->take_rx(vq, bufs, n);
}

/* Makes the region in which 'gpa' lies that of the last buffer.  Returns false
 * if it was that already, or lies in none. */
bool
zcrx_vring_move_to_region(struct zcrx_vring *vq, uint64_t gpa)
{
    const struct zcrx_gpa_region *r = zcrx_gpa_find(vq->map, gpa, 1);

    if (!r || r == vq->region) {
        return false;
    }
    vq->region = r;
    return true;
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
    if (!vq->n_outstanding) {
        return;
    }
    if (vq->ops->rewind(vq)) {
        memset(vq->taken, 0, vq->size * sizeof *vq->taken);
        vq->n_outstanding = 0;
        return;
    }
    for (uint32_t id = 0; id < vq->size; id++) {
        if (vq->taken[id].n_desc) {
            struct zcrx_used used = { .id = id };

            zcrx_vring_publish(vq, &used, 1);
        }
    }
}

/* Hands 'n' outstanding buffers to the guest, which may see them from then
 * on. */
void
zcrx_vring_publish(struct zcrx_vring *vq, const struct zcrx_used *used,
                   uint16_t n)
{
    vq->ops->publish(vq, used, n);
}

/* Returns what the guest says about being notified of what was published. */
static bool
wants_notification(struct zcrx_vring *vq)
{
    uint32_t n = vq->n_unsignalled;

    return n > vq->size || vq->ops->wants_notification(vq, n);
}

/* As zcrx_vring_must_notify(), if there is anything that is new, and all of it
 * is visible. */
static bool
must_notify_visible(struct zcrx_vring *vq)
{
    bool wants = wants_notification(vq);

    vq->n_unsignalled = 0;
    return wants;
}

/* Returns true if the guest wants to be notified of what was published since
 * this was last asked. */
bool
zcrx_vring_must_notify(struct zcrx_vring *vq)
{
    if (!vq->n_unsignalled) {
        return false;
    }
    /* What was published must be visible before the guest's wish is read: the
     * driver does the reverse before it goes to sleep. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return must_notify_visible(vq);
}

/* Notifies the guest, whether or not it wants to be.  Returns true if it was.
 * Does not block: 'callfd' is nonblocking, and a notification that does not
 * fit is one that the guest has not yet taken note of. */
bool
zcrx_vring_interrupt(struct zcrx_vring *vq)
{
    uint64_t one = 1;

    return (vq->callfd >= 0
            && write(vq->callfd, &one, sizeof one) == sizeof one);
}

/* Notifies the guest if it wants to be.  Returns true if it was. */
bool
zcrx_vring_notify(struct zcrx_vring *vq)
{
    return zcrx_vring_must_notify(vq) && zcrx_vring_interrupt(vq);
}

/* As zcrx_vring_notify(), but does not wait until what was published is
 * visible, which takes long when the guest has just used that memory.  A guest
 * that seems not to want to be notified may be changing its mind; it is to be
 * asked again, with zcrx_vring_notify_visible() or zcrx_vring_notify(). */
bool
zcrx_vring_notify_early(struct zcrx_vring *vq)
{
    if (!vq->n_unsignalled || !wants_notification(vq)) {
        return false;
    }
    vq->n_unsignalled = 0;
    return zcrx_vring_interrupt(vq);
}

/* As zcrx_vring_notify(), for a caller that has executed a full memory barrier
 * since the last publication. */
bool
zcrx_vring_notify_visible(struct zcrx_vring *vq)
{
    return (vq->n_unsignalled && must_notify_visible(vq)
            && zcrx_vring_interrupt(vq));
}

/* Tells the guest that it need not notify us, as we poll. */
void
zcrx_vring_suppress_kicks(struct zcrx_vring *vq)
{
    vq->ops->suppress_kicks(vq);
}
