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

#ifndef ZCRX_QUEUES_H
#define ZCRX_QUEUES_H 1

/* Which queue pairs of a running pair frames pass through.
 *
 *                                   VF started with
 *     not used -------------------------------------------> in use
 *        ^                                                  |  |  ^
 *        |   VF stopped                                     |  |  |
 *        +--------------------------------------------------+  |  | enabled
 *        |                                            disabled |  |
 *        |                                                     v  |
 *        +----------------------------------------------------- idle
 *
 * A queue pair that the guest disables becomes idle, where the VF can be told
 * to send no more frames to one of its queues: the VF's descriptors stay as
 * they are, and so it goes on at once when it is enabled again.  Other VFs
 * are started again with as many queues as there are to be used.
 *
 * A virtqueue that the guest breaks is stopped for itself, at once, by the PMD
 * thread (see zcrx-sync.h).  Of a receive virtqueue, the VF's buffers are then
 * taken back: where the VF can stop one of its queues, and does so in half a
 * second, nothing else is concerned; other VFs are started again without the
 * queue pair.
 *
 * The caller holds the pair's mutex. */

#include <stdbool.h>
#include <stdint.h>

#include "zcrx-vring.h"

struct zcrx_pair;

void zcrx_queues_found_error(struct zcrx_pair *, uint16_t queue_pair, bool rx,
                             enum zcrx_vring_error);
void zcrx_queues_found_errors(struct zcrx_pair *, uint16_t queue_pair);
uint16_t zcrx_queues_choose(const struct zcrx_pair *, uint16_t *chosen);
uint16_t zcrx_queues_n_enabled(const struct zcrx_pair *);
enum zcrx_vring_error zcrx_queues_why_none(const struct zcrx_pair *);

void zcrx_queues_started(struct zcrx_pair *);
bool zcrx_queues_check(struct zcrx_pair *);
bool zcrx_queues_enable(struct zcrx_pair *, uint16_t queue_pair);

#endif /* zcrx-queues.h */
