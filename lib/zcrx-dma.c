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

#include "zcrx-dma.h"

#include <errno.h>
#include <stdlib.h>
#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_memory.h>
#include <rte_vfio.h>

#include "zcrx-gpa.h"

/* The pages that 'region' touches. */
struct extent {
    void *start;
    size_t len;
};

static struct extent
get_extent(const struct zcrx_gpa_region *region)
{
    uint64_t mask = region->page_size - 1;
    uintptr_t start = region->hva & ~mask;
    uintptr_t end = (region->hva + region->size + mask) & ~mask;

    return (struct extent) { (void *) start, end - start };
}

/* Returns the pages of 'region', for a device that needs physical addresses,
 * in 'region->page_iova', or says in 'region->no_dma' why it cannot.  Only
 * pages of hugetlbfs stay where they are: the kernel may move all others, even
 * those that are locked. */
static void
find_physical_pages(struct zcrx_gpa_region *region)
{
    struct extent extent = get_extent(region);
    size_t n = extent.len / region->page_size;

    if (!region->hugetlb) {
        region->no_dma = "not in huge pages, so its physical addresses may "
                         "change";
        return;
    }
    region->page_iova = malloc(n * sizeof *region->page_iova);
    if (!region->page_iova) {
        region->no_dma = "there is no host memory for its page addresses";
        return;
    }
    region->n_pages = n;
    for (size_t i = 0; i < n; i++) {
        const volatile char *page = (char *) extent.start
                                    + i * region->page_size;
        phys_addr_t pa;

        /* What nobody has touched is nowhere. */
        (void) *page;
        pa = rte_mem_virt2phy((const void *) page);
        region->page_iova[i] = pa == RTE_BAD_IOVA ? ZCRX_BAD_IOVA : pa;
    }
}

/* Makes 'region' reachable for 'device', before that gets the address of any
 * of it, or says in 'region->no_dma' why it cannot be.  'device' is NULL if it
 * moves data by CPU, and then there is nothing to do.  Main thread. */
void
zcrx_dma_map(struct rte_device *device, struct zcrx_gpa_region *region)
{
    struct extent extent = get_extent(region);

    if (!device) {
        return;
    }
    if (rte_eal_iova_mode() == RTE_IOVA_PA) {
        find_physical_pages(region);
        return;
    }
    if (rte_extmem_register(extent.start, extent.len, NULL, 0,
                            region->page_size)) {
        region->no_dma = "refused by DPDK's memory management";
        return;
    }
    /* Not all buses have an IOMMU to program. */
    if (rte_dev_dma_map(device, extent.start, (uintptr_t) extent.start,
                        extent.len)
        && rte_errno != ENOTSUP) {
        rte_extmem_unregister(extent.start, extent.len);
        region->no_dma = "refused by the IOMMU or the VF's driver";
        return;
    }
    region->dma_mapped = true;
}

/* Undoes zcrx_dma_map().  The device must not use 'region' any more.  If it
 * was closed and removed, 'device' is NULL; the IOMMU may still let other
 * devices of this process in, until it is told.  Any thread. */
void
zcrx_dma_unmap(struct rte_device *device, struct zcrx_gpa_region *region)
{
    struct extent extent = get_extent(region);

    if (region->dma_mapped) {
        uintptr_t iova = (uintptr_t) extent.start;

        if (device) {
            rte_dev_dma_unmap(device, extent.start, iova, extent.len);
        } else if (rte_vfio_is_enabled("vfio")) {
            rte_vfio_container_dma_unmap(RTE_VFIO_DEFAULT_CONTAINER_FD, iova,
                                         iova, extent.len);
        }
        rte_extmem_unregister(extent.start, extent.len);
        region->dma_mapped = false;
    }
    free(region->page_iova);
    region->page_iova = NULL;
    region->n_pages = 0;
    region->no_dma = NULL;
}
