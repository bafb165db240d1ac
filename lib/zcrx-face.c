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

#include <config.h>

#include "zcrx-face.h"

#include <inttypes.h>

#include "hash.h"
#include "openvswitch/shash.h"
#include "openvswitch/thread.h"
#include "util.h"
#include "zcrx-pair-slow.h"
#include "zcrx-pair.h"

BUILD_ASSERT_DECL(ZCRX_MAX_QUEUE_PAIRS <= 64);

/* All shared objects, by name.  The mutex is taken before that of a pair. */
static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;
static struct shash faces = SHASH_INITIALIZER(&faces);

static struct zcrx_face *
join(const char *name)
{
    struct zcrx_face *face = shash_find_data(&faces, name);

    if (!face) {
        face = xzalloc(sizeof *face);
        face->name = xstrdup(name);
        shash_add_nocopy(&faces, xstrdup(name), face);
    }
    face->n_users++;
    return face;
}

/* Frees what is in 'ring'.  Returns how many frames. */
static unsigned int
drain(struct rte_ring *ring)
{
    unsigned int n = 0;
    void *m;

    while (!rte_ring_dequeue(ring, &m)) {
        zcrx_pair_free_frame(m);
        n++;
    }
    return n;
}

static void
leave(struct zcrx_face *face)
{
    if (--face->n_users) {
        return;
    }
    for (uint16_t i = 0; i < face->n_rings; i++) {
        drain(face->to_wire_face[i]);
        drain(face->to_vf[i]);
        rte_ring_free(face->to_wire_face[i]);
        rte_ring_free(face->to_vf[i]);
    }
    shash_find_and_delete(&faces, face->name);
    free(face->name);
    free(face);
}

/* Returns what the pair of port 'name', which is 'pair', shares with its wire
 * face, until zcrx_face_leave().  Main thread. */
struct zcrx_face *
zcrx_face_join(const char *name, struct zcrx_pair *pair)
{
    struct zcrx_face *face;

    ovs_mutex_lock(&mutex);
    face = join(name);
    face->pair = pair;
    ovs_mutex_unlock(&mutex);
    return face;
}

/* The pair, whose counters are in 'stats', is no more.  Main thread. */
void
zcrx_face_leave(struct zcrx_face *face, const struct zcrx_stats *stats)
{
    ovs_mutex_lock(&mutex);
    face->pair = NULL;
    zcrx_stats_accumulate(&face->stats, stats);
    leave(face);
    ovs_mutex_unlock(&mutex);
}

/* Makes the queue pairs of which 'active' has the bits those by which frames
 * of OVS leave.  With the pair's mutex. */
void
zcrx_face_set_active(struct zcrx_face *face, uint64_t active)
{
    __atomic_store_n(&face->active, active, __ATOMIC_RELEASE);
}

static struct rte_ring *
create_ring(const struct zcrx_face *face, char what, uint16_t i, int socket_id,
            unsigned int flags)
{
    char name[RTE_RING_NAMESIZE];

    snprintf(name, sizeof name, "zcrx-%08x-%c%"PRIu16,
             hash_string(face->name, 0), what, i);
    return rte_ring_create(name, ZCRX_SLOW_RING_SIZE, socket_id, flags);
}

/* Makes rings for 'n' queue pairs, unless they are there.  Returns false if
 * there is no memory.  Main thread. */
bool
zcrx_face_grow(struct zcrx_face *face, uint16_t n, int socket_id)
{
    for (uint16_t i = face->n_rings; i < n; i++) {
        face->to_wire_face[i] = create_ring(face, 'w', i, socket_id,
                                            RING_F_SP_ENQ | RING_F_SC_DEQ);
        face->to_vf[i] = create_ring(face, 'v', i, socket_id, RING_F_SC_DEQ);
        if (!face->to_wire_face[i] || !face->to_vf[i]) {
            rte_ring_free(face->to_wire_face[i]);
            rte_ring_free(face->to_vf[i]);
            return false;
        }
        __atomic_store_n(&face->n_rings, i + 1, __ATOMIC_RELEASE);
    }
    return true;
}

/* Tells the pair, if there is one, whether there is a wire face. */
static void
tell_pair(struct zcrx_face *face)
{
    if (face->pair) {
        zcrx_pair_set_wire_face(face->pair, face->wire_name != NULL);
    }
}

/* Returns what the wire face called 'wire_name' shares with the pair of port
 * 'name', until zcrx_face_leave_wire().  Returns NULL if another port is its
 * wire face, with a copy of that one's name in '*other'.  Main thread. */
struct zcrx_face *
zcrx_face_join_wire(const char *name, const char *wire_name, char **other)
{
    struct zcrx_face *face;

    ovs_mutex_lock(&mutex);
    face = join(name);
    if (face->wire_name) {
        *other = xstrdup(face->wire_name);
        leave(face);
        face = NULL;
    } else {
        *other = NULL;
        face->wire_name = xstrdup(wire_name);
        tell_pair(face);
    }
    ovs_mutex_unlock(&mutex);
    return face;
}

/* The wire face, which OVS neither polls nor sends to any more, is no more.
 * Main thread. */
void
zcrx_face_leave_wire(struct zcrx_face *face)
{
    ovs_mutex_lock(&mutex);
    free(face->wire_name);
    face->wire_name = NULL;
    tell_pair(face);
    for (uint16_t i = 0; i < face->n_rings; i++) {
        drain(face->to_wire_face[i]);
    }
    leave(face);
    ovs_mutex_unlock(&mutex);
}

/* Returns true if there is a wire face.  Main thread. */
bool
zcrx_face_has_wire(const struct zcrx_face *face)
{
    return face->wire_name != NULL;
}

/* Calls 'cb' with the pair, without its mutex, and 'aux', and returns true, or
 * returns false if there is no pair.  Any thread that has no pair's mutex. */
bool
zcrx_face_visit(struct zcrx_face *face,
                void (*cb)(struct zcrx_pair *, void *aux), void *aux)
{
    bool exists;

    ovs_mutex_lock(&mutex);
    exists = face->pair != NULL;
    if (exists) {
        cb(face->pair, aux);
    }
    ovs_mutex_unlock(&mutex);
    return exists;
}

/* Stores the counters of all pairs that there were in '*stats'.  Any thread
 * that has no pair's mutex. */
void
zcrx_face_get_stats(struct zcrx_face *face, struct zcrx_stats *stats)
{
    ovs_mutex_lock(&mutex);
    memset(stats, 0, sizeof *stats);
    if (face->pair) {
        zcrx_pair_get_stats(face->pair, stats);
    }
    zcrx_stats_accumulate(stats, &face->stats);
    ovs_mutex_unlock(&mutex);
}

/* Moves up to 'max' slow-path frames from the VF to 'frames', those of the
 * queue pairs that receive queue 'rxq' of 'n_rxq' of the wire face has.
 * Returns how many.  The PMD thread that polls that queue. */
uint16_t
zcrx_face_receive(struct zcrx_face *face, uint16_t rxq, uint16_t n_rxq,
                  struct rte_mbuf **frames, uint16_t max)
{
    uint16_t n_rings = __atomic_load_n(&face->n_rings, __ATOMIC_ACQUIRE);
    uint16_t n_mine = (rxq < n_rings ? DIV_ROUND_UP(n_rings - rxq, n_rxq) : 0);
    uint16_t first = face->first[rxq];
    uint16_t n = 0;

    for (uint16_t k = 0; k < n_mine && n < max; k++) {
        uint16_t mine = (first + k) % n_mine;

        n += rte_ring_sc_dequeue_burst(face->to_wire_face[rxq + mine * n_rxq],
                                       (void **) &frames[n], max - n, NULL);
        if (n == max) {
            face->first[rxq] = mine + 1;
        }
    }
    return n;
}

/* Leaves 'm', a frame in one segment, to the owner of a queue pair, to be sent
 * by the VF: queue pair 'txq', or the next one that is in use.  Frees it if
 * there is none, or no room.  Returns false then.  Any thread. */
bool
zcrx_face_send(struct zcrx_face *face, unsigned int txq, struct rte_mbuf *m)
{
    uint64_t active = __atomic_load_n(&face->active, __ATOMIC_ACQUIRE);
    unsigned int first = txq % ZCRX_MAX_QUEUE_PAIRS;
    uint64_t from_first = active & (UINT64_MAX << first);
    uint64_t *counter = NULL;

    if (!active) {
        counter = &face->stats.wire_out_dropped_not_running;
    } else {
        int i = rightmost_1bit_idx(from_first ? from_first : active);

        if (rte_ring_mp_enqueue(face->to_vf[i], m)) {
            counter = &face->stats.wire_out_dropped_queue_full;
        }
    }
    if (!counter) {
        return true;
    }
    zcrx_stats_add_shared(counter, 1);
    zcrx_pair_free_frame(m);
    return false;
}
