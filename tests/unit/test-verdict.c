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

/* What is said to hold up a queue pair, in each case. */

#include <config.h>

#include "zcrx-verdict.h"

#include <inttypes.h>
#include <stdarg.h>

#include "check.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"
#include "zcrx-appctl-private.h"
#include "zcrx-pair.h"
#include "zcrx-vring-peek.h"

#define N_RXD 128

static struct zcrx_pool pool;
static struct zcrx_queue queue;
static struct zcrx_pair pair;
static struct zcrx_vring_counts counts;

/* Of the guest's buffers. */
static uint64_t room;

/* What was appended to any string. */
static char text[256];

void
ds_put_format(struct ds *ds OVS_UNUSED, const char *format, ...)
{
    size_t n = strlen(text);
    va_list args;

    va_start(args, format);
    CHECK(vsnprintf(text + n, sizeof text - n, format, args)
          < (int) (sizeof text - n));
    va_end(args);
}

void
ds_put_cstr(struct ds *ds, const char *s)
{
    ds_put_format(ds, "%s", s);
}

void
zcrx_put_number(struct ds *ds, uint64_t n)
{
    ds_put_format(ds, "%"PRIu64, n);
}

const char *
zcrx_pair_state_to_string(enum zcrx_pair_state state)
{
    return state == ZCRX_PAIR_NO_GUEST ? "no-guest" : "other";
}

uint64_t
zcrx_vring_peek_room(const struct zcrx_vring *vq OVS_UNUSED)
{
    return room;
}

/* A queue pair that passes 1,500.5 frames per second to the guest and 20 to
 * the wire. */
static void
set_up(void)
{
    memset(&pool, 0, sizeof pool);
    memset(&queue, 0, sizeof queue);
    memset(&pair, 0, sizeof pair);
    pool.n_posted = N_RXD;
    queue.pool = &pool;
    queue.in_use = true;
    queue.rate.known = true;
    queue.rate.wire_rx = 1500.5;
    queue.rate.guest_tx = 20;
    pair.state = ZCRX_PAIR_RUNNING;
    pair.n_rxd = N_RXD;
    counts.available = 10;
}

static void
check(const char *word, const char *words)
{
    const char *found;
    struct ds ds;

    text[0] = '\0';
    found = zcrx_verdict(&pair, &queue, &counts, &ds);
    if (strcmp(found, word) || strcmp(text, words)) {
        fprintf(stderr, "%s (%s) is not %s (%s)\n", found, text, word, words);
        CHECK(false);
    }
}

static void
test_stopped(void)
{
    char why[] = "options changed";

    set_up();
    queue.in_use = false;
    check("stopped", "stopped: not in use");
    queue.rx.error = ZCRX_VRING_BAD_LOOP;
    check("stopped", "stopped: the guest broke its receive ring");
    pair.state = ZCRX_PAIR_NO_GUEST;
    check("stopped", "stopped: no-guest");
    pair.why = why;
    check("stopped", "stopped: no-guest: options changed");
}

static void
test_guest(void)
{
    set_up();
    counts.available = 0;
    pool.n_posted = N_RXD / 2 - 1;
    check("guest", "guest is slow: 0 buffers available");
    pool.n_posted++;
    check("none", "none: 1500 frames/s from the wire, 20 to it");
    pool.n_posted--;
    pool.n_unused = 1;
    check("none", "none: 1500 frames/s from the wire, 20 to it");
    /* A VF without a ring wants one buffer, which is there. */
    pool.n_unused = 0;
    pool.n_posted = 1;
    queue.vf.no_ring = true;
    counts.available = 1;
    check("none", "none: 1500 frames/s from the wire, 20 to it");
    counts.available = 0;
    check("guest", "guest is slow: 0 buffers available");
}

static void
test_vf(void)
{
    set_up();
    queue.rate.vf_full = 7;
    pool.copying = true;
    check("vf", "VF is slow: it had no room for 7 frames of the guest");
}

static void
test_copy(void)
{
    set_up();
    pool.copying = true;
    pool.last_reason = ZCRX_COPY_MODE;
    queue.rate.known = false;
    check("copy", "copying: zcrx-mode is copy");
    pool.last_reason = ZCRX_COPY_SMALL_BUFFER;
    pool.max_frame = 1522;
    room = 1000;
    check("copy", "copying: guest buffers of 1000 bytes are smaller than the "
          "VF's 1522");
    room = 0;                   /* It cannot be told. */
    check("copy", "copying: guest buffers are smaller than the VF's largest "
          "frame");
}

static void
test_wire(void)
{
    set_up();
    queue.rate.wire_rx = 0.9;
    check("wire", "wire idle");
    queue.rate.wire_rx = 1;
    check("none", "none: 1 frames/s from the wire, 20 to it");
    /* Nothing is known yet. */
    queue.rate.wire_rx = 0;
    queue.rate.known = false;
    check("none", "none: started a moment ago");
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "stopped", test_stopped },
        { "the guest", test_guest },
        { "the VF", test_vf },
        { "copying", test_copy },
        { "the wire, or nothing", test_wire },
    };

    return run_cases(cases, N_ELEMENTS(cases));
}
