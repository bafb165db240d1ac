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

/* What becomes of a VF's queues when the guest breaks its receive virtqueues,
 * or disables them: with a driver that is played, as it has a redirection
 * table and rings, and of Open vSwitch and ring sync what that takes. */

#include <config.h>

#include "zcrx-queues.h"

#include <rte_ethdev.h>

#include "check.h"
#include "util.h"
#include "zcrx-pair-slow.h"
#include "zcrx-pair.h"
#include "zcrx-rss.h"
#include "zcrx-stop.h"

#define N_QUEUES 3
#define TABLE_SIZE 128
#define N_OUT 100

/* Steps, as letters, each followed by the number of the queue. */
#define CLOSED 'c'              /* The table, with that queue's gate. */
#define RECALL 'r'
#define STOP 's'
#define PUT_BACK 'p'
#define RETIRE 'x'
#define HARVEST 'h'

static struct zcrx_pair pair;
static struct zcrx_queue queues[N_QUEUES];
static struct zcrx_pool pools[N_QUEUES];
static unsigned int n_changes;
static char steps[32];

/* The VF. */
static uint16_t table[TABLE_SIZE];
static enum { GIVES_BACK, KEEPS, HANGS } vf_kind;

static void
go(char step, const struct zcrx_queue *q)
{
    size_t n = strlen(steps);

    CHECK(n < sizeof steps - 2);
    steps[n] = step;
    steps[n + 1] = '0' + (q - queues);
}

int
rte_eth_dev_rss_reta_update(uint16_t port_id,
                            struct rte_eth_rss_reta_entry64 *groups,
                            uint16_t size)
{
    CHECK(port_id == 3 && size == TABLE_SIZE);
    for (size_t i = 0; i < size; i++) {
        CHECK(groups[i / 64].mask >> i % 64 & 1);
        table[i] = groups[i / 64].reta[i % 64];
    }
    for (size_t i = 0; i < N_QUEUES; i++) {
        if (!queues[i].gate.open && !queues[i].idle && queues[i].pool) {
            go(CLOSED, &queues[i]);
        }
    }
    return 0;
}

int
rte_eth_dev_rss_reta_query(uint16_t port_id,
                           struct rte_eth_rss_reta_entry64 *groups,
                           uint16_t size)
{
    CHECK(port_id == 3 && size == TABLE_SIZE);
    for (size_t i = 0; i < size; i++) {
        groups[i / 64].reta[i % 64] = table[i];
    }
    return 0;
}

bool
zcrx_vf_stop_queue(struct zcrx_vf *vf, uint16_t queue_id)
{
    struct zcrx_queue *q = &queues[queue_id];

    CHECK(vf == &pair.vf && !q->gate.open);
    go(STOP, q);
    if (vf_kind == GIVES_BACK) {
        pools[queue_id].n_posted = 0;
    }
    return vf_kind != HANGS;
}

/* Ring sync and the pair. */

void
zcrx_queue_recall(struct zcrx_queue *q)
{
    CHECK(!q->gate.open);
    go(RECALL, q);
}

void
zcrx_queue_harvest(struct zcrx_queue *q)
{
    CHECK(!q->gate.open);
    go(HARVEST, q);
}

void
zcrx_queue_stop_rx(struct zcrx_queue *q)
{
    CHECK(!q->gate.open && !zcrx_queue_n_out(q));
    go(PUT_BACK, q);
}

void
zcrx_queue_set_idle(struct zcrx_queue *q, bool idle)
{
    q->idle = idle;
    q->in_use = !idle;
    q->gate.open = !idle;
}

void
zcrx_retire_pool(struct zcrx_pair *pair_, struct zcrx_queue *q)
{
    CHECK(pair_ == &pair && q->pool);
    go(RETIRE, q);
    q->pool = NULL;
}

void
zcrx_face_set_active(struct zcrx_face *face, uint64_t active OVS_UNUSED)
{
    CHECK(!face);
}

void
zcrx_pair_update_slow(struct zcrx_pair *pair_)
{
    CHECK(pair_ == &pair);
}

void
zcrx_pair_apply_slow(struct zcrx_pair *pair_)
{
    CHECK(pair_ == &pair);
}

static void
changed(struct zcrx_pair *pair_)
{
    CHECK(pair_ == &pair);
    n_changes++;
}

/* The cases. */

/* Makes a pair that runs, with 'n' queues, on a VF with a table or without
 * one. */
static void
set_up(uint16_t n, bool has_table)
{
    memset(&pair, 0, sizeof pair);
    memset(queues, 0, sizeof queues);
    memset(pools, 0, sizeof pools);
    pair.queues = queues;
    pair.n_queues = n;
    pair.guest.n_queue_pairs = n;
    pair.changed = changed;
    pair.vf.port_id = 3;
    pair.vf.started = true;
    pair.vf.n_queues = n;
    pair.vf.rss = has_table;
    pair.vf.info.reta_size = has_table ? TABLE_SIZE : 0;
    for (uint16_t i = 0; i < n; i++) {
        struct zcrx_queue *q = &queues[i];

        pair.guest.pairs[i].set_up = pair.guest.pairs[i].enabled = true;
        pools[i].n_posted = N_OUT;
        q->pool = &pools[i];
        q->vf.port_id = 3;
        q->vf.queue_id = i;
        q->running = true;
        zcrx_queue_set_idle(q, false);
    }
    zcrx_queues_started(&pair);
    memset(steps, 0, sizeof steps);
    vf_kind = GIVES_BACK;
    n_changes = 0;
}

/* Returns how many entries of the table lead to 'queue'. */
static uint16_t
n_entries(uint16_t queue)
{
    uint16_t n;

    CHECK(zcrx_rss_count(&pair.vf, queue, &n));
    return n;
}

static void
test_break_one(void)
{
    set_up(3, true);
    CHECK_EQ(n_entries(0), 43);
    CHECK(zcrx_queues_check(&pair) && !steps[0]);

    queues[1].rx.error = ZCRX_VRING_BAD_INDEX;
    CHECK(zcrx_queues_check(&pair));
    CHECK(!strcmp(steps, "c1r1s1p1x1"));
    CHECK_EQ(n_entries(0), 64);
    CHECK_EQ(n_entries(1), 0);
    CHECK_EQ(n_entries(2), 64);
    CHECK_EQ(pair.guest.pairs[1].rx.error, ZCRX_VRING_BAD_INDEX);
    CHECK_EQ(n_changes, 1);
    /* It still transmits. */
    CHECK(queues[1].gate.open && zcrx_queue_in_use(&queues[1]));
    CHECK_EQ(zcrx_pair_n_active(&pair), 3);

    /* Once is enough. */
    CHECK(zcrx_queues_check(&pair) && strlen(steps) == 10);
}

/* The driver keeps buffers, or does not come back: the VF has to be stopped,
 * and until then the guest does not get the buffers. */
static void
test_not_stopped(void)
{
    for (int hangs = 0; hangs < 2; hangs++) {
        set_up(3, true);
        vf_kind = hangs ? HANGS : KEEPS;
        queues[0].rx.error = ZCRX_VRING_BAD_HEAD;
        queues[1].rx.error = ZCRX_VRING_BAD_HEAD;
        CHECK(!zcrx_queues_check(&pair));
        /* Nothing else is asked of that driver. */
        CHECK(!strcmp(steps, "c0r0s0"));
        CHECK(queues[0].pool == &pools[0] && !queues[0].gate.open);
        CHECK_EQ(zcrx_queue_n_out(&queues[0]), N_OUT);
        CHECK_EQ(pair.guest.pairs[0].rx.error, ZCRX_VRING_BAD_HEAD);
        CHECK_EQ(pair.guest.pairs[1].rx.error, ZCRX_VRING_BAD_HEAD);
    }
}

/* Without a table, frames would go on coming to the queue. */
static void
test_no_table(void)
{
    set_up(2, false);
    queues[0].rx.error = ZCRX_VRING_BAD_HEAD;
    CHECK(!zcrx_queues_check(&pair));
    CHECK(!steps[0]);

    /* There is no other that they could go to. */
    set_up(1, false);
    queues[0].rx.error = ZCRX_VRING_BAD_HEAD;
    CHECK(zcrx_queues_check(&pair));
    CHECK(!strcmp(steps, "r0s0p0x0"));
}

static void
test_enable(void)
{
    set_up(3, true);
    pair.guest.pairs[1].enabled = false;
    CHECK(zcrx_queues_enable(&pair, 1));
    CHECK(!strcmp(steps, "h1"));
    CHECK_EQ(n_entries(1), 0);
    CHECK(!queues[1].gate.open);
    CHECK_EQ(zcrx_queue_n_out(&queues[1]), N_OUT);
    CHECK_EQ(zcrx_pair_n_active(&pair), 2);

    pair.guest.pairs[1].enabled = true;
    CHECK(zcrx_queues_enable(&pair, 1));
    CHECK_EQ(n_entries(1), 43);
    CHECK(queues[1].gate.open);

    /* The VF has to be stopped. */
    set_up(3, false);
    pair.guest.pairs[1].enabled = false;
    CHECK(!zcrx_queues_enable(&pair, 1));
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "the guest breaks one", test_break_one },
        { "the driver does not stop it", test_not_stopped },
        { "no redirection table", test_no_table },
        { "disabled and enabled", test_enable },
    };

    return run_cases(cases, N_ELEMENTS(cases));
}
