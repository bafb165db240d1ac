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

#include <config.h>

#include "zcrx-perf.h"

#include "dpif-netdev-perf.h"

DEFINE_EXTERN_PER_THREAD_DATA(zcrx_perf, { 0 });

/* The linker's --wrap leads the datapath's calls here; see
 * build-aux/ovs.mk. */
__typeof__(pmd_perf_end_iteration) __wrap_pmd_perf_end_iteration;
__typeof__(pmd_perf_end_iteration) __real_pmd_perf_end_iteration;

void
__wrap_pmd_perf_end_iteration(struct pmd_perf_stats *stats, int rx_packets,
                              int tx_packets, uint64_t sleep_cycles,
                              bool full_metrics)
{
    struct zcrx_perf *perf = zcrx_perf_get();

    if (perf->n_passed) {
        pmd_perf_update_counter(stats, PMD_STAT_RECV, perf->n_passed);
        rx_packets += perf->n_passed;
        if (perf->is_awake) {
            sleep_cycles = 0;
        }
        *perf = (struct zcrx_perf) { .n_passed = 0 };
    }
    __real_pmd_perf_end_iteration(stats, rx_packets, tx_packets, sleep_cycles,
                                  full_metrics);
}

/* Nothing but the datapath's PMD threads sleeps in this way. */
__typeof__(xnanosleep_no_quiesce) __wrap_xnanosleep_no_quiesce;
__typeof__(xnanosleep_no_quiesce) __real_xnanosleep_no_quiesce;

void
__wrap_xnanosleep_no_quiesce(uint64_t nanoseconds)
{
    if (!zcrx_perf_get()->is_awake) {
        __real_xnanosleep_no_quiesce(nanoseconds);
    }
}
