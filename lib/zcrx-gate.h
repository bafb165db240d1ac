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

#ifndef ZCRX_GATE_H
#define ZCRX_GATE_H 1

/* Keeps a PMD thread out of a queue pair while the control plane changes it.
 *
 * The PMD thread never waits: it enters or turns away.  The control plane
 * waits for the PMD thread, for no longer than one turn.  There is one of each
 * at a time: OVS has one PMD thread poll a queue, and the pair's mutex is held
 * by whoever closes or opens the gate.  All gates start out closed.
 *
 *     PMD thread                    control plane
 *     ----------                    -------------
 *     busy = true                   open = false
 *     !open? then turn away         wait until !busy
 *     ...                           ...
 *     busy = false                  open = true
 */

#include <sched.h>
#include <stdbool.h>

struct zcrx_gate {
    bool open;                  /* Written by the control plane. */
    bool busy;                  /* Written by the PMD thread. */
};

/* PMD thread: returns true if the caller may use the queue pair, until it
 * calls zcrx_gate_leave().  Is a full memory barrier. */
static inline bool
zcrx_gate_enter(struct zcrx_gate *gate)
{
    /* 'busy' must be visible before 'open' is read, as the control plane
     * writes and reads them the other way round. */
    __atomic_store_n(&gate->busy, true, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&gate->open, __ATOMIC_SEQ_CST)) {
        return true;
    }
    __atomic_store_n(&gate->busy, false, __ATOMIC_RELEASE);
    return false;
}

/* PMD thread: ends what zcrx_gate_enter() began. */
static inline void
zcrx_gate_leave(struct zcrx_gate *gate)
{
    __atomic_store_n(&gate->busy, false, __ATOMIC_RELEASE);
}

/* Control plane: shuts the PMD thread out.  When it returns, the caller is the
 * only user of the queue pair. */
static inline void
zcrx_gate_close(struct zcrx_gate *gate)
{
    __atomic_store_n(&gate->open, false, __ATOMIC_SEQ_CST);
    /* As in zcrx_gate_enter(), and for emulators of arm64 on x86, which do not
     * keep a store-release before a load-acquire. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    while (__atomic_load_n(&gate->busy, __ATOMIC_SEQ_CST)) {
        sched_yield();
    }
}

/* Control plane: lets the PMD thread in again. */
static inline void
zcrx_gate_open(struct zcrx_gate *gate)
{
    __atomic_store_n(&gate->open, true, __ATOMIC_SEQ_CST);
}

/* Control plane: keeps the PMD thread out for a while.  Returns true if it was
 * let in until now, which zcrx_gate_release() must be given. */
static inline bool
zcrx_gate_hold(struct zcrx_gate *gate)
{
    bool was_open = __atomic_load_n(&gate->open, __ATOMIC_RELAXED);

    zcrx_gate_close(gate);
    return was_open;
}

/* Undoes zcrx_gate_hold(), which returned 'was_open'. */
static inline void
zcrx_gate_release(struct zcrx_gate *gate, bool was_open)
{
    if (was_open) {
        zcrx_gate_open(gate);
    }
}

#endif /* zcrx-gate.h */
