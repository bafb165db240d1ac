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

#ifndef ZCRX_PERF_H
#define ZCRX_PERF_H 1

/* What Open vSwitch knows of a PMD thread's work.  It counts the frames that
 * it gets to see; a thread whose frames all pass from the VF to the guest and
 * back would seem to be idle.
 *
 * Here each PMD thread notes those that passed.  When Open vSwitch ends an
 * iteration of the thread, they are added to what was received, so that they
 * are in the commands pmd-stats-show and pmd-perf-show of dpif-netdev; and
 * when it is about to put the thread to sleep, that is left out if there were
 * as many as keep it awake otherwise. */

#include <stdbool.h>

#include "dp-packet.h"
#include "ovs-thread.h"
#include "util.h"

struct zcrx_perf {
    unsigned int n_passed;      /* Frames in this iteration. */
    bool is_awake;              /* One burst was at least half full. */
};

DECLARE_EXTERN_PER_THREAD_DATA(struct zcrx_perf, zcrx_perf);

/* PMD thread: notes that 'n' frames passed in one burst. */
static inline void
zcrx_perf_note(unsigned int n)
{
    struct zcrx_perf *perf = zcrx_perf_get();

    perf->n_passed += n;
    perf->is_awake |= n >= NETDEV_MAX_BURST / 2;
}

#endif /* zcrx-perf.h */
