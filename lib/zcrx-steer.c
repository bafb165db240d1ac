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

#include "zcrx-steer.h"

#include <arpa/inet.h>
#include <string.h>

/* Bytes of an Ethernet header, and of a VLAN tag. */
#define ETH_LEN 14
#define VLAN_LEN 4

/* VLAN tags, and IPv6 extension headers, that are stepped over. */
#define MAX_TAGS 2
#define MAX_EXT 4

#define TYPE_IPV4 0x0800
#define TYPE_VLAN 0x8100
#define TYPE_QINQ 0x88a8
#define TYPE_IPV6 0x86dd

#define PROTO_HOPOPTS 0
#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_ROUTING 43
#define PROTO_FRAGMENT 44
#define PROTO_ICMPV6 58
#define PROTO_DSTOPTS 60

/* ICMPv6 types from router solicitation to redirect (RFC 4861 4). */
#define ND_FIRST 133
#define ND_LAST 137

static uint16_t
get_u16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

/* Returns the place of 'value', as it lies in the frame, in a filter.  With
 * this factor, none of IPv4, IPv6 and the tags shares a place with a named
 * class. */
static inline uint32_t
place(uint16_t value)
{
    return (value * UINT32_C(0x9e3779b1)) >> 22;
}

static void
filter_add(struct zcrx_steer_filter *filter, uint16_t value)
{
    uint32_t i = place(value);

    filter->bits[i / 64] |= UINT64_C(1) << i % 64;
}

static inline bool
filter_has(const struct zcrx_steer_filter *filter, uint16_t value)
{
    uint32_t i = place(value);

    return filter->bits[i / 64] >> i % 64 & 1;
}

/* Adds 'class' to the filters of 'steer'. */
static void
add_to_filters(struct zcrx_steer *steer, const struct zcrx_steer_class *class)
{
    struct zcrx_steer_filter *filter;
    uint16_t free_bits;

    switch (class->kind) {
    case ZCRX_STEER_ALL:
        steer->all = true;
        break;
    case ZCRX_STEER_ELSEWHERE:
        break;
    case ZCRX_STEER_ETHERTYPE:
        filter_add(&steer->ethertypes, htons(class->ethertype));
        break;
    case ZCRX_STEER_GROUP:
        steer->any_group = true;
        break;
    case ZCRX_STEER_ND:
        steer->any_l3 = true;
        steer->any_nd = true;
        break;
    case ZCRX_STEER_UDP_DST:
    case ZCRX_STEER_TCP_DST:
        steer->any_l3 = true;
        for (uint8_t i = 0; i < class->n_ports; i++) {
            filter_add(&steer->ports[class->kind == ZCRX_STEER_TCP_DST],
                       htons(class->ports[i]));
        }
        break;
    case ZCRX_STEER_IPV4_DST:
    case ZCRX_STEER_IPV6_DST:
    default:
        steer->any_l3 = true;
        filter = (class->kind == ZCRX_STEER_IPV4_DST ? &steer->ipv4
                  : &steer->ipv6);
        free_bits = class->prefix_len < 8 ? 8 - class->prefix_len : 0;
        for (unsigned int i = 0; i < 1u << free_bits; i++) {
            filter_add(filter, class->addr[0] | i);
        }
        break;
    }
}

/* Adds 'class' to the rules of 'steer', in which there is room for it.  Only
 * until others use them. */
void
zcrx_steer_add(struct zcrx_steer *steer, const struct zcrx_steer_class *class)
{
    steer->classes[steer->n_classes++] = *class;
    add_to_filters(steer, class);
}

/* Returns the index of the class that is named 'name', or a negative number if
 * there is none. */
int
zcrx_steer_find(const struct zcrx_steer *steer, const char *name)
{
    for (uint8_t i = 0; i < steer->n_classes; i++) {
        if (!strcmp(steer->classes[i].name, name)) {
            return i;
        }
    }
    return ZCRX_STEER_NONE;
}

/* Makes '*rest' the rules of 'steer' but for the classes whose bits are set in
 * 'classes', the first one's being the lowest: no frame matches these.  The
 * others stay at their places.  If there are none, '*rest' has no class. */
void
zcrx_steer_without(struct zcrx_steer *rest, const struct zcrx_steer *steer,
                   uint32_t classes)
{
    memset(rest, 0, sizeof *rest);
    for (uint8_t i = 0; i < steer->n_classes; i++) {
        rest->classes[i] = steer->classes[i];
        if (classes >> i & 1) {
            rest->classes[i].kind = ZCRX_STEER_ELSEWHERE;
        } else {
            rest->n_classes = i + 1;
            add_to_filters(rest, &rest->classes[i]);
        }
    }
}

/* What is read of a frame, each field once: another may be writing it. */
struct fields {
    uint16_t types[MAX_TAGS + 1]; /* Of the tags, and then the payload's. */
    uint8_t n_types;
    bool group;
    uint16_t l3;                /* TYPE_IPV4, TYPE_IPV6 or 0. */
    uint8_t dst[16];
    uint8_t proto;              /* With 'has_port' or 'icmp_type'. */
    bool has_port;
    uint16_t dst_port;
    uint8_t icmp_type;
};

/* Reads what follows the IP headers, at 'at', into 'f'. */
static void
read_l4(struct fields *f, const uint8_t *p, uint32_t at, uint32_t len,
        uint8_t proto)
{
    f->proto = proto;
    if ((proto == PROTO_UDP || proto == PROTO_TCP) && at + 4 <= len) {
        f->dst_port = get_u16(&p[at + 2]);
        f->has_port = true;
    } else if (proto == PROTO_ICMPV6 && at + 1 <= len) {
        f->icmp_type = p[at];
    } else {
        f->proto = 0;
    }
}

static void
read_ipv4(struct fields *f, const uint8_t *p, uint32_t at, uint32_t len)
{
    uint32_t ihl;

    if (at + 20 > len) {
        return;
    }
    ihl = (p[at] & 0x0f) * 4u;
    if (ihl < 20) {
        return;
    }
    f->l3 = TYPE_IPV4;
    memcpy(f->dst, &p[at + 16], 4);
    /* Fragments after the first one have no ports. */
    if (!(get_u16(&p[at + 6]) & 0x1fff)) {
        read_l4(f, p, at + ihl, len, p[at + 9]);
        f->icmp_type = 0;
    }
}

static void
read_ipv6(struct fields *f, const uint8_t *p, uint32_t at, uint32_t len)
{
    uint8_t proto;

    if (at + 40 > len) {
        return;
    }
    f->l3 = TYPE_IPV6;
    memcpy(f->dst, &p[at + 24], 16);
    proto = p[at + 6];
    at += 40;
    for (int i = 0; i < MAX_EXT; i++) {
        if (proto != PROTO_HOPOPTS && proto != PROTO_ROUTING
            && proto != PROTO_DSTOPTS && proto != PROTO_FRAGMENT) {
            break;
        }
        if (at + 8 > len) {
            return;
        }
        if (proto == PROTO_FRAGMENT) {
            if (get_u16(&p[at + 2]) & 0xfff8) {
                return;
            }
            proto = p[at];
            at += 8;
        } else {
            uint32_t next = at + (p[at + 1] + 1u) * 8;

            proto = p[at];
            at = next;
        }
    }
    read_l4(f, p, at, len, proto);
}

/* Reads 'f' out of the frame of 'len' bytes, at least ETH_LEN, at 'p'. */
static void
read_fields(struct fields *f, const uint8_t *p, uint32_t len)
{
    uint32_t at = ETH_LEN - 2;
    uint16_t type;

    memset(f, 0, sizeof *f);
    f->group = p[0] & 1;
    type = get_u16(&p[at]);
    f->types[f->n_types++] = type;
    at += 2;
    while ((type == TYPE_VLAN || type == TYPE_QINQ)
           && f->n_types <= MAX_TAGS && at + VLAN_LEN <= len) {
        type = get_u16(&p[at + 2]);
        f->types[f->n_types++] = type;
        at += VLAN_LEN;
    }
    if (type == TYPE_IPV4) {
        read_ipv4(f, p, at, len);
    } else if (type == TYPE_IPV6) {
        read_ipv6(f, p, at, len);
    }
}

static bool
has_port(const struct zcrx_steer_class *class, uint16_t port)
{
    for (uint8_t i = 0; i < class->n_ports; i++) {
        if (class->ports[i] == port) {
            return true;
        }
    }
    return false;
}

static bool
is_under(const struct zcrx_steer_class *class, const uint8_t *addr, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if ((addr[i] & class->mask[i]) != class->addr[i]) {
            return false;
        }
    }
    return true;
}

static bool
matches(const struct zcrx_steer_class *class, const struct fields *f)
{
    switch (class->kind) {
    case ZCRX_STEER_ALL:
        return true;
    case ZCRX_STEER_ETHERTYPE:
        for (uint8_t i = 0; i < f->n_types; i++) {
            if (f->types[i] == class->ethertype) {
                return true;
            }
        }
        return false;
    case ZCRX_STEER_GROUP:
        return f->group;
    case ZCRX_STEER_ND:
        return (f->proto == PROTO_ICMPV6 && f->l3 == TYPE_IPV6
                && f->icmp_type >= ND_FIRST && f->icmp_type <= ND_LAST);
    case ZCRX_STEER_UDP_DST:
        return (f->has_port && f->proto == PROTO_UDP
                && has_port(class, f->dst_port));
    case ZCRX_STEER_TCP_DST:
        return (f->has_port && f->proto == PROTO_TCP
                && has_port(class, f->dst_port));
    case ZCRX_STEER_IPV4_DST:
        return f->l3 == TYPE_IPV4 && is_under(class, f->dst, 4);
    case ZCRX_STEER_IPV6_DST:
        return f->l3 == TYPE_IPV6 && is_under(class, f->dst, 16);
    case ZCRX_STEER_ELSEWHERE:
    default:
        return false;
    }
}

/* The second step. */
static int __attribute__((__noinline__))
classify_exactly(const struct zcrx_steer *steer, const uint8_t *p,
                 uint32_t len)
{
    struct fields f;

    read_fields(&f, p, len);
    for (uint8_t i = 0; i < steer->n_classes; i++) {
        if (matches(&steer->classes[i], &f)) {
            return i;
        }
    }
    return ZCRX_STEER_NONE;
}

/* Returns the 16 bits at 'p' as they lie there. */
static inline uint16_t
load_u16(const uint8_t *p)
{
    uint16_t value;

    memcpy(&value, p, sizeof value);
    return value;
}

static inline bool
is_tag(uint16_t type)
{
    return type == htons(TYPE_VLAN) || type == htons(TYPE_QINQ);
}

/* The first step, for an IPv4 packet without options that is not a fragment,
 * behind an Ethernet header without tags: returns true if a class may match
 * it. */
static inline bool
may_match_ipv4(const struct zcrx_steer *steer, const uint8_t *p)
{
    uint8_t proto = p[ETH_LEN + 9];
    bool found = filter_has(&steer->ipv4, p[ETH_LEN + 16]);

    if (proto == PROTO_TCP || proto == PROTO_UDP) {
        found |= filter_has(&steer->ports[proto == PROTO_TCP],
                            load_u16(&p[ETH_LEN + 22]));
    }
    return found;
}

/* The same for an IPv6 packet without extension headers. */
static inline bool
may_match_ipv6(const struct zcrx_steer *steer, const uint8_t *p)
{
    uint8_t proto = p[ETH_LEN + 6];
    bool found = filter_has(&steer->ipv6, p[ETH_LEN + 24]);

    if (proto == PROTO_TCP || proto == PROTO_UDP) {
        found |= filter_has(&steer->ports[proto == PROTO_TCP],
                            load_u16(&p[ETH_LEN + 42]));
    } else {
        /* Neighbor discovery, or an extension header. */
        found |= proto != PROTO_ICMPV6 || steer->any_nd;
    }
    return found;
}

/* Returns the index of the first class of 'steer', which is active, that the
 * frame of 'len' bytes at 'frame' matches, or ZCRX_STEER_NONE.  Reads no byte
 * beyond the frame; a frame that ends before a field does not match classes
 * that ask for that field.
 *
 * The frame may be in memory that its guest is writing to.  Then the answer is
 * one for bytes that were there at some time.  Any thread. */
int
zcrx_steer_classify(const struct zcrx_steer *steer, const void *frame,
                    uint32_t len)
{
    const uint8_t *p = frame;
    uint32_t left = len;
    uint16_t type;

    if (steer->all) {
        return 0;
    }
    if (len < ETH_LEN) {
        return ZCRX_STEER_NONE;
    }
    if (steer->any_group && p[0] & 1) {
        return classify_exactly(steer, frame, len);
    }
    type = load_u16(&p[ETH_LEN - 2]);
    /* Behind each tag, a frame is as one without. */
    for (int i = 0; i < MAX_TAGS && is_tag(type); i++) {
        if (filter_has(&steer->ethertypes, type)
            || left < ETH_LEN + VLAN_LEN) {
            return classify_exactly(steer, frame, len);
        }
        p += VLAN_LEN;
        left -= VLAN_LEN;
        type = load_u16(&p[ETH_LEN - 2]);
    }
    if (filter_has(&steer->ethertypes, type)) {
        return classify_exactly(steer, frame, len);
    }
    if (!steer->any_l3) {
        return ZCRX_STEER_NONE;
    }
    if (type == htons(TYPE_IPV4)) {
        if (left >= ETH_LEN + 24 && p[ETH_LEN] == 0x45
            && !may_match_ipv4(steer, p)) {
            return ZCRX_STEER_NONE;
        }
    } else if (type == htons(TYPE_IPV6)) {
        if (left >= ETH_LEN + 44 && !may_match_ipv6(steer, p)) {
            return ZCRX_STEER_NONE;
        }
    } else {
        return ZCRX_STEER_NONE;
    }
    /* Something may match, or it is a packet that is not so simple. */
    return classify_exactly(steer, frame, len);
}
