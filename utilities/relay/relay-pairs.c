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

#define _GNU_SOURCE 1         /* For pthread_setaffinity_np(). */

#include "relay.h"

#include <sched.h>
#include <stdlib.h>
#include <rte_cycles.h>
#include <rte_pause.h>

#include "simnic-util.h"

/* Two queue pairs of a port, each with a thread and a CPU of its own:
 *
 *     main thread (pair 0)                    second thread (pair 1)
 *     --------------------                    ----------------------
 *     device delivers to both pairs           waits
 *     go = number of the batch   -----------> sees it
 *     moves the frames of pair 0, if both     moves the frames of pair 1,
 *     waits                      <----------- timed; done = number
 *     moves the frames of pair 0, if not yet  waits
 *     guest consumes from both pairs
 *
 * The second thread finds the same in its caches whether or not the first one
 * moves frames meanwhile: what it takes longer is due to that. */
struct second {
    struct relay_path *path;
    unsigned int cpu;
    unsigned int burst;
    uint64_t cycles;            /* Of the last batch. */
    unsigned int go __attribute__((aligned(RTE_CACHE_LINE_SIZE)));
    unsigned int done __attribute__((aligned(RTE_CACHE_LINE_SIZE)));
    bool stop;
};

static void *
second_main(void *second_)
{
    struct second *s = second_;
    unsigned int number = 0;
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET(s->cpu, &cpus);
    if (pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus)) {
        relay_die("there is no CPU %u", s->cpu);
    }
    for (;;) {
        uint64_t start;

        while (__atomic_load_n(&s->go, __ATOMIC_ACQUIRE) == number) {
            rte_pause();
        }
        if (s->stop) {
            return NULL;
        }
        number++;
        start = rte_rdtsc_precise();
        relay_timed_turns(s->path, 1, s->burst);
        s->cycles = rte_rdtsc_precise() - start;
        __atomic_store_n(&s->done, number, __ATOMIC_RELEASE);
    }
}

/* Has the second thread move the frames of pair 1; moves those of pair 0
 * meanwhile if 'both', afterwards otherwise.  Returns the cycles of the second
 * thread. */
static uint64_t
run_batch(struct second *s, bool both)
{
    relay_deliver(s->path, 0, s->burst);
    relay_deliver(s->path, 1, s->burst);
    __atomic_store_n(&s->go, s->go + 1, __ATOMIC_RELEASE);
    if (both) {
        relay_timed_turns(s->path, 0, s->burst);
    }
    while (__atomic_load_n(&s->done, __ATOMIC_ACQUIRE) != s->go) {
        rte_pause();
    }
    if (!both) {
        relay_timed_turns(s->path, 0, s->burst);
    }
    relay_consume(s->path, 0, s->burst, NULL);
    relay_consume(s->path, 1, s->burst, NULL);
    return s->cycles;
}

/* Measures, by turns, what it costs to move frames as 'c' says through one
 * queue pair of 'path', which has two, while nobody uses the other one
 * ('results[0]') and while another thread does ('results[1]').  The thread
 * that is measured runs on 'cpu', the other one is the caller. */
void
relay_measure_pairs(struct relay_path *path, const struct relay_case *c,
                    unsigned int cpu, struct relay_result results[2])
{
    struct second s = { .path = path, .cpu = cpu, .burst = c->burst };
    unsigned int warm_up = c->n_batches / 8 + 1;
    uint64_t *cycles[2];
    pthread_t thread;

    relay_prepare(path, c);
    if (pthread_create(&thread, NULL, second_main, &s)) {
        relay_die("cannot create a thread");
    }
    for (int i = 0; i < 2; i++) {
        cycles[i] = simnic_zalloc(c->n_batches, sizeof *cycles[i]);
    }
    for (unsigned int i = 0; i < warm_up + c->n_batches; i++) {
        for (int both = 0; both < 2; both++) {
            uint64_t n = run_batch(&s, both);

            if (i >= warm_up) {
                cycles[both][i - warm_up] = n;
            }
        }
    }
    s.stop = true;
    __atomic_store_n(&s.go, s.go + 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    for (int i = 0; i < 2; i++) {
        relay_summarize(cycles[i], c, &results[i]);
        free(cycles[i]);
    }
}
