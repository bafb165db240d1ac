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

#ifndef ZCRX_STOP_H
#define ZCRX_STOP_H 1

/* Stopping ring sync, for certain, and what lasts longer than that: the
 * guest's memory being mapped for the VF, and pools that its queues still
 * refer to.  The caller holds the pair's mutex. */

#include <stdbool.h>
#include <stdint.h>

struct zcrx_pair;
struct zcrx_queue;

bool zcrx_stop(struct zcrx_pair *);
void zcrx_detach_vf(struct zcrx_pair *);
void zcrx_keep_position(struct zcrx_pair *, uint16_t queue_pair);
void zcrx_retire_pool(struct zcrx_pair *, struct zcrx_queue *);
void zcrx_free_retired(struct zcrx_pair *);
void zcrx_map_memory(struct zcrx_pair *);
void zcrx_unmap_memory(struct zcrx_pair *);

#endif /* zcrx-stop.h */
