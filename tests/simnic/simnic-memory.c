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

#include "simnic-memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "simnic-util.h"

/* Local mappings keep the alignment of the largest usual hugepages. */
#define HUGE_ALIGN ((uint64_t) 1 << 30)

/* A part of the process's memory that is mapped as one. */
struct area {
    uint64_t start;
    uint64_t end;
    uint64_t offset;            /* In what is mapped. */
    uint64_t checked;           /* Instant at which it was last found. */
    uint8_t *local;             /* Where it belongs here. */
    bool mapped;                /* It is there. */
    dev_t dev;                  /* What is mapped. */
    ino_t ino;
};

/* Address space of this process for areas that follow each other. */
struct window {
    void *base;
    size_t len;
};

struct simnic_memory {
    bool remote;
    pid_t pid;
    uint64_t instant;
    uint64_t generation;
    struct area *areas;         /* Sorted. */
    size_t n_areas;
    struct window *windows;
    size_t n_windows;
    size_t last;                /* Area that was used last. */
    int map_files;              /* Folder, or negative. */
    bool ending;
    char error[128];
};

static struct simnic_memory *
memory_create(bool remote)
{
    struct simnic_memory *memory = simnic_zalloc(1, sizeof *memory);

    memory->remote = remote;
    memory->map_files = -1;
    memory->instant = 1;
    return memory;
}

struct simnic_memory *
simnic_memory_remote(void)
{
    return memory_create(true);
}

struct simnic_memory *
simnic_memory_local(void)
{
    return memory_create(false);
}

static void
set_error(struct simnic_memory *memory, const char *what)
{
    snprintf(memory->error, sizeof memory->error,
             "memory of process %d: %s: %s%s", (int) memory->pid, what,
             strerror(errno),
             errno == EPERM || errno == EACCES ? " (it takes root)" : "");
}

static void
forget_areas(struct simnic_memory *memory)
{
    for (size_t i = 0; i < memory->n_windows; i++) {
        munmap(memory->windows[i].base, memory->windows[i].len);
    }
    free(memory->windows);
    free(memory->areas);
    memory->generation++;
    memory->windows = NULL;
    memory->areas = NULL;
    memory->n_windows = memory->n_areas = memory->last = 0;
}

void
simnic_memory_destroy(struct simnic_memory *memory)
{
    simnic_memory_detach(memory, true);
    forget_areas(memory);
    free(memory);
}

void
simnic_memory_attach(struct simnic_memory *memory, pid_t pid)
{
    char name[64];

    simnic_memory_detach(memory, false);
    memory->pid = pid;
    memory->instant++;
    if (memory->remote) {
        snprintf(name, sizeof name, "/proc/%d/map_files", (int) pid);
        memory->map_files = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (memory->map_files < 0) {
            set_error(memory, name);
        }
    }
}

void
simnic_memory_detach(struct simnic_memory *memory, bool forget)
{
    if (memory->remote) {
        if (forget) {
            forget_areas(memory);
        }
        if (memory->map_files >= 0) {
            close(memory->map_files);
            memory->map_files = -1;
        }
    }
    memory->pid = 0;
    memory->ending = false;
    memory->error[0] = '\0';
}

const char *
simnic_memory_error(const struct simnic_memory *memory)
{
    return memory->error[0] ? memory->error : NULL;
}

bool
simnic_memory_is_ending(const struct simnic_memory *memory)
{
    return memory->ending;
}

uint64_t
simnic_memory_generation(const struct simnic_memory *memory)
{
    return memory->generation;
}

static struct area *
add_area(struct simnic_memory *memory, uint64_t start, uint64_t end)
{
    struct area *area;

    if (!(memory->n_areas & (memory->n_areas - 1))) {
        memory->areas = simnic_realloc(memory->areas,
                                       (memory->n_areas
                                        ? 2 * memory->n_areas : 1)
                                       * sizeof *area);
    }
    area = &memory->areas[memory->n_areas++];
    *area = (struct area) { .start = start, .end = end };
    return area;
}

void
simnic_memory_allow(struct simnic_memory *memory, void *start, uint64_t len)
{
    uint64_t addr = (uintptr_t) start;
    struct area *area = add_area(memory, addr, addr + len);

    area->local = start;
    area->mapped = true;
}

void
simnic_memory_forbid(struct simnic_memory *memory, void *start, uint64_t len)
{
    uint64_t addr = (uintptr_t) start;

    for (size_t i = 0; i < memory->n_areas; i++) {
        struct area *area = &memory->areas[i];

        if (area->start == addr && area->end == addr + len) {
            memmove(area, area + 1,
                    (--memory->n_areas - i) * sizeof *area);
            memory->last = 0;
            return;
        }
    }
}

/* Reserves address space for the areas from 'first' to the last one, which
 * follow each other in the process and are to do so here. */
static void
add_window(struct simnic_memory *memory, size_t first)
{
    uint64_t start = memory->areas[first].start;
    size_t len = memory->areas[memory->n_areas - 1].end - start;
    struct window *window;
    uint64_t aligned;

    memory->windows = simnic_realloc(memory->windows,
                                     (memory->n_windows + 1)
                                     * sizeof *window);
    window = &memory->windows[memory->n_windows++];
    window->len = len + HUGE_ALIGN;
    window->base = mmap(NULL, window->len, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (window->base == MAP_FAILED) {
        abort();
    }
    aligned = (uintptr_t) window->base;
    aligned += (start - aligned) & (HUGE_ALIGN - 1);
    for (size_t i = first; i < memory->n_areas; i++) {
        struct area *area = &memory->areas[i];

        area->local = (uint8_t *) (uintptr_t) (aligned
                                               + (area->start - start));
    }
}

/* Reads anew what the process has mapped.  Nothing is mapped here before it is
 * used. */
static void
read_maps(struct simnic_memory *memory)
{
    size_t first = 0;
    bool any = false;
    char name[64];
    char line[512];
    FILE *maps;

    forget_areas(memory);
    snprintf(name, sizeof name, "/proc/%d/maps", (int) memory->pid);
    maps = fopen(name, "re");
    while (maps && fgets(line, sizeof line, maps)) {
        uint64_t start, end, offset;
        char perms[5];

        any = true;
        if (sscanf(line, "%"SCNx64"-%"SCNx64" %4s %"SCNx64,
                   &start, &end, perms, &offset) != 4
            || strcmp(perms, "rw-s")) {
            continue;
        }
        if (memory->n_areas > first
            && memory->areas[memory->n_areas - 1].end != start) {
            add_window(memory, first);
            first = memory->n_areas;
        }
        add_area(memory, start, end)->offset = offset;
    }
    if (memory->n_areas > first) {
        add_window(memory, first);
    }
    if (maps) {
        fclose(maps);
    } else if (errno != ENOENT && errno != ESRCH) {
        set_error(memory, name);
        return;
    }
    memory->ending = !any;
}

/* Makes sure that 'area' is still what it was at an earlier instant, and is
 * mapped here.  Returns false if not. */
static bool
check_area(struct simnic_memory *memory, struct area *area)
{
    char name[64];
    struct stat s;
    void *p;
    int fd;

    if (area->checked == memory->instant || !memory->remote) {
        return true;
    }
    snprintf(name, sizeof name, "%"PRIx64"-%"PRIx64, area->start, area->end);
    if (area->mapped) {
        if (fstatat(memory->map_files, name, &s, 0)
            || s.st_dev != area->dev || s.st_ino != area->ino) {
            return false;
        }
        area->checked = memory->instant;
        return true;
    }

    fd = openat(memory->map_files, name, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        if (errno != ENOENT) {
            set_error(memory, name);
        }
        return false;
    }
    p = MAP_FAILED;
    if (!fstat(fd, &s)) {
        p = mmap(area->local, area->end - area->start,
                 PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_FIXED | MAP_NORESERVE, fd, area->offset);
    }
    close(fd);
    if (p == MAP_FAILED) {
        set_error(memory, name);
        return false;
    }
    area->mapped = true;
    area->dev = s.st_dev;
    area->ino = s.st_ino;
    area->checked = memory->instant;
    return true;
}

/* Returns the area in which 'addr' is, NULL if there is none. */
static struct area *
find_area(struct simnic_memory *memory, uint64_t addr)
{
    size_t low = 0;
    size_t high = memory->n_areas;

    if (memory->last < memory->n_areas) {
        struct area *area = &memory->areas[memory->last];

        if (addr >= area->start && addr < area->end) {
            return area;
        }
    }
    if (!memory->remote) {
        /* Few, and not sorted. */
        for (size_t i = 0; i < memory->n_areas; i++) {
            if (addr >= memory->areas[i].start
                && addr < memory->areas[i].end) {
                memory->last = i;
                return &memory->areas[i];
            }
        }
        return NULL;
    }
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (addr < memory->areas[middle].start) {
            high = middle;
        } else if (addr >= memory->areas[middle].end) {
            low = middle + 1;
        } else {
            memory->last = middle;
            return &memory->areas[middle];
        }
    }
    return NULL;
}

/* Returns where the 'len' bytes at 'addr' are, after having checked the areas
 * that they are in if 'check', or NULL. */
static void *
lookup(struct simnic_memory *memory, uint64_t addr, uint64_t len, bool check)
{
    struct area *area = find_area(memory, addr);
    struct area *last = &memory->areas[memory->n_areas];
    void *p;

    if (!area || !len || addr + len < addr) {
        return NULL;
    }
    p = area->local + (addr - area->start);
    for (;; area++) {
        if (check ? !check_area(memory, area) : !area->mapped) {
            return NULL;
        }
        if (addr + len <= area->end) {
            return p;
        }
        if (area + 1 == last || area[1].start != area->end) {
            return NULL;
        }
    }
}

void
simnic_memory_begin(struct simnic_memory *memory)
{
    memory->instant++;
}

void *
simnic_memory_translate(struct simnic_memory *memory, uint64_t addr,
                        uint64_t len)
{
    void *p;

    if (memory->remote && !memory->pid) {
        return NULL;
    }
    p = lookup(memory, addr, len, true);
    /* What is mapped may have changed since it was read. */
    if (!p && memory->remote) {
        read_maps(memory);
        p = lookup(memory, addr, len, true);
    }
    return p;
}

void *
simnic_memory_remember(struct simnic_memory *memory, uint64_t addr,
                       uint64_t len)
{
    return lookup(memory, addr, len, false);
}
