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

/* The mempool of what guests send: there are mbufs for the queue pairs of a VF
 * that keeps as many as it can, when PMD threads that had them before keep as
 * many as they can. */

#include "zcrx-tx.h"

#include <pthread.h>
#include <rte_lcore.h>
#include <rte_mempool.h>

#include "check.h"
#include "eal.h"
#include "zcrx-sync.h"

#define N_THREADS 8
#define N_QUEUES 2
#define N_TXD 512

static struct rte_mempool *mp;
static void *held[N_QUEUES * N_TXD];
static pthread_barrier_t barrier;

/* A PMD thread that had a queue pair. */
static void *
leave_some(void *aux)
{
    struct rte_mempool_cache *cache;
    void *mbufs[2 * ZCRX_BURST];

    (void) aux;
    CHECK(!rte_thread_register());
    cache = rte_mempool_default_cache(mp, rte_lcore_id());
    CHECK(cache);
    /* All threads first take some, so that none is left out. */
    CHECK(!rte_mempool_generic_get(mp, mbufs, N_ELEMENTS(mbufs), NULL));
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < N_ELEMENTS(mbufs); i++) {
        uint32_t n = cache->len;

        if (n < ZCRX_BURST * 3 / 2) {
            rte_mempool_put(mp, mbufs[i]);
        } else {
            rte_mempool_generic_put(mp, &mbufs[i], 1, NULL);
        }
    }
    CHECK(cache->len >= ZCRX_BURST / 2);
    /* It lives on, with others' queues. */
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    rte_thread_unregister();
    return NULL;
}

static void
test_caches(void)
{
    pthread_t threads[N_THREADS];
    void *burst[ZCRX_BURST];

    mp = zcrx_tx_create_pool("test", N_QUEUES, N_TXD, 1, 2048, N_THREADS,
                             SOCKET_ID_ANY);
    CHECK(mp);
    CHECK(!pthread_barrier_init(&barrier, NULL, N_THREADS + 1));
    for (size_t i = 0; i < N_THREADS; i++) {
        CHECK(!pthread_create(&threads[i], NULL, leave_some, NULL));
    }
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);

    /* The VF's, and a burst of frames of two mbufs for each queue pair. */
    CHECK(!rte_mempool_generic_get(mp, held, N_ELEMENTS(held), NULL));
    for (int i = 0; i < N_QUEUES * 2; i++) {
        CHECK(!rte_mempool_generic_get(mp, burst, ZCRX_BURST, NULL));
    }
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < N_THREADS; i++) {
        CHECK(!pthread_join(threads[i], NULL));
    }
    rte_mempool_free(mp);
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "caches of other threads", test_caches },
    };

    start_dpdk();
    return run_cases(cases, N_ELEMENTS(cases));
}
