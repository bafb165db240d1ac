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

/* A fuzzer for the map of guest memory: adds regions as the input says, looks
 * addresses up, and compares each answer with one that is worked out in
 * numbers that cannot wrap.  No memory is touched. */

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "zcrx-gpa.h"

typedef unsigned __int128 wide;

/* What the map should have, in the order in which it was added. */
static struct zcrx_gpa_region model[ZCRX_GPA_MAX_REGIONS];
static size_t n_model;

/* Returns an address or a length: near something of interest, mostly. */
static uint64_t
get_number(struct fuzz_input *in)
{
    uint8_t how = fuzz_u8(in);
    uint64_t delta = (int8_t) fuzz_u8(in);

    if (how % 4 == 0 && n_model) {
        const struct zcrx_gpa_region *r = &model[how / 4 % n_model];

        return r->gpa + delta;
    } else if (how % 4 == 1 && n_model) {
        const struct zcrx_gpa_region *r = &model[how / 4 % n_model];

        return r->gpa + r->size + delta;
    } else if (how % 4 == 2) {
        return (UINT64_C(1) << how / 4) + delta;
    }
    return fuzz_u64(in);
}

static void
add(struct zcrx_gpa_map *map, struct fuzz_input *in)
{
    struct zcrx_gpa_region r = {
        .gpa = get_number(in),
        .size = get_number(in),
        .hva = get_number(in),
        .page_size = UINT64_C(1) << fuzz_u8(in) % 31,
    };
    bool good = r.size && n_model < ZCRX_GPA_MAX_REGIONS;
    uint8_t how = fuzz_u8(in);

    if (how % 4 == 1) {
        r.no_dma = "fuzz";
    } else if (how % 4 == 2) {
        r.page_size += how / 4;
    } else if (how % 4 == 3) {
        r.n_pages = how / 4;
        r.page_iova = calloc(r.n_pages + 1, sizeof *r.page_iova);
        for (size_t i = 0; i < r.n_pages; i++) {
            r.page_iova[i] = (fuzz_u8(in) % 8 ? i * r.page_size
                              : ZCRX_BAD_IOVA);
        }
    }
    good &= r.page_size && !(r.page_size & (r.page_size - 1));
    good &= (wide) r.gpa + r.size <= (wide) 1 << 64;
    good &= (wide) r.hva + r.size <= (wide) 1 << 64;
    for (size_t i = 0; i < n_model; i++) {
        good &= ((wide) r.gpa + r.size <= model[i].gpa
                 || (wide) model[i].gpa + model[i].size <= r.gpa);
    }
    if (good && r.page_iova) {
        wide first = r.hva / r.page_size;
        wide last = ((wide) r.hva + r.size - 1) / r.page_size;

        good &= last - first < r.n_pages;
    }
    ORACLE(!zcrx_gpa_map_add(map, &r) == good);
    if (good) {
        model[n_model++] = r;
    } else {
        free(r.page_iova);
    }
    ORACLE(map->n == n_model);
}

static void
find(const struct zcrx_gpa_map *map, struct fuzz_input *in)
{
    uint64_t gpa = get_number(in);
    uint64_t len = get_number(in);
    const struct zcrx_gpa_region *r = zcrx_gpa_find(map, gpa, len);
    const struct zcrx_gpa_region *expected = NULL;

    for (size_t i = 0; i < n_model && len; i++) {
        if (gpa >= model[i].gpa
            && (wide) gpa + len <= (wide) model[i].gpa + model[i].size) {
            expected = &model[i];
        }
    }
    ORACLE(!r == !expected);
    if (r) {
        uint64_t iova = zcrx_gpa_to_iova(r, gpa, len);

        ORACLE(r->gpa == expected->gpa && r->size == expected->size);
        ORACLE((uintptr_t) zcrx_gpa_to_hva(r, gpa)
               == expected->hva + (gpa - expected->gpa));
        ORACLE(!r->no_dma || iova == ZCRX_BAD_IOVA);
        if (!r->no_dma && !r->page_iova) {
            ORACLE(iova == expected->hva + (gpa - expected->gpa));
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    struct zcrx_gpa_map map;

    n_model = 0;
    zcrx_gpa_map_init(&map);
    while (in.left) {
        if (fuzz_u8(&in) % 4 == 0) {
            add(&map, &in);
        } else {
            find(&map, &in);
        }
    }
    for (size_t i = 1; i < map.n; i++) {
        ORACLE(map.regions[i - 1].gpa < map.regions[i].gpa);
    }
    zcrx_gpa_map_destroy(&map);
    return 0;
}
