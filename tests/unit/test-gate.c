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

/* The gate between a PMD thread and the control plane, for ThreadSanitizer
 * too: what is behind the gate is written without any other protection. */

#include "zcrx-gate.h"

#include <pthread.h>
#include <string.h>

#include "check.h"

#define N_CLOSINGS 2000

static struct zcrx_gate gate;

/* What the gate protects: plain memory, whose two halves are the same outside
 * the gate. */
static struct {
    unsigned int turns;
    unsigned int filler[100];
    unsigned int turns_again;
} queue;

static bool stop;               /* Atomic. */
static unsigned int n_entered;  /* Atomic. */
static unsigned int n_turned_away; /* Atomic. */

static void
reset(void)
{
    memset(&gate, 0, sizeof gate);
    memset(&queue, 0, sizeof queue);
    stop = false;
    n_entered = n_turned_away = 0;
}

static unsigned int
load(const unsigned int *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void
add(unsigned int *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* What a queue pair sees of one thread. */
static void
test_one_thread(void)
{
    reset();
    CHECK(!zcrx_gate_enter(&gate)); /* A gate starts out closed. */
    CHECK(!zcrx_gate_enter(&gate));
    zcrx_gate_close(&gate);         /* Once more does no harm. */
    zcrx_gate_close(&gate);
    CHECK(!zcrx_gate_enter(&gate));
    for (int i = 0; i < 3; i++) {
        zcrx_gate_open(&gate);
        zcrx_gate_open(&gate);
        for (int j = 0; j < 3; j++) {
            CHECK(zcrx_gate_enter(&gate));
            zcrx_gate_leave(&gate);
        }
        zcrx_gate_close(&gate);     /* Nobody is inside: returns at once. */
        CHECK(!zcrx_gate_enter(&gate));
    }
}

/* Goes in, stays until the control plane is about to close the gate, and does
 * something slow then. */
static void *
stay_inside(void *closing_)
{
    unsigned int *closing = closing_;

    while (!zcrx_gate_enter(&gate)) {
        sched_yield();
    }
    add(&n_entered);
    while (!load(closing)) {
        sched_yield();
    }
    for (int i = 0; i < 1000; i++) {
        queue.turns++;
        sched_yield();
    }
    zcrx_gate_leave(&gate);
    return NULL;
}

/* The control plane waits for a turn that has begun. */
static void
test_close_waits(void)
{
    for (int i = 0; i < 10; i++) {
        unsigned int closing = 0;
        pthread_t thread;

        reset();
        CHECK(!pthread_create(&thread, NULL, stay_inside, &closing));
        zcrx_gate_open(&gate);
        while (!load(&n_entered)) {
            sched_yield();
        }
        add(&closing);
        zcrx_gate_close(&gate);
        CHECK_EQ(queue.turns, 1000);
        CHECK(!pthread_join(thread, NULL));
    }
}

/* A PMD thread: takes turns for as long as it may. */
static void *
pmd_main(void *aux)
{
    (void) aux;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        if (zcrx_gate_enter(&gate)) {
            CHECK(queue.turns == queue.turns_again);
            queue.turns++;
            for (size_t i = 0; i < N_ELEMENTS(queue.filler); i++) {
                queue.filler[i]++;
                if (i == 50 && queue.turns % 8 == 0) {
                    /* On a machine with one CPU, this is where the control
                     * plane finds a turn half done. */
                    sched_yield();
                }
            }
            queue.turns_again++;
            /* When the gate is closed, this has been counted, too. */
            add(&n_entered);
            zcrx_gate_leave(&gate);
        } else {
            add(&n_turned_away);
            sched_yield();
        }
    }
    return NULL;
}

/* Both at once: the control plane closes and opens the gate again and again,
 * and changes what is behind it. */
static void
test_two_threads(void)
{
    unsigned int expected = 0;
    pthread_t thread;

    reset();
    CHECK(!pthread_create(&thread, NULL, pmd_main, NULL));
    for (int i = 0; i < N_CLOSINGS; i++) {
        unsigned int seen = load(&n_entered);
        unsigned int turns;

        zcrx_gate_open(&gate);
        /* Every other time the thread gets in for certain, otherwise only if
         * it is quick. */
        while (i % 2 && load(&n_entered) == seen) {
            sched_yield();
        }
        zcrx_gate_close(&gate);

        /* Nobody is inside, and nobody comes in. */
        turns = queue.turns;
        CHECK_EQ(turns, queue.turns_again);
        CHECK(i % 2 == 0 || turns > expected);
        seen = load(&n_turned_away);
        while (i % 3 == 0 && load(&n_turned_away) - seen < 2) {
            sched_yield();
        }
        CHECK_EQ(queue.turns, turns);
        expected = turns;
        for (size_t j = 0; j < N_ELEMENTS(queue.filler); j++) {
            CHECK_EQ(queue.filler[j], turns);
            queue.filler[j] = turns;
        }
        queue.turns_again = queue.turns = turns;
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    CHECK(!pthread_join(thread, NULL));
    CHECK_EQ(queue.turns, n_entered);
    CHECK(n_turned_away >= N_CLOSINGS / 3);
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "one thread", test_one_thread },
        { "closing waits", test_close_waits },
        { "two threads", test_two_threads },
    };

    return run_cases(cases, N_ELEMENTS(cases));
}
