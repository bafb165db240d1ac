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

/* A policer that several PMD threads use at once lets no more pass than one
 * does.  What it takes of Open vSwitch is played. */

#include <config.h>

#include "netdev-dpdkzcrx-qos.h"

#include <pthread.h>
#include <rte_cycles.h>

#include "check.h"
#include "dp-packet.h"
#include "eal.h"
#include "ovs-rcu.h"
#include "smap.h"
#include "util.h"

#define N_THREADS 4
#define KBITS_RATE 8            /* 1,000 bytes a second. */
#define KBITS_BURST 800         /* 100,000 bytes. */
#define FRAME_LEN 1000
#define MILLISECONDS 500

static struct zcrx_qos qos;
static uint64_t n_policed;
static uint64_t n_passed;
static uint64_t end;

/* What a PMD thread does. */
static void *
police(void *aux OVS_UNUSED)
{
    struct dp_packet *packets = xcalloc(NETDEV_MAX_BURST, sizeof *packets);
    uint64_t passed = 0;

    while (rte_rdtsc() < end) {
        struct dp_packet_batch batch;

        dp_packet_batch_init(&batch);
        for (int i = 0; i < NETDEV_MAX_BURST; i++) {
            packets[i].source = DPBUF_DPDK;
            dp_packet_set_size(&packets[i], FRAME_LEN + ETH_HEADER_LEN);
            dp_packet_batch_add(&batch, &packets[i]);
        }
        zcrx_qos_police(&qos, ZCRX_QOS_INGRESS, &batch, &n_policed);
        passed += dp_packet_batch_size(&batch);
    }
    __atomic_add_fetch(&n_passed, passed, __ATOMIC_RELAXED);
    free(packets);
    return NULL;
}

static void
test_threads(void)
{
    uint64_t begin = rte_rdtsc();
    pthread_t threads[N_THREADS];
    double seconds;

    CHECK(!zcrx_qos_set_ingress(&qos, "zc0", true, KBITS_RATE, KBITS_BURST,
                                0));
    end = begin + rte_get_tsc_hz() / 1000 * MILLISECONDS;
    for (int i = 0; i < N_THREADS; i++) {
        CHECK(!pthread_create(&threads[i], NULL, police, NULL));
    }
    for (int i = 0; i < N_THREADS; i++) {
        CHECK(!pthread_join(threads[i], NULL));
    }
    seconds = (double) (rte_rdtsc() - begin) / rte_get_tsc_hz();
    CHECK(n_policed > 0);
    CHECK(n_passed >= KBITS_BURST * 125 / FRAME_LEN);
    CHECK(n_passed * FRAME_LEN
          <= KBITS_BURST * 125 + KBITS_RATE * 125 * seconds + FRAME_LEN);
}

/* Open vSwitch. */

/* Of newer versions, for batches that are longer than these. */
void dp_packet_batch_grow(struct dp_packet_batch *, size_t);

void
dp_packet_batch_grow(struct dp_packet_batch *batch OVS_UNUSED,
                     size_t n OVS_UNUSED)
{
    CHECK(false);
}

bool
nullable_string_is_equal(const char *a OVS_UNUSED, const char *b OVS_UNUSED)
{
    return false;
}

void
ovsrcu_postpone__(void (*function)(void *aux), void *aux)
{
    function(aux);
}

void
smap_add_format(struct smap *smap OVS_UNUSED, const char *key OVS_UNUSED,
                const char *format OVS_UNUSED, ...)
{
}

unsigned long long int
smap_get_ullong(const struct smap *smap OVS_UNUSED,
                const char *key OVS_UNUSED, unsigned long long int def)
{
    return def;
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "several threads", test_threads },
    };
    int status;

    start_dpdk();
    zcrx_qos_init(&qos);
    status = run_cases(cases, N_ELEMENTS(cases));
    zcrx_qos_destroy(&qos);
    return status;
}
