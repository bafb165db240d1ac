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

#ifndef ZCRX_SLOW_H
#define ZCRX_SLOW_H 1

/* The slow path of a queue pair: the frames that are not passed straight
 * across but go through OVS.
 *
 *     VF rx queue ---- frame of a class ----> 'to_wire_face' ---> OVS
 *     guest's tx ring - frame of a class ---> 'to_guest_face' --> OVS
 *     OVS ----------------------------------> 'to_vf' ----------> VF tx queue
 *     OVS ----------------------------------> (injected) -------> guest
 *
 * A frame is copied before OVS sees it: what it has is never the guest's
 * memory.
 *
 * A frame from the wire may have landed in a guest buffer.  That buffer then
 * is a *hole*: older than all that the VF has, and without a frame for the
 * guest.  To keep the order of the available ring, it is used next:
 *
 *     - OVS sends the guest a frame: it is copied there, and the hole is gone.
 *       That is what becomes of a frame that OVS lets pass.
 *     - The VF delivers another frame: it is copied there from its own buffer,
 *       which is the hole from then on.
 *     - OVS has sent the guest nothing for a while: the buffer is returned
 *       without a frame, which drivers count as a length error.
 *
 * Where the VF can, it recognizes frames of a class itself and puts them into
 * a queue with host buffers, from which one queue pair takes them (see
 * zcrx-flow.h): these leave no holes.
 *
 * What the guest left to the device, checksums and segmentation, is done in
 * software for frames that go to OVS.
 *
 * Only the owner of the queue pair calls any of this. */

#include <stdbool.h>
#include <stdint.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "zcrx-segment.h"
#include "zcrx-steer.h"
#include "zcrx-vring.h"

/* Frames on their way between a queue pair and the wire face. */
#define ZCRX_SLOW_RING_SIZE 1024

/* Frames of the guest that wait for being polled: a burst of the guest, each
 * of the most segments. */
#define ZCRX_STASH_SIZE (32 * ZCRX_MAX_SEGMENTS)

/* Holes, a power of two: those that may stay, and those of one turn. */
#define ZCRX_MAX_HOLES 128
#define ZCRX_MAX_OLD_HOLES 64

enum zcrx_slow_dir {
    ZCRX_FROM_WIRE,
    ZCRX_FROM_GUEST,
    ZCRX_N_DIRS
};

/* The class of the guest's frames that are in no class but go to OVS because
 * of guest-tx=ovs. */
#define ZCRX_SLOW_OTHER ZCRX_STEER_MAX

/* Frames that went to OVS, by class. */
struct zcrx_slow_counts {
    struct zcrx_slow_count {
        uint64_t frames;
        uint64_t bytes;
    } counts[ZCRX_STEER_MAX + 1][ZCRX_N_DIRS];
};

struct zcrx_slow {
    /* Fixed while the gate is open. */
    const struct zcrx_steer *steer;
    const struct zcrx_steer *wire_steer; /* That, but for the classes that the
                                          * VF matches. */
    bool polls_flows;           /* What the VF matched is in queue... */
    uint16_t flow_queue;        /* ...this one, for this queue pair to take. */
    bool from_wire;             /* 'wire_steer' has classes. */
    bool from_guest;            /* Some frames of the guest are. */
    bool from_guest_all;        /* guest-tx=ovs. */
    bool has_wire_face;
    bool on;                    /* Any of these. */
    struct rte_ring *to_wire_face; /* The owner in, the face's thread out. */
    struct rte_ring *to_vf;     /* Any thread in, the owner out. */

    zcrx_new_frame_func *new_frame; /* Makes a frame of OVS's. */
    void (*free_frame)(struct rte_mbuf *);

    /* Guest buffers that are holes, oldest first, by descriptor id. */
    uint16_t holes[ZCRX_MAX_HOLES];
    uint16_t first_hole;
    uint16_t n_holes;
    uint64_t holes_since;       /* TSC: since there are holes, or one was last
                                 * filled by OVS. */
    uint64_t patience;          /* How long to wait for OVS, in TSC cycles. */

    /* What the guest sent, for whoever polls: 'n_stash' of
     * ZCRX_STASH_SIZE. */
    struct rte_mbuf **stash;
    uint16_t stash_head;
    uint16_t n_stash;

    unsigned int n_taken;       /* Frames of this turn that were taken out of
                                 * those that pass. */

    struct zcrx_slow_counts counts;
};

/* What the slow path is to be. */
struct zcrx_slow_rules {
    const struct zcrx_steer *steer; /* Must stay, as must... */
    const struct zcrx_steer *wire_steer; /* ...what of it the VF leaves to
                                          * software. */
    bool polls_flows;           /* Takes what the VF matches from... */
    uint16_t flow_queue;        /* ...this queue of it. */
    bool guest_tx_ovs;          /* What becomes of the guest's other frames. */
    bool has_wire_face;
};

struct zcrx_queue;
int zcrx_slow_init(struct zcrx_queue *, int socket_id,
                   zcrx_new_frame_func *, struct rte_ring *to_wire_face,
                   struct rte_ring *to_vf);
void zcrx_slow_destroy(struct zcrx_queue *);
uint16_t zcrx_slow_from_wire(struct zcrx_queue *, struct rte_mbuf **,
                             uint16_t n, uint16_t *n_moved);
uint16_t zcrx_slow_from_guest(struct zcrx_queue *, struct rte_mbuf **,
                              uint16_t n);
bool zcrx_slow_fill_hole(struct zcrx_queue *, const struct rte_mbuf *,
                         struct zcrx_used *);
void zcrx_slow_trim_holes(struct zcrx_queue *);
unsigned int zcrx_slow_turn(struct zcrx_queue *);
unsigned int zcrx_slow_turn_of_wire(struct zcrx_queue *);
void zcrx_slow_drain_flows(struct zcrx_queue *);
void zcrx_slow_drain_to_vf(struct zcrx_queue *);
void zcrx_slow_start(struct zcrx_queue *);
void zcrx_slow_recall(struct zcrx_queue *);
void zcrx_slow_stop_rx(struct zcrx_queue *);
void zcrx_slow_stop(struct zcrx_queue *);
void zcrx_slow_set_rules(struct zcrx_queue *, const struct zcrx_slow_rules *);
uint16_t zcrx_slow_take(struct zcrx_queue *, struct rte_mbuf **, uint16_t max);

void zcrx_slow_counts_add(struct zcrx_slow_counts *,
                          const struct zcrx_slow_counts *);
void zcrx_slow_counts_move(struct zcrx_slow_counts *,
                           const struct zcrx_steer *from,
                           const struct zcrx_steer *to);

#endif /* zcrx-slow.h */
