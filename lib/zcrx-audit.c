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

#include "zcrx-audit.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_mempool.h>

#include "zcrx-vring-private.h"

/* Where a buffer that is outstanding can be. */
enum place {
    PLACE_NONE,
    PLACE_POSTED,
    PLACE_UNUSED,
    PLACE_RESERVED,
    PLACE_HOLE,
};

static void __attribute__((__format__(__printf__, 2, 3)))
report(struct zcrx_audit *audit, const char *format, ...)
{
    char problem[256];
    va_list args;

    va_start(args, format);
    vsnprintf(problem, sizeof problem, format, args);
    va_end(args);
    audit->n_problems++;
    audit->report(audit->aux, problem);
}

/* The positions of a split virtqueue follow from each other, and from what is
 * in the guest's memory. */
static void
audit_split(struct zcrx_audit *audit, const struct zcrx_vring *vq,
            const char *name)
{
    uint16_t n_taken = vq->next_avail - vq->used_idx;
    uint16_t n_avail = zcrx_vring_guest_avail(vq) - vq->next_avail;
    uint16_t guest_used = zcrx_vring_guest_used(vq);

    if (n_taken != vq->n_outstanding) {
        report(audit, "%s ring: positions %"PRIu16" and %"PRIu16" are "
               "%"PRIu16" apart, but %"PRIu16" buffers are outstanding", name,
               vq->next_avail, vq->used_idx, n_taken, vq->n_outstanding);
    }
    if (guest_used != vq->used_idx) {
        report(audit, "%s ring: used index is %"PRIu16" in the guest's memory "
               "and %"PRIu16" here", name, guest_used, vq->used_idx);
    }
    if (n_avail > vq->size) {
        report(audit, "%s ring: available index is %"PRIu16" ahead of "
               "%"PRIu16" entries", name, n_avail, vq->size);
    }
}

/* The same for a packed one, where a buffer takes one place or more. */
static void
audit_packed(struct zcrx_audit *audit, const struct zcrx_vring *vq,
             const char *name)
{
    uint32_t n_desc = 0;

    for (uint32_t id = 0; id < vq->size; id++) {
        n_desc += vq->taken[id].n_desc;
    }
    if (n_desc != vq->n_desc_outstanding || n_desc > vq->size) {
        report(audit, "%s ring: buffers with %"PRIu32" descriptors are "
               "outstanding, but %"PRIu16" of %"PRIu16" were counted", name,
               n_desc, vq->n_desc_outstanding, vq->size);
    }
    if (!zcrx_packed_is_apart(vq, vq->n_desc_outstanding)) {
        report(audit, "%s ring: positions %"PRIu16" and %"PRIu16" are not "
               "%"PRIu16" descriptors apart", name, vq->next_avail,
               vq->used_idx, vq->n_desc_outstanding);
    }
}

static void
audit_vring(struct zcrx_audit *audit, const struct zcrx_vring *vq,
            const char *name)
{
    uint32_t n = 0;

    if (vq->error) {
        /* What is in it is of no interest any more. */
        report(audit, "%s ring: %s", name, zcrx_vring_strerror(vq->error));
        return;
    }
    for (uint32_t id = 0; id < vq->size; id++) {
        n += zcrx_vring_is_outstanding(vq, id);
    }
    if (n != vq->n_outstanding || n > vq->size) {
        report(audit, "%s ring: %"PRIu32" of %"PRIu16" buffers are "
               "outstanding, but %"PRIu16" were counted", name, n, vq->size,
               vq->n_outstanding);
    }
    if (vq->ops == &zcrx_vring_packed) {
        audit_packed(audit, vq, name);
    } else {
        audit_split(audit, vq, name);
    }
    audit->n_buffers += vq->n_outstanding;
}

/* Notes that guest buffer 'id' is at 'place'. */
static void
put(struct zcrx_audit *audit, const struct zcrx_vring *vq, uint8_t *places,
    uint16_t id, enum place place)
{
    if (id >= vq->size) {
        report(audit, "pool: there is no buffer %"PRIu16, id);
    } else if (!zcrx_vring_is_outstanding(vq, id)) {
        report(audit, "pool: buffer %"PRIu16" is held but was not taken", id);
    } else if (places[id] != PLACE_NONE) {
        report(audit, "pool: buffer %"PRIu16" is in two states", id);
    } else {
        places[id] = place;
    }
}

/* Returns true if the 'len' bytes at 'hva' lie in the guest's memory, and
 * stores in '*gpa' where. */
static bool
find_hva(const struct zcrx_gpa_map *map, uintptr_t hva, uint64_t len,
         const struct zcrx_gpa_region **region, uint64_t *gpa)
{
    for (size_t i = 0; i < map->n; i++) {
        const struct zcrx_gpa_region *r = &map->regions[i];
        uint64_t offset = hva - r->hva;

        if (offset < r->size && len <= r->size - offset) {
            *region = r;
            *gpa = r->gpa + offset;
            return true;
        }
    }
    return false;
}

/* What the VF may write to through guest mbuf 'id' is the guest's, with the
 * right address for the device. */
static void
audit_posted(struct zcrx_audit *audit, const struct zcrx_pool *pool,
             uint16_t id)
{
    const struct rte_mbuf *m = &pool->guest_mbufs[id];
    uintptr_t hva = (uintptr_t) m->buf_addr + RTE_PKTMBUF_HEADROOM;
    uint64_t iova = m->buf_iova + RTE_PKTMBUF_HEADROOM;
    uint32_t room = m->buf_len - RTE_PKTMBUF_HEADROOM;
    uint8_t hdr_len = pool->vq->hdr_len;
    const void *hdr = zcrx_pool_hdr(pool, m, id);
    const struct zcrx_gpa_map *map = pool->vq->map;
    const struct zcrx_gpa_region *r;
    uint64_t gpa;

    if (m->buf_len < RTE_PKTMBUF_HEADROOM || room < pool->max_frame) {
        report(audit, "buffer %"PRIu16" is posted with less room than the VF "
               "needs", id);
    } else if (!find_hva(map, hva, room, &r, &gpa)) {
        report(audit, "buffer %"PRIu16" is posted outside the guest's memory",
               id);
    } else if (zcrx_gpa_to_iova(r, gpa, room) != iova) {
        report(audit, "buffer %"PRIu16" is posted with an address that is not "
               "the VF's", id);
    }
    if (!find_hva(map, (uintptr_t) hdr, hdr_len, &r, &gpa)) {
        report(audit, "buffer %"PRIu16" is posted with its header outside the "
               "guest's memory", id);
    }
}

static int
compare_mbufs(const void *a_, const void *b_)
{
    const struct rte_mbuf *const *a = a_;
    const struct rte_mbuf *const *b = b_;

    return *a < *b ? -1 : *a > *b;
}

static void
audit_bounce(struct zcrx_audit *audit, const struct zcrx_pool *pool,
             uint32_t n_pending)
{
    uint32_t n = pool->n_bounce_free;
    struct rte_mbuf **sorted;
    uint16_t id;

    if (n + pool->n_bounce_posted != pool->n_bounce) {
        report(audit, "pool: %"PRIu32" host buffers are free and %"PRIu32" "
               "posted, but there are %"PRIu32, n, pool->n_bounce_posted,
               pool->n_bounce);
        return;
    }
    if (n_pending > pool->n_bounce_posted) {
        report(audit, "pool: %"PRIu32" frames are pending in %"PRIu32" host "
               "buffers", n_pending, pool->n_bounce_posted);
    }

    sorted = malloc((n + 1) * sizeof *sorted);
    if (!sorted) {
        report(audit, "not enough memory for the audit");
        return;
    }
    memcpy(sorted, pool->bounce, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_mbufs);
    for (uint32_t i = 0; i < n; i++) {
        if (zcrx_pool_is_guest(pool, sorted[i], &id)) {
            report(audit, "pool: buffer %"PRIu16" is among the free host "
                   "buffers", id);
        }
        if (i && sorted[i] == sorted[i - 1]) {
            report(audit, "pool: a host buffer is free twice");
        }
    }
    free(sorted);
}

/* Each buffer that was taken is posted, or unused, or reserved, or a hole; no
 * other is. */
static void
audit_pool(struct zcrx_audit *audit, const struct zcrx_queue *q,
           uint32_t n_pending)
{
    const struct zcrx_pool *pool = q->pool;
    const struct zcrx_vring *vq = pool->vq;
    uint8_t *places = calloc(vq->size, sizeof *places);
    uint32_t n_posted = 0;

    if (!places) {
        report(audit, "not enough memory for the audit");
        return;
    }
    for (uint32_t i = 0; i < pool->n_unused && i < pool->n_guest_mbufs; i++) {
        put(audit, vq, places, pool->unused[i], PLACE_UNUSED);
    }
    for (uint32_t i = 0; i < pool->n_reserved && i < pool->n_bounce; i++) {
        uint32_t pos = (pool->reserved_head + i) % pool->n_bounce;

        put(audit, vq, places, pool->reserved[pos].id, PLACE_RESERVED);
    }
    for (uint16_t i = 0; i < q->slow.n_holes; i++) {
        uint16_t pos = (q->slow.first_hole + i) % ZCRX_MAX_HOLES;

        put(audit, vq, places, q->slow.holes[pos], PLACE_HOLE);
    }
    for (uint32_t id = 0; id < vq->size; id++) {
        if (zcrx_vring_is_outstanding(vq, id) && places[id] == PLACE_NONE) {
            n_posted++;
            audit_posted(audit, pool, id);
        }
    }
    if (n_posted != pool->n_posted) {
        report(audit, "pool: %"PRIu32" guest buffers are posted, but %"PRIu32
               " were counted", n_posted, pool->n_posted);
    }
    free(places);
    audit_bounce(audit, pool, n_pending);
}

#define ZCRX_COUNTER(NAME) + stats->NAME
/* Every frame is counted exactly once. */
static void
audit_stats(struct zcrx_audit *audit, const struct zcrx_stats *stats,
            uint32_t n_pending)
{
    uint64_t copied = 0 ZCRX_COPY_REASONS;
    uint64_t dropped = 0 ZCRX_WIRE_DROP_REASONS;
    uint64_t tx_dropped = 0 ZCRX_GUEST_DROP_REASONS;

    if (stats->wire_rx_frames != (stats->zero_copy_frames + copied + dropped
                                  + stats->slow_wire_frames + n_pending)) {
        report(audit, "%"PRIu64" frames came from the wire, but %"PRIu64" "
               "were passed on, %"PRIu64" copied, %"PRIu64" sent to OVS, "
               "%"PRIu64" dropped, and %"PRIu32" are pending",
               stats->wire_rx_frames, stats->zero_copy_frames, copied,
               stats->slow_wire_frames, dropped, n_pending);
    }
    if (stats->to_guest_frames != (stats->zero_copy_frames + copied
                                   + stats->injected_frames)) {
        report(audit, "the guest got %"PRIu64" frames, but %"PRIu64" were "
               "passed on, %"PRIu64" copied and %"PRIu64" came from OVS",
               stats->to_guest_frames, stats->zero_copy_frames, copied,
               stats->injected_frames);
    }
    if (stats->guest_tx_frames != (stats->wire_tx_frames + tx_dropped
                                   + stats->slow_guest_frames)) {
        report(audit, "the guest sent %"PRIu64" frames, but %"PRIu64" reached "
               "the VF, %"PRIu64" OVS, and %"PRIu64" were dropped",
               stats->guest_tx_frames, stats->wire_tx_frames,
               stats->slow_guest_frames, tx_dropped);
    }
}
#undef ZCRX_COUNTER

/* Looks at all of 'q' and reports what is wrong to 'audit'.
 *
 * The caller has closed the queue's gate, or is the thread that owns the
 * queue, between two turns. */
void
zcrx_audit_queue(struct zcrx_audit *audit, const struct zcrx_queue *q)
{
    uint32_t n_pending = q->running ? q->pending_tail - q->pending_head : 0;

    if (q->running) {
        audit->n_queues++;
        audit_vring(audit, &q->rx, "receive");
        audit_vring(audit, &q->tx, "transmit");
        if (q->tx.n_outstanding && !q->tx.error) {
            report(audit, "transmit ring: %"PRIu16" buffers are outstanding "
                   "between two turns", q->tx.n_outstanding);
        }
        if (!q->rx.error) {
            audit_pool(audit, q, n_pending);
        }
    }
    audit_stats(audit, &q->stats, n_pending);
}
