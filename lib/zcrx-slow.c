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

#include "zcrx-slow.h"

#include <errno.h>
#include <string.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <linux/virtio_net.h>

#include "zcrx-sync.h"

_Static_assert(ZCRX_BURST <= 32, "a burst of the guest fits");
_Static_assert(ZCRX_MAX_OLD_HOLES + ZCRX_BURST <= ZCRX_MAX_HOLES,
               "the holes of a turn fit");

/* How long a hole waits for a frame from OVS, in microseconds: longer than it
 * takes where the flow is known, shorter than an upcall may take. */
#define PATIENCE 1000

static void
push_hole(struct zcrx_slow *slow, uint16_t id)
{
    if (!slow->n_holes) {
        slow->holes_since = rte_rdtsc();
    }
    slow->holes[(slow->first_hole + slow->n_holes++) % ZCRX_MAX_HOLES] = id;
}

static uint16_t
pop_hole(struct zcrx_slow *slow)
{
    uint16_t id = slow->holes[slow->first_hole];

    slow->first_hole = (slow->first_hole + 1) % ZCRX_MAX_HOLES;
    slow->n_holes--;
    return id;
}

/* Copies the frame of 'len' bytes at 'frame', which may be in the guest's
 * memory too, to the oldest hole.  Returns its mbuf, or NULL if there is no
 * room. */
static struct rte_mbuf *
copy_to_hole(struct zcrx_queue *q, const void *frame, uint32_t len)
{
    struct rte_mbuf *hole;

    hole = &q->pool->guest_mbufs[q->slow.holes[q->slow.first_hole]];
    if (len > (uint32_t) hole->buf_len - RTE_PKTMBUF_HEADROOM) {
        return NULL;
    }
    memmove((char *) hole->buf_addr + RTE_PKTMBUF_HEADROOM, frame, len);
    pop_hole(&q->slow);
    return hole;
}

/* Copies 'm', a frame of OVS in one segment, to the oldest hole, and stores
 * what to publish in '*used'.  Returns false if there is no hole with room for
 * it. */
bool
zcrx_slow_fill_hole(struct zcrx_queue *q, const struct rte_mbuf *m,
                    struct zcrx_used *used)
{
    static const struct virtio_net_hdr_v1 hdr = {
        .gso_type = VIRTIO_NET_HDR_GSO_NONE,
        .num_buffers = 1,
    };
    uint8_t hdr_len = q->rx.hdr_len;
    const struct rte_mbuf *hole;
    void *guest_hdr;

    if (!q->slow.n_holes) {
        return false;
    }
    hole = copy_to_hole(q, rte_pktmbuf_mtod(m, const void *), m->data_len);
    if (!hole) {
        return false;
    }
    used->id = hole - q->pool->guest_mbufs;
    used->len = hdr_len + m->data_len;
    guest_hdr = zcrx_pool_hdr(q->pool, hole, used->id);
    memcpy(guest_hdr, &hdr, hdr_len);
    if (unlikely(q->rx.log.base != NULL)) {
        zcrx_vring_note(&q->rx, guest_hdr, hdr_len);
        zcrx_vring_note(&q->rx, (char *) hole->buf_addr + RTE_PKTMBUF_HEADROOM,
                        m->data_len);
    }
    q->slow.holes_since = rte_rdtsc();
    return true;
}

/* Returns holes to the guest without a frame until there are no more than
 * 'n'. */
static void
release_holes(struct zcrx_queue *q, uint16_t n)
{
    while (q->slow.n_holes > n) {
        struct zcrx_used used = { .id = pop_hole(&q->slow) };

        zcrx_vring_publish(&q->rx, &used, 1);
        zcrx_stats_add(&q->stats.slow_buffers_empty, 1);
    }
}

/* At the end of a turn, with all published that is to be: makes sure that
 * enough of the guest's buffers can have frames. */
void
zcrx_slow_trim_holes(struct zcrx_queue *q)
{
    release_holes(q, RTE_MIN(q->rx.size / 4, ZCRX_MAX_OLD_HOLES));
}

static void
count(struct zcrx_slow *slow, unsigned int class, enum zcrx_slow_dir dir,
      uint32_t len)
{
    struct zcrx_slow_count *count_ = &slow->counts.counts[class][dir];

    zcrx_stats_add(&count_->frames, 1);
    zcrx_stats_add(&count_->bytes, len);
}

/* Gives the buffer of 'm', which the VF delivered and whose frame is no longer
 * needed, back. */
static void
give_back(struct zcrx_queue *q, struct rte_mbuf *m)
{
    uint16_t id;

    if (zcrx_pool_is_guest(q->pool, m, &id)) {
        q->pool->n_posted--;
        push_hole(&q->slow, id);
    } else {
        zcrx_pool_free_bounce(q->pool, m);
    }
}

/* Copies the frame in 'm' for the wire face. */
static void
take_out(struct zcrx_queue *q, const struct rte_mbuf *m, unsigned int class)
{
    struct zcrx_slow *slow = &q->slow;
    struct zcrx_stats *stats = &q->stats;
    uint32_t len = m->data_len;
    struct rte_mbuf *copy = slow->new_frame(len);

    if (!copy) {
        zcrx_stats_add(&stats->dropped_slow_no_memory, 1);
        return;
    }
    memcpy(rte_pktmbuf_mtod(copy, void *), rte_pktmbuf_mtod(m, const void *),
           len);
    if (rte_ring_sp_enqueue(slow->to_wire_face, copy)) {
        zcrx_stats_add(&stats->dropped_slow_face_full, 1);
        slow->free_frame(copy);
        return;
    }
    count(slow, class, ZCRX_FROM_WIRE, len);
    zcrx_stats_add(&stats->slow_wire_frames, 1);
    zcrx_stats_add(&stats->slow_wire_bytes, len);
}

/* Returns true if there is one frame in 'm', all of it, where it should be. */
static bool
is_whole(const struct zcrx_queue *q, const struct rte_mbuf *m)
{
    uint16_t id;

    return (m->nb_segs == 1
            && (!zcrx_pool_is_guest(q->pool, m, &id)
                || (m->data_off == RTE_PKTMBUF_HEADROOM
                    && m->data_len <= m->buf_len - RTE_PKTMBUF_HEADROOM)));
}

/* Moves the frame in 'm' to the oldest hole, if it fits.  Returns the mbuf
 * that has it then. */
static struct rte_mbuf *
move_to_hole(struct zcrx_queue *q, struct rte_mbuf *m)
{
    uint64_t holes_since = q->slow.holes_since;
    uint16_t len = m->data_len;
    struct rte_mbuf *hole;

    hole = copy_to_hole(q, rte_pktmbuf_mtod(m, const void *), len);
    if (!hole) {
        return m;
    }
    hole->data_off = RTE_PKTMBUF_HEADROOM;
    hole->data_len = len;
    hole->pkt_len = len;
    hole->nb_segs = 1;
    hole->ol_flags = m->ol_flags; /* For the guest's header. */
    q->pool->n_posted++;        /* As if the VF had delivered it. */
    give_back(q, m);
    /* One hole takes the place of another, and goes on waiting: otherwise
     * frames that come often enough would be copied for ever. */
    q->slow.holes_since = holes_since;
    return hole;
}

/* Takes the frames that are slow path out of the 'n' in 'mbufs', which the VF
 * delivered.  Returns how many are left, at the beginning of 'mbufs', and
 * stores in '*n_moved' how many of these were copied to lie in another guest
 * buffer than the VF wrote to.
 *
 * Without a wire face, a frame of a class passes like any other. */
uint16_t
zcrx_slow_from_wire(struct zcrx_queue *q, struct rte_mbuf **mbufs, uint16_t n,
                    uint16_t *n_moved)
{
    struct zcrx_slow *slow = &q->slow;
    uint16_t n_left = 0;
    uint64_t n_out = 0;
    uint64_t bytes = 0;

    *n_moved = 0;
    for (uint16_t i = 0; i < n; i++) {
        struct rte_mbuf *m = mbufs[i];
        int class;

        if (!is_whole(q, m)) {
            mbufs[n_left++] = m;
            continue;
        }
        class = zcrx_steer_classify(slow->wire_steer,
                                    rte_pktmbuf_mtod(m, const void *),
                                    m->data_len);
        if (class >= 0 && slow->has_wire_face) {
            n_out++;
            bytes += m->data_len;
            take_out(q, m, class);
            give_back(q, m);
            continue;
        }
        if (class >= 0) {
            zcrx_stats_add(&q->stats.slow_passed_frames, 1);
        }
        if (slow->n_holes) {
            struct rte_mbuf *hole = move_to_hole(q, m);

            *n_moved += hole != m;
            m = hole;
        }
        mbufs[n_left++] = m;
    }
    slow->n_taken += n_out;
    zcrx_stats_add(&q->stats.wire_rx_frames, n_out);
    zcrx_stats_add(&q->stats.wire_rx_bytes, bytes);
    return n_left;
}

/* Takes frames that the VF matched, which are in a queue of their own.
 * Returns how many. */
static unsigned int
from_flows(struct zcrx_queue *q)
{
    struct zcrx_slow *slow = &q->slow;
    struct rte_mbuf *mbufs[ZCRX_BURST];
    uint64_t bytes = 0;
    uint16_t n;

    n = rte_eth_rx_burst(q->vf.port_id, slow->flow_queue, mbufs, ZCRX_BURST);
    for (uint16_t i = 0; i < n; i++) {
        const struct rte_mbuf *m = mbufs[i];
        int class;

        bytes += m->pkt_len;
        if (m->nb_segs > 1) {
            /* There is room for the longest frame. */
            zcrx_stats_add(&q->stats.dropped_too_long, 1);
            continue;
        }
        class = zcrx_steer_classify(slow->steer,
                                    rte_pktmbuf_mtod(m, const void *),
                                    m->data_len);
        take_out(q, m, class >= 0 ? (unsigned int) class : ZCRX_SLOW_OTHER);
    }
    rte_pktmbuf_free_bulk(mbufs, n);
    zcrx_stats_add(&q->stats.wire_rx_frames, n);
    zcrx_stats_add(&q->stats.wire_rx_bytes, bytes);
    return n;
}

/* With the PMD thread shut out: takes all frames that the VF has matched, and
 * now matches no more, or is about to be stopped. */
void
zcrx_slow_drain_flows(struct zcrx_queue *q)
{
    unsigned int n = 0;

    /* It has a limit, in case that frames of another class go on coming. */
    while (q->slow.polls_flows && n < ZCRX_SLOW_RING_SIZE) {
        unsigned int n_taken = from_flows(q);

        if (!n_taken) {
            break;
        }
        n += n_taken;
    }
}

/* Puts 'm', of a class or ZCRX_SLOW_OTHER, into the stash. */
static void
stash_frame(struct zcrx_queue *q, const struct rte_mbuf *m, unsigned int class)
{
    struct zcrx_slow *slow = &q->slow;
    struct rte_mbuf **copies = &slow->stash[slow->n_stash];
    int n = zcrx_segment_copy(m, slow->new_frame, copies);

    if (n < 0) {
        zcrx_stats_add(n == -ENOMEM ? &q->stats.tx_dropped_slow_no_memory
                       : &q->stats.tx_dropped_offload, 1);
        return;
    }
    slow->n_stash += n;
    count(slow, class, ZCRX_FROM_GUEST, m->pkt_len);
    zcrx_stats_add(&q->stats.slow_guest_frames, 1);
    zcrx_stats_add(&q->stats.slow_guest_bytes, m->pkt_len);
}

/* Takes the frames that are slow path out of the 'n' in 'mbufs', which the
 * guest sent, for the guest face.  The stash is empty.  Returns how many are
 * left, at the beginning of 'mbufs'. */
uint16_t
zcrx_slow_from_guest(struct zcrx_queue *q, struct rte_mbuf **mbufs,
                     uint16_t n)
{
    struct zcrx_slow *slow = &q->slow;
    uint16_t n_left = 0;

    for (uint16_t i = 0; i < n; i++) {
        struct rte_mbuf *m = mbufs[i];
        int class = ZCRX_STEER_NONE;

        if (zcrx_steer_is_active(slow->steer)) {
            class = zcrx_steer_classify(slow->steer,
                                        rte_pktmbuf_mtod(m, const void *),
                                        m->data_len);
        }
        if (class >= 0 || slow->from_guest_all) {
            stash_frame(q, m, class >= 0 ? class : ZCRX_SLOW_OTHER);
            rte_pktmbuf_free(m);
        } else {
            mbufs[n_left++] = m;
        }
    }
    slow->n_taken += n - n_left;
    return n_left;
}

/* Moves up to 'max' frames of the stash to 'frames', oldest first.  Returns
 * how many.  Inside the gate or not, but only the owner. */
uint16_t
zcrx_slow_take(struct zcrx_queue *q, struct rte_mbuf **frames, uint16_t max)
{
    struct zcrx_slow *slow = &q->slow;
    uint16_t n = RTE_MIN(max, slow->n_stash - slow->stash_head);

    memcpy(frames, &slow->stash[slow->stash_head], n * sizeof *frames);
    slow->stash_head += n;
    if (slow->stash_head == slow->n_stash) {
        slow->stash_head = slow->n_stash = 0;
    }
    return n;
}

/* Returns a copy of 'm', a frame of OVS in one segment, that the VF can take,
 * or NULL if there are not enough mbufs. */
static struct rte_mbuf *
copy_for_vf(struct rte_mempool *mp, const struct rte_mbuf *m)
{
    const char *p = rte_pktmbuf_mtod(m, const char *);
    uint32_t left = m->data_len;
    struct rte_mbuf *head = rte_pktmbuf_alloc(mp);
    struct rte_mbuf *tail = head;

    while (tail) {
        uint32_t n = RTE_MIN(left, (uint32_t) rte_pktmbuf_tailroom(tail));

        memcpy(rte_pktmbuf_mtod(tail, void *), p, n);
        tail->data_len = n;
        head->pkt_len += n;
        p += n;
        left -= n;
        if (!left) {
            return head;
        }
        tail->next = rte_pktmbuf_alloc(mp);
        tail = tail->next;
        head->nb_segs++;
    }
    if (head) {
        head->nb_segs--;
        rte_pktmbuf_free(head);
    }
    return NULL;
}

/* Gives the VF what OVS sent to the wire face.  Returns how many frames. */
static unsigned int
ovs_to_wire(struct zcrx_queue *q)
{
    struct zcrx_stats *stats = &q->stats;
    struct rte_mbuf *frames[ZCRX_BURST], *mbufs[ZCRX_BURST];
    uint32_t lens[ZCRX_BURST];
    uint16_t n_mbufs = 0;
    uint64_t bytes = 0;
    uint16_t n_sent;
    unsigned int n;

    n = (q->slow.has_wire_face
         ? rte_ring_sc_dequeue_burst(q->slow.to_vf, (void **) frames,
                                     ZCRX_BURST, NULL) : 0);
    for (unsigned int i = 0; i < n; i++) {
        lens[n_mbufs] = frames[i]->data_len;
        if (lens[n_mbufs] > q->vf.offload.tx.max_frame) {
            zcrx_stats_add(&stats->wire_out_dropped_length, 1);
        } else {
            mbufs[n_mbufs] = copy_for_vf(q->tx_mp, frames[i]);
            if (mbufs[n_mbufs]) {
                n_mbufs++;
            } else {
                zcrx_stats_add(&stats->wire_out_dropped_no_mbuf, 1);
            }
        }
        q->slow.free_frame(frames[i]);
    }
    if (!n_mbufs) {
        return n;
    }
    n_sent = rte_eth_tx_burst(q->vf.port_id, q->vf.queue_id, mbufs, n_mbufs);
    for (uint16_t i = 0; i < n_sent; i++) {
        bytes += lens[i];
    }
    zcrx_stats_add(&stats->wire_out_frames, n_sent);
    zcrx_stats_add(&stats->wire_out_bytes, bytes);
    if (n_sent < n_mbufs) {
        zcrx_stats_add(&stats->wire_out_dropped_vf_full, n_mbufs - n_sent);
        rte_pktmbuf_free_bulk(&mbufs[n_sent], n_mbufs - n_sent);
    }
    return n;
}

/* The part of a turn that has nothing to do with the guest.  Returns how many
 * frames were moved. */
unsigned int
zcrx_slow_turn_of_wire(struct zcrx_queue *q)
{
    unsigned int n = q->slow.polls_flows ? from_flows(q) : 0;

    return n + ovs_to_wire(q);
}

/* What the slow path does once in a turn, after what OVS sent to the guest was
 * delivered.  Returns how many frames were moved. */
unsigned int
zcrx_slow_turn(struct zcrx_queue *q)
{
    struct zcrx_slow *slow = &q->slow;

    if (slow->n_holes
        && rte_rdtsc() - slow->holes_since > slow->patience) {
        release_holes(q, 0);
    }
    return zcrx_slow_turn_of_wire(q);
}

/* Frees what OVS sent to the wire face and the VF did not get. */
void
zcrx_slow_drain_to_vf(struct zcrx_queue *q)
{
    void *m;

    while (q->slow.to_vf && !rte_ring_sc_dequeue(q->slow.to_vf, &m)) {
        zcrx_stats_add(&q->stats.wire_out_dropped_not_running, 1);
        q->slow.free_frame(m);
    }
}

/* The VF matches nothing. */
static void
forget_flows(struct zcrx_slow *slow)
{
    slow->wire_steer = slow->steer;
    slow->from_wire = slow->steer && zcrx_steer_is_active(slow->steer);
    slow->polls_flows = false;
}

/* Prepares for the turns to come. */
void
zcrx_slow_start(struct zcrx_queue *q)
{
    forget_flows(&q->slow);
    q->slow.n_holes = 0;
    q->slow.patience = rte_get_tsc_hz() / 1000000 * PATIENCE;
    zcrx_slow_drain_to_vf(q);   /* What was meant for another time. */
}

/* Completes zcrx_pool_recall(): the VF does not have the holes. */
void
zcrx_slow_recall(struct zcrx_queue *q)
{
    for (uint16_t i = 0; i < q->slow.n_holes; i++) {
        uint16_t pos = (q->slow.first_hole + i) % ZCRX_MAX_HOLES;

        q->pool->has[q->slow.holes[pos]] = false;
    }
}

/* Forgets the holes, which become available again with the buffers that the
 * VF has. */
void
zcrx_slow_stop_rx(struct zcrx_queue *q)
{
    q->slow.n_holes = 0;
}

/* Forgets what OVS sent, and what the VF did. */
void
zcrx_slow_stop(struct zcrx_queue *q)
{
    forget_flows(&q->slow);
    zcrx_slow_drain_to_vf(q);
}

/* Makes 'counts', of the classes of 'from', those of the classes of 'to':
 * what is in both goes on being counted. */
void
zcrx_slow_counts_move(struct zcrx_slow_counts *counts,
                      const struct zcrx_steer *from,
                      const struct zcrx_steer *to)
{
    struct zcrx_slow_counts old = *counts;

    for (uint8_t i = 0; i < ZCRX_STEER_MAX; i++) {
        int was = (i < to->n_classes
                   ? zcrx_steer_find(from, to->classes[i].name)
                   : ZCRX_STEER_NONE);

        if (was >= 0) {
            memcpy(counts->counts[i], old.counts[was],
                   sizeof counts->counts[i]);
        } else {
            memset(counts->counts[i], 0, sizeof counts->counts[i]);
        }
    }
}

/* Adds 'counts' to 'sum'.  Any thread. */
void
zcrx_slow_counts_add(struct zcrx_slow_counts *sum,
                     const struct zcrx_slow_counts *counts)
{
    for (unsigned int i = 0; i <= ZCRX_STEER_MAX; i++) {
        for (unsigned int dir = 0; dir < ZCRX_N_DIRS; dir++) {
            const struct zcrx_slow_count *c = &counts->counts[i][dir];

            sum->counts[i][dir].frames += __atomic_load_n(&c->frames,
                                                          __ATOMIC_RELAXED);
            sum->counts[i][dir].bytes += __atomic_load_n(&c->bytes,
                                                         __ATOMIC_RELAXED);
        }
    }
}

/* With the PMD thread shut out: makes the slow path what 'rules' says. */
void
zcrx_slow_set_rules(struct zcrx_queue *q, const struct zcrx_slow_rules *rules)
{
    struct zcrx_slow *slow = &q->slow;

    if (slow->steer) {
        zcrx_slow_counts_move(&slow->counts, slow->steer, rules->steer);
    }
    slow->steer = rules->steer;
    slow->wire_steer = rules->wire_steer;
    slow->polls_flows = rules->polls_flows;
    slow->flow_queue = rules->flow_queue;
    slow->has_wire_face = rules->has_wire_face;
    slow->from_wire = zcrx_steer_is_active(rules->wire_steer);
    slow->from_guest = (zcrx_steer_is_active(rules->steer)
                        || rules->guest_tx_ovs);
    slow->from_guest_all = rules->guest_tx_ovs;
    slow->on = slow->from_guest || slow->has_wire_face;
    if (!slow->has_wire_face) {
        zcrx_slow_drain_to_vf(q);
    }
    if (!slow->from_wire && q->running && !q->rx.error) {
        release_holes(q, 0);    /* Nobody else will. */
    }
}

/* Prepares 'q', which is zeroed, for frames that 'new_frame' makes and that
 * are freed as those are that OVS sends to the guest.  The rings must stay.
 * Returns 0 or a positive errno value. */
int
zcrx_slow_init(struct zcrx_queue *q, int socket_id,
               zcrx_new_frame_func *new_frame, struct rte_ring *to_wire_face,
               struct rte_ring *to_vf)
{
    struct zcrx_slow *slow = &q->slow;

    slow->new_frame = new_frame;
    slow->free_frame = q->free_injected;
    slow->to_wire_face = to_wire_face;
    slow->to_vf = to_vf;
    slow->stash = rte_zmalloc_socket("zcrx_stash",
                                     ZCRX_STASH_SIZE * sizeof *slow->stash, 0,
                                     socket_id);
    return slow->stash ? 0 : ENOMEM;
}

/* Undoes zcrx_slow_init().  OVS polls 'q' no more. */
void
zcrx_slow_destroy(struct zcrx_queue *q)
{
    struct rte_mbuf *m;

    if (q->slow.stash) {
        while (zcrx_slow_take(q, &m, 1)) {
            q->slow.free_frame(m);
        }
        zcrx_slow_drain_to_vf(q);
        rte_free(q->slow.stash);
        q->slow.stash = NULL;
    }
}
