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

#include "zcrx-verdict.h"

#include <inttypes.h>

#include "openvswitch/dynamic-string.h"
#include "zcrx-appctl-private.h"
#include "zcrx-pair.h"
#include "zcrx-vring-peek.h"

/* Returns true if the VF wants more buffers than it has, and the guest has
 * none. */
static bool
guest_is_slow(const struct zcrx_pair *pair, const struct zcrx_queue *q,
              const struct zcrx_vring_counts *rx)
{
    return (!rx->available && !q->pool->n_unused
            && (q->vf.no_ring
                || zcrx_pool_n_out(q->pool) < pair->n_rxd / 2));
}

static void
put_copy_reason(const struct zcrx_queue *q, struct ds *text)
{
    enum zcrx_copy_reason reason = q->pool->last_reason;
    uint64_t room = zcrx_vring_peek_room(&q->rx);

    ds_put_cstr(text, "copying: ");
    if (reason == ZCRX_COPY_SMALL_BUFFER && room
        && room < q->pool->max_frame) {
        ds_put_cstr(text, "guest buffers of ");
        zcrx_put_number(text, room);
        ds_put_cstr(text, " bytes are smaller than the VF's ");
        zcrx_put_number(text, q->pool->max_frame);
    } else {
        ds_put_cstr(text, zcrx_copy_reason_to_string(reason));
    }
}

static void
put_rates(const struct zcrx_rate *rate, struct ds *text)
{
    zcrx_put_number(text, rate->wire_rx);
    ds_put_cstr(text, " frames/s from the wire, ");
    zcrx_put_number(text, rate->guest_tx);
    ds_put_cstr(text, " to it");
}

/* Returns true, and appends why, if no frames pass from the wire. */
static bool
put_why_stopped(const struct zcrx_pair *pair, const struct zcrx_queue *q,
                struct ds *text)
{
    if (pair->state != ZCRX_PAIR_RUNNING) {
        ds_put_format(text, "stopped: %s%s%s",
                      zcrx_pair_state_to_string(pair->state),
                      pair->why ? ": " : "", pair->why ? pair->why : "");
    } else if (q->rx.error) {
        ds_put_cstr(text, "stopped: the guest broke its receive ring");
    } else if (!zcrx_queue_in_use(q) || !q->pool) {
        ds_put_cstr(text, "stopped: not in use");
    } else {
        return false;
    }
    return true;
}

/* Finds what holds up 'q', a queue pair of 'pair' whose receive virtqueue has
 * the entries 'rx'.  Appends that to 'text' and returns one word for it:
 * "stopped", "guest", "vf", "copy", "wire" or "none".
 *
 * The caller holds the pair's mutex and has shut out the PMD thread. */
const char *
zcrx_verdict(const struct zcrx_pair *pair, const struct zcrx_queue *q,
             const struct zcrx_vring_counts *rx, struct ds *text)
{
    const struct zcrx_rate *rate = &q->rate;

    if (put_why_stopped(pair, q, text)) {
        return "stopped";
    }
    if (guest_is_slow(pair, q, rx)) {
        ds_put_cstr(text, "guest is slow: 0 buffers available");
        return "guest";
    }
    if (rate->vf_full) {
        ds_put_cstr(text, "VF is slow: it had no room for ");
        zcrx_put_number(text, rate->vf_full);
        ds_put_cstr(text, " frames of the guest");
        return "vf";
    }
    if (q->pool->copying) {
        put_copy_reason(q, text);
        return "copy";
    }
    if (!rate->known) {
        ds_put_cstr(text, "none: started a moment ago");
        return "none";
    }
    if (rate->wire_rx < 1) {
        ds_put_cstr(text, "wire idle");
        return "wire";
    }
    ds_put_cstr(text, "none: ");
    put_rates(rate, text);
    return "none";
}
