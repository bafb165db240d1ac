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

#ifndef ZCRX_GPA_H
#define ZCRX_GPA_H 1

/* The guest's memory: guest-physical (GPA) to host-virtual (HVA) to I/O
 * (IOVA) addresses.
 *
 * A map is filled by the vhost thread while no PMD thread uses it, and is
 * read-only after that.  Nothing here allocates on the read side, and nothing
 * knows Open vSwitch or DPDK. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As many as the vhost-user protocol carries in one memory table. */
#define ZCRX_GPA_MAX_REGIONS 8

/* An IOVA that no memory has. */
#define ZCRX_BAD_IOVA UINT64_MAX

/* One region of guest memory. */
struct zcrx_gpa_region {
    uint64_t gpa;               /* First guest-physical address. */
    uint64_t size;              /* In bytes. */
    uintptr_t hva;              /* Where it is mapped in this process. */
    uint64_t page_size;         /* Of the memory behind it, in bytes. */
    bool hugetlb;               /* That memory is in hugetlbfs. */
    bool dma_mapped;            /* zcrx_dma_map() has made it reachable. */

    /* The mapping that the region is part of, which lasts until the map is
     * destroyed, or NULL if it is somebody else's. */
    void *mapping;
    size_t mapping_size;        /* In bytes. */

    /* With IOVA as PA: the IOVA of each page of 'page_size' bytes, the first
     * one being that which holds 'hva'.  NULL with IOVA as VA.  Owned by the
     * map. */
    uint64_t *page_iova;
    size_t n_pages;

    /* Why the VF must not write here, NULL if it may.  A string constant. */
    const char *no_dma;
};

struct zcrx_gpa_map {
    struct zcrx_gpa_region regions[ZCRX_GPA_MAX_REGIONS];
    size_t n;                   /* Regions in use, sorted by 'gpa'. */
};

void zcrx_gpa_map_init(struct zcrx_gpa_map *);
void zcrx_gpa_map_destroy(struct zcrx_gpa_map *);
const char *zcrx_gpa_map_add(struct zcrx_gpa_map *,
                             const struct zcrx_gpa_region *);

/* Returns the region of 'map' in which all of the 'len' bytes at 'gpa' lie, or
 * NULL if there is none.  A length of 0 lies nowhere. */
static inline const struct zcrx_gpa_region *
zcrx_gpa_find(const struct zcrx_gpa_map *map, uint64_t gpa, uint64_t len)
{
    for (size_t i = 0; i < map->n; i++) {
        const struct zcrx_gpa_region *r = &map->regions[i];
        uint64_t offset = gpa - r->gpa;

        /* No sum here, so that nothing can wrap. */
        if (offset < r->size && len && len <= r->size - offset) {
            return r;
        }
    }
    return NULL;
}

bool zcrx_gpa_has_hva(const struct zcrx_gpa_map *, uintptr_t hva,
                      uint64_t len);

/* Returns the host-virtual address of 'gpa', which lies in 'r'. */
static inline void *
zcrx_gpa_to_hva(const struct zcrx_gpa_region *r, uint64_t gpa)
{
    return (void *) (r->hva + (uintptr_t) (gpa - r->gpa));
}

uint64_t zcrx_gpa_to_iova__(const struct zcrx_gpa_region *, uint64_t gpa,
                            uint64_t len);

/* Returns the IOVA of the 'len' bytes at 'gpa', all of which lie in 'r', or
 * ZCRX_BAD_IOVA if a device cannot reach them as one piece. */
static inline uint64_t
zcrx_gpa_to_iova(const struct zcrx_gpa_region *r, uint64_t gpa, uint64_t len)
{
    if (!r->page_iova && !r->no_dma) {
        return r->hva + (gpa - r->gpa);
    }
    return zcrx_gpa_to_iova__(r, gpa, len);
}

#endif /* zcrx-gpa.h */
