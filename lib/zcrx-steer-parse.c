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
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The text of the option "slow-path". */

/* What the named classes match. */
static const struct zcrx_steer_class named[] = {
    { .name = "arp", .kind = ZCRX_STEER_ETHERTYPE, .ethertype = 0x0806 },
    { .name = "nd", .kind = ZCRX_STEER_ND },
    { .name = "dhcp", .kind = ZCRX_STEER_UDP_DST,
      .ports = { 67, 68 }, .n_ports = 2 },
    { .name = "dhcpv6", .kind = ZCRX_STEER_UDP_DST,
      .ports = { 546, 547 }, .n_ports = 2 },
    { .name = "lldp", .kind = ZCRX_STEER_ETHERTYPE, .ethertype = 0x88cc },
    { .name = "lacp", .kind = ZCRX_STEER_ETHERTYPE, .ethertype = 0x8809 },
    /* Single hop and echo, multihop, link aggregation (RFC 5881, 5883,
     * 7130). */
    { .name = "bfd", .kind = ZCRX_STEER_UDP_DST,
      .ports = { 3784, 3785, 4784, 6784 }, .n_ports = 4 },
    { .name = "mcast", .kind = ZCRX_STEER_GROUP },
    { .name = "metadata", .kind = ZCRX_STEER_IPV4_DST,
      .addr = { 169, 254, 169, 254 }, .mask = { 255, 255, 255, 255 },
      .prefix_len = 32 },
};

#define WHAT_WOULD_BE_RIGHT                                                 \
    "right would be none, all, or a list of arp, nd, dhcp, dhcpv6, lldp, "  \
    "lacp, bfd, mcast, metadata, ethertype=0x88cc, udp-dst=53, tcp-dst=80 " \
    "and ip-dst=192.0.2.0/24"

/* Stores the number in 's', up to 'max' and not below 'min', in '*value'. */
static bool
parse_number(const char *s, int base, unsigned long min, unsigned long max,
             uint16_t *value)
{
    unsigned long n;
    char *end;

    if (*s < '0' || *s > '9') {
        return false;
    }
    errno = 0;
    n = strtoul(s, &end, base);
    if (errno || *end || n < min || n > max) {
        return false;
    }
    *value = n;
    return true;
}

static char * __attribute__((__format__(__printf__, 1, 2)))
complain(const char *format, ...)
{
    va_list args;
    char *s;
    int n;

    va_start(args, format);
    n = vasprintf(&s, format, args);
    va_end(args);
    return n < 0 ? strdup("no memory") : s;
}

/* Parses 'A' or 'A/M' in 's', where M is a prefix length or, for IPv4, a mask
 * of that form. */
static bool
parse_ip(const char *s, struct zcrx_steer_class *class)
{
    char addr[INET6_ADDRSTRLEN];
    const char *slash = strchr(s, '/');
    size_t n = slash ? (size_t) (slash - s) : strlen(s);
    bool is_v6 = strchr(s, ':') != NULL;
    uint16_t max = is_v6 ? 128 : 32;
    uint16_t prefix = max;
    struct in_addr mask;

    if (n >= sizeof addr) {
        return false;
    }
    memcpy(addr, s, n);
    addr[n] = '\0';
    if (inet_pton(is_v6 ? AF_INET6 : AF_INET, addr, class->addr) != 1) {
        return false;
    }
    if (slash && !is_v6 && inet_pton(AF_INET, slash + 1, &mask) == 1) {
        uint32_t bits = ntohl(mask.s_addr);

        for (prefix = 0; prefix < 32 && bits & 1u << (31 - prefix);
             prefix++) {
            continue;
        }
        if (prefix < 32 && bits << prefix) {
            return false;       /* It has holes. */
        }
    } else if (slash && !parse_number(slash + 1, 10, 0, max, &prefix)) {
        return false;
    }
    class->kind = is_v6 ? ZCRX_STEER_IPV6_DST : ZCRX_STEER_IPV4_DST;
    class->prefix_len = prefix;
    for (uint16_t i = 0; i < prefix; i++) {
        class->mask[i / 8] |= 0x80 >> i % 8;
    }
    for (size_t i = 0; i < sizeof class->addr; i++) {
        class->addr[i] &= class->mask[i];
    }
    return true;
}

/* Parses one item of the list.  Returns NULL or an error. */
static char *
parse_item(const char *item, struct zcrx_steer_class *class)
{
    static const struct {
        const char *prefix;
        enum zcrx_steer_kind kind;
    } matches[] = {
        { "ethertype=", ZCRX_STEER_ETHERTYPE },
        { "udp-dst=", ZCRX_STEER_UDP_DST },
        { "tcp-dst=", ZCRX_STEER_TCP_DST },
        { "ip-dst=", ZCRX_STEER_IPV4_DST },
    };

    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        if (!strcmp(item, named[i].name)) {
            *class = named[i];
            return NULL;
        }
    }
    memset(class, 0, sizeof *class);
    for (size_t i = 0; i < sizeof matches / sizeof matches[0]; i++) {
        size_t n = strlen(matches[i].prefix);
        const char *value = item + n;

        if (strncmp(item, matches[i].prefix, n)) {
            continue;
        }
        class->kind = matches[i].kind;
        class->n_ports = 1;
        switch (class->kind) {
        case ZCRX_STEER_ETHERTYPE:
            if (!parse_number(value, 0, 0x600, 0xffff, &class->ethertype)) {
                return complain("'%s' is not an Ethertype from 0x0600 to "
                                "0xffff, such as ethertype=0x88cc", item);
            }
            break;
        case ZCRX_STEER_UDP_DST:
        case ZCRX_STEER_TCP_DST:
            if (!parse_number(value, 10, 1, 65535, &class->ports[0])) {
                return complain("'%s' is not a port number from 1 to 65535, "
                                "such as udp-dst=53", item);
            }
            break;
        case ZCRX_STEER_ALL:
        case ZCRX_STEER_ELSEWHERE:
        case ZCRX_STEER_GROUP:
        case ZCRX_STEER_ND:
        case ZCRX_STEER_IPV4_DST:
        case ZCRX_STEER_IPV6_DST:
        default:
            if (!parse_ip(value, class)) {
                return complain("'%s' is not an IP address or network, such "
                                "as ip-dst=192.0.2.0/24", item);
            }
            break;
        }
        /* The caller has seen to its length. */
        memcpy(class->name, item, strlen(item) + 1);
        return NULL;
    }
    if (!strcmp(item, "none") || !strcmp(item, "all")) {
        return complain("'%s' goes alone, not in a list", item);
    }
    return complain("there is no class '%s'; %s", item, WHAT_WOULD_BE_RIGHT);
}

/* Makes '*steer' the rules that 's' states: "none", "all", or classes with
 * commas between them, each once.  Returns NULL if successful, otherwise what
 * is wrong with 's', which the caller must free: '*steer' is of no use. */
char *
zcrx_steer_parse(struct zcrx_steer *steer, const char *s)
{
    memset(steer, 0, sizeof *steer);
    if (!strcmp(s, "none")) {
        return NULL;
    }
    if (!strcmp(s, "all")) {
        const struct zcrx_steer_class all = {
            .name = "all", .kind = ZCRX_STEER_ALL,
        };

        zcrx_steer_add(steer, &all);
        return NULL;
    }
    for (;;) {
        size_t n = strcspn(s, ",");
        char item[ZCRX_STEER_NAME_LEN];
        struct zcrx_steer_class class;
        char *problem;

        if (n >= sizeof item) {
            return complain("an item is longer than any class has; %s",
                            WHAT_WOULD_BE_RIGHT);
        }
        memcpy(item, s, n);
        item[n] = '\0';
        if (steer->n_classes == ZCRX_STEER_MAX) {
            return complain("'%s' is one class too many, as %d are the most",
                            item, ZCRX_STEER_MAX);
        }
        if (zcrx_steer_find(steer, item) >= 0) {
            return complain("'%s' is there twice", item);
        }
        problem = parse_item(item, &class);
        if (problem) {
            return problem;
        }
        zcrx_steer_add(steer, &class);
        if (!s[n]) {
            return NULL;
        }
        s += n + 1;
    }
}
