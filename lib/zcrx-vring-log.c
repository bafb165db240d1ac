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

/* Live migration: noting which pages of the guest's memory were written to.
 *
 * The hypervisor copies the guest's memory while the guest runs, and copies a
 * page again if its bit is set in the log, which it clears before.  So a page
 * is noted after it was written to and, as the guest may do anything with a
 * buffer that it gets back, before its used entry is visible. */

#include "zcrx-vring.h"
#include "zcrx-vring-private.h"

/* The log has one bit for each page of this size, whatever the real size
 * is. */
#define LOG_PAGE 4096

static void
note_pages(struct zcrx_log *log, uint64_t gpa, uint64_t len)
{
    for (uint64_t page = gpa / LOG_PAGE; page <= (gpa + len - 1) / LOG_PAGE;
         page++) {
        if (page / 8 < log->size) {
            /* Others set and clear bits at the same time. */
            __atomic_fetch_or(&log->base[page / 8], 1 << page % 8,
                              __ATOMIC_SEQ_CST);
        }
    }
}

/* Notes that the 'len' bytes at 'p', in the guest's memory, were written to.
 * 'vq' has a log. */
void
zcrx_vring_note(struct zcrx_vring *vq, const void *p, uint64_t len)
{
    for (size_t i = 0; i < vq->map->n && len; i++) {
        const struct zcrx_gpa_region *r = &vq->map->regions[i];
        uint64_t offset = (uintptr_t) p - r->hva;

        if (offset < r->size && len <= r->size - offset) {
            note_pages(&vq->log, r->gpa + offset, len);
            break;
        }
    }
}
