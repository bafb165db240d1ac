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

/* Changing the classes of a pair while frames of them arrive: the VF's rules
 * and ring sync are played here.  Whatever is done to either, a frame of each
 * class arrives right after it. */

#include <config.h>

#include "zcrx-pair-slow.h"

#include <errno.h>

#include "check.h"
#include "dp-packet.h"
#include "zcrx-flow.h"
#include "zcrx-pair.h"

#define N_QUEUES 2
#define FLOW_QUEUE N_QUEUES

static struct zcrx_pair pair;
static struct zcrx_queue queues[N_QUEUES];

/* What the turns of each queue go by. */
static struct zcrx_slow_rules rules[N_QUEUES];

static const struct {
    const char *name;
    uint16_t ethertype;
} classes[] = {
    { "arp", 0x0806 }, { "lldp", 0x88cc }, { "lacp", 0x8809 },
};

/* The VF. */
static struct rte_flow {
    unsigned int class;
    bool tagged;
    bool is_there;
} vf_rules[64];
static unsigned int n_made;
static unsigned int in_flow_queue[N_ELEMENTS(classes)]; /* Frames. */
static bool refuses_tags, refuses_all, keeps_rules;

/* Bits of the classes that belong to OVS before and after the change: it must
 * get all of them meanwhile. */
static unsigned int staying;
static unsigned int n_to_ovs, n_to_guest;

static unsigned int
n_in_flow_queue(void)
{
    unsigned int n = 0;

    for (unsigned int i = 0; i < N_ELEMENTS(classes); i++) {
        n += in_flow_queue[i];
    }
    return n;
}

static void
take_from_flow_queue(void)
{
    n_to_ovs += n_in_flow_queue();
    memset(in_flow_queue, 0, sizeof in_flow_queue);
}

static bool
has_class(const struct zcrx_steer *steer, unsigned int class)
{
    return steer && zcrx_steer_find(steer, classes[class].name) >= 0;
}

static bool
is_matched_by_vf(unsigned int class)
{
    for (unsigned int i = 0; i < n_made; i++) {
        if (vf_rules[i].is_there && !vf_rules[i].tagged
            && vf_rules[i].class == class) {
            return true;
        }
    }
    return false;
}

/* A frame of each class arrives, for each queue. */
static void
receive(void)
{
    for (unsigned int i = 0; i < N_ELEMENTS(classes); i++) {
        uint8_t frame[60] = { 2 };

        frame[12] = classes[i].ethertype >> 8;
        frame[13] = classes[i].ethertype & 0xff;
        for (unsigned int j = 0; j < N_QUEUES; j++) {
            if (is_matched_by_vf(i)) {
                in_flow_queue[i]++;
            } else if (rules[j].has_wire_face
                       && zcrx_steer_classify(rules[j].wire_steer, frame,
                                              sizeof frame) >= 0) {
                n_to_ovs++;
            } else {
                CHECK(!(staying >> i & 1));
                n_to_guest++;
            }
        }
    }
}

/* All queues have a turn.  No two may take frames from one queue of a VF. */
static void
turn(void)
{
    unsigned int n_pollers = 0;

    for (unsigned int i = 0; i < N_QUEUES; i++) {
        n_pollers += rules[i].polls_flows;
    }
    CHECK(n_pollers <= 1);
    if (n_pollers) {
        take_from_flow_queue();
    }
}

static int
vf_validate(uint16_t port_id OVS_UNUSED,
            const struct rte_flow_attr *attr OVS_UNUSED,
            const struct rte_flow_item *items OVS_UNUSED,
            const struct rte_flow_action *actions OVS_UNUSED,
            struct rte_flow_error *error OVS_UNUSED)
{
    return refuses_all ? -ENOTSUP : 0;
}

static struct rte_flow *
vf_create(uint16_t port_id OVS_UNUSED,
          const struct rte_flow_attr *attr OVS_UNUSED,
          const struct rte_flow_item *items, const struct rte_flow_action *a,
          struct rte_flow_error *error OVS_UNUSED)
{
    const struct rte_flow_action_queue *to = a->conf;
    struct rte_flow *rule = &vf_rules[n_made];
    rte_be16_t type;

    CHECK(n_made < N_ELEMENTS(vf_rules) && to->index == FLOW_QUEUE);
    rule->tagged = items[1].type == RTE_FLOW_ITEM_TYPE_VLAN;
    if (rule->tagged && refuses_tags) {
        return NULL;
    }
    type = (rule->tagged
            ? ((const struct rte_flow_item_vlan *) items[1].spec)->inner_type
            : ((const struct rte_flow_item_eth *) items[0].spec)->type);
    while (htons(classes[rule->class].ethertype) != type) {
        rule->class++;
        CHECK(rule->class < N_ELEMENTS(classes));
    }
    rule->is_there = true;
    n_made++;
    receive();
    return rule;
}

static int
vf_destroy(uint16_t port_id OVS_UNUSED, struct rte_flow *rule,
           struct rte_flow_error *error OVS_UNUSED)
{
    CHECK(rule->is_there);
    if (keeps_rules) {
        return -EBUSY;
    }
    rule->is_there = false;
    receive();
    return 0;
}

static const struct zcrx_flow_driver vf_driver = {
    vf_validate, vf_create, vf_destroy
};

/* Ring sync. */

void
zcrx_slow_set_rules(struct zcrx_queue *q, const struct zcrx_slow_rules *new)
{
    CHECK(!q->gate.open);
    CHECK(!new->polls_flows || new->flow_queue == FLOW_QUEUE);
    for (unsigned int i = 0; i < N_ELEMENTS(classes); i++) {
        /* Its class is not forgotten before a frame is taken. */
        CHECK(!in_flow_queue[i] || has_class(new->steer, i) || keeps_rules);
    }
    rules[q - queues] = *new;
    turn();
    receive();
}

void
zcrx_slow_drain_flows(struct zcrx_queue *q)
{
    CHECK(!q->gate.open);
    if (rules[q - queues].polls_flows) {
        take_from_flow_queue();
    }
    receive();
}

int
zcrx_slow_init(struct zcrx_queue *q OVS_UNUSED, int socket_id OVS_UNUSED,
               zcrx_new_frame_func *new_frame OVS_UNUSED,
               struct rte_ring *to_wire_face OVS_UNUSED,
               struct rte_ring *to_vf OVS_UNUSED)
{
    return 0;
}

void
zcrx_slow_destroy(struct zcrx_queue *q OVS_UNUSED)
{
}

void
zcrx_slow_counts_add(struct zcrx_slow_counts *sum OVS_UNUSED,
                     const struct zcrx_slow_counts *counts OVS_UNUSED)
{
}

void
zcrx_slow_counts_move(struct zcrx_slow_counts *counts OVS_UNUSED,
                      const struct zcrx_steer *from OVS_UNUSED,
                      const struct zcrx_steer *to OVS_UNUSED)
{
}

bool
zcrx_face_grow(struct zcrx_face *face OVS_UNUSED, uint16_t n OVS_UNUSED,
               int socket_id OVS_UNUSED)
{
    return true;
}

int
zcrx_vf_socket_id(const struct zcrx_vf *vf OVS_UNUSED)
{
    return 0;
}

/* Open vSwitch. */

void *
xmalloc(size_t size)
{
    return xcalloc(1, size);
}

void *
xmemdup(const void *p, size_t size)
{
    return memcpy(xmalloc(size), p, size);
}

struct dp_packet *
dp_packet_new_with_headroom(size_t size OVS_UNUSED, size_t headroom OVS_UNUSED)
{
    return NULL;
}

void *
dp_packet_put_uninit(struct dp_packet *packet OVS_UNUSED,
                     size_t size OVS_UNUSED)
{
    return NULL;
}

/* Makes the option what 's' says.  Of the classes that are in it, and were,
 * all frames go to OVS, as do all that the VF has matched. */
static void
set_classes(const char *s)
{
    struct zcrx_steer steer;

    CHECK(!zcrx_steer_parse(&steer, s));
    staying = 0;
    for (unsigned int i = 0; i < N_ELEMENTS(classes); i++) {
        if (has_class(pair.steer, i) && has_class(&steer, i)) {
            staying |= 1u << i;
        }
    }
    zcrx_pair_set_slow(&pair, &steer, false);
    for (unsigned int i = 0; i < N_QUEUES; i++) {
        CHECK(queues[i].gate.open == queues[i].in_use);
    }
    turn();
    CHECK_EQ(n_in_flow_queue(), 0);

    /* Nothing else is on its way to the guest now. */
    n_to_guest = 0;
    receive();
    turn();
    CHECK_EQ(n_in_flow_queue(), 0);
    CHECK_EQ(n_to_guest, N_QUEUES * (N_ELEMENTS(classes)
                                     - pair.steer->n_classes));
}

static void
start(void)
{
    memset(vf_rules, 0, sizeof vf_rules);
    n_made = 0;
    refuses_tags = refuses_all = keeps_rules = false;
    staying = 0;
    memset(&pair, 0, sizeof pair);
    memset(queues, 0, sizeof queues);
    pair.queues = queues;
    pair.n_queues = N_QUEUES;
    for (unsigned int i = 0; i < N_QUEUES; i++) {
        queues[i].in_use = queues[i].gate.open = true;
        rules[i] = (struct zcrx_slow_rules) { .has_wire_face = false };
    }
    pair.vf.started = true;
    zcrx_flow_init(&pair.vf.flows, &vf_driver, 0);
    pair.vf.flows.has_queue = true;
    pair.vf.flows.queue_id = FLOW_QUEUE;
    set_classes("none");
    zcrx_pair_set_wire_face(&pair, true);
}

static void
stop(void)
{
    keeps_rules = false;
    set_classes("none");
    for (unsigned int i = 0; i < n_made; i++) {
        CHECK(!vf_rules[i].is_there);
    }
    free(pair.steer);
    free(pair.wire_steer);
}

/* All of what can be followed by all else. */
static void
change_all(void)
{
    static const char *const lists[] = {
        "none", "arp", "lldp", "arp,lldp", "lldp,arp", "lacp,lldp",
        "arp,lldp,lacp",
    };

    for (size_t i = 0; i < N_ELEMENTS(lists); i++) {
        for (size_t j = 0; j < N_ELEMENTS(lists); j++) {
            memset(vf_rules, 0, n_made * sizeof *vf_rules);
            n_made = 0;
            set_classes(lists[i]);
            set_classes(lists[j]);
            set_classes("none");
        }
    }
}

static void
test_vf(void)
{
    start();
    change_all();
    set_classes("arp,lldp");
    CHECK(zcrx_flow_where(&pair.vf.flows, "arp") == ZCRX_FLOW_VF);
    CHECK(rules[0].polls_flows);
    stop();
}

static void
test_untagged_only(void)
{
    start();
    refuses_tags = true;
    change_all();
    set_classes("arp");
    CHECK(zcrx_flow_where(&pair.vf.flows, "arp") == ZCRX_FLOW_BOTH);
    stop();
}

static void
test_software(void)
{
    start();
    refuses_all = true;
    change_all();
    CHECK_EQ(n_made, 0);
    CHECK(!rules[0].polls_flows && !rules[1].polls_flows);
    stop();
}

/* The first queue pair is disabled: another one takes its place. */
static void
test_poller(void)
{
    start();
    queues[0].in_use = queues[0].gate.open = false;
    change_all();
    set_classes("arp");
    CHECK(!rules[0].polls_flows && rules[1].polls_flows);
    queues[0].in_use = queues[0].gate.open = true;
    set_classes("arp,lldp");
    CHECK(rules[0].polls_flows && !rules[1].polls_flows);
    stop();
}

/* The VF goes on matching what it no more should: OVS gets that until the VF
 * is stopped for it. */
static void
test_kept_rules(void)
{
    struct zcrx_steer none;

    start();
    set_classes("arp");
    CHECK(!pair.stale_flows);
    keeps_rules = true;
    CHECK(!zcrx_steer_parse(&none, "none"));
    staying = 0;
    zcrx_pair_set_slow(&pair, &none, false);
    CHECK(pair.stale_flows && vf_rules[0].is_there);
    receive();
    CHECK(n_in_flow_queue());
    turn();
    CHECK_EQ(n_in_flow_queue(), 0);
    memset(vf_rules, 0, sizeof vf_rules); /* By that. */
    stop();
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "the VF matches", test_vf },
        { "it does not match tagged frames", test_untagged_only },
        { "it matches nothing", test_software },
        { "a queue pair that is not in use", test_poller },
        { "rules that stay", test_kept_rules },
    };

    return run_cases(cases, N_ELEMENTS(cases));
}
