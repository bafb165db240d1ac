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

/* Makes 'vq' a virtqueue whose indices start at 'start'.  Features are the
 * test's to choose, in 'vq->config'. */
void
guest_vq_init(struct guest_vq *vq, struct guest *g, uint16_t size,
              uint16_t start, bool rx)
{
    memset(vq, 0, sizeof *vq);
    vq->guest = g;
    vq->size = size;
    vq->avail_idx = vq->used_idx = start;

    /* Each by itself and no byte longer than the specification says, for
     * AddressSanitizer. */
    vq->desc = calloc(size, sizeof *vq->desc);
    vq->avail = calloc(1, sizeof *vq->avail + (size + 1) * sizeof(uint16_t));
    vq->used = calloc(1, sizeof *vq->used
                      + size * sizeof(struct vring_used_elem)
                      + sizeof(uint16_t));
    vq->free = calloc(size, sizeof *vq->free);
    vq->tables = calloc(size, sizeof *vq->tables);
    vq->bufs = calloc(size, sizeof *vq->bufs);
    CHECK(vq->desc && vq->avail && vq->used && vq->free && vq->tables
          && vq->bufs);
    vq->avail->idx = vq->used->idx = start;
    for (uint16_t i = 0; i < size; i++) {
        vq->free[vq->n_free++] = i;
    }
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

void
guest_vq_destroy(struct guest_vq *vq)
{
    free(vq->desc);
    free(vq->avail);
    free(vq->used);
    free(vq->free);
    free(vq->tables);
    free(vq->bufs);
}

/* Takes a descriptor, any, so that chains are out of order. */
static uint16_t
take_desc(struct guest_vq *vq)
{
    unsigned int i;
    uint16_t desc;

    CHECK(vq->n_free);
    i = next_random(&vq->guest->random, vq->n_free);
    desc = vq->free[i];
    vq->free[i] = vq->free[--vq->n_free];
    return desc;
}

/* Writes an indirect table for the 'n' 'pieces', in reverse order but for the
 * first, which must be entry 0, and returns its address. */
static uint64_t
write_table(struct guest_vq *vq, uint16_t head,
            const struct guest_piece *pieces, unsigned int n)
{
    struct vring_desc table[GUEST_MAX_PIECES];

    for (unsigned int i = 0; i < n; i++) {
        unsigned int pos = i ? n - i : 0;

        table[pos] = (struct vring_desc) {
            .addr = pieces[i].gpa,
            .len = pieces[i].len,
            .flags = ((vq->config.rx ? VRING_DESC_F_WRITE : 0)
                      | (i + 1 < n ? VRING_DESC_F_NEXT : 0)),
            .next = i + 1 < n ? n - i - 1 : 0xffff,
        };
    }
    if (!vq->tables[head]) {
        /* An odd address: the table need not be aligned. */
        vq->tables[head] = guest_alloc(vq->guest, GUEST_FAR,
                                       sizeof table + 1) | 1;
    }
    guest_write(vq->guest, vq->tables[head], table, n * sizeof table[0]);
    return vq->tables[head];
}

/* Writes descriptors for a buffer of 'n' 'pieces'.  Returns its head. */
uint16_t
guest_describe(struct guest_vq *vq, const struct guest_piece *pieces,
               unsigned int n, enum guest_how how)
{
    unsigned int n_direct = (how == GUEST_DIRECT ? n
                             : how == GUEST_INDIRECT ? 0 : 1);
    unsigned int n_descs = n_direct + (how != GUEST_DIRECT);
    uint16_t descs[GUEST_MAX_PIECES];
    struct guest_buf *buf;

    CHECK(n && n <= GUEST_MAX_PIECES);
    CHECK(n_descs && n_descs <= GUEST_MAX_PIECES);
    CHECK(n > n_direct || how == GUEST_DIRECT);
    for (unsigned int i = 0; i < n_descs; i++) {
        descs[i] = take_desc(vq);
    }
    buf = &vq->bufs[descs[0]];
    buf->n_pieces = n;
    buf->n_descs = n_descs;
    memcpy(buf->descs, descs, n_descs * sizeof descs[0]);
    memcpy(buf->pieces, pieces, n * sizeof pieces[0]);

    for (unsigned int i = 0; i < n_descs; i++) {
        struct vring_desc *d = &vq->desc[descs[i]];

        if (i < n_direct) {
            d->addr = pieces[i].gpa;
            d->len = pieces[i].len;
            d->flags = vq->config.rx ? VRING_DESC_F_WRITE : 0;
        } else {
            d->addr = write_table(vq, descs[0], &pieces[n_direct],
                                  n - n_direct);
            d->len = (n - n_direct) * sizeof *d;
            d->flags = VRING_DESC_F_INDIRECT;
        }
        d->next = 0xffff;
        if (i + 1 < n_descs) {
            d->flags |= VRING_DESC_F_NEXT;
            d->next = descs[i + 1];
        }
    }
    return descs[0];
}

/* Makes the buffer 'head' available. */
void
guest_offer(struct guest_vq *vq, uint16_t head)
{
    if (head < vq->size) {
        vq->bufs[head].posted = true;
    }
    vq->avail->ring[vq->avail_idx++ & (vq->size - 1)] = head;
    __atomic_store_n(&vq->avail->idx, vq->avail_idx, __ATOMIC_RELEASE);
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

/* Returns the next buffer that the device has used, valid until its head is
 * used again, and in '*len' the bytes written, or NULL if there is none.
 * Checks that it was available. */
struct guest_buf *
guest_collect(struct guest_vq *vq, uint32_t *len)
{
    uint16_t idx = __atomic_load_n(&vq->used->idx, __ATOMIC_ACQUIRE);
    const struct vring_used_elem *elem;
    struct guest_buf *buf;

    if (idx == vq->used_idx) {
        return NULL;
    }
    CHECK((uint16_t) (idx - vq->used_idx) <= vq->size);
    elem = &vq->used->ring[vq->used_idx++ & (vq->size - 1)];
    CHECK(elem->id < vq->size);
    buf = &vq->bufs[elem->id];
    CHECK(buf->posted);
    CHECK(elem->len <= guest_buf_len(buf));
    buf->posted = false;
    for (unsigned int i = 0; i < buf->n_descs; i++) {
        vq->free[vq->n_free++] = buf->descs[i];
    }
    if (len) {
        *len = elem->len;
    }
    return buf;
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
