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

#include <config.h>

#include "zcrx-vhost-memory.h"

#include <errno.h>
#include <linux/magic.h>
#include <rte_vhost.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "util.h"

/* Returns where the memory that 'r' describes begins in its file. */
static uint64_t
get_offset(const struct rte_vhost_mem_region *r)
{
    return r->host_user_addr - (uintptr_t) r->mmap_addr;
}

/* Returns NULL if all of 'r' is in its file, or what is wrong, a constant. */
static const char *
check_region(const struct rte_vhost_mem_region *r)
{
    struct stat s;

    if (fstat(r->fd, &s)) {
        return "guest memory is in no file";
    }
    if (S_ISREG(s.st_mode) && get_offset(r) + r->size > (uint64_t) s.st_size) {
        return "guest memory is larger than the file that it is in";
    }
    return NULL;
}

/* Returns NULL if all memory of the guest of vhost device 'vid' is in its
 * files, or what is wrong, a constant.  vhost thread. */
const char *
zcrx_vhost_check_memory(int vid)
{
    struct rte_vhost_memory *mem;
    const char *error = NULL;

    if (!rte_vhost_get_mem_table(vid, &mem)) {
        for (uint32_t i = 0; i < mem->nregions && !error; i++) {
            error = check_region(&mem->regions[i]);
        }
        free(mem);
    }
    return error;
}

/* Returns NULL if the whole log of the guest's pages is in its file, or what
 * is wrong, a constant.  vhost thread. */
const char *
zcrx_vhost_check_log(int vid)
{
    uint64_t base, size;

    /* The library has closed the file.  A kernel that is too old for this says
     * EINVAL. */
    if (!rte_vhost_get_log_base(vid, &base, &size)
        && madvise((void *) (uintptr_t) base, size, MADV_POPULATE_WRITE)
        && errno != EINVAL) {
        return "the log of guest memory is larger than its file";
    }
    return NULL;
}

/* Maps the memory that 'r' describes, a second time after the vhost library:
 * that unmaps its own mapping when it wants to, whether or not a VF has
 * stopped.  Stores what there is in '*region'.  Returns NULL or what is wrong,
 * a constant. */
static const char *
map_region(const struct rte_vhost_mem_region *r,
           struct zcrx_gpa_region *region)
{
    const char *error = check_region(r);
    struct statfs fs;

    if (error) {
        return error;
    }
    if (fstatfs(r->fd, &fs)) {
        return "guest memory is in no file";
    }
    memset(region, 0, sizeof *region);
    region->gpa = r->guest_phys_addr;
    region->size = r->size;
    region->hugetlb = fs.f_type == HUGETLBFS_MAGIC;
    region->page_size = region->hugetlb ? fs.f_bsize : get_page_size();
    region->mapping_size = r->mmap_size;
    region->mapping = mmap(NULL, r->mmap_size, PROT_READ | PROT_WRITE,
                           MAP_SHARED, r->fd, 0);
    if (region->mapping == MAP_FAILED) {
        return "guest memory cannot be mapped";
    }
    /* A core file is no place for it. */
    madvise(region->mapping, region->mapping_size, MADV_DONTDUMP);
    region->hva = (uintptr_t) region->mapping + get_offset(r);
    return NULL;
}

/* Adds the regions in 'mem' to 'map', with mappings of their own.  Returns
 * NULL or what is wrong, a constant. */
const char *
zcrx_vhost_map_memory(const struct rte_vhost_memory *mem,
                      struct zcrx_gpa_map *map)
{
    const char *error = NULL;

    for (uint32_t i = 0; i < mem->nregions && !error; i++) {
        struct zcrx_gpa_region region;

        error = map_region(&mem->regions[i], &region);
        if (!error) {
            error = zcrx_gpa_map_add(map, &region);
            if (error) {
                munmap(region.mapping, region.mapping_size);
            }
        }
    }
    return error;
}
