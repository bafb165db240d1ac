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

#ifndef ZCRX_LATENCY_H
#define ZCRX_LATENCY_H 1

/* How long frames take on their way from the VF to the guest, of some turns of
 * the PMD thread:
 *
 *          turn 0 of 16                turn 1 of 16
 *     ----------+----------------------------+-------------+-----------
 *          VF asked                     VF asked       published
 *               |<---------- wait ---------->|<- deliver ->|
 *
 * A frame that the VF has when it is asked was complete some time after the VF
 * was asked before: 'wait' is the longest that it can have waited for the PMD
 * thread.  'deliver' is from then on until the guest can see it.
 *
 * Both are written by the thread that owns the queue pair, and read by any
 * other. */

#include <stdint.h>

#include "zcrx-stats.h"

/* Bucket 0 has what took less than 64 TSC cycles, bucket i what took less than
 * twice as long as bucket i - 1 has at most, the last one all that took
 * longer. */
#define ZCRX_LATENCY_BUCKETS 24
#define ZCRX_LATENCY_SHIFT 6

struct zcrx_histogram {
    uint64_t frames[ZCRX_LATENCY_BUCKETS];
};

struct zcrx_latency {
    struct zcrx_histogram wait;
    struct zcrx_histogram deliver;
};

/* Returns the TSC cycles that what is in bucket 'i', not the last, took less
 * than. */
static inline uint64_t
zcrx_latency_limit(unsigned int i)
{
    return UINT64_C(1) << (ZCRX_LATENCY_SHIFT + i);
}

/* Adds 'n' frames that took 'cycles' to 'histogram', for its one writer. */
static inline void
zcrx_latency_add(struct zcrx_histogram *histogram, uint64_t cycles,
                 unsigned int n)
{
    uint64_t high = cycles >> ZCRX_LATENCY_SHIFT;
    unsigned int i = high ? 64 - __builtin_clzll(high) : 0;

    if (i > ZCRX_LATENCY_BUCKETS - 1) {
        i = ZCRX_LATENCY_BUCKETS - 1;
    }
    zcrx_stats_add(&histogram->frames[i], n);
}

/* Stores in '*histogram' what 'now' has more than 'then', an earlier state of
 * the same.  Any thread. */
static inline void
zcrx_latency_since(struct zcrx_histogram *histogram,
                   const struct zcrx_histogram *now,
                   const struct zcrx_histogram *then)
{
    for (unsigned int i = 0; i < ZCRX_LATENCY_BUCKETS; i++) {
        histogram->frames[i] = (__atomic_load_n(&now->frames[i],
                                                __ATOMIC_RELAXED)
                                - then->frames[i]);
    }
}

#endif /* zcrx-latency.h */
