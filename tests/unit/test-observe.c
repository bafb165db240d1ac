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

/* What looks at the frames of a queue pair while they pass. */

#include "rig.h"

#include "eal.h"

static uint64_t
sum(const struct zcrx_histogram *histogram)
{
    uint64_t n = 0;

    for (unsigned int i = 0; i < ZCRX_LATENCY_BUCKETS; i++) {
        n += histogram->frames[i];
    }
    return n;
}

/* Each frame is in the bucket for its time. */
static void
test_buckets(void)
{
    struct zcrx_histogram histogram = { .frames = { 0 } }, then;

    zcrx_latency_add(&histogram, 0, 1);
    zcrx_latency_add(&histogram, 63, 1);
    zcrx_latency_add(&histogram, 64, 3);
    zcrx_latency_add(&histogram, 127, 2);
    zcrx_latency_add(&histogram, 128, 7);
    CHECK_EQ(histogram.frames[0], 2);
    CHECK_EQ(histogram.frames[1], 5);
    CHECK_EQ(histogram.frames[2], 7);
    zcrx_latency_add(&histogram,
                     zcrx_latency_limit(ZCRX_LATENCY_BUCKETS - 2) - 1, 1);
    CHECK_EQ(histogram.frames[ZCRX_LATENCY_BUCKETS - 2], 1);
    CHECK_EQ(histogram.frames[ZCRX_LATENCY_BUCKETS - 1], 0);
    zcrx_latency_add(&histogram, UINT64_MAX, 1);
    CHECK_EQ(histogram.frames[ZCRX_LATENCY_BUCKETS - 1], 1);

    then = histogram;
    zcrx_latency_add(&histogram, 100, 4);
    zcrx_latency_since(&histogram, &histogram, &then);
    CHECK_EQ(histogram.frames[1], 4);
    CHECK_EQ(sum(&histogram), 4);
}

/* Of each 16 turns, the second one counts. */
static void
test_latency(void)
{
    const struct rig_config config = { .devargs = "net_null0,size=100" };
    const struct zcrx_latency *latency = &rig.queue.latency;
    uint8_t frame[RIG_MAX_FRAME];

    rig_start(&config);
    for (int turn = 0; turn < 40; turn++) {
        uint64_t expected = 32 * ((turn + 14) / 16);

        CHECK_EQ(sum(&latency->wait), expected);
        CHECK_EQ(sum(&latency->deliver), expected);
        rig_post_all(RIG_ONE, 1514);
        CHECK_EQ(rig_poll(), 32);
        for (int i = 0; i < 32; i++) {
            CHECK(rig_receive(frame));
        }
    }
    CHECK_EQ(sum(&latency->wait), 96);
    CHECK_EQ(rig.queue.stats.rx_sampled_frames, 96);
    /* Not delivered so soon that it took no time. */
    CHECK_EQ(latency->wait.frames[0], 0);
    rig_stop();
    rig_destroy();
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "buckets", test_buckets },
        { "latency", test_latency },
    };

    start_dpdk();
    return rig_run_cases(cases, N_ELEMENTS(cases));
}
