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

/* What Open vSwitch is told of frames that pass: its side is played. */

#include <config.h>

#include "zcrx-perf.h"

#include "check.h"
#include "dpif-netdev-perf.h"

__typeof__(pmd_perf_end_iteration) __wrap_pmd_perf_end_iteration;
__typeof__(pmd_perf_end_iteration) __real_pmd_perf_end_iteration;
__typeof__(xnanosleep_no_quiesce) __wrap_xnanosleep_no_quiesce;
__typeof__(xnanosleep_no_quiesce) __real_xnanosleep_no_quiesce;

static struct pmd_perf_stats stats;
static int rx, tx;
static uint64_t slept, cycles_slept;

void
__real_pmd_perf_end_iteration(struct pmd_perf_stats *stats_, int rx_packets,
                              int tx_packets, uint64_t sleep_cycles,
                              bool full_metrics)
{
    CHECK(stats_ == &stats && full_metrics);
    rx = rx_packets;
    tx = tx_packets;
    cycles_slept = sleep_cycles;
}

void
__real_xnanosleep_no_quiesce(uint64_t nanoseconds)
{
    slept += nanoseconds;
}

/* Ends an iteration in which OVS itself received 'n' packets, with a sleep, as
 * the datapath does.  Returns the frames that it is told of. */
static int
end_iteration(int n)
{
    uint64_t received;

    slept = 0;
    __wrap_xnanosleep_no_quiesce(7000);
    __wrap_pmd_perf_end_iteration(&stats, n, 2, 99, true);
    CHECK_EQ(tx, 2);
    CHECK_EQ(cycles_slept, slept ? 99 : 0);
    atomic_read_relaxed(&stats.counters.n[PMD_STAT_RECV], &received);
    atomic_store_relaxed(&stats.counters.n[PMD_STAT_RECV], 0);
    CHECK_EQ(rx, received + n);
    return received;
}

static void
test_counted_once(void)
{
    CHECK_EQ(end_iteration(0), 0);
    zcrx_perf_note(3);
    zcrx_perf_note(4);
    CHECK_EQ(end_iteration(5), 7);
    CHECK_EQ(end_iteration(5), 0);
}

static void
test_stays_awake(void)
{
    end_iteration(0);
    CHECK_EQ(slept, 7000);

    zcrx_perf_note(NETDEV_MAX_BURST / 2 - 1);
    zcrx_perf_note(NETDEV_MAX_BURST / 2 - 1);
    end_iteration(0);
    CHECK_EQ(slept, 7000);

    zcrx_perf_note(NETDEV_MAX_BURST / 2);
    zcrx_perf_note(0);
    end_iteration(0);
    CHECK_EQ(slept, 0);

    end_iteration(0);
    CHECK_EQ(slept, 7000);
}

static const struct test_case cases[] = {
    { "frames that pass are counted once", test_counted_once },
    { "a thread that relays stays awake", test_stays_awake },
};

int
main(void)
{
    return run_cases(cases, N_ELEMENTS(cases));
}
