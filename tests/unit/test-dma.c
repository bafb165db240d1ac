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

/* Making memory reachable for a device, with DPDK's part played. */

#include "zcrx-dma.h"

#include <errno.h>
#include <string.h>
#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_memory.h>
#include <rte_vfio.h>

#include "check.h"
#include "zcrx-gpa.h"

#define PAGE 4096
#define N_PAGES 8

static uint8_t memory[N_PAGES * PAGE] __attribute__((__aligned__(PAGE)));
static struct rte_device *device = (struct rte_device *) (uintptr_t) 0x1000;

/* What DPDK is asked to do, and what it answers. */
static enum rte_iova_mode mode;
static int extmem_error, dma_error;
static bool vfio;
static uintptr_t registered, mapped; /* 0 for nothing. */
static size_t registered_len, mapped_len;
static unsigned int n_container_unmaps;
static phys_addr_t pages[N_PAGES];

enum rte_iova_mode
rte_eal_iova_mode(void)
{
    return mode;
}

phys_addr_t
rte_mem_virt2phy(const void *virt)
{
    size_t offset = (uintptr_t) virt - (uintptr_t) memory;

    CHECK(!(offset % PAGE) && offset < sizeof memory);
    return pages[offset / PAGE];
}

int
rte_extmem_register(void *va, size_t len, rte_iova_t iovas[], unsigned int n,
                    size_t page_size)
{
    CHECK(!iovas && !n && page_size == PAGE && !registered);
    if (extmem_error) {
        rte_errno = extmem_error;
        return -1;
    }
    registered = (uintptr_t) va;
    registered_len = len;
    return 0;
}

int
rte_extmem_unregister(void *va, size_t len)
{
    CHECK(registered == (uintptr_t) va && registered_len == len);
    /* DMA first: DPDK must know the memory as long as it is mapped. */
    CHECK(!mapped);
    registered = 0;
    return 0;
}

int
rte_dev_dma_map(struct rte_device *dev, void *addr, uint64_t iova, size_t len)
{
    CHECK(dev == device && iova == (uintptr_t) addr);
    CHECK(registered == iova && registered_len == len && !mapped);
    if (dma_error) {
        rte_errno = dma_error;
        return -1;
    }
    mapped = iova;
    mapped_len = len;
    return 0;
}

int
rte_dev_dma_unmap(struct rte_device *dev, void *addr, uint64_t iova,
                  size_t len)
{
    CHECK(dev == device && iova == (uintptr_t) addr);
    CHECK(mapped == iova && mapped_len == len);
    mapped = 0;
    return 0;
}

int
rte_vfio_is_enabled(const char *module)
{
    CHECK(!strcmp(module, "vfio"));
    return vfio;
}

int
rte_vfio_container_dma_unmap(int fd, uint64_t va, uint64_t iova, uint64_t len)
{
    CHECK(fd == RTE_VFIO_DEFAULT_CONTAINER_FD && va == iova);
    CHECK(mapped == iova && mapped_len == len);
    mapped = 0;
    n_container_unmaps++;
    return 0;
}

/* Returns a region that begins and ends in the middle of a page, with all of
 * DPDK willing. */
static struct zcrx_gpa_region
set_up(enum rte_iova_mode mode_)
{
    mode = mode_;
    extmem_error = dma_error = 0;
    vfio = true;
    registered = mapped = 0;
    n_container_unmaps = 0;
    for (size_t i = 0; i < N_PAGES; i++) {
        pages[i] = 0x40000000 + i * PAGE;
    }
    return (struct zcrx_gpa_region) {
        .gpa = 0x80000000,
        .hva = (uintptr_t) memory + PAGE + 512,
        .size = 2 * PAGE,
        .page_size = PAGE,
    };
}

/* Checks that nothing is left of what zcrx_dma_map() did. */
static void
check_undone(const struct zcrx_gpa_region *r)
{
    CHECK(!registered && !mapped && !r->dma_mapped && !r->page_iova
          && !r->n_pages && !r->no_dma);
}

/* Checks that 'r' was refused because of 'why', and undoes that. */
static void
check_refused(struct zcrx_gpa_region *r, const char *why)
{
    CHECK(r->no_dma && !strcmp(r->no_dma, why));
    CHECK(!registered && !mapped && !r->dma_mapped && !r->page_iova);
    CHECK(zcrx_gpa_to_iova(r, r->gpa, 1) == ZCRX_BAD_IOVA);
    zcrx_dma_unmap(device, r);
    check_undone(r);
}

static void
test_cpu(void)
{
    for (int i = 0; i < 2; i++) {
        struct zcrx_gpa_region r = set_up(i ? RTE_IOVA_PA : RTE_IOVA_VA);

        zcrx_dma_map(NULL, &r);
        check_undone(&r);
        CHECK_EQ(zcrx_gpa_to_iova(&r, r.gpa + 1, 2 * PAGE - 1), r.hva + 1);
        zcrx_dma_unmap(NULL, &r);
    }
}

static void
test_va(void)
{
    struct zcrx_gpa_region r = set_up(RTE_IOVA_VA);

    zcrx_dma_map(device, &r);
    CHECK(!r.no_dma && r.dma_mapped);
    /* Whole pages. */
    CHECK_EQ(mapped, (uintptr_t) memory + PAGE);
    CHECK_EQ(mapped_len, 3 * PAGE);
    CHECK_EQ(zcrx_gpa_to_iova(&r, r.gpa, 2 * PAGE), r.hva);
    zcrx_dma_unmap(device, &r);
    check_undone(&r);

    /* Not all buses can map, and not all need that. */
    dma_error = ENOTSUP;
    zcrx_dma_map(device, &r);
    CHECK(!r.no_dma && r.dma_mapped && registered && !mapped);
    mapped = registered;        /* For the check of what is undone. */
    mapped_len = registered_len;
    zcrx_dma_unmap(device, &r);
    check_undone(&r);
}

static void
test_va_refused(void)
{
    struct zcrx_gpa_region r = set_up(RTE_IOVA_VA);

    extmem_error = ENOSPC;
    zcrx_dma_map(device, &r);
    check_refused(&r, "refused by DPDK's memory management");

    extmem_error = 0;
    dma_error = EINVAL;
    zcrx_dma_map(device, &r);
    check_refused(&r, "refused by the IOMMU or the VF's driver");

    /* That is not for ever. */
    dma_error = 0;
    zcrx_dma_map(device, &r);
    CHECK(!r.no_dma && mapped);
    zcrx_dma_unmap(device, &r);
    check_undone(&r);
}

/* The device goes first, and the IOMMU must be told all the same. */
static void
test_device_is_gone(void)
{
    struct zcrx_gpa_region r = set_up(RTE_IOVA_VA);

    zcrx_dma_map(device, &r);
    zcrx_dma_unmap(NULL, &r);
    check_undone(&r);
    CHECK_EQ(n_container_unmaps, 1);

    vfio = false;
    zcrx_dma_map(device, &r);
    mapped = 0;
    zcrx_dma_unmap(NULL, &r);
    check_undone(&r);
    CHECK_EQ(n_container_unmaps, 1);
}

static void
test_pa(void)
{
    struct zcrx_gpa_region r = set_up(RTE_IOVA_PA);
    struct zcrx_gpa_map map;

    r.hugetlb = true;
    pages[3] = 0x70000000;
    zcrx_dma_map(device, &r);
    CHECK(!r.no_dma && !registered && !mapped);
    CHECK_EQ(r.n_pages, 3);

    /* Two pages that follow each other for the device, and one that does
     * not. */
    CHECK_EQ(zcrx_gpa_to_iova(&r, r.gpa, 100), 0x40000000 + PAGE + 512);
    CHECK_EQ(zcrx_gpa_to_iova(&r, r.gpa, PAGE), 0x40000000 + PAGE + 512);
    CHECK_EQ(zcrx_gpa_to_iova(&r, r.gpa + 2 * PAGE - 512, 512), 0x70000000);
    CHECK_EQ(zcrx_gpa_to_iova(&r, r.gpa, 2 * PAGE), ZCRX_BAD_IOVA);

    zcrx_gpa_map_init(&map);
    CHECK(!zcrx_gpa_map_add(&map, &r));
    zcrx_dma_unmap(device, &map.regions[0]);
    check_undone(&map.regions[0]);
    zcrx_gpa_map_destroy(&map);
}

/* A page that DPDK cannot find, for want of privileges. */
static void
test_pa_unknown(void)
{
    struct zcrx_gpa_region r = set_up(RTE_IOVA_PA);

    r.hugetlb = true;
    pages[2] = RTE_BAD_IOVA;
    zcrx_dma_map(device, &r);
    CHECK_EQ(zcrx_gpa_to_iova(&r, r.gpa, 100), 0x40000000 + PAGE + 512);
    CHECK_EQ(zcrx_gpa_to_iova(&r, r.gpa, PAGE), ZCRX_BAD_IOVA);
    CHECK_EQ(zcrx_gpa_to_iova(&r, r.gpa + PAGE, 100), ZCRX_BAD_IOVA);
    zcrx_dma_unmap(device, &r);
    check_undone(&r);
}

/* Other pages may move, however large they are. */
static void
test_pa_refused(void)
{
    for (uint64_t size = PAGE; size <= 2 << 20; size *= 512) {
        struct zcrx_gpa_region r = set_up(RTE_IOVA_PA);

        r.page_size = size;
        zcrx_dma_map(device, &r);
        check_refused(&r, "not in huge pages, so its physical addresses may "
                      "change");
    }
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "a device that needs nothing", test_cpu },
        { "virtual addresses", test_va },
        { "virtual addresses, refused", test_va_refused },
        { "the device is gone", test_device_is_gone },
        { "physical addresses", test_pa },
        { "physical addresses that are not known", test_pa_unknown },
        { "physical addresses, refused", test_pa_refused },
    };

    return run_cases(cases, N_ELEMENTS(cases));
}
