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

/* Which frames are slow path: what the option means, and that the quick look
 * at a frame and the long one agree with a third that is written here. */

#include "zcrx-steer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

#define MAX_LEN 200

static uint64_t seed = 1;

static struct zcrx_steer
parse(const char *s)
{
    struct zcrx_steer steer;
    char *error = zcrx_steer_parse(&steer, s);

    check_what = error ? error : s;
    CHECK(!error);
    return steer;
}

static void
test_parse(void)
{
    struct zcrx_steer steer = parse("none");

    CHECK(!zcrx_steer_is_active(&steer));
    steer = parse("all");
    CHECK(zcrx_steer_is_active(&steer));
    CHECK_EQ(steer.n_classes, 1);
    steer = parse("arp,nd,dhcp,dhcpv6,lldp,lacp,bfd,mcast,metadata,"
                  "ethertype=0x88B5,ethertype=34998,udp-dst=53,"
                  "tcp-dst=65535,ip-dst=10.0.0.0/8,ip-dst=192.0.2.1,"
                  "ip-dst=192.0.2.0/255.255.255.0,ip-dst=0.0.0.0/0,"
                  "ip-dst=2001:db8::/32,ip-dst=::1");
    CHECK_EQ(steer.n_classes, 19);
    CHECK_EQ(zcrx_steer_find(&steer, "arp"), 0);
    CHECK_EQ(zcrx_steer_find(&steer, "udp-dst=53"), 11);
    CHECK_EQ(zcrx_steer_find(&steer, "ip-dst=::1"), 18);
    CHECK(zcrx_steer_find(&steer, "udp-dst=5") < 0);
}

static void
test_refused(void)
{
    static const char *const wrong[][2] = {
        { "", "there is no class ''" },
        { "arp,", "there is no class ''" },
        { ",arp", "there is no class ''" },
        { "ARP", "there is no class 'ARP'" },
        { "arp dhcp", "there is no class 'arp dhcp'" },
        { "arp,none", "'none' goes alone" },
        { "all,arp", "'all' goes alone" },
        { "arp,nd,arp", "'arp' is there twice" },
        { "ethertype=", "'ethertype=' is not an Ethertype" },
        { "ethertype=0x5ff", "is not an Ethertype" },
        { "ethertype=0x10000", "is not an Ethertype" },
        { "ethertype=-1", "is not an Ethertype" },
        { "ethertype=arp", "is not an Ethertype" },
        { "udp-dst=0", "is not a port number" },
        { "udp-dst=65536", "is not a port number" },
        { "udp-dst=+5", "is not a port number" },
        { "tcp-dst=99999999999999999999", "is not a port number" },
        { "tcp-dst=80x", "is not a port number" },
        { "ip-dst=", "is not an IP address" },
        { "ip-dst=10.0.0", "is not an IP address" },
        { "ip-dst=10.0.0.0/33", "is not an IP address" },
        { "ip-dst=10.0.0.0/", "is not an IP address" },
        { "ip-dst=10.0.0.0/255.0.255.0", "is not an IP address" },
        { "ip-dst=::1/129", "is not an IP address" },
        { "ip-dst=0000:0000:0000:0000:0000:0000:0000:0000:0000/5",
          "is not an IP address" },
        { "ip-dst=0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:00",
          "an item is longer than" },
        { "udp-dst=1,udp-dst=2,udp-dst=3,udp-dst=4,udp-dst=5,udp-dst=6,"
          "udp-dst=7,udp-dst=8,udp-dst=9,udp-dst=10,udp-dst=11,udp-dst=12,"
          "udp-dst=13,udp-dst=14,udp-dst=15,udp-dst=16,udp-dst=17,"
          "udp-dst=18,udp-dst=19,udp-dst=20,udp-dst=21,udp-dst=22,"
          "udp-dst=23,udp-dst=24,udp-dst=25,udp-dst=26,udp-dst=27,"
          "udp-dst=28,udp-dst=29,udp-dst=30,udp-dst=31,udp-dst=32,arp",
          "'arp' is one class too many" },
    };

    for (size_t i = 0; i < N_ELEMENTS(wrong); i++) {
        struct zcrx_steer steer;
        char *error = zcrx_steer_parse(&steer, wrong[i][0]);

        check_what = wrong[i][0];
        CHECK(error);
        check_what = error;
        CHECK(strstr(error, wrong[i][1]));
        check_what = "";
        free(error);
    }
}

/* A frame as a class wants it, in hexadecimal. */
static size_t
from_hex(const char *hex, uint8_t *frame)
{
    size_t n = 0;

    for (; *hex; hex++) {
        unsigned int byte;

        if (*hex != ' ') {
            CHECK_EQ(sscanf(hex++, "%2x", &byte), 1);
            frame[n++] = byte;
        }
    }
    return n;
}

#define UNICAST "525400000001 525400000002 "
#define GROUP "01005e000001 525400000002 "
#define IPV4(PROTO, DST) "0800 45000030 00000000 40" PROTO "0000 0a000001 " DST
#define IPV6(PROTO, DST) \
    "86dd 60000000 0010" PROTO "ff fe800000 00000000 00000000 00000001 " DST
#define V6_DST "20010db8 00000000 00000000 00000002 "

static const struct {
    const char *class;
    const char *frame;
    const char *other;          /* One that is not in the class. */
} examples[] = {
    { "arp", UNICAST "0806 0001", UNICAST "0807 0001" },
    { "lldp", UNICAST "88cc 0001", UNICAST "88cd 0001" },
    { "lacp", UNICAST "8809 0001", UNICAST "0988 0001" },
    { "ethertype=0x88b5", UNICAST "88b5", UNICAST "b588" },
    { "ethertype=0x8100", UNICAST "8100 0001 9999", UNICAST "9999 8100" },
    { "mcast", GROUP "9999", UNICAST "9999" },
    { "dhcp", UNICAST IPV4("11", "0a000002") "0044 0043 0010 0000",
      UNICAST IPV4("06", "0a000002") "0044 0043 0010 0000" },
    { "dhcp", UNICAST IPV4("11", "0a000002") "0043 0044 0010 0000",
      UNICAST IPV4("11", "0a000002") "0044 0045 0010 0000" },
    { "dhcpv6", UNICAST IPV6("11", V6_DST) "0222 0223 0010 0000",
      UNICAST IPV6("11", V6_DST) "0222 0224 0010 0000" },
    { "bfd", UNICAST IPV4("11", "0a000002") "c000 0ec8 0010 0000",
      UNICAST IPV4("11", "0a000002") "0ec8 c000 0010 0000" },
    { "tcp-dst=80", UNICAST IPV4("06", "0a000002") "c000 0050 0000 0000",
      UNICAST IPV4("11", "0a000002") "c000 0050 0000 0000" },
    { "udp-dst=53", UNICAST IPV6("11", V6_DST) "c000 0035 0010 0000",
      UNICAST IPV6("06", V6_DST) "c000 0035 0010 0000" },
    { "nd", UNICAST IPV6("3a", V6_DST) "87000000 00000000",
      UNICAST IPV6("3a", V6_DST) "80000000 00000000" },
    { "nd", UNICAST IPV6("3a", V6_DST) "89000000 00000000",
      UNICAST IPV6("3a", V6_DST) "8a000000 00000000" },
    { "metadata", UNICAST IPV4("06", "a9fea9fe") "c000 0050 0000 0000",
      UNICAST IPV4("06", "a9fea9ff") "c000 0050 0000 0000" },
    { "ip-dst=10.0.0.0/9", UNICAST IPV4("01", "0a7fffff") "08000000",
      UNICAST IPV4("01", "0a80ffff") "08000000" },
    { "ip-dst=8.0.0.0/5", UNICAST IPV4("01", "0fffffff") "08000000",
      UNICAST IPV4("01", "10000000") "08000000" },
    { "ip-dst=2001:db8::/33", UNICAST IPV6("3b", V6_DST),
      UNICAST IPV6("3b", "20010db8 80000000 00000000 00000001") },
    { "ip-dst=0.0.0.0/0", UNICAST IPV4("01", "ffffffff"),
      UNICAST IPV6("3b", V6_DST) },
    /* IPv4 options; a first fragment, and a later one. */
    { "udp-dst=53", UNICAST "0800 46000030 00002000 40110000 0a000001 "
      "0a000002 01010101 c000 0035 0010 0000",
      UNICAST "0800 45000030 00002001 40110000 0a000001 0a000002 "
      "c000 0035 0010 0000" },
    /* IPv6 extension headers; a later fragment. */
    { "udp-dst=53", UNICAST IPV6("00", V6_DST) "3c000502 00000100 "
      "11010000 00000000 00000000 00000000 c000 0035 0010 0000",
      UNICAST IPV6("2c", V6_DST) "11000008 00000001 c000 0035 0010 0000" },
    { "nd", UNICAST IPV6("2c", V6_DST) "3a000001 00000001 87000000 00000000",
      UNICAST IPV6("00", V6_DST) "3a000502 00000100 8f000000" },
};

/* Each class matches its frames and not others, also with one tag, two tags,
 * and with all classes but in this order; and no more than the frame is read.
 * Shortened, it matches or does not, but nothing else. */
static void
test_examples(void)
{
    long int page = sysconf(_SC_PAGESIZE);
    uint8_t *mem = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(mem != MAP_FAILED);
    CHECK(!mprotect(mem + page, page, PROT_NONE));
    for (size_t i = 0; i < N_ELEMENTS(examples); i++) {
        struct zcrx_steer steer = parse(examples[i].class);
        uint8_t frame[MAX_LEN], other[MAX_LEN];
        size_t n = from_hex(examples[i].frame, frame);
        size_t n_other = from_hex(examples[i].other, other);
        static const uint8_t tags[2][4] = { { 0x81, 0, 0, 5 },
                                            { 0x88, 0xa8, 0, 6 } };

        for (int n_tags = 0; n_tags <= 2; n_tags++) {
            uint8_t *end = mem + page;

            memcpy(end - n, frame, n);
            CHECK_EQ(zcrx_steer_classify(&steer, end - n, n), 0);
            memcpy(end - n_other, other, n_other);
            CHECK(zcrx_steer_classify(&steer, end - n_other, n_other) < 0
                  || strstr(examples[i].class, "0x8100"));
            for (size_t len = 0; len < n; len++) {
                memcpy(end - len, frame, len);
                CHECK(zcrx_steer_classify(&steer, end - len, len) <= 0);
            }
            if (n_tags < 2) {
                memmove(&frame[16], &frame[12], n - 12);
                memcpy(&frame[12], tags[n_tags], 4);
                n += 4;
                memmove(&other[16], &other[12], n_other - 12);
                memcpy(&other[12], tags[n_tags], 4);
                n_other += 4;
            }
        }
    }
    munmap(mem, 2 * page);
}

/* The first class of the list is a frame's. */
static void
test_order(void)
{
    struct zcrx_steer steer = parse("mcast,arp,ip-dst=10.0.0.0/8,"
                                    "ip-dst=10.0.0.2,udp-dst=53");
    uint8_t frame[MAX_LEN];
    size_t n;

    n = from_hex(GROUP "0806", frame);
    CHECK_EQ(zcrx_steer_classify(&steer, frame, n), 0);
    n = from_hex(UNICAST "0806", frame);
    CHECK_EQ(zcrx_steer_classify(&steer, frame, n), 1);
    n = from_hex(UNICAST IPV4("11", "0a000002") "c000 0035 0010 0000", frame);
    CHECK_EQ(zcrx_steer_classify(&steer, frame, n), 2);
    n = from_hex(UNICAST IPV4("11", "0b000002") "c000 0035 0010 0000", frame);
    CHECK_EQ(zcrx_steer_classify(&steer, frame, n), 4);
    steer = parse("all");
    CHECK_EQ(zcrx_steer_classify(&steer, frame, 1), 0);
}

/* What a frame with any of the usual headers is, worked out without a look at
 * its bytes. */
struct truth {
    uint16_t types[3];
    int n_types;
    bool group;
    int ip;                     /* 4, 6, or 0. */
    uint8_t proto;
    uint16_t port;
    uint32_t dst;               /* IPv4, or the first bytes of IPv6. */
    uint8_t icmp;
};

static size_t
put(uint8_t *p, size_t at, uint64_t value, int n)
{
    while (n--) {
        p[at++] = value >> 8 * n;
    }
    return at;
}

static size_t
random_frame(uint8_t *p, struct truth *t)
{
    static const uint16_t types[] = { 0x0800, 0x0800, 0x86dd, 0x86dd, 0x0806,
                                      0x88cc, 0x8809, 0x0608, 0x1234 };
    static const uint16_t ports[] = { 67, 68, 53, 546, 3784, 80, 443, 1024 };
    static const uint8_t protos[] = { 6, 17, 17, 58, 1 };
    size_t at;

    memset(t, 0, sizeof *t);
    memset(p, 0, MAX_LEN);
    t->group = !next_random(&seed, 4);
    p[0] = t->group;
    at = 12;
    for (uint32_t n = next_random(&seed, 3); n; n--) {
        uint16_t tag = next_random(&seed, 2) ? 0x8100 : 0x88a8;

        t->types[t->n_types++] = tag;
        at = put(p, at, tag, 2);
        at = put(p, at, next_random(&seed, 65536), 2);
    }
    t->types[t->n_types] = types[next_random(&seed, N_ELEMENTS(types))];
    at = put(p, at, t->types[t->n_types], 2);
    t->ip = (t->types[t->n_types] == 0x0800 ? 4
             : t->types[t->n_types] == 0x86dd ? 6 : 0);
    t->n_types++;
    if (!t->ip) {
        return at + 46;
    }
    t->proto = protos[next_random(&seed, N_ELEMENTS(protos))];
    t->port = ports[next_random(&seed, N_ELEMENTS(ports))];
    t->dst = next_random(&seed, 2) ? next_random(&seed, 0xffffffff)
             : 0x0a000000 | next_random(&seed, 0x20000);
    t->icmp = 130 + next_random(&seed, 10);
    if (t->ip == 4) {
        uint32_t n_options = next_random(&seed, 3);

        p[at] = 0x45 + n_options;
        p[at + 9] = t->proto;
        put(p, at + 16, t->dst, 4);
        at += 20 + 4 * n_options;
    } else {
        uint32_t has_ext = !next_random(&seed, 3);

        p[at + 6] = has_ext ? 60 : t->proto;
        put(p, at + 24, t->dst, 4);
        at += 40;
        if (has_ext) {
            p[at] = t->proto;
            at += 8;
        }
    }
    if (t->proto == 6 || t->proto == 17) {
        put(p, at + 2, t->port, 2);
    } else {
        p[at] = t->icmp;
    }
    return at + 20;
}

static bool
has_type(const struct truth *t, uint16_t type)
{
    for (int i = 0; i < t->n_types; i++) {
        if (t->types[i] == type) {
            return true;
        }
    }
    return false;
}

static bool
is_in(const char *class, const struct truth *t)
{
    bool udp = t->ip && t->proto == 17;

    return (!strcmp(class, "arp") ? has_type(t, 0x0806)
            : !strcmp(class, "lldp") ? has_type(t, 0x88cc)
            : !strcmp(class, "lacp") ? has_type(t, 0x8809)
            : !strcmp(class, "ethertype=0x88a8") ? has_type(t, 0x88a8)
            : !strcmp(class, "mcast") ? t->group
            : !strcmp(class, "dhcp") ? udp && (t->port == 67 || t->port == 68)
            : !strcmp(class, "dhcpv6") ? udp && t->port == 546
            : !strcmp(class, "bfd") ? udp && t->port == 3784
            : !strcmp(class, "udp-dst=53") ? udp && t->port == 53
            : !strcmp(class, "tcp-dst=443") ? (t->ip && t->proto == 6
                                               && t->port == 443)
            : !strcmp(class, "nd") ? (t->ip == 6 && t->proto == 58
                                      && t->icmp >= 133 && t->icmp <= 137)
            : !strcmp(class, "ip-dst=10.0.0.0/15") ? (t->ip == 4
                                                      && t->dst >> 17
                                                         == 0x0a00 >> 1)
            : !strcmp(class, "ip-dst=a00::/16") ? (t->ip == 6
                                                   && t->dst >> 16 == 0x0a00)
            : false);
}

static void
test_random(void)
{
    static const char *const classes[] = {
        "arp", "lldp", "lacp", "ethertype=0x88a8", "mcast", "dhcp", "dhcpv6",
        "bfd", "udp-dst=53", "tcp-dst=443", "nd", "ip-dst=10.0.0.0/15",
        "ip-dst=a00::/16",
    };

    for (int i = 0; i < 2000; i++) {
        const char *list[N_ELEMENTS(classes)];
        struct zcrx_steer steer;
        char s[512] = "";
        int n = 0;

        for (size_t j = 0; j < N_ELEMENTS(classes); j++) {
            if (!next_random(&seed, 3) || (!n && j + 1 == N_ELEMENTS(list))) {
                list[n] = classes[(i + j) % N_ELEMENTS(classes)];
                strcat(s, n ? "," : "");
                strcat(s, list[n++]);
            }
        }
        steer = parse(s);
        for (int j = 0; j < 100; j++) {
            uint8_t frame[MAX_LEN];
            struct truth t;
            size_t len = random_frame(frame, &t);
            int expected = 0;

            while (expected < n && !is_in(list[expected], &t)) {
                expected++;
            }
            CHECK_EQ(zcrx_steer_classify(&steer, frame, len),
                     expected < n ? expected : ZCRX_STEER_NONE);
        }
    }
}

#if __x86_64__
/* What it costs with ten classes, for frames that are in none of them: printed
 * only, as it is the machine's matter. */
static void
test_cost(void)
{
    enum { N = 256, ROUNDS = 2000 };
    struct zcrx_steer steer = parse("arp,nd,dhcp,dhcpv6,lldp,lacp,bfd,"
                                    "metadata,udp-dst=53,tcp-dst=179");
    static uint8_t frames[N][64];
    static const char *const kinds[] = { "IPv4", "IPv6", "IPv4 with a tag",
                                         "all of these" };

    for (size_t kind = 0; kind < N_ELEMENTS(kinds); kind++) {
        uint64_t best = UINT64_MAX;
        int found = 0;

        for (int i = 0; i < N; i++) {
            static const char *const headers[] = {
                UNICAST IPV4("11", "0a000002") "c000",
                UNICAST IPV6("11", V6_DST) "c000",
                UNICAST "8100 0005 " IPV4("06", "0a000002") "c000",
            };
            uint8_t *p = frames[i];
            size_t n = from_hex(headers[kind < 3 ? kind : (size_t) i % 3], p);

            put(p, n, 10000 + next_random(&seed, 5000), 2);
        }
        for (int round = 0; round < ROUNDS; round++) {
            uint64_t start = __builtin_ia32_rdtsc();
            uint64_t cycles;

            for (int i = 0; i < N; i++) {
                found += zcrx_steer_classify(&steer, frames[i], 60) >= 0;
            }
            cycles = __builtin_ia32_rdtsc() - start;
            best = cycles < best ? cycles : best;
        }
        CHECK_EQ(found, 0);
        printf("cycles per frame, ten classes, %s: %.1f\n", kinds[kind],
               (double) best / N);
    }
}
#else
static void
test_cost(void)
{
}
#endif

int
main(void)
{
    static const struct test_case cases[] = {
        { "the option", test_parse },
        { "what is refused", test_refused },
        { "each class", test_examples },
        { "the first class", test_order },
        { "random frames", test_random },
        { "cost", test_cost },
    };

    return run_cases(cases, N_ELEMENTS(cases));
}
