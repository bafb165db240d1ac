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

#include "simnic-ring.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/virtio_ring.h>

#include "simnic-util.h"

#define LOAD_ONCE(FIELD) \
    __atomic_load_n((const volatile __typeof__(FIELD) *) &(FIELD), \
                    __ATOMIC_RELAXED)

#define PACKED_AVAIL (1 << VRING_PACKED_DESC_F_AVAIL)
#define PACKED_USED (1 << VRING_PACKED_DESC_F_USED)

/* Largest ring (Virtio 1.2 2.7). */
#define MAX_RING_SIZE 32768

/* Makes 'ring' one that is not set up, in 'memory'. */
void
simnic_ring_init(struct simnic_ring *ring, struct simnic_memory *memory,
                 bool rx)
{
    memset(ring, 0, sizeof *ring);
    ring->memory = memory;
    ring->rx = rx;
    ring->kickfd = ring->callfd = -1;
}

void
simnic_ring_destroy(struct simnic_ring *ring)
{
    free(ring->staged);
    if (ring->kickfd >= 0) {
        close(ring->kickfd);
    }
    if (ring->callfd >= 0) {
        close(ring->callfd);
    }
}

/* Finds the rings, unless they are where they were.  Returns false, with an
 * error, if the device must not touch them. */
static bool
find_rings(struct simnic_ring *ring)
{
    uint64_t size = ring->size;
    uint64_t avail_len = ring->packed ? 4 : 6 + 2 * size;
    uint64_t used_len = ring->packed ? 4 : 6 + 8 * size;

    if (ring->error) {
        return false;
    }
    while (!ring->desc
           || ring->generation != simnic_memory_generation(ring->memory)) {
        ring->generation = simnic_memory_generation(ring->memory);
        ring->desc = simnic_memory_translate(ring->memory, ring->desc_addr,
                                             16 * size);
        ring->avail = simnic_memory_translate(ring->memory, ring->avail_addr,
                                              avail_len);
        ring->used = simnic_memory_translate(ring->memory, ring->used_addr,
                                             used_len);
        if (!ring->desc || !ring->avail || !ring->used) {
            ring->desc = NULL;
            ring->error = "a ring is in memory that the device may not touch";
            return false;
        }
    }
    return true;
}

/* Looks whether the device may still touch the rings; 'ring->error' says if it
 * may not. */
void
simnic_ring_check(struct simnic_ring *ring)
{
    ring->desc = NULL;
    find_rings(ring);
}

/* Starts 'ring', whose addresses, size and base are set. */
bool
simnic_ring_start(struct simnic_ring *ring, bool packed)
{
    uint16_t base = ring->base;

    if (!ring->size || ring->size > MAX_RING_SIZE
        || (!packed && ring->size & (ring->size - 1))) {
        ring->error = "a ring has a bad size";
        return false;
    }
    ring->packed = packed;
    ring->next_avail = packed ? base & 0x7fff : base;
    ring->next_used = ring->next_avail;
    ring->avail_wrap = ring->used_wrap = packed && base & 0x8000;
    if (packed && ring->next_avail >= ring->size) {
        ring->error = "a ring has a bad base";
        return false;
    }
    free(ring->staged);
    ring->staged = simnic_zalloc(ring->size, sizeof *ring->staged);
    ring->staged_head = ring->n_staged = 0;
    ring->desc = NULL;
    if (!find_rings(ring)) {
        return false;
    }
    ring->running = true;

    /* The device polls. */
    if (packed) {
        struct vring_packed_desc_event *event = ring->used;

        event->flags = VRING_PACKED_EVENT_FLAG_DISABLE;
    } else {
        struct vring_used *used = ring->used;

        /* A driver that goes on after the device was away does not know how
         * far that was. */
        if (used->idx != ring->next_used) {
            ring->next_used = ring->next_avail = used->idx;
        }
        used->flags = VRING_USED_F_NO_NOTIFY;
    }
    return true;
}

/* Stops 'ring', and returns its base. */
uint16_t
simnic_ring_stop(struct simnic_ring *ring)
{
    ring->running = false;
    ring->error = NULL;
    ring->desc = NULL;
    ring->n_staged = 0;
    return ring->next_used | (ring->packed && ring->used_wrap ? 0x8000 : 0);
}

static bool
fetch_error(struct simnic_ring *ring, const char *error)
{
    ring->error = error;
    return false;
}

static bool
add_seg(struct simnic_ring *ring, struct simnic_buffer *buffer, uint64_t addr,
        uint32_t len, uint16_t flags)
{
    if (flags & VRING_DESC_F_INDIRECT) {
        return fetch_error(ring, "a descriptor is indirect, which was not "
                           "negotiated");
    }
    if (!(flags & VRING_DESC_F_WRITE) == ring->rx) {
        return fetch_error(ring, "a descriptor has the wrong direction");
    }
    if (buffer->n_segs == SIMNIC_MAX_SEGS) {
        return fetch_error(ring, "a chain of descriptors is too long");
    }
    buffer->segs[buffer->n_segs].addr = addr;
    buffer->segs[buffer->n_segs].len = len;
    buffer->n_segs++;
    return true;
}

static bool
fetch_split(struct simnic_ring *ring, struct simnic_buffer *buffer)
{
    const struct vring_desc *table = ring->desc;
    const struct vring_avail *avail = ring->avail;
    uint16_t idx = __atomic_load_n(&avail->idx, __ATOMIC_ACQUIRE);
    uint16_t n = idx - ring->next_avail;
    struct vring_desc desc;
    uint16_t i;

    if (!n) {
        return false;
    }
    if (n > ring->size) {
        return fetch_error(ring, "an available index is beyond its ring");
    }
    i = LOAD_ONCE(avail->ring[ring->next_avail & (ring->size - 1)]);
    buffer->id = i;
    do {
        if (i >= ring->size) {
            return fetch_error(ring, "a descriptor is not in its table");
        }
        desc = table[i];
        if (!add_seg(ring, buffer, desc.addr, desc.len, desc.flags)) {
            return false;
        }
        i = desc.next;
    } while (desc.flags & VRING_DESC_F_NEXT);
    ring->next_avail++;
    return true;
}

static bool
fetch_packed(struct simnic_ring *ring, struct simnic_buffer *buffer)
{
    struct vring_packed_desc *table = ring->desc;
    uint16_t pos = ring->next_avail;
    bool wrap = ring->avail_wrap;
    uint16_t flags;

    flags = __atomic_load_n(&table[pos].flags, __ATOMIC_ACQUIRE);
    if (!(flags & PACKED_AVAIL) == wrap || !(flags & PACKED_USED) != wrap) {
        return false;
    }
    do {
        struct vring_packed_desc desc = table[pos];

        if (!add_seg(ring, buffer, desc.addr, desc.len, desc.flags)) {
            return false;
        }
        buffer->id = desc.id;
        flags = desc.flags;
        if (++pos == ring->size) {
            pos = 0;
            wrap = !wrap;
        }
    } while (flags & VRING_DESC_F_NEXT);
    ring->next_avail = pos;
    ring->avail_wrap = wrap;
    return true;
}

/* Fetches the next available buffer.  Returns false if there is none, or if
 * the driver did something wrong, which is in 'ring->error' then. */
bool
simnic_ring_fetch(struct simnic_ring *ring, struct simnic_buffer *buffer)
{
    buffer->n_segs = 0;
    return (find_rings(ring)
            && (ring->packed ? fetch_packed(ring, buffer)
                : fetch_split(ring, buffer)));
}

/* Stages the completion of 'buffer' with 'len' bytes written, for 'due'. */
void
simnic_ring_complete(struct simnic_ring *ring,
                     const struct simnic_buffer *buffer, uint32_t len,
                     uint64_t due)
{
    struct simnic_completion *c
        = &ring->staged[(ring->staged_head + ring->n_staged) % ring->size];

    ring->n_staged++;
    c->due = due;
    c->len = len;
    c->id = buffer->id;
    c->n_descs = buffer->n_segs;
}

static struct simnic_completion *
staged(struct simnic_ring *ring, uint32_t i)
{
    return &ring->staged[(ring->staged_head + i) % ring->size];
}

static void
write_split(struct simnic_ring *ring, uint32_t n, bool clean)
{
    struct vring_used *used = ring->used;

    for (uint32_t i = 0; i < n; i++) {
        struct vring_used_elem *elem
            = &used->ring[(ring->next_used + i) & (ring->size - 1)];

        elem->id = staged(ring, i)->id;
        elem->len = staged(ring, i)->len;
        if (clean) {
            simnic_clean(elem, sizeof *elem);
        }
    }
    ring->next_used += n;
    __atomic_store_n(&used->idx, ring->next_used, __ATOMIC_RELEASE);
    if (clean) {
        simnic_clean(&used->idx, sizeof used->idx);
    }
}

/* The driver takes a frame in several buffers to be there when it sees the
 * first one: what comes last is written first. */
static void
write_packed(struct simnic_ring *ring, uint32_t n, bool clean)
{
    struct vring_packed_desc *table = ring->desc;
    uint32_t total = 0;
    uint32_t pos;

    for (uint32_t i = 0; i < n; i++) {
        total += staged(ring, i)->n_descs;
    }
    pos = ring->next_used + total;
    for (uint32_t i = n; i > 0; i--) {
        const struct simnic_completion *c = staged(ring, i - 1);
        struct vring_packed_desc *desc;
        bool wrap;

        pos -= c->n_descs;
        wrap = pos >= ring->size ? !ring->used_wrap : ring->used_wrap;
        desc = &table[pos % ring->size];
        desc->id = c->id;
        desc->len = c->len;
        __atomic_store_n(&desc->flags,
                         (wrap ? PACKED_AVAIL | PACKED_USED : 0)
                         | (ring->rx ? VRING_DESC_F_WRITE : 0),
                         __ATOMIC_RELEASE);
        if (clean) {
            simnic_clean(desc, sizeof *desc);
        }
    }
    ring->next_used += total;
    if (ring->next_used >= ring->size) {
        ring->next_used -= ring->size;
        ring->used_wrap = !ring->used_wrap;
    }
}

/* Notifies the driver if it wants to be. */
static void
notify(struct simnic_ring *ring)
{
    uint64_t one = 1;
    bool wanted;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (ring->packed) {
        const struct vring_packed_desc_event *event = ring->avail;

        wanted = LOAD_ONCE(event->flags) != VRING_PACKED_EVENT_FLAG_DISABLE;
    } else {
        const struct vring_avail *avail = ring->avail;

        wanted = !(LOAD_ONCE(avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
    }
    if (wanted && ring->callfd >= 0
        && write(ring->callfd, &one, sizeof one) < 0) {
        /* It has not taken note of an earlier one. */
    }
}

/* Makes the completions that are due by 'now' visible to the driver.  Returns
 * how many there are.  If 'clean', what was written is out of the CPU's caches
 * after that. */
unsigned int
simnic_ring_flush(struct simnic_ring *ring, uint64_t now, bool clean)
{
    uint32_t n = 0;

    while (n < ring->n_staged && staged(ring, n)->due <= now) {
        n++;
    }
    if (!n || !find_rings(ring)) {
        return 0;
    }
    if (ring->packed) {
        write_packed(ring, n, clean);
    } else {
        write_split(ring, n, clean);
    }
    ring->staged_head = (ring->staged_head + n) % ring->size;
    ring->n_staged -= n;
    notify(ring);
    return n;
}
