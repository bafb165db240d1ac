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

#ifndef SIMNIC_SOURCE_H
#define SIMNIC_SOURCE_H 1

/* What comes from the wire: frames that the source makes (see simnic-frame.h)
 * or those of a capture, so many of them, so fast. */

#include <stdbool.h>
#include <stdint.h>

#include "simnic-frame.h"

/* Sizes that take turns; enough for every length once. */
#define SIMNIC_MAX_SIZES SIMNIC_FRAME_MAX

/* No end, or no limit. */
#define SIMNIC_UNLIMITED UINT64_MAX

struct simnic_source {
    /* Frames that are made. */
    uint32_t *sizes;            /* In bytes, taking turns. */
    uint32_t n_sizes;
    uint32_t n_flows;
    uint16_t stream;

    /* Frames of a capture, NULL if they are made. */
    struct simnic_captured *captured;
    uint32_t n_captured;
    bool loop;                  /* Over and over. */

    /* How many and how fast. */
    uint64_t n_left;            /* Frames that may still come. */
    uint64_t rate;              /* Frames per second. */
    uint64_t rate_start;        /* Time, in ns, from which... */
    uint64_t rate_count;        /* ...so many came. */

    /* The next frame. */
    uint64_t n_sent;            /* Frames before it. */
    uint32_t number;            /* Its number, if it is made. */
    uint8_t frame[SIMNIC_FRAME_MAX];
};

void simnic_source_init(struct simnic_source *);
void simnic_source_destroy(struct simnic_source *);

const char *simnic_source_set_sizes(struct simnic_source *, const char *);
void simnic_source_set_rate(struct simnic_source *, uint64_t rate,
                            uint64_t now);
char *simnic_source_read_capture(struct simnic_source *, const char *path);
void simnic_source_prepare(struct simnic_source *, uint32_t n);

uint64_t simnic_source_due(const struct simnic_source *, uint64_t now);
const uint8_t *simnic_source_peek(struct simnic_source *, uint64_t now,
                                  uint32_t *len);
uint32_t simnic_source_hash(const struct simnic_source *);
void simnic_source_advance(struct simnic_source *);

#endif /* simnic-source.h */
