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

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "eal.h"
#include "zcrx-capture.h"

#define WIRE "test-observe.pcap"
#define PCAP "net_pcap0,rx_pcap=" WIRE
#define FILE_NAME "test-observe.pcapng"

static uint8_t file[4 * 1024 * 1024];

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

static void
start_capture(struct zcrx_capture *capture, uint32_t n)
{
    memset(capture, 0, sizeof *capture);
    unlink(FILE_NAME);
    CHECK_EQ(zcrx_capture_open(capture, FILE_NAME, "zc0", 0, n), 0);
    rig.queue.capture = capture;
}

static void
stop_capture(struct zcrx_capture *capture)
{
    rig.queue.capture = NULL;
    CHECK_EQ(zcrx_capture_write(capture), 0);
    zcrx_capture_close(capture);
}

static uint32_t
get_u32(size_t ofs)
{
    uint32_t value;

    memcpy(&value, file + ofs, sizeof value);
    return value;
}

/* Checks that the file has the frames from number 'seq' on, and that they pass
 * in that direction.  Returns how many there are. */
static unsigned int
check_file(uint32_t seq, enum zcrx_direction direction)
{
    FILE *stream = fopen(FILE_NAME, "rb");
    size_t size = fread(file, 1, sizeof file, stream);
    unsigned int n = 0;
    size_t ofs, len;

    fclose(stream);
    CHECK_EQ(get_u32(0), 0x0a0d0d0a);
    for (ofs = 0; ofs < size; ofs += len) {
        len = get_u32(ofs + 4);
        CHECK(len >= 12 && ofs + len <= size);
        CHECK_EQ(get_u32(ofs + len - 4), len);
        if (get_u32(ofs) == 6) { /* An enhanced packet block. */
            uint32_t frame_len = get_u32(ofs + 20);
            size_t options = ofs + 28 + (frame_len + 3) / 4 * 4;
            uint8_t frame[RIG_MAX_FRAME];

            CHECK_EQ(rig_make_frame(seq + n++, frame), frame_len);
            CHECK_EQ(get_u32(ofs + 24), frame_len);
            CHECK(!memcmp(file + ofs + 28, frame, frame_len));
            CHECK_EQ(get_u32(options), 4 << 16 | 2); /* Flags. */
            CHECK_EQ(get_u32(options + 4) & 3, direction);
        }
    }
    CHECK_EQ(ofs, size);
    return n;
}

/* As many frames as were asked for are captured, and no more. */
static void
test_capture(void)
{
    const struct rig_config config = { .devargs = PCAP, .chains = true };
    struct zcrx_capture capture;
    uint8_t frame[RIG_MAX_FRAME];

    rig_start(&config);
    for (int i = 0; i < 128; i++) {
        CHECK(rig_post(RIG_ONE, 1514));
    }
    start_capture(&capture, 50);
    CHECK_EQ(zcrx_capture_open(&(struct zcrx_capture) { .left = 0 }, FILE_NAME,
                               "zc0", 0, 50), EEXIST);
    CHECK_EQ(rig_poll(), 32);
    CHECK(!zcrx_capture_is_complete(&capture));
    CHECK_EQ(rig_poll(), 32);
    CHECK(zcrx_capture_is_complete(&capture));
    CHECK_EQ(rig_poll(), 32);
    stop_capture(&capture);
    CHECK_EQ(rig_poll(), 32);
    CHECK_EQ(capture.written, 50);
    CHECK_EQ(capture.missed, 0);
    CHECK_EQ(check_file(0, ZCRX_INBOUND), 50);
    CHECK_EQ(rig_receive_all(), 128);

    /* What the guest sends. */
    start_capture(&capture, 50);
    for (uint32_t seq = 500; seq < 520; seq++) {
        CHECK(rig_send(NULL, frame, rig_make_frame(seq, frame)));
    }
    CHECK_EQ(rig_poll(), 20);
    CHECK_EQ(rig_reclaim(), 20);
    stop_capture(&capture);
    CHECK_EQ(check_file(500, ZCRX_OUTBOUND), 20);
    rig_stop();
    rig_destroy();
    unlink(FILE_NAME);
}

/* Frames for which there is no room are counted, and the capture goes on. */
static void
test_capture_missed(void)
{
    const struct rig_config config = { .devargs = PCAP, .chains = true };
    struct zcrx_capture capture;
    unsigned int n = 0;

    rig_start(&config);
    start_capture(&capture, 2000);
    while (n < 1500) {
        rig_post_all(RIG_ONE, 1514);
        n += rig_poll();
        rig_receive_all();
    }
    CHECK_EQ(capture.missed, n - ZCRX_CAPTURE_ROOM);
    CHECK_EQ(zcrx_capture_write(&capture), 0);
    CHECK_EQ(capture.written, ZCRX_CAPTURE_ROOM);
    CHECK_EQ(check_file(0, ZCRX_INBOUND), ZCRX_CAPTURE_ROOM);
    rig_post_all(RIG_ONE, 1514);
    n = rig_poll();
    rig_receive_all();
    stop_capture(&capture);
    CHECK_EQ(capture.written, ZCRX_CAPTURE_ROOM + n);
    CHECK_EQ(capture.left, 2000 - ZCRX_CAPTURE_ROOM - n);
    rig_stop();
    rig_destroy();
    unlink(FILE_NAME);
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "buckets", test_buckets },
        { "latency", test_latency },
        { "capture", test_capture },
        { "capture, frames missed", test_capture_missed },
    };

    start_dpdk();
    rig_write_capture(WIRE, 2000);
    return rig_run_cases(cases, N_ELEMENTS(cases));
}
