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

/* A PMD thread that uses a virtqueue, and a vhost thread that stops it, looks
 * at the virtqueue, lets the guest run, and sets the virtqueue up again: for
 * ThreadSanitizer, which sees each access that the gate does not order.
 *
 * usage: test-threads [ROUNDS [SEED]] */

#include "zcrx-gate.h"
#include "zcrx-vring.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "guest.h"

#define MEM_SIZE 65536
#define SIZE 32

static struct zcrx_gate gate;
static struct zcrx_vring vq;    /* Behind the gate. */
static struct guest guest;      /* These, too. */
static struct guest_vq gq;
static uint64_t n_published;

static bool stop;               /* Atomic. */
static unsigned int n_turns;    /* Atomic. */
static unsigned int n_rounds = 100;
static uint64_t seed;

/* One turn: takes buffers, publishes some of them in another order, and puts
 * the rest back. */
static void
take_turn(uint64_t *random)
{
    struct zcrx_used used[SIZE];
    struct zcrx_head heads[SIZE];
    uint16_t n = zcrx_vring_take(&vq, heads, 1 + next_random(random, 8));
    uint16_t n_back = n ? next_random(random, n + 1) : 0;

    n -= n_back;
    zcrx_vring_untake(&vq, &heads[n], n_back);
    for (uint16_t i = 0; i < n; i++) {
        used[i].id = heads[n - 1 - i].id;
        used[i].len = 100;
    }
    zcrx_vring_publish(&vq, used, n);
    zcrx_vring_must_notify(&vq);
    n_published += n;
    if (!next_random(random, 4)) {
        /* Left for the other thread to put back. */
        zcrx_vring_take(&vq, heads, 2);
    }
}

static void *
pmd_main(void *aux)
{
    uint64_t random = seed + 1;

    (void) aux;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        if (zcrx_gate_enter(&gate)) {
            take_turn(&random);
            zcrx_gate_leave(&gate);
            __atomic_fetch_add(&n_turns, 1, __ATOMIC_RELAXED);
        } else {
            sched_yield();
        }
    }
    return NULL;
}

/* The guest takes back what was used, and offers all that it has. */
static uint64_t
run_guest(void)
{
    static const struct guest_piece piece = { GUEST_LOW_GPA, 256 };
    uint64_t n = 0;
    uint32_t len;

    while (guest_collect(&gq, &len)) {
        n += len != 0;
    }
    while (gq.n_free) {
        guest_post(&gq, &piece, 1, GUEST_DIRECT);
    }
    return n;
}

static void
check_threads(bool packed)
{
    uint64_t n_collected = 0;
    pthread_t thread;

    memset(&gate, 0, sizeof gate);
    stop = false;
    n_turns = 0;
    n_published = 0;
    guest_init(&guest, MEM_SIZE);
    if (packed) {
        guest_vq_init_packed(&gq, &guest, SIZE, 0, true);
    } else {
        guest_vq_init(&gq, &guest, SIZE, 0, true);
    }
    run_guest();
    CHECK(!zcrx_vring_init(&vq, &gq.config, &guest.map));
    CHECK(!pthread_create(&thread, NULL, pmd_main, NULL));
    for (unsigned int i = 0; i < n_rounds; i++) {
        unsigned int before = __atomic_load_n(&n_turns, __ATOMIC_RELAXED);

        zcrx_gate_open(&gate);
        while (__atomic_load_n(&n_turns, __ATOMIC_RELAXED) == before) {
            sched_yield();
        }
        zcrx_gate_close(&gate);

        CHECK(!vq.error);
        zcrx_vring_put_back_all(&vq);
        zcrx_vring_get_position(&vq, &gq.config.last_avail,
                                &gq.config.last_used);
        zcrx_vring_destroy(&vq);
        n_collected += run_guest();
        CHECK_EQ(n_collected, n_published);
        CHECK(!zcrx_vring_init(&vq, &gq.config, &guest.map));
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    CHECK(!pthread_join(thread, NULL));
    zcrx_vring_destroy(&vq);
    guest_vq_destroy(&gq);
    guest_destroy(&guest);
}

static void
test_split(void)
{
    check_threads(false);
}

static void
test_packed(void)
{
    check_threads(true);
}

int
main(int argc, char *argv[])
{
    static const struct test_case cases[] = {
        { "a PMD thread and a vhost thread, split", test_split },
        { "a PMD thread and a vhost thread, packed", test_packed },
    };

    seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t) time(NULL);
    n_rounds = argc > 1 ? strtoul(argv[1], NULL, 0) : n_rounds;
    printf("seed %llu\n", (unsigned long long int) seed);
    return run_cases(cases, N_ELEMENTS(cases));
}
