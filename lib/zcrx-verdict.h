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

#ifndef ZCRX_VERDICT_H
#define ZCRX_VERDICT_H 1

/* What keeps a queue pair from moving more frames, in words. */

struct ds;
struct zcrx_pair;
struct zcrx_queue;
struct zcrx_vring_counts;

const char *zcrx_verdict(const struct zcrx_pair *, const struct zcrx_queue *,
                         const struct zcrx_vring_counts *rx, struct ds *text);

#endif /* zcrx-verdict.h */
