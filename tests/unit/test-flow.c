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

/* Which classes of the slow path a VF matches and which are left to
 * software, over drivers that know more or less of rte_flow, and refuse early
 * or late. */

#include "zcrx-flow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define PORT 7
#define QUEUE 4                 /* Of the slow path. */

/* All kinds of classes. */
#define CLASSES "arp,ethertype=0x8100,mcast,nd,dhcp,tcp-dst=80,"             \
    "ip-dst=192.0.2.0/24,ip-dst=2001:db8::/32"

/* A rule as the driver has it. */
struct rte_flow {
    char what[128];
    uint32_t priority;
    bool tagged;                /* It is about frames with a tag. */
    struct rte_flow *next;
};

/* The driver. */
static struct {
    int no_rules;               /* What it answers if it knows no rules. */
    bool ethertype_only;        /* Of untagged frames. */
    bool one_priority;
    bool tags_apart;            /* Rules of one priority are all about tagged
                                 * frames or all not. */
    int valid_until;            /* Refuses from this rule on, if not 0... */
    int creates_until;          /* ...or that only when it is to make it. */
    bool keeps;                 /* Does not destroy. */
} driver;

static struct rte_flow *rules;  /* That it has. */
static int n_validated, n_created, n_destroyed;

static const uint8_t *
bytes(const void *p)
{
    return p;
}

/* Puts 'item' into words. */
static void
describe(char *s, size_t size, const struct rte_flow_item *item)
{
    const uint8_t *spec = bytes(item->spec);
    const uint8_t *mask = bytes(item->mask);
    size_t n = strlen(s);
    static const struct {
        enum rte_flow_item_type type;
        const char *name;
        size_t at, len;         /* Of what may be matched. */
    } types[] = {
        { RTE_FLOW_ITEM_TYPE_ETH, "eth", 0, 14 },
        { RTE_FLOW_ITEM_TYPE_VLAN, "vlan", 2, 2 },
        { RTE_FLOW_ITEM_TYPE_IPV4, "ipv4", 16, 4 },
        { RTE_FLOW_ITEM_TYPE_IPV6, "ipv6", 24, 16 },
        { RTE_FLOW_ITEM_TYPE_UDP, "udp", 2, 2 },
        { RTE_FLOW_ITEM_TYPE_TCP, "tcp", 2, 2 },
        { RTE_FLOW_ITEM_TYPE_ICMP6, "icmp6", 0, 1 },
    };
    size_t i = 0;

    while (i < N_ELEMENTS(types) && types[i].type != item->type) {
        i++;
    }
    CHECK(i < N_ELEMENTS(types));
    CHECK(!item->last && !spec == !mask);
    n += snprintf(s + n, size - n, "%s%s", n ? "/" : "", types[i].name);
    for (size_t j = 0; spec && j < types[i].len; j++) {
        if (mask[types[i].at + j]) {
            n += snprintf(s + n, size - n, " %zu:%02x&%02x", j,
                          spec[types[i].at + j], mask[types[i].at + j]);
        }
    }
    CHECK(n < size);
}

/* Whether this is what all frames match. */
static bool
is_fence(const struct rte_flow_item *items)
{
    return (items[0].type == RTE_FLOW_ITEM_TYPE_ETH && !items[0].spec
            && items[1].type == RTE_FLOW_ITEM_TYPE_END);
}

static int
fake_validate(uint16_t port_id, const struct rte_flow_attr *attr,
              const struct rte_flow_item *items,
              const struct rte_flow_action *actions,
              struct rte_flow_error *error)
{
    const struct rte_flow_action_queue *queue = actions[0].conf;

    n_validated++;
    CHECK(port_id == PORT && error);
    CHECK(attr->ingress && !attr->egress && !attr->transfer);
    CHECK(actions[0].type == RTE_FLOW_ACTION_TYPE_QUEUE);
    CHECK(actions[1].type == RTE_FLOW_ACTION_TYPE_END);
    if (driver.no_rules) {
        return driver.no_rules;
    }
    if (queue->index != (is_fence(items) ? 0 : QUEUE)
        || (driver.one_priority && attr->priority)
        || (driver.ethertype_only
            && (items[1].type != RTE_FLOW_ITEM_TYPE_END
                || items[0].type != RTE_FLOW_ITEM_TYPE_ETH
                || !bytes(items[0].mask)[12]))
        || (driver.valid_until && n_created >= driver.valid_until)) {
        return -EINVAL;
    }
    return 0;
}

static struct rte_flow *
fake_create(uint16_t port_id, const struct rte_flow_attr *attr,
            const struct rte_flow_item *items,
            const struct rte_flow_action *actions,
            struct rte_flow_error *error)
{
    static const struct rte_flow none;
    bool tagged = items[1].type == RTE_FLOW_ITEM_TYPE_VLAN;
    struct rte_flow *rule;

    CHECK(!fake_validate(port_id, attr, items, actions, error));
    for (rule = rules; rule; rule = rule->next) {
        /* Whatever frames of a class match goes before what all do. */
        CHECK(strcmp(rule->what, "eth") || attr->priority < rule->priority);
        if (driver.tags_apart && rule->priority == attr->priority
            && rule->tagged != tagged) {
            return NULL;
        }
    }
    if (driver.creates_until && n_created >= driver.creates_until) {
        return NULL;
    }
    n_created++;
    rule = malloc(sizeof *rule);
    CHECK(rule);
    *rule = none;
    rule->priority = attr->priority;
    rule->tagged = tagged;
    for (; items->type != RTE_FLOW_ITEM_TYPE_END; items++) {
        describe(rule->what, sizeof rule->what, items);
    }
    rule->next = rules;
    rules = rule;
    return rule;
}

static int
fake_destroy(uint16_t port_id, struct rte_flow *rule,
             struct rte_flow_error *error)
{
    struct rte_flow **p = &rules;

    CHECK(port_id == PORT && error);
    while (*p != rule) {
        CHECK(*p);
        p = &(*p)->next;
    }
    n_destroyed++;
    if (driver.keeps) {
        return -EBUSY;
    }
    *p = rule->next;
    free(rule);
    return 0;
}

static const struct zcrx_flow_driver fake = {
    .validate = fake_validate,
    .create = fake_create,
    .destroy = fake_destroy,
};

static struct zcrx_flows flows;
static struct zcrx_steer steer;

/* A VF with the queue, and a driver that takes everything. */
static void
start(const char *classes)
{
    memset(&driver, 0, sizeof driver);
    n_validated = n_created = n_destroyed = 0;
    zcrx_flow_init(&flows, &fake, PORT);
    flows.has_queue = true;
    flows.queue_id = QUEUE;
    CHECK(!zcrx_steer_parse(&steer, classes));
}

static int
n_rules(void)
{
    int n = 0;

    for (const struct rte_flow *rule = rules; rule; rule = rule->next) {
        n++;
    }
    return n;
}

static bool
has_rule(const char *what)
{
    for (const struct rte_flow *rule = rules; rule; rule = rule->next) {
        if (!strcmp(rule->what, what)) {
            return true;
        }
    }
    return false;
}

static void
stop(void)
{
    CHECK(zcrx_flow_remove(&flows, NULL));
    CHECK(!rules);
    CHECK_EQ(n_created, n_destroyed);
}

/* Checks where each of the classes of 'steer' is matched: 's', 'b' or 'v'. */
static void
check_places(const char *places)
{
    CHECK_EQ(strlen(places), steer.n_classes);
    for (uint8_t i = 0; i < steer.n_classes; i++) {
        enum zcrx_flow_place place = zcrx_flow_where(&flows,
                                                     steer.classes[i].name);

        CHECK_EQ(place, (places[i] == 's' ? ZCRX_FLOW_SOFTWARE
                         : places[i] == 'b' ? ZCRX_FLOW_BOTH
                         : ZCRX_FLOW_VF));
    }
}

/* A VF that takes all: nothing is left to software. */
static void
test_all(void)
{
    static const char *const expected[] = {
        "eth 12:08&ff 13:06&ff", "eth/vlan 0:08&ff 1:06&ff",
        "eth 12:81&ff 13:00&ff",
        "eth 0:01&01",
        "eth/ipv6/icmp6 0:85&ff", "eth/ipv6/icmp6 0:86&ff",
        "eth/ipv6/icmp6 0:87&ff", "eth/ipv6/icmp6 0:88&ff",
        "eth/ipv6/icmp6 0:89&ff", "eth/vlan/ipv6/icmp6 0:85&ff",
        "eth/vlan/ipv6/icmp6 0:86&ff", "eth/vlan/ipv6/icmp6 0:87&ff",
        "eth/vlan/ipv6/icmp6 0:88&ff", "eth/vlan/ipv6/icmp6 0:89&ff",
        "eth/ipv4/udp 0:00&ff 1:43&ff", "eth/ipv6/udp 0:00&ff 1:43&ff",
        "eth/ipv4/udp 0:00&ff 1:44&ff", "eth/ipv6/udp 0:00&ff 1:44&ff",
        "eth/vlan/ipv4/udp 0:00&ff 1:43&ff",
        "eth/vlan/ipv6/udp 0:00&ff 1:43&ff",
        "eth/vlan/ipv4/udp 0:00&ff 1:44&ff",
        "eth/vlan/ipv6/udp 0:00&ff 1:44&ff",
        "eth/ipv4/tcp 0:00&ff 1:50&ff", "eth/ipv6/tcp 0:00&ff 1:50&ff",
        "eth/vlan/ipv4/tcp 0:00&ff 1:50&ff",
        "eth/vlan/ipv6/tcp 0:00&ff 1:50&ff",
        "eth/ipv4 0:c0&ff 1:00&ff 2:02&ff",
        "eth/vlan/ipv4 0:c0&ff 1:00&ff 2:02&ff",
        "eth/ipv6 0:20&ff 1:01&ff 2:0d&ff 3:b8&ff",
        "eth/vlan/ipv6 0:20&ff 1:01&ff 2:0d&ff 3:b8&ff",
    };
    struct zcrx_steer rest;

    start(CLASSES);
    CHECK(zcrx_flow_add(&flows, &steer));
    check_places("vvvvvvvv");
    for (size_t i = 0; i < N_ELEMENTS(expected); i++) {
        CHECK(has_rule(expected[i]));
    }
    CHECK_EQ(n_rules(), N_ELEMENTS(expected));
    zcrx_flow_rest(&flows, &steer, &rest);
    CHECK(!zcrx_steer_is_active(&rest));
    stop();

    /* The class with the most rules. */
    start("bfd");
    CHECK(zcrx_flow_add(&flows, &steer));
    check_places("v");
    CHECK_EQ(n_rules(), ZCRX_FLOW_MAX_RULES);
    stop();

    /* Everything is too much for one queue. */
    start("all");
    CHECK(zcrx_flow_add(&flows, &steer));
    check_places("s");
    CHECK_EQ(n_validated, 0);
    stop();
}

/* When the VF gets a queue for it. */
static void
test_queue(void)
{
    start(CLASSES);
    CHECK(zcrx_flow_wants_queue(&fake, PORT, 3, 4, 128));

    /* No queue is left, or frames without a rule would get there. */
    CHECK(!zcrx_flow_wants_queue(&fake, PORT, 4, 4, 128));
    CHECK(!zcrx_flow_wants_queue(&fake, PORT, 3, 4, 0));
    driver.no_rules = -ENOSYS;
    CHECK(!zcrx_flow_wants_queue(&fake, PORT, 3, 4, 128));
    driver.no_rules = -ENOTSUP;
    CHECK(!zcrx_flow_wants_queue(&fake, PORT, 3, 4, 128));

    /* It may know rules, even though it does not take this one. */
    driver.no_rules = -EINVAL;
    CHECK(zcrx_flow_wants_queue(&fake, PORT, 3, 4, 128));

    n_validated = 0;
    flows.has_queue = false;
    CHECK(zcrx_flow_add(&flows, &steer));
    check_places("ssssssss");
    CHECK_EQ(n_validated, 0);
    stop();
}

/* Takes all rules from the driver, which keeps them. */
static void
forget_rules(void)
{
    while (rules) {
        struct rte_flow *next = rules->next;

        free(rules);
        rules = next;
    }
}

/* A VF without a redirection table: a rule keeps frames out of the queue. */
static void
test_fence(void)
{
    start(CLASSES);
    CHECK(zcrx_flow_wants_queue(&fake, PORT, 1, 2, 0));
    CHECK_EQ(n_created, 1);
    CHECK_EQ(n_rules(), 0);

    /* There is one queue for other frames. */
    CHECK(!zcrx_flow_wants_queue(&fake, PORT, 2, 3, 0));
    CHECK(!zcrx_flow_wants_queue(&fake, PORT, 1, 1, 0));

    /* The driver must take that rule, and give it up again. */
    driver.one_priority = true;
    CHECK(!zcrx_flow_wants_queue(&fake, PORT, 1, 2, 0));
    driver.one_priority = false;
    driver.creates_until = n_created;
    CHECK(!zcrx_flow_wants_queue(&fake, PORT, 1, 2, 0));
    CHECK(!zcrx_flow_fence(&flows));
    driver.creates_until = 0;
    driver.no_rules = -ENOSYS;
    CHECK(!zcrx_flow_wants_queue(&fake, PORT, 1, 2, 0));
    driver.no_rules = 0;
    CHECK_EQ(n_rules(), 0);
    driver.keeps = true;
    CHECK(!zcrx_flow_wants_queue(&fake, PORT, 1, 2, 0));
    forget_rules();

    /* It stays while classes come and go. */
    start(CLASSES);
    CHECK(zcrx_flow_fence(&flows));
    CHECK(has_rule("eth"));
    CHECK(!flows.is_used);
    CHECK(zcrx_flow_add(&flows, &steer));
    check_places("vvvvvvvv");
    CHECK(zcrx_flow_remove(&flows, NULL));
    CHECK_EQ(n_rules(), 1);
    CHECK(zcrx_flow_add(&flows, &steer));
    zcrx_flow_clear(&flows);
    check_places("ssssssss");
    stop();
}

/* Drivers that know one priority, and those that want more. */
static void
test_priorities(void)
{
    start(CLASSES);
    driver.one_priority = true;
    CHECK(zcrx_flow_add(&flows, &steer));
    check_places("vvvvvvvv");
    stop();

    start(CLASSES);
    driver.tags_apart = true;
    CHECK(zcrx_flow_fence(&flows));
    CHECK(zcrx_flow_add(&flows, &steer));
    check_places("vvvvvvvv");
    zcrx_flow_clear(&flows);
    stop();
}

/* A driver that looks at the Ethertype, and not behind tags. */
static void
test_ethertype_only(void)
{
    uint8_t tagged_arp[60] = { [12] = 0x81, [16] = 0x08, [17] = 0x06 };
    struct zcrx_steer rest;

    start(CLASSES);
    driver.ethertype_only = true;
    CHECK(zcrx_flow_add(&flows, &steer));
    check_places("bvssssss");
    CHECK_EQ(n_rules(), 2);
    zcrx_flow_rest(&flows, &steer, &rest);
    CHECK_EQ(zcrx_steer_classify(&rest, tagged_arp, sizeof tagged_arp), 0);
    /* What is in the VF only is not looked for. */
    CHECK_EQ(zcrx_steer_classify(&rest, (uint8_t[60]) { [12] = 0x81 }, 60),
             ZCRX_STEER_NONE);
    stop();
}

/* A driver has no room for more, and says so early or late: no class has half
 * of what it needs for untagged frames. */
static void
test_refuses(void)
{
    for (int n = 1; n < 31; n++) {
        for (int late = 0; late < 2; late++) {
            struct zcrx_steer rest;

            start(CLASSES);
            *(late ? &driver.creates_until : &driver.valid_until) = n;
            CHECK(zcrx_flow_add(&flows, &steer));
            CHECK(n_rules() <= n);
            if (n == 1) {
                check_places("bsssssss");
            } else if (n == 3) {
                check_places("vvssssss");
            } else if (n == 8) {
                check_places("vvvsssss");
            } else if (n == 14 + 3) {
                check_places("vvvvssss");
            } else if (n == 14 + 4) {
                check_places("vvvvbsss");
            } else if (n == 30) {
                check_places("vvvvvvvv");
            }
            /* Those without rules are left to software. */
            zcrx_flow_rest(&flows, &steer, &rest);
            for (uint8_t i = 0; i < steer.n_classes; i++) {
                enum zcrx_flow_place place;

                place = zcrx_flow_where(&flows, steer.classes[i].name);
                if (place != ZCRX_FLOW_VF) {
                    CHECK_EQ(rest.classes[i].kind, steer.classes[i].kind);
                } else {
                    CHECK_EQ(rest.classes[i].kind, ZCRX_STEER_ELSEWHERE);
                }
            }
            stop();
        }
    }
}

/* Classes come and go: the rules of those that stay are not touched. */
static void
test_change(void)
{
    struct zcrx_steer with, without;

    start("arp,mcast,dhcp");
    with = steer;
    CHECK(!zcrx_steer_parse(&without, "udp-dst=53,dhcp,arp"));
    CHECK(zcrx_flow_add(&flows, &with));
    CHECK_EQ(n_created, 2 + 1 + 8);

    for (int i = 0; i < 3; i++) {
        n_created = n_destroyed = 0;
        CHECK(zcrx_flow_remove(&flows, &without));
        CHECK_EQ(n_destroyed, 1);
        CHECK(zcrx_flow_add(&flows, &without));
        CHECK_EQ(n_created, 4);
        steer = without;
        check_places("vvv");

        n_created = n_destroyed = 0;
        CHECK(zcrx_flow_remove(&flows, &with));
        CHECK_EQ(n_destroyed, 4);
        CHECK(zcrx_flow_add(&flows, &with));
        CHECK_EQ(n_created, 1);
        steer = with;
        check_places("vvv");
    }
    n_created = n_rules();
    n_destroyed = 0;
    stop();
    /* What was matched before may still come. */
    CHECK(flows.is_used);
    zcrx_flow_clear(&flows);
    CHECK(!flows.is_used);

    /* One that the driver refused is tried again. */
    start("arp,mcast");
    driver.valid_until = 2;
    CHECK(zcrx_flow_add(&flows, &steer));
    check_places("vs");
    driver.valid_until = 0;
    CHECK(zcrx_flow_remove(&flows, &steer));
    CHECK(zcrx_flow_add(&flows, &steer));
    check_places("vv");
    CHECK_EQ(n_created, 3);
    stop();
}

/* Rules that the driver does not take away are told of. */
static void
test_keeps(void)
{
    start("arp,mcast");
    CHECK(zcrx_flow_add(&flows, &steer));
    driver.keeps = true;
    CHECK(!zcrx_flow_remove(&flows, NULL));
    CHECK_EQ(flows.n_classes, 0);
    forget_rules();

    start("nd");
    driver.creates_until = 3;
    driver.keeps = true;
    CHECK(!zcrx_flow_add(&flows, &steer));
    check_places("s");
    CHECK_EQ(n_destroyed, 3);
    forget_rules();
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "a driver that takes all", test_all },
        { "the queue", test_queue },
        { "no redirection table", test_fence },
        { "priorities", test_priorities },
        { "Ethertypes only", test_ethertype_only },
        { "no room for more", test_refuses },
        { "changes", test_change },
        { "rules that stay", test_keeps },
    };

    return run_cases(cases, N_ELEMENTS(cases));
}
