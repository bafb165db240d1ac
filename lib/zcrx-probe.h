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

#ifndef ZCRX_PROBE_H
#define ZCRX_PROBE_H 1

/* Places in the code where a running daemon can be looked at from outside, as
 * with bpftrace: USDT probes of the provider "dpdkzcrx".  Such a place is a
 * no-op instruction until something is attached to it.
 *
 * (Open vSwitch's OVS_USDT_PROBE() would do, but some of these places are in
 * code that includes nothing of Open vSwitch.) */

#ifdef HAVE_SYS_SDT_H
#include <sys/sdt.h>

#define ZCRX_PROBE3(NAME, A, B, C) DTRACE_PROBE3(dpdkzcrx, NAME, A, B, C)
#else
#define ZCRX_PROBE3(NAME, A, B, C) \
    ((void) sizeof(A), (void) sizeof(B), (void) sizeof(C))
#endif

#endif /* zcrx-probe.h */
