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

#ifndef ZCRX_RSS_H
#define ZCRX_RSS_H 1

/* Which receive queues of a VF get frames.
 *
 * NICs look up the queue for a frame in a redirection table, by a hash of the
 * frame's headers.  A queue that is not in the table gets nothing.  The caller
 * serialises all calls for a VF. */

#include <stdbool.h>
#include <stdint.h>

struct rte_eth_conf;
struct zcrx_vf;

void zcrx_rss_configure(const struct zcrx_vf *, struct rte_eth_conf *);
bool zcrx_rss_can_leave_out(const struct zcrx_vf *);
bool zcrx_rss_spread(const struct zcrx_vf *, const uint16_t *queues,
                     uint16_t n);
bool zcrx_rss_count(const struct zcrx_vf *, uint16_t queue, uint16_t *n);

#endif /* zcrx-rss.h */
