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

#include "guest.h"

#include <string.h>

#include "check.h"

/* Gives 'g' memory of 'size' bytes a region. */
void
guest_init(struct guest *g, size_t size)
{
    memset(g, 0, sizeof *g);
    g->size = size;
    g->random = 1;
    g->gpa[GUEST_LOW] = GUEST_LOW_GPA;
    g->gpa[GUEST_NEXT] = GUEST_LOW_GPA + size;
    g->gpa[GUEST_FAR] = GUEST_FAR_GPA;
    g->gpa[GUEST_NO_DMA] = GUEST_NO_DMA_GPA;

    zcrx_gpa_map_init(&g->map);
    for (int i = 0; i < GUEST_N_REGIONS; i++) {
        struct zcrx_gpa_region region = {
            .gpa = g->gpa[i],
            .size = size,
            .page_size = 4096,
            .no_dma = i == GUEST_NO_DMA ? "test" : NULL,
        };

        g->mem[i] = malloc(size);
        g->expected[i] = malloc(size);
        CHECK(g->mem[i] && g->expected[i]);
        memset(g->mem[i], GUEST_CANARY, size);
        memset(g->expected[i], GUEST_CANARY, size);
        region.hva = (uintptr_t) g->mem[i];
        CHECK(!zcrx_gpa_map_add(&g->map, &region));
    }
}

void
guest_destroy(struct guest *g)
{
    zcrx_gpa_map_destroy(&g->map);
    for (int i = 0; i < GUEST_N_REGIONS; i++) {
        free(g->mem[i]);
        free(g->expected[i]);
    }
}

/* Returns the address of 'len' bytes that nobody uses, with some more around
 * them that nobody ever will. */
uint64_t
guest_alloc(struct guest *g, enum guest_region region, size_t len)
{
    uint64_t gpa;

    g->brk[region] += 32;
    gpa = g->gpa[region] + g->brk[region];
    g->brk[region] += len;
    CHECK(g->brk[region] + 32 <= g->size);
    return gpa;
}

/* Returns the region in which 'gpa' lies. */
static enum guest_region
find_region(const struct guest *g, uint64_t gpa)
{
    int i;

    for (i = 0; i < GUEST_N_REGIONS; i++) {
        if (gpa >= g->gpa[i] && gpa < g->gpa[i] + g->size) {
            break;
        }
    }
    CHECK(i < GUEST_N_REGIONS);
    return i;
}

/* Returns where in this process the byte at 'gpa' lies. */
void *
guest_ptr(const struct guest *g, uint64_t gpa)
{
    enum guest_region r = find_region(g, gpa);

    return &g->mem[r][gpa - g->gpa[r]];
}

/* Returns how many of the 'len' bytes at 'gpa' lie in one region. */
static size_t
in_region(const struct guest *g, uint64_t gpa, size_t len)
{
    uint64_t left = g->gpa[find_region(g, gpa)] + g->size - gpa;

    return len < left ? len : left;
}

/* Notes that the device should write 'data' to 'gpa'. */
void
guest_expect(struct guest *g, uint64_t gpa, const void *data, size_t len)
{
    while (len) {
        enum guest_region r = find_region(g, gpa);
        size_t n = in_region(g, gpa, len);

        memcpy(&g->expected[r][gpa - g->gpa[r]], data, n);
        data = (const char *) data + n;
        gpa += n;
        len -= n;
    }
}

/* Writes 'data' to 'gpa', as the guest. */
void
guest_write(struct guest *g, uint64_t gpa, const void *data, size_t len)
{
    guest_expect(g, gpa, data, len);
    while (len) {
        size_t n = in_region(g, gpa, len);

        memcpy(guest_ptr(g, gpa), data, n);
        data = (const char *) data + n;
        gpa += n;
        len -= n;
    }
}

/* Checks that all memory holds what it should: what was expected, and nothing
 * else but what was there before. */
void
guest_check_memory(const struct guest *g)
{
    for (int i = 0; i < GUEST_N_REGIONS; i++) {
        CHECK(!memcmp(g->mem[i], g->expected[i], g->size));
    }
}

static void
init_common(struct guest_vq *vq, struct guest *g, uint16_t size, bool packed)
{
    memset(vq, 0, sizeof *vq);
    vq->guest = g;
    vq->size = size;
    vq->packed = packed;
    vq->free = calloc(size, sizeof *vq->free);
    vq->tables = calloc(size, sizeof *vq->tables);
    vq->bufs = calloc(size, sizeof *vq->bufs);
    vq->offered = calloc(65536, sizeof *vq->offered);
    CHECK(vq->free && vq->tables && vq->bufs && vq->offered);
    for (uint16_t i = 0; i < size; i++) {
        vq->free[vq->n_free_heads++] = i;
    }
    vq->n_free = size;
}

/* Makes 'vq' a split virtqueue whose indices start at 'start'.  Features are
 * the test's to choose, in 'vq->config'. */
void
guest_vq_init(struct guest_vq *vq, struct guest *g, uint16_t size,
              uint16_t start, bool rx)
{
    init_common(vq, g, size, false);
    vq->avail_idx = vq->used_idx = start;

    /* Each by itself and no byte longer than the specification says, for
     * AddressSanitizer. */
    vq->desc = calloc(size, sizeof *vq->desc);
    vq->avail = calloc(1, sizeof *vq->avail + (size + 1) * sizeof(uint16_t));
    vq->used = calloc(1, sizeof *vq->used
                      + size * sizeof(struct vring_used_elem)
                      + sizeof(uint16_t));
    CHECK(vq->desc && vq->avail && vq->used);
    vq->avail->idx = vq->used->idx = start;
    vq->config = (struct zcrx_vring_config) {
        .desc = vq->desc,
        .avail = vq->avail,
        .used = vq->used,
        .size = size,
        .last_avail = start,
        .last_used = start,
        .callfd = -1,
        .rx = rx,
        .version_1 = true,
    };
}

/* Makes 'vq' a packed virtqueue that starts at slot 'start', in its first
 * lap. */
void
guest_vq_init_packed(struct guest_vq *vq, struct guest *g, uint16_t size,
                     uint16_t start, bool rx)
{
    init_common(vq, g, size, true);
    vq->avail_slot = vq->used_slot = start;
    vq->avail_wrap = vq->used_wrap = true;
    vq->ring = calloc(size, sizeof *vq->ring);
    vq->driver_event = calloc(1, sizeof *vq->driver_event);
    vq->device_event = calloc(1, sizeof *vq->device_event);
    CHECK(vq->ring && vq->driver_event && vq->device_event);
    for (uint16_t i = 0; i < start; i++) {
        /* As if these had been used. */
        vq->ring[i].flags = (1 << VRING_PACKED_DESC_F_AVAIL
                             | 1 << VRING_PACKED_DESC_F_USED);
    }
    vq->config = (struct zcrx_vring_config) {
        .desc = vq->ring,
        .avail = vq->driver_event,
        .used = vq->device_event,
        .packed = true,
        .size = size,
        .last_avail = start | 1 << 15,
        .last_used = start | 1 << 15,
        .callfd = -1,
        .rx = rx,
        .version_1 = true,
    };
}

void
guest_vq_destroy(struct guest_vq *vq)
{
    free(vq->desc);
    free(vq->avail);
    free(vq->used);
    free(vq->ring);
    free(vq->driver_event);
    free(vq->device_event);
    free(vq->free);
    free(vq->tables);
    free(vq->bufs);
    free(vq->offered);
}

/* Takes a head, any, so that chains are out of order. */
static uint16_t
take_head(struct guest_vq *vq)
{
    unsigned int i;
    uint16_t head;

    CHECK(vq->n_free_heads);
    i = next_random(&vq->guest->random, vq->n_free_heads);
    head = vq->free[i];
    vq->free[i] = vq->free[--vq->n_free_heads];
    return head;
}

/* Writes an indirect table for the 'n' 'pieces' and returns its address.  For
 * a split ring the entries are in reverse order but for the first, which must
 * be entry 0. */
static uint64_t
write_table(struct guest_vq *vq, uint16_t head,
            const struct guest_piece *pieces, unsigned int n)
{
    uint16_t direction = vq->config.rx ? VRING_DESC_F_WRITE : 0;
    struct vring_packed_desc packed_table[GUEST_MAX_PIECES];
    struct vring_desc table[GUEST_MAX_PIECES];

    for (unsigned int i = 0; i < n; i++) {
        unsigned int pos = i ? n - i : 0;

        table[pos] = (struct vring_desc) {
            .addr = pieces[i].gpa,
            .len = pieces[i].len,
            .flags = direction | (i + 1 < n ? VRING_DESC_F_NEXT : 0),
            .next = i + 1 < n ? n - i - 1 : 0xffff,
        };
        packed_table[i] = (struct vring_packed_desc) {
            .addr = pieces[i].gpa,
            .len = pieces[i].len,
            .id = 0xffff,       /* Means nothing here. */
            .flags = direction,
        };
    }
    if (!vq->tables[head]) {
        /* An odd address: the table need not be aligned. */
        vq->tables[head] = guest_alloc(vq->guest, GUEST_FAR,
                                       sizeof table + 1) | 1;
    }
    guest_write(vq->guest, vq->tables[head],
                vq->packed ? (void *) packed_table : (void *) table,
                n * sizeof table[0]);
    return vq->tables[head];
}

/* Describes a buffer of 'n' 'pieces'.  Returns its head. */
uint16_t
guest_describe(struct guest_vq *vq, const struct guest_piece *pieces,
               unsigned int n, enum guest_how how)
{
    unsigned int n_direct = (how == GUEST_DIRECT ? n
                             : how == GUEST_INDIRECT || vq->packed ? 0 : 1);
    unsigned int n_descs = n_direct + (how != GUEST_DIRECT);
    uint16_t descs[GUEST_MAX_PIECES];
    struct guest_buf *buf;

    CHECK(n && n <= GUEST_MAX_PIECES);
    CHECK(n_descs && n_descs <= GUEST_MAX_PIECES);
    CHECK(n > n_direct || how == GUEST_DIRECT);
    CHECK(n_descs <= vq->n_free);
    vq->n_free -= n_descs;
    for (unsigned int i = 0; i < (vq->packed ? 1 : n_descs); i++) {
        descs[i] = take_head(vq);
    }
    buf = &vq->bufs[descs[0]];
    buf->n_pieces = n;
    buf->n_descs = n_descs;
    memcpy(buf->pieces, pieces, n * sizeof pieces[0]);

    for (unsigned int i = 0; i < n_descs; i++) {
        bool last = i + 1 == n_descs;
        struct vring_desc d;

        if (i < n_direct) {
            d.addr = pieces[i].gpa;
            d.len = pieces[i].len;
            d.flags = vq->config.rx ? VRING_DESC_F_WRITE : 0;
        } else {
            d.addr = write_table(vq, descs[0], &pieces[n_direct],
                                 n - n_direct);
            d.len = (n - n_direct) * sizeof d;
            d.flags = VRING_DESC_F_INDIRECT;
        }
        d.flags |= last ? 0 : VRING_DESC_F_NEXT;
        if (vq->packed) {
            buf->packed_descs[i] = (struct vring_packed_desc) {
                .addr = d.addr,
                .len = d.len,
                .id = last ? descs[0] : 0xffff, /* Counts in the last. */
                .flags = d.flags,
            };
        } else {
            d.next = last ? 0xffff : descs[i + 1];
            vq->desc[descs[i]] = d;
            buf->descs[i] = descs[i];
        }
    }
    return descs[0];
}

static void
advance(const struct guest_vq *vq, uint16_t *slot, bool *wrap, uint16_t n)
{
    *slot += n;
    if (*slot >= vq->size) {
        *slot -= vq->size;
        *wrap = !*wrap;
    }
}

/* Writes the 'n' 'descs' of a buffer to the packed ring, the first one's flags
 * last (Virtio 1.2 2.8.21). */
static void
offer_packed(struct guest_vq *vq, const struct vring_packed_desc *descs,
             unsigned int n)
{
    struct vring_packed_desc *first = &vq->ring[vq->avail_slot];
    uint16_t first_flags = 0;

    for (unsigned int i = 0; i < n; i++) {
        struct vring_packed_desc *d = &vq->ring[vq->avail_slot];
        uint16_t flags = descs[i].flags
                         | vq->avail_wrap << VRING_PACKED_DESC_F_AVAIL
                         | !vq->avail_wrap << VRING_PACKED_DESC_F_USED;

        d->addr = descs[i].addr;
        d->len = descs[i].len;
        d->id = descs[i].id;
        if (i) {
            d->flags = flags;
        } else {
            first_flags = flags;
        }
        advance(vq, &vq->avail_slot, &vq->avail_wrap, 1);
    }
    __atomic_store_n(&first->flags, first_flags, __ATOMIC_RELEASE);
}

/* Makes the buffer 'head' available, or one with a head that there is not. */
void
guest_offer(struct guest_vq *vq, uint16_t head)
{
    const struct vring_packed_desc bad = { .addr = GUEST_FAR_GPA, .len = 1,
                                           .id = head };

    if (head < vq->size) {
        vq->bufs[head].posted = true;
        vq->n_posted++;
        vq->offered[vq->n_offered++] = head;
    }
    if (vq->packed) {
        offer_packed(vq, head < vq->size ? vq->bufs[head].packed_descs : &bad,
                     head < vq->size ? vq->bufs[head].n_descs : 1);
    } else {
        vq->avail->ring[vq->avail_idx++ & (vq->size - 1)] = head;
        __atomic_store_n(&vq->avail->idx, vq->avail_idx, __ATOMIC_RELEASE);
    }
}

/* Makes a buffer of 'n' 'pieces' available.  Returns its head. */
uint16_t
guest_post(struct guest_vq *vq, const struct guest_piece *pieces,
           unsigned int n, enum guest_how how)
{
    uint16_t head = guest_describe(vq, pieces, n, how);

    guest_offer(vq, head);
    return head;
}

uint16_t
guest_post_one(struct guest_vq *vq, uint64_t gpa, uint32_t len)
{
    const struct guest_piece piece = { gpa, len };

    return guest_post(vq, &piece, 1, GUEST_DIRECT);
}

/* Stores the head and the length of the next used entry.  Returns false if
 * there is none. */
static bool
next_used(struct guest_vq *vq, uint32_t *head, uint32_t *len)
{
    const struct vring_used_elem *elem;
    uint16_t idx = __atomic_load_n(&vq->used->idx, __ATOMIC_ACQUIRE);

    if (idx == vq->used_idx) {
        return false;
    }
    CHECK((uint16_t) (idx - vq->used_idx) <= vq->size);
    elem = &vq->used->ring[vq->used_idx++ & (vq->size - 1)];
    *head = elem->id;
    *len = elem->len;
    return true;
}

/* The same for a packed ring.  The buffer's descriptors are skipped. */
static bool
next_used_packed(struct guest_vq *vq, uint32_t *head, uint32_t *len)
{
    const struct vring_packed_desc *d = &vq->ring[vq->used_slot];
    uint16_t flags = __atomic_load_n(&d->flags, __ATOMIC_ACQUIRE);
    bool avail = flags & 1 << VRING_PACKED_DESC_F_AVAIL;
    bool used = flags & 1 << VRING_PACKED_DESC_F_USED;

    if (avail != used || used != vq->used_wrap) {
        return false;
    }
    *head = d->id;
    *len = d->len;
    CHECK(*head < vq->size);
    /* Says whether 'len' means anything (Virtio 1.2 2.8.4). */
    CHECK(!*len == !(flags & VRING_DESC_F_WRITE));
    advance(vq, &vq->used_slot, &vq->used_wrap, vq->bufs[*head].n_descs);
    return true;
}

/* Returns the next buffer that the device has used, valid until its head is
 * used again, and in '*len' the bytes written, or NULL if there is none.
 * Checks that it was available. */
struct guest_buf *
guest_collect(struct guest_vq *vq, uint32_t *len)
{
    struct guest_buf *buf;
    uint32_t head, written;

    if (!(vq->packed ? next_used_packed : next_used)(vq, &head, &written)) {
        return NULL;
    }
    CHECK(head < vq->size);
    buf = &vq->bufs[head];
    CHECK(buf->posted);
    CHECK(written <= guest_buf_len(buf));
    buf->posted = false;
    vq->n_posted--;
    vq->n_free += buf->n_descs;
    if (vq->packed) {
        vq->free[vq->n_free_heads++] = head;
    } else {
        for (unsigned int i = 0; i < buf->n_descs; i++) {
            vq->free[vq->n_free_heads++] = buf->descs[i];
        }
    }
    if (len) {
        *len = written;
    }
    return buf;
}

/* Says whether the guest wants to be notified of used buffers. */
void
guest_want_interrupts(struct guest_vq *vq, bool want)
{
    if (vq->packed) {
        vq->driver_event->flags = (want ? VRING_PACKED_EVENT_FLAG_ENABLE
                                   : VRING_PACKED_EVENT_FLAG_DISABLE);
    } else {
        vq->avail->flags = want ? 0 : VRING_AVAIL_F_NO_INTERRUPT;
    }
}

/* Without event index: returns true if the device wants to be notified of
 * available buffers. */
bool
guest_would_kick(const struct guest_vq *vq)
{
    if (vq->packed) {
        return vq->device_event->flags != VRING_PACKED_EVENT_FLAG_DISABLE;
    }
    return !(vq->used->flags & VRING_USED_F_NO_NOTIFY);
}

/* Returns the bytes in all of 'buf'. */
uint32_t
guest_buf_len(const struct guest_buf *buf)
{
    uint32_t len = 0;

    for (unsigned int i = 0; i < buf->n_pieces; i++) {
        len += buf->pieces[i].len;
    }
    return len;
}

/* Copies the 'len' bytes of 'buf' from 'offset' on to 'dst'. */
void
guest_buf_read(const struct guest *g, const struct guest_buf *buf,
               uint32_t offset, void *dst, uint32_t len)
{
    for (unsigned int i = 0; i < buf->n_pieces && len; i++) {
        const struct guest_piece *p = &buf->pieces[i];

        for (uint32_t ofs = offset; ofs < p->len && len;) {
            uint32_t n = in_region(g, p->gpa + ofs, p->len - ofs);

            n = n < len ? n : len;
            memcpy(dst, guest_ptr(g, p->gpa + ofs), n);
            dst = (char *) dst + n;
            len -= n;
            ofs += n;
        }
        offset -= offset < p->len ? offset : p->len;
    }
    CHECK(!len);
}

/* Notes that the device should write 'data' to the 'len' bytes of 'buf' from
 * 'offset' on. */
void
guest_buf_expect(struct guest *g, const struct guest_buf *buf,
                 uint32_t offset, const void *data, uint32_t len)
{
    for (unsigned int i = 0; i < buf->n_pieces && len; i++) {
        const struct guest_piece *p = &buf->pieces[i];

        if (offset < p->len) {
            uint32_t n = p->len - offset < len ? p->len - offset : len;

            guest_expect(g, p->gpa + offset, data, n);
            data = (const char *) data + n;
            len -= n;
        }
        offset -= offset < p->len ? offset : p->len;
    }
    CHECK(!len);
}
