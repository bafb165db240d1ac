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

#include "zcrx-vring-peek.h"

#include "zcrx-vring-private.h"

/* An indirect table with more entries than this is not looked through. */
#define MAX_INDIRECT 256

static bool
is_packed(const struct zcrx_vring *vq)
{
    return vq->ops == &zcrx_vring_packed;
}

/* Returns how many entries the guest has made available in the packed ring
 * 'vq', which have not been taken: those from 'next_avail' on whose flags say
 * so (Virtio 1.2 2.8.1). */
static uint16_t
count_available_packed(const struct zcrx_vring *vq)
{
    uint16_t max = vq->size - vq->n_desc_outstanding;
    uint16_t slot = vq->next_avail;
    bool wrap = vq->avail_wrap;
    uint16_t n;

    for (n = 0; n < max; n++) {
        uint16_t flags = LOAD_ONCE(vq->packed_desc[slot].flags);

        if (!zcrx_packed_is_available(flags, wrap)) {
            break;
        }
        if (++slot == vq->size) {
            slot = 0;
            wrap = !wrap;
        }
    }
    return n;
}

/* Stores in '*counts' who has how many entries of 'vq'. */
void
zcrx_vring_count(const struct zcrx_vring *vq,
                 struct zcrx_vring_counts *counts)
{
    uint16_t left;

    if (is_packed(vq)) {
        counts->port = vq->n_desc_outstanding;
        counts->available = count_available_packed(vq);
    } else {
        counts->port = vq->next_avail - vq->used_idx;
        counts->available = LOAD_ONCE(vq->avail->idx) - vq->next_avail;
    }
    /* Where the guest's index is nonsense, this is what fits. */
    counts->port = counts->port < vq->size ? counts->port : vq->size;
    left = vq->size - counts->port;
    counts->available = counts->available < left ? counts->available : left;
    counts->guest = left - counts->available;
}

/* Stores in '*slot' who has entry number 'i', below the size, of 'vq', and
 * what is in it.  'counts' is what zcrx_vring_count() found. */
void
zcrx_vring_peek(const struct zcrx_vring *vq,
                const struct zcrx_vring_counts *counts, uint16_t i,
                struct zcrx_slot *slot)
{
    uint32_t behind_used = (i + vq->size - vq->used_idx % vq->size) % vq->size;

    if (behind_used < counts->port) {
        slot->holder = ZCRX_HELD_BY_PORT;
    } else if (behind_used < counts->port + counts->available) {
        slot->holder = ZCRX_HELD_AVAILABLE;
    } else {
        slot->holder = ZCRX_HELD_BY_GUEST;
    }

    if (is_packed(vq)) {
        const struct vring_packed_desc *desc = &vq->packed_desc[i];

        slot->id = LOAD_ONCE(desc->id);
        slot->valid = true;
        slot->gpa = LOAD_ONCE(desc->addr);
        slot->len = LOAD_ONCE(desc->len);
        slot->flags = LOAD_ONCE(desc->flags);
    } else {
        slot->id = LOAD_ONCE(vq->avail->ring[i]);
        slot->valid = slot->id < vq->size;
        if (slot->valid) {
            const struct vring_desc *desc = &vq->desc[slot->id];

            slot->gpa = LOAD_ONCE(desc->addr);
            slot->len = LOAD_ONCE(desc->len);
            slot->flags = LOAD_ONCE(desc->flags);
        }
    }
}

/* Returns the bytes in the indirect table that 'slot' refers to. */
static uint64_t
indirect_room(const struct zcrx_vring *vq, const struct zcrx_slot *slot)
{
    const struct zcrx_gpa_region *r = zcrx_gpa_find(vq->map, slot->gpa,
                                                    slot->len);
    uint32_t n = slot->len / sizeof(struct vring_desc);
    const struct vring_desc *table;
    uint64_t room = 0;

    if (!r || n > MAX_INDIRECT) {
        return 0;
    }
    /* Lengths are at the same place in packed descriptors. */
    table = zcrx_gpa_to_hva(r, slot->gpa);
    for (uint32_t i = 0; i < n; i++) {
        room += LOAD_ONCE(table[i].len);
    }
    return room;
}

/* Returns the bytes that the buffer has room for which was taken last, or, if
 * none was, will be taken next, without the virtio-net header; 0 if that
 * cannot be told. */
uint64_t
zcrx_vring_peek_room(const struct zcrx_vring *vq)
{
    struct zcrx_vring_counts counts;
    struct zcrx_slot slot;
    uint64_t room = 0;
    uint16_t i;

    zcrx_vring_count(vq, &counts);
    if (!counts.available && !counts.port && is_packed(vq)) {
        return 0;               /* The lengths are of frames. */
    }
    i = (vq->next_avail + (counts.available ? 0 : vq->size - 1)) % vq->size;
    zcrx_vring_peek(vq, &counts, i, &slot);
    for (uint16_t n = 0; slot.valid && n < vq->size; n++) {
        if (slot.flags & VRING_DESC_F_INDIRECT) {
            room += indirect_room(vq, &slot);
        } else {
            room += slot.len;
        }
        if (!(slot.flags & VRING_DESC_F_NEXT)) {
            break;
        }
        if (is_packed(vq)) {
            i = (i + 1) % vq->size;
            zcrx_vring_peek(vq, &counts, i, &slot);
        } else {
            uint16_t next = LOAD_ONCE(vq->desc[slot.id].next);

            slot.valid = next < vq->size;
            if (slot.valid) {
                slot.id = next;
                slot.len = LOAD_ONCE(vq->desc[next].len);
                slot.gpa = LOAD_ONCE(vq->desc[next].addr);
                slot.flags = LOAD_ONCE(vq->desc[next].flags);
            }
        }
    }
    return room > vq->hdr_len ? room - vq->hdr_len : 0;
}
