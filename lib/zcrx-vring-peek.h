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

#ifndef ZCRX_VRING_PEEK_H
#define ZCRX_VRING_PEEK_H 1

/* Looking at a virtqueue for diagnosis, without changing anything in it or in
 * what is known of it.  What the guest wrote is shown as it is, right or
 * wrong.  Nothing here knows Open vSwitch or DPDK.
 *
 * The caller is the queue's only user: see zcrx-vring.h. */

#include <stdbool.h>
#include <stdint.h>

#include "zcrx-vring.h"

/* Who has the entry of the ring. */
enum zcrx_holder {
    ZCRX_HELD_BY_GUEST,         /* Used, or never made available. */
    ZCRX_HELD_AVAILABLE,        /* Made available, and not taken. */
    ZCRX_HELD_BY_PORT,          /* Taken. */
};

struct zcrx_slot {
    enum zcrx_holder holder;
    uint16_t id;                /* Of the buffer. */
    bool valid;                 /* There is such a descriptor, and so the
                                 * following. */
    uint64_t gpa;
    uint32_t len;
    uint16_t flags;             /* VRING_DESC_F_*. */
};

/* Entries of a ring by who has them.  Their sum is its size. */
struct zcrx_vring_counts {
    uint16_t guest;
    uint16_t available;
    uint16_t port;
};

void zcrx_vring_count(const struct zcrx_vring *, struct zcrx_vring_counts *);
void zcrx_vring_peek(const struct zcrx_vring *,
                     const struct zcrx_vring_counts *, uint16_t slot,
                     struct zcrx_slot *);
uint64_t zcrx_vring_peek_room(const struct zcrx_vring *);

#endif /* zcrx-vring-peek.h */
