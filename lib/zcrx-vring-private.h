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

#ifndef ZCRX_VRING_PRIVATE_H
#define ZCRX_VRING_PRIVATE_H 1

/* What the files that implement virtqueues share. */

#include <string.h>

#include "zcrx-vring.h"

_Static_assert(sizeof(struct zcrx_taken) == sizeof(uint32_t),
               "zcrx_taken_set() stores one word");

/* Loads a field that the guest may be writing, exactly once. */
#define LOAD_ONCE(FIELD) \
    __atomic_load_n((const volatile __typeof__(FIELD) *) &(FIELD), \
                    __ATOMIC_RELAXED)

extern const struct zcrx_vring_ops zcrx_vring_split;
extern const struct zcrx_vring_ops zcrx_vring_packed;

/* The flags that say whose a packed descriptor is. */
#define ZCRX_PACKED_AVAIL (1 << VRING_PACKED_DESC_F_AVAIL)
#define ZCRX_PACKED_USED (1 << VRING_PACKED_DESC_F_USED)

/* Returns true if a descriptor with these 'flags' is available, when that is
 * looked for with the wrap counter 'wrap' (Virtio 1.2 2.8.1). */
static inline bool
zcrx_packed_is_available(uint16_t flags, bool wrap)
{
    return (!(flags & ZCRX_PACKED_AVAIL) != wrap
            && !(flags & ZCRX_PACKED_USED) == wrap);
}

/* Returns a position in a packed ring as struct zcrx_vring_config has it. */
static inline uint16_t
zcrx_packed_position(uint16_t slot, bool wrap)
{
    return slot | wrap << 15;
}

/* Returns true if the next descriptor that 'vq', a packed ring, takes is the
 * 'n_desc'th, at most the size of the ring, behind the next that it uses. */
static inline bool
zcrx_packed_is_apart(const struct zcrx_vring *vq, uint32_t n_desc)
{
    uint32_t end = vq->used_idx + n_desc;

    return end % vq->size == vq->next_avail
           && (end >= vq->size) == (vq->avail_wrap != vq->used_wrap);
}

uint16_t zcrx_split_limit(struct zcrx_vring *, uint16_t n);
bool zcrx_vring_move_to_region(struct zcrx_vring *, uint64_t gpa);

/* Stops 'vq' because of 'error', unless it has stopped already. */
static inline void
zcrx_vring_set_error(struct zcrx_vring *vq, enum zcrx_vring_error error)
{
    if (!vq->error) {
        vq->error = error;
    }
}

/* Sets both members of '*taken' in one store. */
static inline void
zcrx_taken_set(struct zcrx_taken *taken, uint16_t pos, uint16_t n_desc)
{
    uint32_t word = pos | (uint32_t) n_desc << 16;

    memcpy(taken, &word, sizeof word);
}

/* Marks buffer 'id' of 'vq' as taken from 'pos', with 'n_desc' descriptors.
 * Returns false and stops the queue if it cannot be. */
static inline bool
zcrx_vring_mark_taken(struct zcrx_vring *vq, uint16_t id, uint16_t pos,
                      uint16_t n_desc)
{
    if (id >= vq->size) {
        zcrx_vring_set_error(vq, ZCRX_VRING_BAD_HEAD);
        return false;
    }
    if (vq->taken[id].n_desc) {
        zcrx_vring_set_error(vq, ZCRX_VRING_BAD_DUPLICATE);
        return false;
    }
    zcrx_taken_set(&vq->taken[id], pos, n_desc);
    vq->n_outstanding++;
    return true;
}

/* Keeps the compiler from moving stores to the journal past each other.  That
 * is all that it takes: a process is killed between two instructions, and
 * what those before have stored is there. */
static inline void
zcrx_journal_barrier(void)
{
    __asm__ __volatile__("" ::: "memory");
}

/* Writes down the position of the next buffer to take.  Buffers up to there
 * are outstanding, or were used. */
static inline void
zcrx_journal_avail(struct zcrx_vring *vq, uint16_t position)
{
    zcrx_journal_barrier();
    __atomic_store_n(&vq->journal->avail, position, __ATOMIC_RELAXED);
    zcrx_journal_barrier();
}

/* Writes down the position of the next used entry, and that 'n_burst' buffers
 * are about to be published there. */
static inline void
zcrx_journal_used(struct zcrx_vring *vq, uint16_t position, uint16_t n_burst)
{
    struct zcrx_vring_journal new = { .used = position, .n_burst = n_burst };

    zcrx_journal_barrier();
    __atomic_store_n(&vq->journal->used_and_burst, new.used_and_burst,
                     __ATOMIC_RELAXED);
    zcrx_journal_barrier();
}

bool zcrx_vring_journal_open(struct zcrx_vring *,
                             const struct zcrx_vring_config *);
bool zcrx_vring_describe_rx(struct zcrx_vring *, struct zcrx_rx_buf *);

/* Describes the receive buffer that consists of one writable descriptor with
 * 'len' bytes at 'gpa', as almost all do, in '*buf'.  Returns false if it is
 * not that simple; zcrx_vring_describe_rx() then is for it. */
static inline bool
zcrx_vring_describe_simple(struct zcrx_vring *vq, struct zcrx_rx_buf *buf,
                           uint64_t gpa, uint32_t len)
{
    const struct zcrx_gpa_region *r = vq->region;
    uint64_t offset = gpa - r->gpa;
    uint32_t room = len - vq->hdr_len;

    if (__builtin_expect(len <= vq->hdr_len, false)) {
        return false;
    }
    /* Buffers that follow each other are mostly in one region. */
    if (__builtin_expect(offset >= r->size || len > r->size - offset, false)) {
        r = zcrx_gpa_find(vq->map, gpa, len);
        if (!r) {
            return false;
        }
        vq->region = r;
    }
    buf->hdr = zcrx_gpa_to_hva(r, gpa);
    buf->data = (char *) buf->hdr + vq->hdr_len;
    buf->contig = room;
    buf->room = room;
    buf->iova = zcrx_gpa_to_iova(r, gpa + vq->hdr_len, room);
    return true;
}

#endif /* zcrx-vring-private.h */
