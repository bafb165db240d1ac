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

/* An IOMMU for simulated VFs: to be preloaded by the daemon.
 *
 * The driver of a simulated VF moves data by CPU, and can write wherever the
 * process can.  With this, the daemon takes such a VF for a PCI device, whose
 * driver and IOMMU have a say in which memory the device reaches: what the
 * file that ZCRX_IOMMU names in the environment has is
 *
 *     refuse N    of each guest's memory, the Nth region is refused
 *     physical    there is no IOMMU, the device uses physical addresses
 *
 * Only what the program itself asks for gets these answers, and not what
 * DPDK's libraries do. */

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>

static unsigned int n_asked;    /* Since nothing was mapped. */
static unsigned int n_mapped;

/* Returns true if the file has 'what', with a number for '*n' if there is a
 * place for one in 'what'. */
static bool
is_told(const char *what, unsigned int *n)
{
    const char *name = getenv("ZCRX_IOMMU");
    FILE *file = name ? fopen(name, "r") : NULL;
    char line[64] = "";
    bool found;

    if (!file) {
        return false;
    }
    if (!fgets(line, sizeof line, file)) {
        line[0] = '\0';
    }
    fclose(file);
    found = !strncmp(line, what, strlen(what));
    if (found && n) {
        *n = strtoul(line + strlen(what), NULL, 10);
    }
    return found;
}

/* Returns true if 'caller', a return address, is in the program itself. */
static bool
is_program(const void *caller)
{
    uintptr_t entry = getauxval(AT_ENTRY);
    Dl_info program, library;

    return (dladdr((void *) entry, &program)
            && dladdr(caller, &library)
            && program.dli_fbase == library.dli_fbase);
}

const char *
rte_bus_name(const struct rte_bus *bus)
{
    const char *(*real)(const struct rte_bus *)
        = dlsym(RTLD_NEXT, "rte_bus_name");
    const char *name = real(bus);

    return (is_program(__builtin_return_address(0)) && !strcmp(name, "vdev")
            ? "pci" : name);
}

enum rte_iova_mode
rte_eal_iova_mode(void)
{
    enum rte_iova_mode (*real)(void) = dlsym(RTLD_NEXT, "rte_eal_iova_mode");

    return (is_program(__builtin_return_address(0))
            && is_told("physical", NULL) ? RTE_IOVA_PA : real());
}

int
rte_dev_dma_map(struct rte_device *device, void *addr, uint64_t iova,
                size_t len)
{
    unsigned int refused = 0;

    (void) device, (void) addr, (void) iova, (void) len;
    if (is_told("refuse ", &refused) && ++n_asked == refused) {
        rte_errno = EINVAL;
        return -1;
    }
    n_mapped++;
    return 0;
}

int
rte_dev_dma_unmap(struct rte_device *device, void *addr, uint64_t iova,
                  size_t len)
{
    (void) device, (void) addr, (void) iova, (void) len;
    if (!--n_mapped) {
        n_asked = 0;
    }
    return 0;
}
