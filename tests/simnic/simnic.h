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

#ifndef SIMNIC_H
#define SIMNIC_H 1

/* simnic: the device behind a VF whose driver is DPDK's net_virtio_user.
 *
 * It is a vhost-user back end that gets frames from a source (the wire),
 * "DMAs" them to the addresses in the driver's descriptors, and takes, checks
 * and counts what the driver transmits.  Documentation/internals/simnic.rst
 * says what it models and what it does not.
 *
 * The caller steps it: simnic_run() handles the session with the driver,
 * simnic_step() moves frames.  They may be called by two threads, as a driver
 * in the same process waits for answers. */

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "simnic-memory.h"
#include "simnic-source.h"

/* Most frames that simnic_step() moves in each direction of a queue pair. */
#define SIMNIC_BURST 64

/* What the header of received frames says about their checksum. */
enum simnic_checksum {
    SIMNIC_CHECKSUM_RIGHT,      /* Valid, if the driver wants to know. */
    SIMNIC_CHECKSUM_UNKNOWN,    /* Nothing. */
    SIMNIC_CHECKSUM_BAD,        /* The checksum is wrong, and the header does
                                 * not say that it is valid. */
};

/* What goes wrong on demand. */
struct simnic_faults {
    uint64_t delay;             /* Of completions, in ns. */
    uint64_t stop_delay;        /* Of stopping a queue, in ns; frames go on. */
    uint64_t late;              /* After a queue was stopped, in ns, write to
                                 * its buffers; 0 for not. */
    uint64_t n_stall;           /* Descriptors that will not be completed. */
    uint32_t odd_size;          /* Every so many frames one has this... */
    uint32_t odd_every;         /* ...size, whatever the source says. */
    enum simnic_checksum checksum;
};

struct simnic_config {
    struct simnic_memory *memory;
    struct simnic_source *source;
    uint64_t features;          /* To offer. */
    uint16_t max_pairs;
    uint64_t check_interval;    /* Between checks of the memory, in ns. */
    bool clean;                 /* What is written leaves the CPU's caches. */

    /* Called for each transmitted frame, if not NULL. */
    void (*transmitted)(void *aux, const void *frame, uint32_t len);
    void *aux;
};

#define SIMNIC_PAIR_COUNTERS                                                \
    SIMNIC_COUNTER(rx_frames)           /* Delivered to the driver. */      \
    SIMNIC_COUNTER(rx_bytes)                                                \
    SIMNIC_COUNTER(rx_no_descriptor)    /* Dropped, at a limited rate. */   \
    SIMNIC_COUNTER(rx_too_long)         /* Dropped: no room in a buffer. */ \
    SIMNIC_COUNTER(tx_frames)           /* Taken from the driver. */        \
    SIMNIC_COUNTER(tx_bytes)

#define SIMNIC_COUNTERS                                                     \
    SIMNIC_COUNTER(connections)         /* Of drivers. */                   \
    SIMNIC_COUNTER(stops)               /* Of receive queues. */            \
    SIMNIC_COUNTER(tx_intact)           /* Frames as they were made. */     \
    SIMNIC_COUNTER(tx_foreign)          /* Not made by a source. */         \
    SIMNIC_COUNTER(tx_bad_checksum)                                         \
    SIMNIC_COUNTER(tx_altered)                                              \
    SIMNIC_COUNTER(tx_bad_length)       /* No Ethernet frame. */            \
    SIMNIC_COUNTER(tx_gaps)             /* Numbers that were left out... */ \
    SIMNIC_COUNTER(tx_backward)         /* ...and that came late. */        \
    SIMNIC_COUNTER(tx_offloads)         /* Requests in headers. */           \
    SIMNIC_COUNTER(stalled)             /* Descriptors kept for ever. */    \
    SIMNIC_COUNTER(odd_frames)          /* Of the odd size. */              \
    SIMNIC_COUNTER(late_writes)         /* After stopping. */               \
    SIMNIC_COUNTER(late_misses)         /* Had nowhere to go. */            \
    SIMNIC_COUNTER(checks)              /* Of the memory. */

struct simnic_pair_stats {
#define SIMNIC_COUNTER(NAME) uint64_t NAME;
    SIMNIC_PAIR_COUNTERS
#undef SIMNIC_COUNTER
};

struct simnic_stats {
#define SIMNIC_COUNTER(NAME) uint64_t NAME;
    SIMNIC_COUNTERS
#undef SIMNIC_COUNTER
};

/* What a queue pair is like right now. */
struct simnic_pair_state {
    bool running;
    bool packed;
    uint32_t size;
    uint32_t posted;            /* Buffers that the device has. */
    uint64_t published;         /* When it last made frames visible to the
                                 * driver, in ns. */
    struct simnic_pair_stats stats;
};

uint64_t simnic_all_features(void);

struct simnic *simnic_create(const struct simnic_config *);
void simnic_destroy(struct simnic *);

char *simnic_listen(struct simnic *, const char *path);
void simnic_connect(struct simnic *, const char *path);
void simnic_plug(struct simnic *, bool in);

int simnic_fds(struct simnic *, struct pollfd *);
void simnic_run(struct simnic *);
unsigned int simnic_step(struct simnic *);
unsigned int simnic_deliver(struct simnic *, uint16_t pair, unsigned int n);

const char *simnic_violation(const struct simnic *);
bool simnic_is_connected(const struct simnic *);
uint64_t simnic_features(const struct simnic *);
struct simnic_faults *simnic_faults(struct simnic *);
const struct simnic_stats *simnic_stats(const struct simnic *);
void simnic_get_pair(const struct simnic *, uint16_t pair,
                     struct simnic_pair_state *);
void simnic_set_clean(struct simnic *, bool clean);

#endif /* simnic.h */
