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

/* Packed virtqueues (Virtio 1.2 2.8).
 *
 * The ring of descriptors serves as available and as used ring.  What the
 * device has used it writes over the descriptors from the used position on,
 * whichever buffers these belong to: a buffer that was taken and is used later
 * than others must be saved to be walked after that.  A buffer takes as many
 * places among the used ones as it had descriptors. */

#include "zcrx-vring.h"
#include "zcrx-vring-private.h"

#include <stdlib.h>
#include <string.h>

/* A place in the ring. */
struct cursor {
    uint16_t slot;
    bool wrap;
};

static void
advance(const struct zcrx_vring *vq, struct cursor *c, uint16_t n)
{
    c->slot += n;
    if (c->slot >= vq->size) {
        c->slot -= vq->size;
        c->wrap = !c->wrap;
    }
}

static void
retreat(const struct zcrx_vring *vq, struct cursor *c, uint16_t n)
{
    if (c->slot < n) {
        c->slot += vq->size;
        c->wrap = !c->wrap;
    }
    c->slot -= n;
}

static struct cursor
avail_cursor(const struct zcrx_vring *vq)
{
    return (struct cursor) { vq->next_avail, vq->avail_wrap };
}

static void
set_avail_cursor(struct zcrx_vring *vq, const struct cursor *c)
{
    vq->next_avail = c->slot;
    vq->avail_wrap = c->wrap;
    zcrx_journal_avail(vq, zcrx_packed_position(c->slot, c->wrap));
}

/* Stores in '*id' and '*n' the id and the number of descriptors of the buffer
 * at 'c'.  Returns false if there is none, or none that is right. */
static bool
peek(struct zcrx_vring *vq, struct cursor c, uint16_t *id, uint16_t *n)
{
    const struct vring_packed_desc *desc = &vq->packed_desc[c.slot];
    /* Written last by the driver (Virtio 1.2 2.8.21.1). */
    uint16_t flags = __atomic_load_n(&desc->flags, __ATOMIC_ACQUIRE);

    if (!zcrx_packed_is_available(flags, c.wrap)) {
        return false;
    }
    for (*n = 1; flags & VRING_DESC_F_NEXT; (*n)++) {
        if (*n >= vq->size) {
            zcrx_vring_set_error(vq, ZCRX_VRING_BAD_LOOP);
            return false;
        }
        advance(vq, &c, 1);
        desc = &vq->packed_desc[c.slot];
        flags = LOAD_ONCE(desc->flags);
    }
    /* The last descriptor of a buffer has its id (Virtio 1.2 2.8.6). */
    *id = LOAD_ONCE(desc->id);
    return true;
}

static uint16_t
packed_n_avail(struct zcrx_vring *vq)
{
    uint16_t max = vq->size - vq->n_desc_outstanding;
    struct cursor c = avail_cursor(vq);
    uint16_t n_bufs = 0;
    uint16_t id, n;

    while (n_bufs < ZCRX_COUNT_MAX && max && peek(vq, c, &id, &n)) {
        if (n > max) {
            zcrx_vring_set_error(vq, ZCRX_VRING_BAD_INDEX);
            break;
        }
        max -= n;
        advance(vq, &c, n);
        n_bufs++;
    }
    return vq->error ? 0 : n_bufs;
}

/* Takes the buffer at 'c', if there is one, stores its id in '*id' and moves
 * 'c' behind it. */
static inline bool
take_one(struct zcrx_vring *vq, struct cursor *c, uint16_t *id)
{
    uint16_t left = vq->size - vq->n_desc_outstanding;
    uint16_t n_desc;

    if (!left || !peek(vq, *c, id, &n_desc)) {
        return false;
    }
    if (n_desc > left) {
        zcrx_vring_set_error(vq, ZCRX_VRING_BAD_INDEX);
        return false;
    }
    if (!zcrx_vring_mark_taken(vq, *id, c->slot, n_desc)) {
        return false;
    }
    vq->n_desc_outstanding += n_desc;
    advance(vq, c, n_desc);
    return true;
}

static uint16_t
packed_take(struct zcrx_vring *vq, struct zcrx_head *heads, uint16_t n)
{
    struct cursor c = avail_cursor(vq);
    uint16_t i;

    for (i = 0; i < n && take_one(vq, &c, &heads[i].id); i++) {
        continue;
    }
    set_avail_cursor(vq, &c);
    return i;
}

/* Frees what was saved of buffer 'id'. */
static void
drop_saved(struct zcrx_vring *vq, uint16_t id)
{
    if (vq->saved[id]) {
        free(vq->saved[id]);
        vq->saved[id] = NULL;
        vq->n_saved--;
    }
}

/* Forgets buffer 'id', which is not outstanding any more. */
static void
forget(struct zcrx_vring *vq, uint16_t id)
{
    drop_saved(vq, id);
    vq->n_desc_outstanding -= vq->taken[id].n_desc;
    vq->taken[id].n_desc = 0;
}

static void
packed_untake(struct zcrx_vring *vq, const struct zcrx_head *heads, uint16_t n)
{
    struct cursor c = avail_cursor(vq);

    for (uint16_t i = 0; i < n; i++) {
        retreat(vq, &c, vq->taken[heads[i].id].n_desc);
    }
    set_avail_cursor(vq, &c);
    for (uint16_t i = 0; i < n; i++) {
        forget(vq, heads[i].id);
    }
    vq->n_outstanding -= n;
}

static uint16_t
packed_take_rx(struct zcrx_vring *vq, struct zcrx_rx_buf *bufs, uint16_t n)
{
    struct cursor c = avail_cursor(vq);
    uint16_t i;

    for (i = 0; i < n; i++) {
        const struct vring_packed_desc *desc = &vq->packed_desc[c.slot];
        uint16_t flags;

        if (!take_one(vq, &c, &bufs[i].head.id)) {
            break;
        }
        flags = (LOAD_ONCE(desc->flags)
                 & ~(ZCRX_PACKED_AVAIL | ZCRX_PACKED_USED));
        if (flags == VRING_DESC_F_WRITE
            && zcrx_vring_describe_simple(vq, &bufs[i], LOAD_ONCE(desc->addr),
                                          LOAD_ONCE(desc->len))) {
            continue;
        }
        if (!zcrx_vring_describe_rx(vq, &bufs[i])) {
            set_avail_cursor(vq, &c);
            packed_untake(vq, &bufs[i].head, 1);
            return i;
        }
    }
    set_avail_cursor(vq, &c);
    return i;
}

static bool
packed_save(struct zcrx_vring *vq, const struct zcrx_head *head)
{
    uint16_t n_desc = vq->taken[head->id].n_desc;
    struct cursor c = { vq->taken[head->id].pos, false };
    struct vring_packed_desc *saved = malloc(n_desc * sizeof *saved);

    if (!saved) {
        zcrx_vring_set_error(vq, ZCRX_VRING_BAD_LENGTH);
        return false;
    }
    for (uint16_t i = 0; i < n_desc; i++) {
        memcpy(&saved[i], &vq->packed_desc[c.slot], sizeof *saved);
        advance(vq, &c, 1);
    }
    vq->saved[head->id] = saved;
    vq->n_saved++;
    return true;
}

/* As for split virtqueues.  While nothing has overtaken anything, the
 * descriptors from the used position on are still as the driver wrote them. */
static bool
packed_rewind(struct zcrx_vring *vq)
{
    struct cursor c = { vq->used_idx, vq->used_wrap };

    for (uint16_t i = 0; i < vq->n_outstanding; i++) {
        uint16_t slot = c.slot;
        uint16_t id, n;

        if (!peek(vq, c, &id, &n) || id >= vq->size
            || vq->taken[id].pos != slot || vq->taken[id].n_desc != n) {
            return false;
        }
        advance(vq, &c, n);
    }
    if (c.slot != vq->next_avail || c.wrap != vq->avail_wrap) {
        return false;
    }
    c.slot = vq->used_idx;
    c.wrap = vq->used_wrap;
    set_avail_cursor(vq, &c);
    for (uint32_t id = 0; id < vq->size; id++) {
        if (vq->taken[id].n_desc) {
            forget(vq, id);
        }
    }
    return true;
}

/* The length, the id and the flags of a descriptor, as one number. */
typedef uint64_t __attribute__((may_alias)) desc_word;

static desc_word *
desc_word_at(struct vring_packed_desc *desc)
{
    void *p = &desc->len;

    return p;
}

/* Writes down which buffers are about to be published: the guest may write
 * over the entries as soon as it has seen them. */
static void
note_burst(struct zcrx_vring *vq, const struct zcrx_used *used, uint16_t n)
{
    struct zcrx_used *burst = vq->journal->burst;

    memcpy(burst, used, n * sizeof *used);
    if (vq->n_desc_outstanding != vq->n_outstanding) {
        for (uint16_t i = 0; i < n; i++) {
            burst[i].id |= (uint32_t) vq->taken[used[i].id].n_desc << 16;
        }
    }
    zcrx_journal_used(vq, zcrx_packed_position(vq->used_idx, vq->used_wrap),
                      n);
}

/* Notes that the ring was written to from the used position up to 'end'. */
static void
note_entries(struct zcrx_vring *vq, uint32_t end)
{
    struct vring_packed_desc *ring = vq->packed_desc;
    uint32_t start = vq->used_idx;

    if (end <= start) {
        zcrx_vring_note(vq, ring, end * sizeof *ring);
        end = vq->size;
    }
    zcrx_vring_note(vq, &ring[start], (end - start) * sizeof *ring);
}

static void
packed_publish(struct zcrx_vring *vq, const struct zcrx_used *used, uint16_t n)
{
    const uint64_t both = ((uint64_t) (ZCRX_PACKED_AVAIL | ZCRX_PACKED_USED)
                           << 48);
    const uint64_t written = (uint64_t) VRING_DESC_F_WRITE << 48;
    struct vring_packed_desc *ring = vq->packed_desc;
    desc_word *first = desc_word_at(&ring[vq->used_idx]);
    uint64_t flags = written | (vq->used_wrap ? both : 0);
    struct zcrx_taken *taken = vq->taken;
    uint32_t slot = vq->used_idx;
    uint32_t size = vq->size;
    desc_word first_word = 0;
    desc_word *to = &first_word;
    uint32_t n_used = 0;

    if (vq->persistent) {
        note_burst(vq, used, n);
    }
    for (uint32_t i = 0; i < n; i++) {
        struct zcrx_used u = used[i];
        uint32_t n_desc = taken[u.id].n_desc;
        uint64_t word = flags | u.len | (uint64_t) u.id << 32;

        if (__builtin_expect(!u.len, false)) {
            word &= ~written;
        }
        *to = word;
        taken[u.id].n_desc = 0;
        n_used += n_desc;
        slot += n_desc;
        if (slot >= size) {
            slot -= size;
            flags ^= both;
        }
        to = desc_word_at(&ring[slot]);
    }
    if (n) {
        /* The driver looks at the first entry before the others, so that one
         * becomes visible last (Virtio 1.2 2.8.6). */
        if (__builtin_expect(vq->log.base != NULL, false)) {
            note_entries(vq, slot);
        }
        __atomic_store_n(first, first_word, __ATOMIC_RELEASE);
        if (__builtin_expect(vq->log.base != NULL, false)) {
            zcrx_vring_note(vq, first, sizeof *first);
        }
    }
    if (vq->n_saved) {
        for (uint32_t i = 0; i < n; i++) {
            drop_saved(vq, used[i].id);
        }
    }
    vq->n_desc_outstanding -= n_used;
    vq->n_unsignalled += n_used;
    vq->n_outstanding -= n;
    vq->used_idx = slot;
    vq->used_wrap = flags & both;
    zcrx_journal_used(vq, zcrx_packed_position(slot, vq->used_wrap), 0);
}

/* Returns true if the entry at 'c', the used position, was published, when we
 * died.  That cannot be told from the flags' being those of a used entry, as
 * the driver may have used the place again since. */
static bool
was_published(const struct zcrx_vring *vq, struct cursor c)
{
    uint16_t flags = LOAD_ONCE(vq->packed_desc[c.slot].flags);

    return !(flags & ZCRX_PACKED_USED) == !c.wrap;
}

/* Clears the marks of what was being taken, or being put back, when we died:
 * buffers that are outstanding cannot be available. */
static void
clear_available(struct zcrx_vring *vq)
{
    struct cursor c = avail_cursor(vq);
    uint32_t left = vq->size;
    uint16_t id, n;

    while (peek(vq, c, &id, &n) && n <= left) {
        if (id < vq->size) {
            vq->taken[id].n_desc = 0;
        }
        left -= n;
        advance(vq, &c, n);
    }
}

/* Makes the 'n' buffers in 'burst', as the journal has it, outstanding if
 * 'published' is false, or else used, and moves 'used' behind them.  Returns
 * false if there are no such buffers. */
static bool
restore_burst(struct zcrx_vring *vq, struct zcrx_used *burst, uint16_t n,
              bool published, struct cursor *used)
{
    uint32_t left = vq->size;

    for (uint16_t i = 0; i < n; i++) {
        uint16_t n_desc = burst[i].id >> 16 ? burst[i].id >> 16 : 1;
        uint16_t id = burst[i].id;

        if (id >= vq->size || n_desc > left) {
            return false;
        }
        for (uint16_t j = 0; j < i; j++) {
            if (burst[j].id == id) {
                return false;
            }
        }
        burst[i].id = id;
        left -= n_desc;
        vq->taken[id].n_desc = published ? 0 : n_desc;
        if (published) {
            advance(vq, used, n_desc);
        }
    }
    return true;
}

static bool
packed_restore(struct zcrx_vring *vq)
{
    const struct zcrx_vring_journal *j = vq->journal;
    struct cursor used = { j->used & 0x7fff, j->used >> 15 };
    struct zcrx_used burst[ZCRX_PUBLISH_MAX];
    uint16_t n_burst = j->n_burst;
    uint32_t n_desc = 0;
    bool published;

    if (!j->mark || LOAD_ONCE(vq->device_event->off_wrap) != j->mark
        || used.slot >= vq->size || (j->avail & 0x7fff) >= vq->size
        || n_burst > ZCRX_PUBLISH_MAX) {
        return false;
    }
    memcpy(burst, j->burst, n_burst * sizeof *burst);
    published = was_published(vq, used);
    if (!restore_burst(vq, burst, n_burst, published, &used)) {
        return false;
    }
    vq->used_idx = used.slot;
    vq->used_wrap = used.wrap;
    vq->next_avail = j->avail & 0x7fff;
    vq->avail_wrap = j->avail >> 15;
    clear_available(vq);

    for (uint32_t id = 0; id < vq->size; id++) {
        n_desc += vq->taken[id].n_desc;
        vq->n_outstanding += vq->taken[id].n_desc != 0;
    }
    if (vq->error || n_desc > vq->size || !zcrx_packed_is_apart(vq, n_desc)) {
        return false;
    }
    for (uint16_t i = 0; i < n_burst && !published; i++) {
        if (!vq->taken[burst[i].id].n_desc) {
            return false;
        }
    }
    vq->n_desc_outstanding = n_desc;
    if (n_burst && !published) {
        /* Entries behind the first may have been written over descriptors
         * already. */
        packed_publish(vq, burst, n_burst);
    } else {
        zcrx_journal_used(vq, zcrx_packed_position(used.slot, used.wrap), 0);
    }
    return true;
}

/* Virtio 1.2 2.8.10, 2.8.14. */
static bool
packed_wants_notification(struct zcrx_vring *vq, uint32_t n_new)
{
    uint16_t flags = LOAD_ONCE(vq->driver_event->flags);
    uint16_t off_wrap;
    int event;

    if (flags != VRING_PACKED_EVENT_FLAG_DESC || !vq->event_idx) {
        return flags != VRING_PACKED_EVENT_FLAG_DISABLE;
    }
    off_wrap = LOAD_ONCE(vq->driver_event->off_wrap);
    event = off_wrap & 0x7fff;
    if (off_wrap >> VRING_PACKED_EVENT_F_WRAP_CTR != vq->used_wrap) {
        event -= vq->size;
    }
    return event < vq->used_idx && event >= vq->used_idx - (int) n_new;
}

static void
packed_suppress_kicks(struct zcrx_vring *vq)
{
    __atomic_store_n(&vq->device_event->flags,
                     VRING_PACKED_EVENT_FLAG_DISABLE, __ATOMIC_RELAXED);
    if (vq->log.base) {
        zcrx_vring_note(vq, vq->device_event, sizeof *vq->device_event);
    }
}

static void
packed_chain_init(struct zcrx_chain *c, const struct zcrx_head *head)
{
    const struct zcrx_taken *taken = &c->vq->taken[head->id];

    c->counted = true;
    c->left = taken->n_desc;
    if (c->vq->saved[head->id]) {
        c->table = c->vq->saved[head->id];
        c->table_size = taken->n_desc;
        c->next = 0;
    } else {
        c->table = c->vq->packed_desc;
        c->table_size = c->vq->size;
        c->next = taken->pos;
    }
}

const struct zcrx_vring_ops zcrx_vring_packed = {
    .kind = "packed",
    .n_avail = packed_n_avail,
    .take = packed_take,
    .take_rx = packed_take_rx,
    .untake = packed_untake,
    .save = packed_save,
    .rewind = packed_rewind,
    .publish = packed_publish,
    .wants_notification = packed_wants_notification,
    .suppress_kicks = packed_suppress_kicks,
    .chain_init = packed_chain_init,
    .restore = packed_restore,
};
