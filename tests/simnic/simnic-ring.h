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

#ifndef SIMNIC_RING_H
#define SIMNIC_RING_H 1

/* One descriptor ring, split or packed, from the device's side (Virtio 1.2 2.7
 * and 2.8).
 *
 * Buffers are fetched in the order in which the driver made them available.
 * Completions are staged, and become visible to the driver when they are
 * flushed and due. */

#include <stdbool.h>
#include <stdint.h>

#include "simnic-memory.h"

/* Descriptors of one buffer. */
#define SIMNIC_MAX_SEGS 20

struct simnic_seg {
    uint64_t addr;              /* In the driver's process. */
    uint32_t len;
};

struct simnic_buffer {
    uint16_t id;
    uint16_t n_segs;
    struct simnic_seg segs[SIMNIC_MAX_SEGS];
};

/* A completion that the driver does not see yet. */
struct simnic_completion {
    uint64_t due;               /* In ns. */
    uint32_t len;
    uint16_t id;
    uint16_t n_descs;
};

struct simnic_ring {
    /* As the driver has set it up. */
    uint64_t desc_addr;
    uint64_t avail_addr;        /* Packed: driver event suppression. */
    uint64_t used_addr;         /* Packed: device event suppression. */
    uint32_t size;
    uint16_t base;
    bool has_addrs;
    bool enabled;
    bool running;
    bool packed;
    bool rx;                    /* The device writes to its buffers. */
    int kickfd;
    int callfd;

    /* Positions. */
    uint16_t next_avail;
    uint16_t next_used;
    bool avail_wrap;
    bool used_wrap;

    /* Staged completions, a circular queue of 'size'. */
    struct simnic_completion *staged;
    uint32_t staged_head;
    uint32_t n_staged;

    /* Where the rings are, as of 'generation' of the memory. */
    struct simnic_memory *memory;
    uint64_t generation;
    void *desc;
    void *avail;
    void *used;

    const char *error;          /* What the driver did wrong. */
};

void simnic_ring_init(struct simnic_ring *, struct simnic_memory *, bool rx);
void simnic_ring_destroy(struct simnic_ring *);

bool simnic_ring_start(struct simnic_ring *, bool packed);
uint16_t simnic_ring_stop(struct simnic_ring *);
void simnic_ring_check(struct simnic_ring *);

bool simnic_ring_fetch(struct simnic_ring *, struct simnic_buffer *);
void simnic_ring_complete(struct simnic_ring *, const struct simnic_buffer *,
                          uint32_t len, uint64_t due);
unsigned int simnic_ring_flush(struct simnic_ring *, uint64_t now,
                               bool clean);

#endif /* simnic-ring.h */
