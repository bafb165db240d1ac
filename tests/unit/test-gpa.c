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

/* The map of the guest's memory. */

#include "zcrx-gpa.h"

#include <string.h>

#include "check.h"

/* Adds a region whose memory is where nobody looks.  Returns what the map
 * says. */
static const char *
add(struct zcrx_gpa_map *map, uint64_t gpa, uint64_t size)
{
    const struct zcrx_gpa_region region = {
        .gpa = gpa,
        .size = size,
        .hva = 0x10000,
        .page_size = 4096,
    };

    return zcrx_gpa_map_add(map, &region);
}

/* Checks that adding 'region' fails because of 'why' and changes nothing. */
static void
check_refused(struct zcrx_gpa_map *map, const struct zcrx_gpa_region *region,
              const char *why)
{
    struct zcrx_gpa_map before = *map;
    const char *error = zcrx_gpa_map_add(map, region);

    CHECK(error && !strcmp(error, why));
    CHECK(!memcmp(&before, map, sizeof before));
}

static void
test_empty(void)
{
    struct zcrx_gpa_map map;

    memset(&map, 0xff, sizeof map);
    zcrx_gpa_map_init(&map);
    CHECK(!zcrx_gpa_find(&map, 0, 1));
    CHECK(!zcrx_gpa_find(&map, 0, UINT64_MAX));
    CHECK(!zcrx_gpa_find(&map, UINT64_MAX, 1));
    zcrx_gpa_map_destroy(&map);
    CHECK(!map.n);
}

static void
test_sorted(void)
{
    static const uint64_t gpas[] = { 5, 1, 7, 3, 0, 6, 2, 4 };
    struct zcrx_gpa_map map;

    zcrx_gpa_map_init(&map);
    for (size_t i = 0; i < N_ELEMENTS(gpas); i++) {
        CHECK(!add(&map, gpas[i] << 20, 0x1000));
        CHECK(map.n == i + 1);
        for (size_t j = 1; j < map.n; j++) {
            CHECK(map.regions[j - 1].gpa < map.regions[j].gpa);
        }
        for (size_t j = 0; j <= i; j++) {
            const struct zcrx_gpa_region *r;

            r = zcrx_gpa_find(&map, gpas[j] << 20, 0x1000);
            CHECK(r && r->gpa == gpas[j] << 20);
        }
    }
    CHECK(map.n == ZCRX_GPA_MAX_REGIONS);
    check_refused(&map,
                  &(struct zcrx_gpa_region) { .gpa = 1ULL << 40,
                                              .size = 1,
                                              .page_size = 1 },
                  "too many memory regions");
    zcrx_gpa_map_destroy(&map);
}

static void
test_overlap(void)
{
    static const struct {
        uint64_t gpa, size;
    } bad[] = {
        { 0x2000, 0x1000 },     /* The same. */
        { 0x2400, 0x400 },      /* Within. */
        { 0x2000, 0x400 },      /* Within, at the start. */
        { 0x2c00, 0x400 },      /* Within, at the end. */
        { 0x1000, 0x3000 },     /* Around. */
        { 0x2000, 0x2000 },     /* Around, from the start. */
        { 0x1000, 0x2000 },     /* Around, to the end. */
        { 0x1000, 0x1001 },     /* One byte at the start. */
        { 0x2fff, 0x1000 },     /* One byte at the end. */
        { 0x2000, 1 },
        { 0x2fff, 1 },
        { 0, UINT64_MAX },      /* Everything. */
        { 1, UINT64_MAX },
    };
    struct zcrx_gpa_map map;

    zcrx_gpa_map_init(&map);
    CHECK(!add(&map, 0x2000, 0x1000));
    for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
        check_refused(&map, &(struct zcrx_gpa_region) { .gpa = bad[i].gpa,
                                                        .size = bad[i].size,
                                                        .page_size = 4096 },
                      "memory regions overlap");
    }
    /* Neighbours are all right. */
    CHECK(!add(&map, 0x1000, 0x1000));
    CHECK(!add(&map, 0x3000, 1));
    CHECK(!add(&map, 0x3001, 1));

    /* The last byte of the address space is one like any other. */
    CHECK(!add(&map, UINT64_MAX - 0xfff, 0x1000));
    check_refused(&map, &(struct zcrx_gpa_region) { .gpa = UINT64_MAX,
                                                    .size = 1,
                                                    .page_size = 4096 },
                  "memory regions overlap");
    CHECK(!add(&map, 0, 1));
    zcrx_gpa_map_destroy(&map);
}

static void
test_refused(void)
{
    static const struct {
        struct zcrx_gpa_region region;
        const char *why;
    } bad[] = {
        { { .gpa = 0x1000, .size = 0, .page_size = 4096 },
          "empty memory region" },
        { { .gpa = UINT64_MAX, .size = 2, .page_size = 4096 },
          "memory region wraps around the address space" },
        { { .gpa = 2, .size = UINT64_MAX, .page_size = 4096 },
          "memory region wraps around the address space" },
        { { .size = 2, .hva = UINTPTR_MAX, .page_size = 4096 },
          "memory region wraps around the address space" },
        { { .size = 0x1000, .page_size = 0 },
          "page size of memory region is not a power of two" },
        { { .size = 0x1000, .page_size = 3 },
          "page size of memory region is not a power of two" },
        { { .size = 0x1000, .page_size = 4097 },
          "page size of memory region is not a power of two" },
        { { .size = 0x1000, .page_size = UINT64_MAX },
          "page size of memory region is not a power of two" },
    };
    struct zcrx_gpa_map map;

    zcrx_gpa_map_init(&map);
    for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
        check_refused(&map, &bad[i].region, bad[i].why);
    }
    CHECK(!zcrx_gpa_map_add(&map, &(struct zcrx_gpa_region) {
                                      .gpa = UINT64_MAX, .size = 1,
                                      .hva = UINTPTR_MAX, .page_size = 1 }));
    CHECK(!zcrx_gpa_map_add(&map, &(struct zcrx_gpa_region) {
                                      .gpa = 0, .size = 1,
                                      .page_size = UINT64_C(1) << 63 }));
    zcrx_gpa_map_destroy(&map);
}

/* Pages are counted from the one that holds the first byte. */
static void
test_missing_pages(void)
{
    static const struct {
        uint64_t hva, size;
        size_t n_pages;
    } regions[] = {
        { 0x10000, 0x1000, 1 },
        { 0x10000, 0x1001, 2 },
        { 0x10000, 1, 1 },
        { 0x10fff, 1, 1 },
        { 0x10fff, 2, 2 },
        { 0x10800, 0x1000, 2 },
        { 0x10800, 0x800, 1 },
        { 0x10800, 0x801, 2 },
        { 0x10001, 0x3000, 4 },
    };

    for (size_t i = 0; i < N_ELEMENTS(regions); i++) {
        struct zcrx_gpa_region region = {
            .size = regions[i].size,
            .hva = regions[i].hva,
            .page_size = 0x1000,
        };
        struct zcrx_gpa_map map;

        zcrx_gpa_map_init(&map);
        region.page_iova = calloc(regions[i].n_pages,
                                  sizeof *region.page_iova);
        CHECK(region.page_iova);
        region.n_pages = regions[i].n_pages - 1;
        check_refused(&map, &region,
                      "memory region has pages without an I/O address");
        region.n_pages++;
        CHECK(!zcrx_gpa_map_add(&map, &region));
        zcrx_gpa_map_destroy(&map);
        CHECK(!map.n && !map.regions[0].page_iova);
    }
}

/* What ends behind memory is not in it, also where the sum wraps
 * (CVE-2020-10722, CVE-2020-14376). */
static void
test_find_edges(void)
{
    static const struct {
        uint64_t gpa, len;
        int region;             /* -1 for none. */
    } finds[] = {
        /* Two neighbours, 0x1000 to 0x1fff and 0x2000 to 0x2fff. */
        { 0x1000, 1, 0 },
        { 0x1000, 0x1000, 0 },
        { 0x1fff, 1, 0 },
        { 0x2000, 1, 1 },
        { 0x2fff, 1, 1 },
        { 0x2000, 0x1000, 1 },
        { 0xfff, 1, -1 },
        { 0xfff, 2, -1 },
        { 0x3000, 1, -1 },
        { 0x1000, 0x1001, -1 },
        { 0x1fff, 2, -1 },
        { 0x1000, 0x2000, -1 },
        { 0x2fff, 2, -1 },
        { 0, 1, -1 },
        /* One that ends where addresses do. */
        { UINT64_MAX - 0xff, 0x100, 2 },
        { UINT64_MAX - 0xff, 0x101, -1 },
        { UINT64_MAX, 1, 2 },
        { UINT64_MAX, 2, -1 },
        { UINT64_MAX - 0x100, 1, -1 },
        /* Lengths that are nothing, or wrap. */
        { 0x1000, 0, -1 },
        { 0x1800, 0, -1 },
        { 0x2000, 0, -1 },
        { 0x1000, UINT64_MAX, -1 },
        { 0x1800, UINT64_MAX, -1 },
        { 0x1fff, UINT64_MAX, -1 },
        { 0x1001, UINT64_MAX - 0x1000, -1 },
        { UINT64_MAX, UINT64_MAX, -1 },
        { 0x1fff, 1ULL << 32, -1 },
    };
    struct zcrx_gpa_map map;

    zcrx_gpa_map_init(&map);
    CHECK(!add(&map, UINT64_MAX - 0xff, 0x100));
    CHECK(!add(&map, 0x1000, 0x1000));
    CHECK(!add(&map, 0x2000, 0x1000));
    for (size_t i = 0; i < N_ELEMENTS(finds); i++) {
        const struct zcrx_gpa_region *r;

        r = zcrx_gpa_find(&map, finds[i].gpa, finds[i].len);
        CHECK(r == (finds[i].region < 0 ? NULL
                    : &map.regions[finds[i].region]));
    }
    CHECK(zcrx_gpa_to_hva(&map.regions[0], 0x1000) == (void *) 0x10000);
    CHECK(zcrx_gpa_to_hva(&map.regions[0], 0x1fff) == (void *) 0x10fff);
    CHECK(zcrx_gpa_to_hva(&map.regions[2], UINT64_MAX) == (void *) 0x100ff);
    zcrx_gpa_map_destroy(&map);
}

/* Every address and length, against a table with a row for each byte. */
static void
test_find_all(void)
{
    enum { SPACE = 160, ROUNDS = 40 };
    uint64_t random = 1;

    for (int round = 0; round < ROUNDS; round++) {
        /* Half the rounds lie across the point where addresses wrap, which
         * no region may. */
        uint64_t base = round % 2 ? UINT64_MAX - SPACE / 2 + 1 : 0x1000;
        int owner[SPACE + 1];   /* Number of a region plus 1, or 0. */
        uint64_t gpas[ZCRX_GPA_MAX_REGIONS + 1];
        struct zcrx_gpa_map map;

        memset(owner, 0, sizeof owner);
        zcrx_gpa_map_init(&map);
        for (int tries = 0; tries < 30; tries++) {
            unsigned int start = next_random(&random, SPACE);
            unsigned int size = 1 + next_random(&random, 40);
            bool ok = start + size <= SPACE && map.n < ZCRX_GPA_MAX_REGIONS;

            if (start + size > SPACE) {
                continue;
            }
            for (unsigned int i = start; i < start + size; i++) {
                ok = ok && !owner[i] && (i == start || base + i);
            }
            CHECK(!add(&map, base + start, size) == ok);
            if (ok) {
                gpas[map.n] = base + start;
                for (unsigned int i = start; i < start + size; i++) {
                    owner[i] = map.n;
                }
            }
        }
        for (unsigned int start = 0; start < SPACE; start++) {
            bool ok = owner[start];

            for (unsigned int len = 1; start + len <= SPACE; len++) {
                const struct zcrx_gpa_region *r;

                ok = ok && owner[start + len - 1] == owner[start];
                r = zcrx_gpa_find(&map, base + start, len);
                CHECK(!r == !ok);
                CHECK(!r || r->gpa == gpas[owner[start]]);
            }
        }
        zcrx_gpa_map_destroy(&map);
    }
}

static void
test_iova_va(void)
{
    struct zcrx_gpa_region r = {
        .gpa = 0x5000,
        .size = 0x3000,
        .hva = 0x123456,
        .page_size = 0x1000,
    };

    CHECK(zcrx_gpa_to_iova(&r, 0x5000, 1) == 0x123456);
    CHECK(zcrx_gpa_to_iova(&r, 0x5000, 0x3000) == 0x123456);
    CHECK(zcrx_gpa_to_iova(&r, 0x7fff, 1) == 0x126455);

    r.no_dma = "test";
    CHECK(zcrx_gpa_to_iova(&r, 0x5000, 1) == ZCRX_BAD_IOVA);
    CHECK(zcrx_gpa_to_iova(&r, 0x7fff, 1) == ZCRX_BAD_IOVA);
}

/* Every address and length, against a table with a row for each byte.  Pages
 * of 16 bytes, so that the tables are small. */
static void
test_iova_pa(void)
{
    static uint64_t page_iova[] = {
        0x1000, 0x1010, 0x1020,                         /* In one piece. */
        0x8000,                                         /* Elsewhere. */
        0x7ff0,                                         /* Backwards. */
        ZCRX_BAD_IOVA,
        0x9000, 0x9000,                                 /* The same twice. */
        ZCRX_BAD_IOVA, ZCRX_BAD_IOVA,
        0xfffffffffffff000, 0xfffffffffffff010,
        0x20, 0x30, 0x40, 0x60,                         /* With a hole. */
    };
    enum { PAGE = 16, N = N_ELEMENTS(page_iova) };

    for (unsigned int in_page = 0; in_page < PAGE; in_page++) {
        const struct zcrx_gpa_region r = {
            .gpa = 0x123450,
            .size = N * PAGE - in_page - (in_page + 3) % PAGE,
            .hva = 0x70000 + in_page,
            .page_size = PAGE,
            .page_iova = page_iova,
            .n_pages = N,
        };
        struct zcrx_gpa_region unreachable = r;
        uint64_t iova[N * PAGE];

        unreachable.no_dma = "test";
        for (unsigned int i = 0; i < r.size; i++) {
            unsigned int page = (in_page + i) / PAGE;

            iova[i] = (page_iova[page] == ZCRX_BAD_IOVA ? ZCRX_BAD_IOVA
                       : page_iova[page] + (in_page + i) % PAGE);
        }
        for (unsigned int i = 0; i < r.size; i++) {
            bool ok = true;

            for (unsigned int len = 1; i + len <= r.size; len++) {
                uint64_t got = zcrx_gpa_to_iova(&r, r.gpa + i, len);

                ok = ok && iova[i + len - 1] != ZCRX_BAD_IOVA
                     && iova[i + len - 1] == iova[i] + len - 1;
                CHECK_EQ(got, ok ? iova[i] : ZCRX_BAD_IOVA);
                CHECK_EQ(zcrx_gpa_to_iova(&unreachable, r.gpa + i, len),
                         ZCRX_BAD_IOVA);
            }
        }
    }
}

/* A huge page, and a region that does not begin where it does. */
static void
test_iova_huge_page(void)
{
    uint64_t page_iova[] = { 0x40000000, 0x40200000, 0x80000000 };
    struct zcrx_gpa_region r = {
        .gpa = 0x1000,
        .size = 0x500000,
        .hva = 0x7f0000100000,
        .page_size = 0x200000,
        .page_iova = page_iova,
        .n_pages = N_ELEMENTS(page_iova),
    };

    CHECK_EQ(zcrx_gpa_to_iova(&r, 0x1000, 1), 0x40100000);
    CHECK_EQ(zcrx_gpa_to_iova(&r, 0x1000, 0x300000), 0x40100000);
    CHECK_EQ(zcrx_gpa_to_iova(&r, 0x1000, 0x300001), ZCRX_BAD_IOVA);
    CHECK_EQ(zcrx_gpa_to_iova(&r, 0x101000, 0x200000), 0x40200000);
    CHECK_EQ(zcrx_gpa_to_iova(&r, 0x301000, 0x200000), 0x80000000);
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "empty map", test_empty },
        { "regions are sorted", test_sorted },
        { "regions that overlap", test_overlap },
        { "regions that make no sense", test_refused },
        { "regions with pages missing", test_missing_pages },
        { "looking up the edges", test_find_edges },
        { "looking up everything", test_find_all },
        { "IOVA as VA", test_iova_va },
        { "IOVA as PA", test_iova_pa },
        { "IOVA as PA, huge pages", test_iova_huge_page },
    };

    return run_cases(cases, N_ELEMENTS(cases));
}
