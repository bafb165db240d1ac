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

#ifndef ZCRX_CAPTURE_H
#define ZCRX_CAPTURE_H 1

/* A sample of the frames that pass straight across, written to a file.
 *
 *     PMD threads                            main thread
 *     -----------                            -----------
 *     zcrx_capture_frames()                  zcrx_capture_write()
 *          copy ---> ring, which may be full ---> file, in pcapng
 *
 * A PMD thread never waits: a frame for which there is no room is left out,
 * and counted.  Without a capture, a queue pair pays for no more than looking
 * whether there is one, once a burst. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

/* Frames that wait for being written, at most. */
#define ZCRX_CAPTURE_ROOM 1024

/* Frames that a capture may have. */
#define ZCRX_CAPTURE_MAX 1000000

/* Which way a frame goes, as pcapng has it. */
enum zcrx_direction {
    ZCRX_INBOUND = 1,
    ZCRX_OUTBOUND = 2,
};

struct zcrx_capture {
    /* Any thread. */
    struct rte_ring *ring;      /* Copies.  Any thread in, main thread out. */
    struct rte_mempool *mp;     /* Of these. */
    int64_t left;               /* Frames that are still wanted. */
    uint64_t missed;            /* Frames for which there was no room. */

    /* Main thread. */
    FILE *file;
    uint64_t written;           /* Frames. */
    uint64_t tsc;               /* At the time 'ns'... */
    uint64_t ns;                /* ...since 1970. */
};

int zcrx_capture_open(struct zcrx_capture *, const char *path,
                      const char *port, int socket_id, uint32_t n);
void zcrx_capture_close(struct zcrx_capture *);
int zcrx_capture_write(struct zcrx_capture *);

void zcrx_capture_frames(struct zcrx_capture *, uint16_t queue_id,
                         struct rte_mbuf **, uint16_t n, enum zcrx_direction);

/* Returns true if no more frames are wanted.  Any thread. */
static inline bool
zcrx_capture_is_complete(const struct zcrx_capture *capture)
{
    return __atomic_load_n(&capture->left, __ATOMIC_RELAXED) <= 0;
}

#endif /* zcrx-capture.h */
