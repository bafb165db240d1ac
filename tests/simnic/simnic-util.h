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

#ifndef SIMNIC_UTIL_H
#define SIMNIC_UTIL_H 1

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

/* Memory that the caller must free().  These end the program if there is
 * none. */
void *simnic_zalloc(size_t n, size_t size);
void *simnic_realloc(void *, size_t size);
char *simnic_strdup(const char *);
char *simnic_format(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Returns the time in ns. */
static inline uint64_t
simnic_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

/* Writes the 'len' bytes at 'p' back to memory and drops them from the
 * caches, where a program may. */
static inline void
simnic_clean(const void *p, size_t len)
{
    uintptr_t line = (uintptr_t) p & ~(uintptr_t) 63;

    for (; line < (uintptr_t) p + len; line += 64) {
#if defined(__x86_64__)
        __builtin_ia32_clflush((const void *) line);
#elif defined(__aarch64__)
        __asm__ __volatile__("dc civac, %0" : : "r" (line) : "memory");
#endif
    }
}

#endif /* simnic-util.h */
