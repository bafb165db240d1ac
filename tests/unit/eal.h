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

#ifndef ZCRX_TEST_EAL_H
#define ZCRX_TEST_EAL_H 1

/* DPDK for a unit program: without privileges, hugepages, devices, other
 * processes and traces. */

#include <rte_eal.h>

#include "check.h"

static inline void
start_dpdk(void)
{
    static const char *const args[] = {
        "unit", "--no-huge", "--no-pci", "--no-shconf", "-m", "128",
        "--no-telemetry", "--log-level=error",
    };
    char *argv[N_ELEMENTS(args)];

    /* DPDK moves them around. */
    for (size_t i = 0; i < N_ELEMENTS(args); i++) {
        argv[i] = (char *) (uintptr_t) args[i];
    }
    CHECK(rte_eal_init(N_ELEMENTS(args), argv) >= 0);
}

#endif /* eal.h */
