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

#ifndef ZCRX_FACE_H
#define ZCRX_FACE_H 1

/* What a pair and its wire face share.  Either may be there without the other,
 * in any order; they find each other by the name of the pair's port.
 *
 *     pair's port          shared, by name           wire face
 *     (guest face)      +-------------------+
 *     queue pair i ---->|  to_wire_face[i]  |----> rxq (i mod their number)
 *                  <----|  to_vf[i]         |<---- send
 *                       +-------------------+
 *
 * The rings are made when a queue pair first needs them and stay while there
 * is one of the two, so that the PMD threads of one never see those of the
 * other come and go. */

#include <stdbool.h>
#include <stdint.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "zcrx-stats.h"
#include "zcrx-vhost.h"

struct zcrx_pair;

struct zcrx_face {
    char *name;                 /* Of the pair's port. */
    int n_users;
    struct zcrx_pair *pair;     /* Or NULL. */
    char *wire_name;            /* Of the wire face, or NULL. */
    uint16_t n_rings;           /* Grows; read by PMD threads. */
    uint64_t active;            /* Bit i: queue pair i is in use; read by any
                                 * thread. */
    uint16_t first[ZCRX_MAX_QUEUE_PAIRS]; /* Of the rings of each receive queue
                                 * of the wire face, the one to begin with:
                                 * after that which filled the last burst.  Of
                                 * the PMD thread that polls that queue. */
    struct rte_ring *to_wire_face[ZCRX_MAX_QUEUE_PAIRS];
    struct rte_ring *to_vf[ZCRX_MAX_QUEUE_PAIRS];
    struct zcrx_stats stats;    /* Of pairs that are no more, and of what is
                                 * counted here. */
};

struct zcrx_face *zcrx_face_join(const char *name, struct zcrx_pair *);
void zcrx_face_leave(struct zcrx_face *, const struct zcrx_stats *);
void zcrx_face_set_active(struct zcrx_face *, uint64_t active);
bool zcrx_face_grow(struct zcrx_face *, uint16_t n, int socket_id);

struct zcrx_face *zcrx_face_join_wire(const char *name, const char *wire_name,
                                      char **other);
void zcrx_face_leave_wire(struct zcrx_face *);
bool zcrx_face_has_wire(const struct zcrx_face *);
bool zcrx_face_visit(struct zcrx_face *,
                     void (*cb)(struct zcrx_pair *, void *aux), void *aux);
void zcrx_face_get_stats(struct zcrx_face *, struct zcrx_stats *);

uint16_t zcrx_face_receive(struct zcrx_face *, uint16_t rxq, uint16_t n_rxq,
                           struct rte_mbuf **, uint16_t max);
bool zcrx_face_send(struct zcrx_face *, unsigned int txq, struct rte_mbuf *);

#endif /* zcrx-face.h */
