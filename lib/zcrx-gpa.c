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

#include "zcrx-gpa.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Makes 'map' empty.  An empty map translates nothing. */
void
zcrx_gpa_map_init(struct zcrx_gpa_map *map)
{
    memset(map, 0, sizeof *map);
}

/* Frees what 'map' owns, with the mappings of its regions, and makes it
 * empty. */
void
zcrx_gpa_map_destroy(struct zcrx_gpa_map *map)
{
    for (size_t i = 0; i < map->n; i++) {
        struct zcrx_gpa_region *r = &map->regions[i];

        free(r->page_iova);
        if (r->mapping) {
            munmap(r->mapping, r->mapping_size);
        }
    }
    zcrx_gpa_map_init(map);
}

/* Adds a copy of 'new' to 'map', which takes over 'new->page_iova' and
 * 'new->mapping' if that succeeds.  Returns NULL if successful, otherwise a
 * string constant that says what is wrong with the region; the map is
 * unchanged then. */
const char *
zcrx_gpa_map_add(struct zcrx_gpa_map *map, const struct zcrx_gpa_region *new)
{
    size_t pos;

    if (map->n >= ZCRX_GPA_MAX_REGIONS) {
        return "too many memory regions";
    }
    if (!new->size) {
        return "empty memory region";
    }
    if (new->gpa + (new->size - 1) < new->gpa
        || new->hva + (uintptr_t) (new->size - 1) < new->hva) {
        return "memory region wraps around the address space";
    }
    if (!new->page_size || new->page_size & (new->page_size - 1)) {
        return "page size of memory region is not a power of two";
    }
    if (new->page_iova) {
        uint64_t in_page = new->hva & (new->page_size - 1);
        uint64_t pages = (in_page + (new->size - 1)) / new->page_size + 1;

        if (new->n_pages < pages) {
            return "memory region has pages without an I/O address";
        }
    }

    for (pos = 0; pos < map->n; pos++) {
        const struct zcrx_gpa_region *r = &map->regions[pos];

        if (new->gpa - r->gpa < r->size || r->gpa - new->gpa < new->size) {
            return "memory regions overlap";
        }
    }

    for (pos = 0; pos < map->n && map->regions[pos].gpa < new->gpa; pos++) {
        continue;
    }
    memmove(&map->regions[pos + 1], &map->regions[pos],
            (map->n - pos) * sizeof map->regions[0]);
    map->regions[pos] = *new;
    map->n++;
    return NULL;
}

/* Returns true if the 'len' bytes, at least one, at host-virtual address 'hva'
 * lie in one region of 'map'. */
bool
zcrx_gpa_has_hva(const struct zcrx_gpa_map *map, uintptr_t hva, uint64_t len)
{
    for (size_t i = 0; i < map->n; i++) {
        const struct zcrx_gpa_region *r = &map->regions[i];
        uint64_t offset = hva - r->hva;

        if (offset < r->size && len && len <= r->size - offset) {
            return true;
        }
    }
    return false;
}

/* The part of zcrx_gpa_to_iova() for regions with physical I/O addresses or
 * without any. */
uint64_t
zcrx_gpa_to_iova__(const struct zcrx_gpa_region *r, uint64_t gpa, uint64_t len)
{
    uint64_t mask = r->page_size - 1;
    uint64_t hva = r->hva + (gpa - r->gpa);
    uint64_t page = (hva - (r->hva & ~mask)) / r->page_size;
    uint64_t first;

    if (r->no_dma) {
        return ZCRX_BAD_IOVA;
    }

    first = r->page_iova[page];
    if (first == ZCRX_BAD_IOVA) {
        return ZCRX_BAD_IOVA;
    }
    /* Pages that follow each other here need not do so for the device. */
    for (uint64_t left = r->page_size - (hva & mask), i = 1; left < len;
         left += r->page_size, i++) {
        if (r->page_iova[page + i] != first + i * r->page_size) {
            return ZCRX_BAD_IOVA;
        }
    }
    return first + (hva & mask);
}
