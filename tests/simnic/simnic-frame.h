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

#ifndef SIMNIC_FRAME_H
#define SIMNIC_FRAME_H 1

/* Test frames that say what they are, so that whoever gets one can tell
 * whether it is intact, and which ones are missing.
 *
 *     offset  bytes
 *          0      6  destination MAC address
 *          6      6  source MAC address
 *         12      2  Ethernet type, 0x0800
 *         14     20  IPv4 header; source address 198.18.0.0 plus the flow
 *         34      8  UDP header; source port 1,024 plus the flow
 *         42      4  SIMNIC_FRAME_MAGIC
 *         46      4  number
 *         50      8  time at which it was made, ns of CLOCK_MONOTONIC
 *         58      2  stream: who made it
 *         60      -  noise, a function of the number alone
 *
 * All numbers are big-endian.  Both checksums are right. */

#include <stdbool.h>
#include <stdint.h>

#define SIMNIC_FRAME_MIN 60
#define SIMNIC_FRAME_MAX 9728

/* What a driver may have segmented: an IP packet of the greatest length. */
#define SIMNIC_FRAME_MAX_TSO (65535 + 40 + 22)
#define SIMNIC_FRAME_MAGIC 0x5a435258

/* Flows that a frame can tell apart. */
#define SIMNIC_MAX_FLOWS 32768

/* What a frame says about itself. */
struct simnic_tags {
    uint32_t number;
    uint16_t flow;              /* Below SIMNIC_MAX_FLOWS. */
    uint16_t stream;
    uint64_t time;              /* In ns. */
};

/* What simnic_frame_check() finds. */
enum simnic_verdict {
    SIMNIC_FRAME_INTACT,        /* As it was made. */
    SIMNIC_FRAME_FOREIGN,       /* Not one of these frames. */
    SIMNIC_FRAME_BAD_CHECKSUM,  /* Only the UDP checksum is wrong. */
    SIMNIC_FRAME_ALTERED,
};

void simnic_frame_make(void *frame, uint32_t len, const struct simnic_tags *);
enum simnic_verdict simnic_frame_check(const void *frame, uint32_t len,
                                       struct simnic_tags *);
void simnic_frame_spoil_checksum(void *frame);
uint32_t simnic_frame_hash(const void *frame, uint32_t len);
void simnic_frame_fill_checksum(void *frame, uint32_t len, uint16_t start,
                                uint16_t offset);
bool simnic_frame_segment(const void *frame, uint32_t len, uint16_t start,
                          uint16_t size,
                          void (*cb)(void *aux, void *segment, uint32_t len),
                          void *aux);

#endif /* simnic-frame.h */
