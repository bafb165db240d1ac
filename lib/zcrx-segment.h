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

#ifndef ZCRX_SEGMENT_H
#define ZCRX_SEGMENT_H 1

/* Does in software what zcrx_offload_request() left to the VF: for frames of
 * the guest that do not go to the VF. */

#include <stdint.h>
#include <rte_mbuf.h>

/* Frames that one frame of the guest may become.  A guest chooses how short
 * segments are; it is not to make much work with few bytes. */
#define ZCRX_MAX_SEGMENTS 128

/* Returns a new frame of so many bytes in one piece, or NULL. */
typedef struct rte_mbuf *zcrx_new_frame_func(uint32_t len);

int zcrx_segment_copy(const struct rte_mbuf *, zcrx_new_frame_func *,
                      struct rte_mbuf *copies[ZCRX_MAX_SEGMENTS]);

#endif /* zcrx-segment.h */
