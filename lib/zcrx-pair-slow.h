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

#ifndef ZCRX_PAIR_SLOW_H
#define ZCRX_PAIR_SLOW_H 1

/* A pair's part in the slow path, see zcrx-slow.h and zcrx-face.h: which rules
 * its queues have, changed while it runs. */

#include <stdbool.h>
#include <stdint.h>
#include <rte_mbuf.h>

struct zcrx_pair;
struct zcrx_slow_counts;
struct zcrx_steer;

void zcrx_pair_free_frame(struct rte_mbuf *);

void zcrx_pair_set_slow(struct zcrx_pair *, const struct zcrx_steer *,
                        bool guest_tx_ovs);
void zcrx_pair_set_wire_face(struct zcrx_pair *, bool has_wire_face);
void zcrx_pair_update_slow(struct zcrx_pair *);
void zcrx_pair_apply_slow(struct zcrx_pair *);
int zcrx_pair_init_slow(struct zcrx_pair *, uint16_t i);
void zcrx_pair_destroy_slow(struct zcrx_pair *, uint16_t i);
void zcrx_pair_get_slow(const struct zcrx_pair *, struct zcrx_slow_counts *);

#endif /* zcrx-pair-slow.h */
