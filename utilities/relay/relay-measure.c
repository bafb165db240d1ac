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

#include "relay.h"

#include <stdlib.h>
#include <rte_cycles.h>

#include "simnic.h"
#include "simnic-util.h"

/* Turns without a frame after which one is lost. */
#define PATIENCE 1000

/* Frames that are checked in each case. */
#define VERIFIED 2048

/* Returns the cycles that reading the clock twice takes. */
static uint64_t
clock_overhead(void)
{
    uint64_t least = UINT64_MAX;

    for (int i = 0; i < 1000; i++) {
        uint64_t start = rte_rdtsc_precise();
        uint64_t cycles = rte_rdtsc_precise() - start;

        least = RTE_MIN(least, cycles);
    }
    return least;
}

/* Has the device deliver 'n' frames to queue pair 'pair' of the VF. */
void
relay_deliver(struct relay_path *path, uint16_t pair, unsigned int n)
{
    unsigned int done = simnic_deliver(path->vf.sn, pair, n);

    if (simnic_violation(path->vf.sn)) {
        relay_die("%s: simnic: %s", path->name,
                  simnic_violation(path->vf.sn));
    } else if (done != n) {
        relay_die("%s: the VF has descriptors for %u of %u frames",
                  path->name, done, n);
    }
}

/* Has the guest, if there is one, consume 'n' frames from queue pair 'pair'.
 * They are checked unless 'next_number' is NULL. */
void
relay_consume(struct relay_path *path, uint16_t pair, unsigned int n,
              uint32_t *next_number)
{
    unsigned int done = (path->consume
                         ? path->consume(path, pair, next_number) : n);

    if (done != n) {
        relay_die("%s: the guest got %u of %u frames", path->name, done, n);
    }
}

/* Moves the 'n' frames that wait in queue pair 'pair' of the VF. */
static inline void
turns(struct relay_path *path, uint16_t pair, unsigned int n)
{
    unsigned int idle = 0;
    unsigned int done = 0;

    while (done < n) {
        unsigned int moved = path->turn(path, pair);

        done += moved;
        idle = moved ? 0 : idle + 1;
        if (idle > PATIENCE) {
            relay_die("%s: %u of %u frames came out", path->name, done, n);
        }
    }
}

/* What is measured.  It has a name by which those who count instructions find
 * it. */
void __attribute__((noinline))
relay_timed_turns(struct relay_path *path, uint16_t pair, unsigned int n)
{
    turns(path, pair, n);
}

/* Makes the device one that delivers frames as 'c' says. */
void
relay_prepare(struct relay_path *path, const struct relay_case *c)
{
    const char *error = simnic_source_set_sizes(path->vf.source, c->size);

    if (error) {
        relay_die("%s", error);
    }
    simnic_set_clean(path->vf.sn, c->cold);
}

/* Moves some frames as 'c' says, without measuring, and makes sure that each
 * arrives as it was made. */
void
relay_verify(struct relay_path *path, const struct relay_case *c)
{
    unsigned int n = RTE_MIN(c->n_batches, VERIFIED / c->burst);
    uint32_t next_number = path->vf.source->number;

    relay_prepare(path, c);
    for (unsigned int i = 0; i < n; i++) {
        unsigned int done = 0;

        relay_deliver(path, 0, c->burst);
        if (path->consume) {
            turns(path, 0, c->burst);
        }
        while (!path->consume && done < c->burst) {
            done += path->turn_checked(path, &next_number);
        }
        relay_consume(path, 0, c->burst, &next_number);
    }
}

static int
compare(const void *a_, const void *b_)
{
    const uint64_t *a = a_;
    const uint64_t *b = b_;

    return *a < *b ? -1 : *a > *b;
}

/* Stores in '*result' what comes of the cycles that each batch of 'c' took,
 * which are sorted. */
void
relay_summarize(uint64_t *cycles, const struct relay_case *c,
                struct relay_result *result)
{
    qsort(cycles, c->n_batches, sizeof *cycles, compare);
    result->median = (double) cycles[c->n_batches / 2] / c->burst;
    result->p99 = (double) cycles[c->n_batches * 99 / 100] / c->burst;
    result->n_frames = (uint64_t) c->n_batches * c->burst;
}

/* Measures what it costs to move frames as 'c' says.  Nothing is left in any
 * ring when it begins, and when it ends. */
void __attribute__((noinline))
relay_measure(struct relay_path *path, const struct relay_case *c,
              struct relay_result *result)
{
    uint64_t *cycles = simnic_zalloc(c->n_batches, sizeof *cycles);
    unsigned int warm_up = c->n_batches / 8 + 1;
    uint64_t overhead = clock_overhead();

    relay_prepare(path, c);
    for (unsigned int i = 0; i < warm_up + c->n_batches; i++) {
        uint64_t start, end;

        relay_deliver(path, 0, c->burst);
        if (i < warm_up) {
            turns(path, 0, c->burst);
        } else {
            start = rte_rdtsc_precise();
            relay_timed_turns(path, 0, c->burst);
            end = rte_rdtsc_precise();
            cycles[i - warm_up] = end - start - RTE_MIN(overhead,
                                                        end - start);
        }
        relay_consume(path, 0, c->burst, NULL);
    }
    relay_summarize(cycles, c, result);
    free(cycles);
}
