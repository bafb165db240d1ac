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

/* Split virtqueues (Virtio 1.2 2.7). */

#include "zcrx-vring.h"
#include "zcrx-vring-private.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct zcrx_used) == sizeof(struct vring_used_elem),
               "used entries are copied");

/* Looks at the guest's index.  Returns how many buffers are available. */
static uint16_t
look_at_index(struct zcrx_vring *vq)
{
    /* Pairs with the driver's barrier between filling the ring and moving the
     * index (Virtio 1.2 2.7.13.3). */
    uint16_t idx = __atomic_load_n(&vq->avail->idx, __ATOMIC_ACQUIRE);
    uint16_t n = idx - vq->next_avail;

    if (n > vq->size) {
        zcrx_vring_set_error(vq, ZCRX_VRING_BAD_INDEX);
        return 0;
    }
    vq->seen_avail = idx;
    return n;
}

static uint16_t
split_n_avail(struct zcrx_vring *vq)
{
    uint16_t n = vq->seen_avail - vq->next_avail;

    return n ? n : look_at_index(vq);
}

/* Returns how many of 'n' buffers can be taken. */
uint16_t
zcrx_split_limit(struct zcrx_vring *vq, uint16_t n)
{
    uint16_t n_avail = vq->seen_avail - vq->next_avail;

    if (n > n_avail) {
        /* What was seen before may not be all there is. */
        n_avail = look_at_index(vq);
    }
    return n < n_avail ? n : n_avail;
}

/* Takes the next buffer, which there is, and stores its id in '*id'. */
static inline bool
take_one(struct zcrx_vring *vq, uint16_t *id)
{
    uint16_t i = LOAD_ONCE(vq->avail->ring[vq->next_avail & vq->mask]);

    if (!zcrx_vring_mark_taken(vq, i, vq->next_avail, 1)) {
        return false;
    }
    *id = i;
    vq->next_avail++;
    return true;
}

static uint16_t
split_take(struct zcrx_vring *vq, struct zcrx_head *heads, uint16_t n)
{
    uint16_t i;

    n = zcrx_split_limit(vq, n);
    for (i = 0; i < n && take_one(vq, &heads[i].id); i++) {
        continue;
    }
    zcrx_journal_avail(vq, vq->next_avail);
    return i;
}

static void
split_untake(struct zcrx_vring *vq, const struct zcrx_head *heads, uint16_t n)
{
    vq->next_avail -= n;
    zcrx_journal_avail(vq, vq->next_avail);
    for (uint16_t i = 0; i < n; i++) {
        vq->taken[heads[i].id].n_desc = 0;
    }
    vq->n_outstanding -= n;
}

static uint16_t
split_take_rx(struct zcrx_vring *vq, struct zcrx_rx_buf *bufs, uint16_t n)
{
    uint16_t i;

    n = zcrx_split_limit(vq, n);
    for (i = 0; i < n; i++) {
        const struct vring_desc *desc;

        if (!take_one(vq, &bufs[i].head.id)) {
            break;
        }
        desc = &vq->desc[bufs[i].head.id];
        if (LOAD_ONCE(desc->flags) == VRING_DESC_F_WRITE
            && zcrx_vring_describe_simple(vq, &bufs[i], LOAD_ONCE(desc->addr),
                                          LOAD_ONCE(desc->len))) {
            continue;
        }
        if (!zcrx_vring_describe_rx(vq, &bufs[i])) {
            split_untake(vq, &bufs[i].head, 1);
            break;
        }
    }
    zcrx_journal_avail(vq, vq->next_avail);
    return i;
}

/* The descriptor table is the driver's to change once a buffer was used, not
 * before. */
static bool
split_save(struct zcrx_vring *vq, const struct zcrx_head *head)
{
    (void) vq;
    (void) head;
    return true;
}

/* Makes all outstanding buffers available again, if they are those from the
 * used position on, and returns true. */
static bool
split_rewind(struct zcrx_vring *vq)
{
    uint16_t n = vq->n_outstanding;

    if ((uint16_t) (vq->next_avail - n) != vq->used_idx) {
        return false;
    }
    for (uint16_t i = 0; i < n; i++) {
        uint16_t pos = vq->used_idx + i;
        uint16_t id = LOAD_ONCE(vq->avail->ring[pos & vq->mask]);

        /* One that was overtaken may have been used and offered again since,
         * and then be in the ring twice. */
        if (id >= vq->size || !vq->taken[id].n_desc
            || vq->taken[id].pos != pos) {
            return false;
        }
    }
    vq->next_avail -= n;
    zcrx_journal_avail(vq, vq->next_avail);
    return true;
}

/* Notes that the used ring was written to. */
static void
note_used(struct zcrx_vring *vq)
{
    zcrx_vring_note(vq, vq->used, (sizeof *vq->used
                                   + vq->size * sizeof vq->used->ring[0]
                                   + (vq->event_idx ? sizeof(uint16_t) : 0)));
}

static void
split_publish(struct zcrx_vring *vq, const struct zcrx_used *used, uint16_t n)
{
    uint16_t pos = vq->used_idx & vq->mask;
    uint16_t n_before_end = vq->size - pos;
    uint16_t n_first = n < n_before_end ? n : n_before_end;

    memcpy(&vq->used->ring[pos], used, n_first * sizeof *used);
    memcpy(vq->used->ring, &used[n_first], (n - n_first) * sizeof *used);
    vq->n_outstanding -= n;
    vq->n_unsignalled += n;
    vq->used_idx += n;
    if (__builtin_expect(vq->log.base != NULL, false)) {
        note_used(vq);
    }

    /* The entries, and the frames, before the index (Virtio 1.2 2.7.8.2). */
    __atomic_store_n(&vq->used->idx, vq->used_idx, __ATOMIC_RELEASE);
    if (__builtin_expect(vq->log.base != NULL, false)) {
        note_used(vq);
    }

    /* If we die before this is done, the used ring tells which ones. */
    zcrx_journal_barrier();
    for (uint16_t i = 0; i < n; i++) {
        vq->taken[used[i].id].n_desc = 0;
    }
    zcrx_journal_used(vq, vq->used_idx, 0);
}

/* Returns true if each buffer that was taken since the used position is
 * outstanding or in the used ring, as it must be if the journal is about this
 * guest and this ring. */
static bool
is_consistent(const struct zcrx_vring *vq)
{
    bool *was_used = calloc(vq->size, sizeof *was_used);
    bool ok = was_used != NULL;

    for (uint32_t i = 0; ok && i < vq->size; i++) {
        uint32_t id = LOAD_ONCE(vq->used->ring[i].id);

        if (id < vq->size) {
            was_used[id] = true;
        }
    }
    for (uint16_t pos = vq->used_idx; ok && pos != vq->next_avail; pos++) {
        uint16_t id = LOAD_ONCE(vq->avail->ring[pos & vq->mask]);

        ok = id < vq->size && (vq->taken[id].n_desc || was_used[id]);
    }
    free(was_used);
    return ok;
}

static bool
split_restore(struct zcrx_vring *vq)
{
    const struct zcrx_vring_journal *j = vq->journal;
    uint16_t avail = __atomic_load_n(&vq->avail->idx, __ATOMIC_ACQUIRE);
    uint16_t used = LOAD_ONCE(vq->used->idx);

    if ((uint16_t) (used - j->used) > vq->size
        || (uint16_t) (avail - j->avail) > vq->size
        || (uint16_t) (j->avail - used) > vq->size) {
        return false;
    }
    vq->next_avail = vq->seen_avail = j->avail;
    vq->used_idx = used;

    /* What was published last, */
    for (uint16_t pos = j->used; pos != used; pos++) {
        uint32_t id = LOAD_ONCE(vq->used->ring[pos & vq->mask].id);

        if (id < vq->size) {
            vq->taken[id].n_desc = 0;
        }
    }
    /* and what was being taken, or being put back. */
    for (uint16_t pos = j->avail; pos != avail; pos++) {
        uint16_t id = LOAD_ONCE(vq->avail->ring[pos & vq->mask]);

        if (id < vq->size) {
            vq->taken[id].n_desc = 0;
        }
    }
    for (uint32_t id = 0; id < vq->size; id++) {
        if (vq->taken[id].n_desc > 1) {
            return false;
        }
        vq->n_outstanding += vq->taken[id].n_desc;
    }
    if (vq->n_outstanding != (uint16_t) (j->avail - used)
        || !is_consistent(vq)) {
        return false;
    }
    zcrx_journal_used(vq, used, 0);
    return true;
}

/* Virtio 1.2 2.7.7.2, 2.7.10.1. */
static bool
split_wants_notification(struct zcrx_vring *vq, uint32_t n_new)
{
    if (vq->event_idx) {
        uint16_t event = LOAD_ONCE(vq->avail->ring[vq->size]);

        return vring_need_event(event, vq->used_idx, vq->used_idx - n_new);
    }
    return !(LOAD_ONCE(vq->avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
}

/* With event index, 'flags' must be 0, and the guest notifies when it passes
 * 'avail_event', which is left behind (Virtio 1.2 2.7.10). */
static void
split_suppress_kicks(struct zcrx_vring *vq)
{
    uint16_t flags = vq->event_idx ? 0 : VRING_USED_F_NO_NOTIFY;

    __atomic_store_n(&vq->used->flags, flags, __ATOMIC_RELAXED);
    if (vq->event_idx) {
        __virtio16 *avail_event = (__virtio16 *) &vq->used->ring[vq->size];

        __atomic_store_n(avail_event, vq->next_avail - 1, __ATOMIC_RELAXED);
    }
    if (vq->log.base) {
        note_used(vq);
    }
}

static void
split_chain_init(struct zcrx_chain *c, const struct zcrx_head *head)
{
    c->table = c->vq->desc;
    c->table_size = c->vq->size;
    c->left = c->vq->size;
    c->next = head->id;
}

const struct zcrx_vring_ops zcrx_vring_split = {
    .kind = "split",
    .n_avail = split_n_avail,
    .take = split_take,
    .take_rx = split_take_rx,
    .untake = split_untake,
    .save = split_save,
    .rewind = split_rewind,
    .publish = split_publish,
    .wants_notification = split_wants_notification,
    .suppress_kicks = split_suppress_kicks,
    .chain_init = split_chain_init,
    .restore = split_restore,
};
