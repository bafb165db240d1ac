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

#ifndef ZCRX_AUDIT_H
#define ZCRX_AUDIT_H 1

/* The audit of a queue pair: is what it has written down true?
 *
 * It goes over everything from the outside and once more: each buffer of the
 * guest in one state, positions and counts that follow from one another, no
 * buffer posted outside the guest's memory.  Nothing knows Open vSwitch. */

#include <stdbool.h>
#include <stdint.h>

#include "zcrx-sync.h"

/* What an audit looked at, and what it found. */
struct zcrx_audit {
    /* Called for each thing that is wrong, with a text that is valid until it
     * returns. */
    void (*report)(void *aux, const char *problem);
    void *aux;

    unsigned int n_problems;
    unsigned int n_queues;      /* Queue pairs in use that were looked at. */
    unsigned int n_buffers;     /* Guest buffers that were looked at. */
};

void zcrx_audit_queue(struct zcrx_audit *, const struct zcrx_queue *);

#endif /* zcrx-audit.h */
