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

#ifndef ZCRX_STATUS_H
#define ZCRX_STATUS_H 1

/* What Open vSwitch's database shows of a pair.  Any thread. */

#include <stddef.h>

struct netdev_custom_stats;
struct netdev_stats;
struct smap;
struct zcrx_counter;
struct zcrx_pair;
struct zcrx_stats;

void zcrx_status_get(struct zcrx_pair *, struct smap *);
void zcrx_status_get_stats(struct zcrx_pair *, struct netdev_stats *);
void zcrx_status_get_custom_stats(struct zcrx_pair *,
                                  struct netdev_custom_stats *);
void zcrx_status_put_counters(const struct zcrx_stats *,
                              const struct zcrx_counter *, size_t n,
                              struct netdev_custom_stats *);

#endif /* zcrx-status.h */
