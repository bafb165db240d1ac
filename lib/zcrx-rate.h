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

#ifndef ZCRX_RATE_H
#define ZCRX_RATE_H 1

/* What passed through a queue pair in the last second or so, found by looking
 * at its counters now and then.  Main thread. */

#include <stdbool.h>
#include <stdint.h>

#include "zcrx-stats.h"

/* Time over which frames are counted, in milliseconds. */
#define ZCRX_RATE_WINDOW 1000

struct zcrx_rate {
    struct zcrx_stats then;     /* The counters 'when'. */
    long long int when;         /* Monotonic, milliseconds; 0 for never. */

    bool known;                 /* There was a whole window. */
    double wire_rx;             /* Frames per second from the VF. */
    double guest_tx;            /* Frames per second from the guest. */
    uint64_t vf_full;           /* Of these, dropped as the VF was full: frames
                                 * in the window. */
};

/* Looks at 'stats' at the time 'now', in milliseconds. */
static inline void
zcrx_rate_sample(struct zcrx_rate *rate, const struct zcrx_stats *stats,
                 long long int now)
{
    struct zcrx_stats s = { .wire_rx_frames = 0 };
    double seconds = (now - rate->when) / 1000.0;

    if (rate->when && now - rate->when < ZCRX_RATE_WINDOW) {
        return;
    }
    zcrx_stats_accumulate(&s, stats);
    if (rate->when) {
        rate->known = true;
        rate->wire_rx = (s.wire_rx_frames - rate->then.wire_rx_frames)
                        / seconds;
        rate->guest_tx = (s.guest_tx_frames - rate->then.guest_tx_frames)
                         / seconds;
        rate->vf_full = s.tx_dropped_vf_full - rate->then.tx_dropped_vf_full;
    }
    rate->then = s;
    rate->when = now;
}

/* Forgets what was before the queue pair stopped. */
static inline void
zcrx_rate_reset(struct zcrx_rate *rate)
{
    rate->when = 0;
    rate->known = false;
    rate->wire_rx = rate->guest_tx = 0;
    rate->vf_full = 0;
}

#endif /* zcrx-rate.h */
