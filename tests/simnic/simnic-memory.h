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

#ifndef SIMNIC_MEMORY_H
#define SIMNIC_MEMORY_H 1

/* How the device reaches the memory of the process that drives it.
 *
 * Addresses are those of that process, whatever memory table it announces: a
 * VF whose buffers are a guest's has descriptors that point into memory which
 * is in no table of its driver.  What a device may touch is what that process
 * has mapped, shared and writable, at that instant.
 *
 * Two kinds:
 *
 * - remote: another process, whose mappings are found in /proc/PID/maps and
 *   mapped here through /proc/PID/map_files, when they are first used (as
 *   root).
 *
 * - local: this process, in which the caller says what may be touched. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct simnic_memory;

struct simnic_memory *simnic_memory_remote(void);
struct simnic_memory *simnic_memory_local(void);
void simnic_memory_destroy(struct simnic_memory *);

/* Says which process drives the device, and that there is none any more; what
 * was mapped can still be remembered unless it is to be forgotten. */
void simnic_memory_attach(struct simnic_memory *, pid_t);
void simnic_memory_detach(struct simnic_memory *, bool forget);

/* Local memory only: allows the device to touch the 'len' bytes at 'start', or
 * what was allowed no longer. */
void simnic_memory_allow(struct simnic_memory *, void *start, uint64_t len);
void simnic_memory_forbid(struct simnic_memory *, void *start, uint64_t len);

/* Begins another instant: what was found to be mapped before is looked at
 * again. */
void simnic_memory_begin(struct simnic_memory *);

/* Returns where the 'len' bytes at 'addr' are in this process, or NULL if the
 * device may not touch all of them.  What it returned before is valid as long
 * as simnic_memory_generation() does not change. */
void *simnic_memory_translate(struct simnic_memory *, uint64_t addr,
                              uint64_t len);

uint64_t simnic_memory_generation(const struct simnic_memory *);

/* As simnic_memory_translate(), for a device that breaks the rules: returns
 * where the bytes were when they were last translated. */
void *simnic_memory_remember(struct simnic_memory *, uint64_t addr,
                             uint64_t len);

/* Returns true if the process is about to end: its memory goes before its
 * sockets do, and no one is to blame for that. */
bool simnic_memory_is_ending(const struct simnic_memory *);

/* Returns what is wrong with access to the memory as a whole, NULL if
 * nothing. */
const char *simnic_memory_error(const struct simnic_memory *);

#endif /* simnic-memory.h */
