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

#ifndef ZCRX_VRING_PLAIN_H
#define ZCRX_VRING_PLAIN_H 1

/* Taking receive buffers that are as almost all are: one writable descriptor,
 * which a device reaches at the address at which we do.
 *
 * This is where the time goes, so it is inlined into whoever takes them, with
 * what that does with each. */

#include "zcrx-vring-private.h"

/* What is called for each buffer taken, in turn: it has descriptor id 'id' and
 * 'len' bytes at 'addr' (HVA and IOVA of the header). */
typedef void zcrx_plain_func(void *aux, uint16_t id, uintptr_t addr,
                             uint16_t len);

/* Where a plain buffer may begin: in one region, so far from its end that the
 * longest one fits, and at an even address. */
struct zcrx_plain_window {
    uint64_t gpa;
    uint64_t n;                 /* Such addresses, 0 if there are none. */
    uint64_t hva_offset;        /* From GPA to HVA. */
};

static inline struct zcrx_plain_window
zcrx_plain_window(const struct zcrx_gpa_region *r,
                  struct zcrx_plain_limits limits)
{
    bool direct = !r->page_iova && !r->no_dma && r->size >= limits.max;

    return (struct zcrx_plain_window) {
        .gpa = r->gpa,
        .n = direct ? (r->size - limits.max) / 2 + 1 : 0,
        .hva_offset = r->hva - r->gpa,
    };
}

static inline bool
zcrx_plain_window_has(const struct zcrx_plain_window *window, uint64_t gpa)
{
    uint64_t offset = gpa - window->gpa;

    /* An odd one becomes a large number. */
    return (offset >> 1 | offset << 63) < window->n;
}

/* Both kinds of descriptor have 8 bytes of address, then 4 of length and two
 * times 2 more, here read at once and looked at as one number. */
static inline uint64_t
zcrx_load_word(const void *p, int order)
{
    const uint64_t __attribute__((may_alias)) *word = p;

    return __atomic_load_n(word, order);
}

static inline __attribute__((always_inline)) uint16_t
zcrx_split_take_plain(struct zcrx_vring *vq, uint16_t n,
                      struct zcrx_plain_limits limits, zcrx_plain_func *func,
                      void *aux, uint64_t *gpa_)
{
    /* Of length and flags, without what comes behind these. */
    const uint64_t min = (limits.min
                          | (uint64_t) VRING_DESC_F_WRITE << 32) << 16;
    const uint64_t more = (uint64_t) (limits.max - limits.min) << 16;
    const struct zcrx_plain_window window = zcrx_plain_window(vq->region,
                                                              limits);
    const struct vring_avail *avail = vq->avail;
    const struct vring_desc *table = vq->desc;
    struct zcrx_taken *taken = vq->taken;
    uint32_t pos = vq->next_avail;
    uint32_t size = vq->size;
    uint32_t mask = vq->mask;
    uint32_t i;

    n = zcrx_split_limit(vq, n);
    for (i = 0; i < n; i++, pos++) {
        uint32_t id = LOAD_ONCE(avail->ring[pos & mask]);
        uint64_t word, gpa;

        if (id >= size || taken[id].n_desc) {
            break;
        }
        word = zcrx_load_word(&table[id].len, __ATOMIC_RELAXED);
        if ((word << 16) - min > more) {
            break;
        }
        gpa = LOAD_ONCE(table[id].addr);
        if (!zcrx_plain_window_has(&window, gpa)) {
            *gpa_ = gpa;
            break;
        }
        zcrx_taken_set(&taken[id], pos, 1);
        func(aux, id, gpa + window.hva_offset, word);
    }
    vq->next_avail = pos;
    vq->n_outstanding += i;
    zcrx_journal_avail(vq, pos);
    return i;
}

static inline __attribute__((always_inline)) uint16_t
zcrx_packed_take_plain(struct zcrx_vring *vq, uint16_t n,
                       struct zcrx_plain_limits limits, zcrx_plain_func *func,
                       void *aux, uint64_t *gpa_)
{
    const struct zcrx_plain_window window = zcrx_plain_window(vq->region,
                                                              limits);
    const uint32_t more = limits.max - limits.min;
    uint16_t left = vq->size - vq->n_desc_outstanding;
    struct vring_packed_desc *ring = vq->packed_desc;
    struct zcrx_taken *taken = vq->taken;
    uint32_t flags = VRING_DESC_F_WRITE | (vq->avail_wrap ? ZCRX_PACKED_AVAIL
                                           : ZCRX_PACKED_USED);
    uint32_t slot = vq->next_avail;
    uint32_t size = vq->size;
    uint32_t i;

    n = n < left ? n : left;
    for (i = 0; i < n; i++) {
        /* The driver writes the flags, the last of it, when all else is there
         * (Virtio 1.2 2.8.21.1). */
        uint64_t word = zcrx_load_word(&ring[slot].len, __ATOMIC_ACQUIRE);
        uint32_t id = (uint16_t) (word >> 32);
        uint64_t gpa;

        if (word >> 48 != flags || id >= size || taken[id].n_desc
            || (uint32_t) word - limits.min > more) {
            break;
        }
        gpa = LOAD_ONCE(ring[slot].addr);
        if (!zcrx_plain_window_has(&window, gpa)) {
            *gpa_ = gpa;
            break;
        }
        zcrx_taken_set(&taken[id], slot, 1);
        func(aux, id, gpa + window.hva_offset, word);
        if (++slot == size) {
            slot = 0;
            flags ^= ZCRX_PACKED_AVAIL | ZCRX_PACKED_USED;
        }
    }
    vq->next_avail = slot;
    vq->avail_wrap = flags & ZCRX_PACKED_AVAIL;
    vq->n_desc_outstanding += i;
    vq->n_outstanding += i;
    zcrx_journal_avail(vq, zcrx_packed_position(slot, vq->avail_wrap));
    return i;
}

/* Takes up to 'n' receive buffers, for as long as they are plain ones with
 * lengths as in 'limits', and calls 'func' with 'aux' for each.  Returns how
 * many; what comes then, and be it an error, is for zcrx_vring_take_rx() to
 * find. */
static inline __attribute__((always_inline)) uint16_t
zcrx_vring_take_plain(struct zcrx_vring *vq, uint16_t n,
                      struct zcrx_plain_limits limits, zcrx_plain_func *func,
                      void *aux)
{
    uint16_t done = 0;

    while (!vq->error && done < n) {
        uint64_t gpa = vq->region->gpa;

        done += (vq->ops == &zcrx_vring_split
                 ? zcrx_split_take_plain(vq, n - done, limits, func, aux, &gpa)
                 : zcrx_packed_take_plain(vq, n - done, limits, func, aux,
                                          &gpa));
        if (done == n || !zcrx_vring_move_to_region(vq, gpa)) {
            break;
        }
    }
    return done;
}

#endif /* zcrx-vring-plain.h */
