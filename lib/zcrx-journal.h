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

#ifndef ZCRX_JOURNAL_H
#define ZCRX_JOURNAL_H 1

/* The file in which the virtqueues of a port keep what must survive the
 * daemon: see zcrx-vring-journal.c for what that is.  It lies in the run
 * directory, which is memory, and has a place for each virtqueue.  It stays
 * there when the port is removed, as the guest may live on. */

#include <stdint.h>

struct zcrx_guest;

void zcrx_journal_map(const char *port, struct zcrx_guest *,
                      uint16_t queue_pair);
void zcrx_journal_unmap(struct zcrx_guest *);
void zcrx_journal_forget(const char *port, uint16_t virtqueue);

#endif /* zcrx-journal.h */
