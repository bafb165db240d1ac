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

#ifndef ENDS_H
#define ENDS_H 1

/* Both ends of a path through ovs-vswitchd, in one thread: the device behind
 * the VF, and the guest.
 *
 *       this program          the daemon's PMD thread         this program
 *
 *     simnic: frame in    VF's driver --> path under test     virtqueue:
 *     a VF descriptor, -->      ^              |          --> used index
 *     used index moves          |              |              has moved
 *            |                  |              |                  |
 *       "DMA done" <--------------- latency ----------------> "visible"
 *
 * The thread looks at one end after the other, without a pause, so it knows
 * both instants by one clock. */

#include <stdbool.h>
#include <stdint.h>

#include "frontend.h"
#include "simnic.h"

/* Frames are numbered up to this, over and over; more than there can be on
 * their way. */
#define ENDS_N_NUMBERS 4096

/* The guest: a vhost-user front end whose driver only receives. */
struct ends_guest {
    struct frontend fe;
    int listener;
    uint16_t ring_size;
    uint32_t buffer_size;       /* Of each buffer, in bytes. */
    uint16_t used;              /* The next used entry that it reads. */
};

void ends_guest_init(struct ends_guest *, const char *path,
                     uint16_t ring_size, uint32_t buffer_size, bool huge);
void ends_guest_run(struct ends_guest *);

struct ends {
    struct simnic *sn;
    struct simnic_source source;
    struct ends_guest guest;

    /* The number of the oldest frame that is on its way, and how many are. */
    uint32_t next;
    uint32_t outstanding;
    uint64_t published[ENDS_N_NUMBERS]; /* In ns, by number. */
};

/* What came of one measurement. */
struct ends_result {
    double seconds;
    uint64_t sent;              /* Frames from the wire. */
    uint64_t received;          /* Those that the guest got... */
    uint64_t drops;             /* ...and did not get. */
    uint64_t watched;           /* Frames whose latency is known... */
    double p50, p99, p999;      /* ...and is this, in ns. */
    double look_p99;            /* Time between two looks, in ns. */
    double away;                /* Seconds for which the CPU did other work. */
};

void ends_service(struct ends *);
void ends_set_size(struct ends *, const char *size);
void ends_closed_loop(struct ends *, double seconds, struct ends_result *);
void ends_open_loop(struct ends *, double seconds, double rate,
                    struct ends_result *);

void ends_die(const char *format, ...)
    __attribute__((noreturn, format(printf, 1, 2)));

#endif /* ends.h */
