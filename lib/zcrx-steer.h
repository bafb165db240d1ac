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

#ifndef ZCRX_STEER_H
#define ZCRX_STEER_H 1

/* Which frames are slow path: the rules that the option "slow-path" states,
 * and matching frames to them in software.
 *
 * A frame belongs to the first class of the list that it matches.  The looking
 * is done in two steps.  The first one reads the few fields that any class
 * asks for and looks each up in a small filter, which has a bit for every
 * value that matters and, by chance, for some others; nearly all frames end
 * here.  The second one goes through the list.
 *
 * Nothing here knows Open vSwitch or DPDK.  A set of rules is not changed once
 * it is made, and any number of threads may use it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Classes in one list at most. */
#define ZCRX_STEER_MAX 32

/* Room for the name of a class, which is what the user wrote. */
#define ZCRX_STEER_NAME_LEN 64

/* zcrx_steer_classify()'s answer for a frame of no class. */
#define ZCRX_STEER_NONE (-1)

/* What a class matches. */
enum zcrx_steer_kind {
    ZCRX_STEER_ALL,             /* Everything. */
    ZCRX_STEER_ELSEWHERE,       /* Nothing, see zcrx_steer_without(). */
    ZCRX_STEER_ETHERTYPE,       /* 'value' is the Ethertype, that of a VLAN
                                 * tag or behind the tags. */
    ZCRX_STEER_GROUP,           /* To a multicast or broadcast address. */
    ZCRX_STEER_ND,              /* Neighbor discovery (RFC 4861). */
    ZCRX_STEER_UDP_DST,         /* UDP to one of 'ports'. */
    ZCRX_STEER_TCP_DST,         /* TCP to one of 'ports'. */
    ZCRX_STEER_IPV4_DST,        /* IPv4 to 'addr' under 'mask'. */
    ZCRX_STEER_IPV6_DST,        /* IPv6 to 'addr' under 'mask'. */
};

#define ZCRX_STEER_MAX_PORTS 4

struct zcrx_steer_class {
    char name[ZCRX_STEER_NAME_LEN];
    enum zcrx_steer_kind kind;
    uint16_t ethertype;         /* Host byte order. */
    uint16_t ports[ZCRX_STEER_MAX_PORTS]; /* Host byte order. */
    uint8_t n_ports;
    uint8_t addr[16];           /* 4 bytes of it for IPv4. */
    uint8_t mask[16];
    uint8_t prefix_len;
};

/* A set of values of two bytes, or one, of which most can be told not to be
 * in it. */
struct zcrx_steer_filter {
    uint64_t bits[16];
};

struct zcrx_steer {
    struct zcrx_steer_class classes[ZCRX_STEER_MAX];
    uint8_t n_classes;

    /* The first step. */
    bool all;                   /* Every frame matches a class. */
    bool any_group;
    bool any_l3;                /* Some class looks into IP packets. */
    struct zcrx_steer_filter ethertypes;
    struct zcrx_steer_filter ports[2]; /* UDP, TCP. */
    struct zcrx_steer_filter ipv4; /* First byte of the destination. */
    struct zcrx_steer_filter ipv6;
    bool any_nd;
};

char *zcrx_steer_parse(struct zcrx_steer *, const char *s);
void zcrx_steer_add(struct zcrx_steer *, const struct zcrx_steer_class *);
int zcrx_steer_classify(const struct zcrx_steer *, const void *frame,
                        uint32_t len);
int zcrx_steer_find(const struct zcrx_steer *, const char *name);
void zcrx_steer_without(struct zcrx_steer *rest, const struct zcrx_steer *,
                        uint32_t classes);

/* Returns true if any frame can be slow path by 'steer'. */
static inline bool
zcrx_steer_is_active(const struct zcrx_steer *steer)
{
    return steer->n_classes > 0;
}

#endif /* zcrx-steer.h */
