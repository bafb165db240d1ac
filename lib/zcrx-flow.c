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

#include "zcrx-flow.h"

#include <errno.h>
#include <string.h>

#define TYPE_VLAN 0x8100
#define TYPE_QINQ 0x88a8

/* Priorities, the first one the highest.  Rules for untagged and for tagged
 * frames do not overlap, but a driver may want to have them apart. */
enum { UNTAGGED, TAGGED, FENCE };

/* ICMPv6 types from router solicitation to redirect (RFC 4861 4). */
#define ND_FIRST 133
#define ND_LAST 137

const struct zcrx_flow_driver zcrx_flow_dpdk = {
    .validate = rte_flow_validate,
    .create = rte_flow_create,
    .destroy = rte_flow_destroy,
};

/* What a rule matches, with the memory that it takes. */
struct pattern {
    struct rte_flow_item items[5]; /* Ethernet, tag, IP, what follows, end. */
    unsigned int n;
    union {
        struct rte_flow_item_eth eth;
        struct rte_flow_item_vlan vlan;
        struct rte_flow_item_ipv4 ipv4;
        struct rte_flow_item_ipv6 ipv6;
        struct rte_flow_item_udp udp;
        struct rte_flow_item_tcp tcp;
        struct rte_flow_item_icmp6 icmp6;
    } spec, mask;               /* Of the one header that is looked into. */
};

const char *
zcrx_flow_place_to_string(enum zcrx_flow_place place)
{
    return (place == ZCRX_FLOW_VF ? "vf"
            : place == ZCRX_FLOW_BOTH ? "vf and software"
            : "software");
}

/* Adds a header to 'p', of which 'is_matched' says whether it is looked
 * into. */
static void
add_item(struct pattern *p, enum rte_flow_item_type type, bool is_matched)
{
    struct rte_flow_item *item = &p->items[p->n++];

    item->type = type;
    item->spec = is_matched ? &p->spec : NULL;
    item->mask = is_matched ? &p->mask : NULL;
}

/* Returns how many rules it takes to match the untagged frames of 'class', 0
 * if that is not for a VF. */
static unsigned int
n_untagged_rules(const struct zcrx_steer_class *class)
{
    switch (class->kind) {
    case ZCRX_STEER_ETHERTYPE:
    case ZCRX_STEER_GROUP:
    case ZCRX_STEER_IPV4_DST:
    case ZCRX_STEER_IPV6_DST:
        return 1;
    case ZCRX_STEER_ND:
        return ND_LAST - ND_FIRST + 1;
    case ZCRX_STEER_UDP_DST:
    case ZCRX_STEER_TCP_DST:
        return class->n_ports * 2; /* Over IPv4 and IPv6. */
    case ZCRX_STEER_ALL:        /* All to one queue would be too slow. */
    case ZCRX_STEER_ELSEWHERE:
    default:
        return 0;
    }
}

/* Returns how many rules it takes to match those with a tag as well, which
 * are the same again if the rules look behind the tag. */
static unsigned int
n_all_rules(const struct zcrx_steer_class *class)
{
    bool tags_matter = (class->kind != ZCRX_STEER_GROUP
                        && (class->kind != ZCRX_STEER_ETHERTYPE
                            || (class->ethertype != TYPE_VLAN
                                && class->ethertype != TYPE_QINQ)));

    return n_untagged_rules(class) << tags_matter;
}

static void
match_ethertype(struct pattern *p, const struct zcrx_steer_class *class,
                bool tagged)
{
    rte_be16_t type = rte_cpu_to_be_16(class->ethertype);

    add_item(p, RTE_FLOW_ITEM_TYPE_ETH, !tagged);
    if (tagged) {
        p->spec.vlan.inner_type = type;
        p->mask.vlan.inner_type = RTE_BE16(0xffff);
        add_item(p, RTE_FLOW_ITEM_TYPE_VLAN, true);
    } else {
        p->spec.eth.type = type;
        p->mask.eth.type = RTE_BE16(0xffff);
    }
}

static void
match_port(struct pattern *p, const struct zcrx_steer_class *class,
           unsigned int i)
{
    rte_be16_t port = rte_cpu_to_be_16(class->ports[i / 2]);

    add_item(p, (i % 2 ? RTE_FLOW_ITEM_TYPE_IPV6 : RTE_FLOW_ITEM_TYPE_IPV4),
             false);
    if (class->kind == ZCRX_STEER_UDP_DST) {
        p->spec.udp.hdr.dst_port = port;
        p->mask.udp.hdr.dst_port = RTE_BE16(0xffff);
        add_item(p, RTE_FLOW_ITEM_TYPE_UDP, true);
    } else {
        p->spec.tcp.hdr.dst_port = port;
        p->mask.tcp.hdr.dst_port = RTE_BE16(0xffff);
        add_item(p, RTE_FLOW_ITEM_TYPE_TCP, true);
    }
}

/* What is behind the Ethernet header and the tag, for rule 'i' of 'class'. */
static void
match_ip(struct pattern *p, const struct zcrx_steer_class *class,
         unsigned int i)
{
    if (class->kind == ZCRX_STEER_ND) {
        p->spec.icmp6.type = ND_FIRST + i;
        p->mask.icmp6.type = 0xff;
        add_item(p, RTE_FLOW_ITEM_TYPE_IPV6, false);
        add_item(p, RTE_FLOW_ITEM_TYPE_ICMP6, true);
    } else if (class->kind == ZCRX_STEER_IPV4_DST) {
        memcpy(&p->spec.ipv4.hdr.dst_addr, class->addr, 4);
        memcpy(&p->mask.ipv4.hdr.dst_addr, class->mask, 4);
        add_item(p, RTE_FLOW_ITEM_TYPE_IPV4, true);
    } else if (class->kind == ZCRX_STEER_IPV6_DST) {
        memcpy(&p->spec.ipv6.hdr.dst_addr, class->addr, 16);
        memcpy(&p->mask.ipv6.hdr.dst_addr, class->mask, 16);
        add_item(p, RTE_FLOW_ITEM_TYPE_IPV6, true);
    } else {
        match_port(p, class, i);
    }
}

/* Makes '*p' what rule 'i' of 'class' matches: those for untagged frames come
 * first. */
static void
make_pattern(struct pattern *p, const struct zcrx_steer_class *class,
             unsigned int i)
{
    unsigned int n = n_untagged_rules(class);
    bool tagged = i >= n;

    memset(p, 0, sizeof *p);
    if (class->kind == ZCRX_STEER_ETHERTYPE) {
        match_ethertype(p, class, tagged);
    } else if (class->kind == ZCRX_STEER_GROUP) {
        p->spec.eth.dst.addr_bytes[0] = 1;
        p->mask.eth.dst.addr_bytes[0] = 1;
        add_item(p, RTE_FLOW_ITEM_TYPE_ETH, true);
    } else {
        add_item(p, RTE_FLOW_ITEM_TYPE_ETH, false);
        if (tagged) {
            add_item(p, RTE_FLOW_ITEM_TYPE_VLAN, false);
        }
        match_ip(p, class, i % n);
    }
    add_item(p, RTE_FLOW_ITEM_TYPE_END, false);
}

/* Makes '*p' what all frames match. */
static void
make_fence(struct pattern *p)
{
    memset(p, 0, sizeof *p);
    add_item(p, RTE_FLOW_ITEM_TYPE_ETH, false);
    add_item(p, RTE_FLOW_ITEM_TYPE_END, false);
}

/* Asks the driver about a rule of 'priority' that sends what matches 'p' to
 * 'queue_id', and makes it, to be stored in '*rule', if it is valid and 'rule'
 * is not NULL.  Returns 0 or a negative errno value. */
static int
ask(const struct zcrx_flow_driver *driver, uint16_t port_id,
    const struct pattern *p, uint32_t priority, uint16_t queue_id,
    struct rte_flow **rule)
{
    const struct rte_flow_attr attr = { .priority = priority, .ingress = 1 };
    const struct rte_flow_action_queue queue = { .index = queue_id };
    const struct rte_flow_action actions[] = {
        { .type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &queue },
        { .type = RTE_FLOW_ACTION_TYPE_END },
    };
    struct rte_flow_error error;
    int ret = driver->validate(port_id, &attr, p->items, actions, &error);

    if (!ret && rule) {
        *rule = driver->create(port_id, &attr, p->items, actions, &error);
        ret = *rule ? 0 : -EIO;
    }
    return ret;
}

/* Makes rule 'i' of 'class', to be stored in '*rule'.  Returns true if
 * successful. */
static bool
make_rule(const struct zcrx_flows *flows, const struct zcrx_steer_class *class,
          unsigned int i, struct rte_flow **rule)
{
    struct pattern p;

    make_pattern(&p, class, i);
    /* Linux's flower, for one, does not mix rules with a tag and others at one
     * priority.  Other drivers have one only. */
    return ((i >= n_untagged_rules(class)
             && !ask(flows->driver, flows->port_id, &p, TAGGED,
                     flows->queue_id, rule))
            || !ask(flows->driver, flows->port_id, &p, UNTAGGED,
                    flows->queue_id, rule));
}

/* Takes the rules of 'class' away.  Returns false if one of them stays. */
static bool
destroy(const struct zcrx_flows *flows, struct zcrx_flow_class *class)
{
    struct rte_flow_error error;
    bool ok = true;

    while (class->n_rules) {
        ok &= !flows->driver->destroy(flows->port_id,
                                      class->rules[--class->n_rules], &error);
    }
    return ok;
}

/* Returns true if the driver makes a rule, and takes it away, for what all
 * frames match, to be told apart from those that match a class. */
static bool
can_fence(const struct zcrx_flow_driver *driver, uint16_t port_id)
{
    struct rte_flow_error error;
    struct rte_flow *rule;
    struct pattern p;

    make_fence(&p);
    return (!ask(driver, port_id, &p, FENCE, 0, &rule)
            && !driver->destroy(port_id, rule, &error));
}

/* Returns true if DPDK port 'port_id', which is configured with 'n_queues'
 * receive queues and stopped, is to get another one for frames of the slow
 * path, given that it can have 'max_queues' and that its redirection table has
 * 'reta_size' entries: its driver must know rules, and that table must keep
 * all other frames out of the queue.  Without a table, a rule for all other
 * frames does that if there is one queue where they can go. */
bool
zcrx_flow_wants_queue(const struct zcrx_flow_driver *driver, uint16_t port_id,
                      uint16_t n_queues, uint16_t max_queues,
                      uint16_t reta_size)
{
    static const struct zcrx_steer_class any = {
        .kind = ZCRX_STEER_ETHERTYPE, .ethertype = 0x0806,
    };
    struct pattern p;
    int ret;

    if (n_queues >= max_queues) {
        return false;
    } else if (!reta_size) {
        return n_queues == 1 && can_fence(driver, port_id);
    }
    /* Whether it takes this rule does not matter, only whether it knows what a
     * rule is. */
    make_pattern(&p, &any, 0);
    ret = ask(driver, port_id, &p, UNTAGGED, 0, NULL);
    return ret != -ENOSYS && ret != -ENOTSUP;
}

/* Makes 'flows' those of DPDK port 'port_id', which has no queue for them. */
void
zcrx_flow_init(struct zcrx_flows *flows, const struct zcrx_flow_driver *driver,
               uint16_t port_id)
{
    memset(flows, 0, sizeof *flows);
    flows->driver = driver;
    flows->port_id = port_id;
}

/* Sends all frames that match no class to queue 0.  The port is started.
 * Returns true if successful. */
bool
zcrx_flow_fence(struct zcrx_flows *flows)
{
    struct pattern p;

    make_fence(&p);
    return !ask(flows->driver, flows->port_id, &p, FENCE, 0, &flows->fence);
}

/* Takes all rules away.  The port is about to be stopped. */
void
zcrx_flow_clear(struct zcrx_flows *flows)
{
    struct rte_flow_error error;

    zcrx_flow_remove(flows, NULL);
    flows->is_used = false;
    if (flows->fence) {
        flows->driver->destroy(flows->port_id, flows->fence, &error);
        flows->fence = NULL;
    }
}

/* Takes the rules away whose classes are not in 'keep', or all if that is
 * NULL.  Returns false if the driver does not do that for one of them: then
 * the port must be stopped to get rid of it. */
bool
zcrx_flow_remove(struct zcrx_flows *flows, const struct zcrx_steer *keep)
{
    uint8_t n_kept = 0;
    bool ok = true;

    for (uint8_t i = 0; i < flows->n_classes; i++) {
        struct zcrx_flow_class *class = &flows->classes[i];

        if (keep && zcrx_steer_find(keep, class->name) >= 0) {
            flows->classes[n_kept++] = *class;
        } else {
            ok &= destroy(flows, class);
        }
    }
    flows->n_classes = n_kept;
    return ok;
}

/* Makes the rules of those of the classes in 'steer' that have none, as far as
 * the driver takes them: those for untagged frames are made all or not at all.
 * The port is started.  Returns false if rules that are of no use stay; then
 * it must be stopped to get rid of them. */
bool
zcrx_flow_add(struct zcrx_flows *flows, const struct zcrx_steer *steer)
{
    bool ok = true;

    for (uint8_t i = 0; flows->has_queue && i < steer->n_classes; i++) {
        const struct zcrx_steer_class *class = &steer->classes[i];
        struct zcrx_flow_class *flow = &flows->classes[flows->n_classes];
        unsigned int n = n_all_rules(class);

        if (zcrx_flow_where(flows, class->name) != ZCRX_FLOW_SOFTWARE) {
            continue;
        }
        memcpy(flow->name, class->name, sizeof flow->name);
        flow->n_rules = 0;
        while (flow->n_rules < n
               && make_rule(flows, class, flow->n_rules,
                            &flow->rules[flow->n_rules])) {
            flow->n_rules++;
        }
        if (n && flow->n_rules >= n_untagged_rules(class)) {
            flow->place = flow->n_rules == n ? ZCRX_FLOW_VF : ZCRX_FLOW_BOTH;
            flows->n_classes++;
            flows->is_used = true;
        } else {
            ok &= destroy(flows, flow);
        }
    }
    return ok;
}

/* Returns where the class called 'name' is matched. */
enum zcrx_flow_place
zcrx_flow_where(const struct zcrx_flows *flows, const char *name)
{
    for (uint8_t i = 0; i < flows->n_classes; i++) {
        if (!strcmp(flows->classes[i].name, name)) {
            return flows->classes[i].place;
        }
    }
    return ZCRX_FLOW_SOFTWARE;
}

/* Makes '*rest' what is left of 'steer' for software, with the classes at
 * their places. */
void
zcrx_flow_rest(const struct zcrx_flows *flows, const struct zcrx_steer *steer,
               struct zcrx_steer *rest)
{
    uint32_t in_vf = 0;

    for (uint8_t i = 0; i < steer->n_classes; i++) {
        if (zcrx_flow_where(flows, steer->classes[i].name) == ZCRX_FLOW_VF) {
            in_vf |= UINT32_C(1) << i;
        }
    }
    zcrx_steer_without(rest, steer, in_vf);
}
