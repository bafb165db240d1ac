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

#ifndef ZCRX_TELEMETRY_H
#define ZCRX_TELEMETRY_H 1

/* What DPDK's telemetry tells of ports.
 *
 * DPDK asks in a thread of its own.  That must not be the one that destroys a
 * port, so it takes no references to netdevs: it goes through a list of pairs,
 * from which a pair is removed before it is destroyed. */

struct zcrx_pair;

void zcrx_telemetry_init(void);
void zcrx_telemetry_add(struct zcrx_pair *);
void zcrx_telemetry_remove(struct zcrx_pair *);

#endif /* zcrx-telemetry.h */
