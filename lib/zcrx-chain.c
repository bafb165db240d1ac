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

/* Descriptor chains: what one guest buffer consists of, and copying frames
 * into and out of it. */

#include "zcrx-vring.h"
#include "zcrx-vring-private.h"

#include <string.h>
#include <linux/virtio_net.h>

/* Indirect tables may have this many entries, more than a short virtqueue: a
 * driver that is wrong there does no harm. */
#define MAX_INDIRECT 256

/* A descriptor of either kind. */
struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags;
    uint16_t next;              /* Split only. */
};

/* Returns a copy of entry 'c->next', which the guest may be writing and which,
 * if the table is an indirect one, need not be aligned. */
static struct desc
load_desc(const struct zcrx_chain *c)
{
    const char *p = (const char *) c->table
                    + c->next * sizeof(struct vring_desc);

    if (c->counted) {
        struct vring_packed_desc desc;

        memcpy(&desc, p, sizeof desc);
        /* From here on the copy is what counts: keep the compiler from going
         * back to the table. */
        __asm__ __volatile__("" ::: "memory");
        return (struct desc) { desc.addr, desc.len, desc.flags, 0 };
    } else {
        struct vring_desc desc;

        memcpy(&desc, p, sizeof desc);
        __asm__ __volatile__("" ::: "memory");
        return (struct desc) { desc.addr, desc.len, desc.flags, desc.next };
    }
}

/* Prepares to walk the buffer 'head', which was taken from 'vq'. */
void
zcrx_chain_init(struct zcrx_chain *c, struct zcrx_vring *vq,
                const struct zcrx_head *head)
{
    memset(c, 0, sizeof *c);
    c->vq = vq;
    c->more = true;
    vq->ops->chain_init(c, head);
}

/* Finds the descriptor after 'desc', which was 'c->next'.  Returns false if
 * there should be one where there is none. */
static bool
find_next(struct zcrx_chain *c, const struct desc *desc)
{
    if (c->counted) {
        c->more = c->left > 0;
        c->next = c->next + 1u < c->table_size ? c->next + 1 : 0;
    } else {
        c->more = desc->flags & VRING_DESC_F_NEXT;
        c->next = desc->next;
    }
    return !c->more || c->next < c->table_size;
}

/* Makes the indirect table that 'desc' refers to the current one
 * (Virtio 1.2 2.7.5.3, 2.8.7).
 *
 * A chain must not be longer than the virtqueue.  All buffers may have the
 * same table, and the PMD thread walks a burst of them at a time: with the
 * longest that fits into memory, it would do nothing else. */
static bool
enter_indirect(struct zcrx_chain *c, const struct desc *desc)
{
    const struct zcrx_gpa_region *region;
    uint32_t n = desc->len / sizeof(struct vring_desc);
    uint32_t max = (c->vq->size > MAX_INDIRECT ? c->vq->size : MAX_INDIRECT);

    if (c->indirect || !c->vq->indirect || desc->flags & VRING_DESC_F_NEXT
        || !n || desc->len % sizeof(struct vring_desc)
        || n > max) {
        zcrx_vring_set_error(c->vq, ZCRX_VRING_BAD_INDIRECT);
        return false;
    }
    region = zcrx_gpa_find(c->vq->map, desc->addr, desc->len);
    if (!region) {
        zcrx_vring_set_error(c->vq, ZCRX_VRING_BAD_ADDRESS);
        return false;
    }
    c->table = zcrx_gpa_to_hva(region, desc->addr);
    c->table_size = n;
    c->left = n;
    c->next = 0;
    c->indirect = true;
    return true;
}

/* Makes the part of 'len' bytes at 'gpa' that lies in one region the current
 * piece. */
static bool
set_piece(struct zcrx_chain *c, uint64_t gpa, uint32_t len)
{
    const struct zcrx_gpa_region *region = zcrx_gpa_find(c->vq->map, gpa, 1);
    uint64_t in_region;

    if (!region) {
        zcrx_vring_set_error(c->vq, ZCRX_VRING_BAD_ADDRESS);
        return false;
    }
    in_region = region->size - (gpa - region->gpa);
    c->region = region;
    c->gpa = gpa;
    c->len = len < in_region ? len : in_region;
    c->rest = len - c->len;
    return true;
}

/* Moves 'c' to the next piece of its buffer: 'c->len' bytes, at least one, at
 * 'c->gpa' in 'c->region'.  Returns false at the end, and when something is
 * wrong, with the queue's 'error' set. */
bool
zcrx_chain_next(struct zcrx_chain *c)
{
    struct zcrx_vring *vq = c->vq;

    if (vq->error) {
        return false;
    }
    if (c->rest) {
        return set_piece(c, c->gpa + c->len, c->rest);
    }
    while (c->more) {
        struct desc desc;

        if (!c->left--) {
            zcrx_vring_set_error(vq, ZCRX_VRING_BAD_LOOP);
            return false;
        }
        desc = load_desc(c);
        if (desc.flags & VRING_DESC_F_INDIRECT) {
            if (!enter_indirect(c, &desc)) {
                return false;
            }
            continue;
        }
        if (!(desc.flags & VRING_DESC_F_WRITE) == vq->rx) {
            zcrx_vring_set_error(vq, ZCRX_VRING_BAD_DIRECTION);
            return false;
        }
        if (!find_next(c, &desc)) {
            zcrx_vring_set_error(vq, ZCRX_VRING_BAD_NEXT);
            return false;
        }
        c->total += desc.len;
        if (c->total > UINT32_MAX || desc.addr + desc.len < desc.addr) {
            zcrx_vring_set_error(vq, ZCRX_VRING_BAD_LENGTH);
            return false;
        }
        if (desc.len) {
            return set_piece(c, desc.addr, desc.len);
        }
    }
    return false;
}

/* Returns true if the buffer has bytes left. */
bool
zcrx_chain_more(struct zcrx_chain *c)
{
    return c->len || zcrx_chain_next(c);
}

/* Returns the host address of up to 'n' bytes of the buffer, which it steps
 * over, and stores in '*len' how many there are in one piece.  Returns NULL at
 * the end of the buffer. */
static void *
step(struct zcrx_chain *c, uint32_t n, uint32_t *len)
{
    void *p;

    if (!zcrx_chain_more(c)) {
        return NULL;
    }
    *len = n < c->len ? n : c->len;
    p = zcrx_gpa_to_hva(c->region, c->gpa);
    c->gpa += *len;
    c->len -= *len;
    return p;
}

/* Copies the next 'n' bytes of the buffer to 'dst', or skips them if 'dst' is
 * NULL.  Returns how many there were. */
uint32_t
zcrx_chain_read(struct zcrx_chain *c, void *dst, uint32_t n)
{
    uint32_t done = 0;

    while (done < n) {
        uint32_t len;
        void *p = step(c, n - done, &len);

        if (!p) {
            break;
        }
        if (dst) {
            memcpy((char *) dst + done, p, len);
        }
        done += len;
    }
    return done;
}

/* Copies 'n' bytes at 'src' to the next bytes of the buffer.  Returns for how
 * many there was room. */
uint32_t
zcrx_chain_write(struct zcrx_chain *c, const void *src, uint32_t n)
{
    uint32_t done = 0;

    while (done < n) {
        uint32_t len;
        void *p = step(c, n - done, &len);

        if (!p) {
            break;
        }
        memcpy(p, (const char *) src + done, len);
        if (__builtin_expect(c->vq->log.base != NULL, false)) {
            zcrx_vring_note(c->vq, p, len);
        }
        done += len;
    }
    return done;
}

/* Returns the bytes in the whole buffer 'head', header included. */
static uint32_t
buffer_size(struct zcrx_vring *vq, const struct zcrx_head *head)
{
    struct zcrx_chain c;

    zcrx_chain_init(&c, vq, head);
    while (zcrx_chain_next(&c)) {
        continue;
    }
    return c.total;
}

/* Returns true if the 'n' entries in 'used' have 'len' bytes together.  They
 * have fewer if the guest changes a chain after its length was taken, be it by
 * having the frame written over the descriptors. */
static bool
wrote_all(const struct zcrx_used *used, uint16_t n, uint32_t len)
{
    for (uint16_t i = 0; i < n; i++) {
        len -= used[i].len;
    }
    return !len;
}

/* Copies the frame of 'len' bytes at 'frame' into guest buffers, with a header
 * in front that has 'hdr_flags' (Virtio 1.2 5.1.6) and asks for nothing.
 *
 * The buffers are 'head' alone if it is not NULL, which must have been taken
 * before, otherwise as many available ones as are needed.  Stores what to
 * publish in 'used', which has room for ZCRX_MAX_MERGE entries, and the number
 * of entries in '*n_used', 0 unless the result is ZCRX_COPY_OK.  A 'head' that
 * was passed in and is not in 'used' then is still outstanding; otherwise no
 * buffer has changed its state. */
enum zcrx_copy_result
zcrx_vring_copy_in(struct zcrx_vring *vq, const struct zcrx_head *head,
                   const void *frame, uint32_t len, uint8_t hdr_flags,
                   struct zcrx_used *used, uint16_t *n_used)
{
    enum zcrx_copy_result result = ZCRX_COPY_OK;
    struct zcrx_head heads[ZCRX_MAX_MERGE];
    uint32_t sizes[ZCRX_MAX_MERGE];
    uint16_t max = head || !vq->mergeable ? 1 : ZCRX_MAX_MERGE;
    struct virtio_net_hdr_v1 hdr = {
        .flags = hdr_flags,
        .gso_type = VIRTIO_NET_HDR_GSO_NONE,
    };
    uint32_t left = vq->hdr_len + len;
    uint32_t done = 0;
    uint16_t n = 0;

    *n_used = 0;
    while (left) {
        if (n == max) {
            result = ZCRX_COPY_TOO_LONG;
            break;
        }
        if (head) {
            heads[n] = *head;
        } else if (!zcrx_vring_take(vq, &heads[n], 1)) {
            result = ZCRX_COPY_NO_BUFFER;
            break;
        }
        sizes[n] = buffer_size(vq, &heads[n]);
        if (!n && sizes[n] < vq->hdr_len) {
            zcrx_vring_set_error(vq, ZCRX_VRING_BAD_LENGTH);
        }
        left -= left < sizes[n] ? left : sizes[n];
        n++;
        if (vq->error) {
            break;
        }
    }
    if (vq->error) {
        result = ZCRX_COPY_ERROR;
    }
    if (result == ZCRX_COPY_OK) {
        hdr.num_buffers = n;
        for (uint16_t i = 0; i < n; i++) {
            struct zcrx_chain c;
            uint32_t room = sizes[i];
            uint32_t part;

            used[i].id = heads[i].id;
            used[i].len = 0;
            zcrx_chain_init(&c, vq, &heads[i]);
            if (!i) {
                used[i].len = zcrx_chain_write(&c, &hdr, vq->hdr_len);
                room -= vq->hdr_len;
            }
            part = len - done < room ? len - done : room;
            used[i].len += zcrx_chain_write(&c, (const char *) frame + done,
                                            part);
            done += part;
        }
        if (!wrote_all(used, n, vq->hdr_len + len)) {
            zcrx_vring_set_error(vq, ZCRX_VRING_BAD_LENGTH);
        }
        if (vq->error) {
            /* The guest changed the chain between the two walks. */
            result = ZCRX_COPY_ERROR;
        } else {
            *n_used = n;
        }
    }
    if (result != ZCRX_COPY_OK && !head) {
        zcrx_vring_untake(vq, heads, n);
    }
    return result;
}
