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

#ifndef ZCRX_STATS_H
#define ZCRX_STATS_H 1

/* The counters of a queue pair.
 *
 * Each is written by the one thread that owns the queue pair at that moment,
 * but for those marked as shared, and read by any other.  Their names are
 * those of the port's custom statistics with "zcrx_" in front;
 * Documentation/topics/dpdk/dpdkzcrx.rst explains them.
 */

#include <stddef.h>
#include <stdint.h>

/* Why a frame from the VF was copied to the guest. */
#define ZCRX_COPY_REASONS                                                   \
    ZCRX_COUNTER(copied_mode)            /* zcrx-mode=copy. */              \
    ZCRX_COUNTER(copied_small_buffer)    /* Less room than a frame needs. */ \
    ZCRX_COUNTER(copied_layout)          /* Not in one piece, or no header  \
                                          * where the VF wants it. */       \
    ZCRX_COUNTER(copied_no_dma)          /* Memory the VF cannot reach. */  \
    ZCRX_COUNTER(copied_late_buffer)     /* The guest had none posted. */   \
    ZCRX_COUNTER(copied_slow_path)       /* To the buffer of a slow-path    \
                                          * frame that came before. */

/* Why a frame from the VF did not reach the guest. */
#define ZCRX_WIRE_DROP_REASONS                                              \
    ZCRX_COUNTER(dropped_too_long)       /* Guest buffers too small. */     \
    ZCRX_COUNTER(dropped_guest_error)    /* The guest broke its queue. */   \
    ZCRX_COUNTER(dropped_stop)           /* In hand when the pair stopped. */ \
    ZCRX_COUNTER(dropped_slow_face_full) /* Slow path; the wire face was    \
                                          * not polled often enough. */     \
    ZCRX_COUNTER(dropped_slow_no_memory) /* Slow path. */

/* Why a frame of the guest did not reach the wire. */
#define ZCRX_GUEST_DROP_REASONS                                             \
    ZCRX_COUNTER(tx_dropped_vf_full)     /* The VF did not take it. */      \
    ZCRX_COUNTER(tx_dropped_length)      /* Shorter than an Ethernet header \
                                          * or longer than the VF takes. */ \
    ZCRX_COUNTER(tx_dropped_offload)     /* Asks for what was not agreed. */ \
    ZCRX_COUNTER(tx_dropped_no_mbuf)     /* No host buffer. */              \
    ZCRX_COUNTER(tx_dropped_guest_error) /* The guest broke its queue. */   \
    ZCRX_COUNTER(tx_dropped_slow_no_memory) /* Slow path. */

/* Why a frame that OVS sent to the port did not reach the guest. */
#define ZCRX_INJECT_DROP_REASONS                                            \
    ZCRX_COUNTER(inject_dropped_no_guest) /* No guest, or not running;      \
                                           * shared. */                     \
    ZCRX_COUNTER(inject_dropped_policed) /* More than the port's QoS lets   \
                                          * pass; shared. */                \
    ZCRX_COUNTER(inject_dropped_queue_full) /* Sent faster than taken;      \
                                             * shared. */                   \
    ZCRX_COUNTER(inject_dropped_no_buffer) /* No guest buffer. */           \
    ZCRX_COUNTER(inject_dropped_too_long) /* Guest buffers too small. */

/* Why a frame that OVS sent to the wire face did not reach the wire. */
#define ZCRX_WIRE_OUT_DROP_REASONS                                          \
    ZCRX_COUNTER(wire_out_dropped_policed) /* More than the port's QoS lets \
                                            * pass. */                      \
    ZCRX_COUNTER(wire_out_dropped_queue_full) /* Sent faster than taken. */ \
    ZCRX_COUNTER(wire_out_dropped_not_running) /* The pair does not run. */ \
    ZCRX_COUNTER(wire_out_dropped_vf_full) /* The VF did not take it. */    \
    ZCRX_COUNTER(wire_out_dropped_length) /* Longer than the VF takes. */   \
    ZCRX_COUNTER(wire_out_dropped_no_mbuf) /* No host buffer. */

#define ZCRX_COUNTERS                                                       \
    ZCRX_COUNTER(wire_rx_frames)         /* Frames from the VF. */          \
    ZCRX_COUNTER(wire_rx_bytes)                                             \
    ZCRX_COUNTER(zero_copy_frames)                                          \
    ZCRX_COUNTER(to_guest_frames)        /* However they got there. */      \
    ZCRX_COUNTER(to_guest_bytes)                                            \
    ZCRX_COUNTER(guest_tx_frames)        /* Frames that the guest sent. */  \
    ZCRX_COUNTER(guest_tx_bytes)                                            \
    ZCRX_COUNTER(wire_tx_frames)         /* Of these, taken by the VF. */   \
    ZCRX_COUNTER(wire_tx_bytes)                                             \
    ZCRX_COUNTER(injected_frames)        /* From OVS to the guest. */       \
    ZCRX_COUNTER(injected_bytes)                                            \
    ZCRX_COUNTER(slow_wire_frames)       /* From the VF to OVS. */          \
    ZCRX_COUNTER(slow_wire_bytes)                                           \
    ZCRX_COUNTER(slow_guest_frames)      /* From the guest to OVS. */       \
    ZCRX_COUNTER(slow_guest_bytes)                                          \
    ZCRX_COUNTER(slow_wire_policed)      /* Of slow_wire_frames, exceeded   \
                                          * the wire face's ingress         \
                                          * policing. */                    \
    ZCRX_COUNTER(slow_guest_policed)     /* The same of the guest face. */  \
    ZCRX_COUNTER(slow_passed_frames)     /* Of a class, but there is no     \
                                          * wire face. */                   \
    ZCRX_COUNTER(slow_buffers_empty)     /* Returned to the guest without a \
                                          * frame. */                       \
    ZCRX_COUNTER(wire_out_frames)        /* From OVS to the VF. */          \
    ZCRX_COUNTER(wire_out_bytes)                                            \
    ZCRX_COUNTER(guest_notifications)                                       \
    ZCRX_COUNTER(guest_errors)           /* Times a queue was stopped. */   \
    ZCRX_COUNTER(buffers_unused)         /* Returned by the VF without a    \
                                          * frame. */                       \
    ZCRX_COUNTER(vf_stop_failures)       /* Times the VF did not stop in    \
                                          * time. */                        \
    ZCRX_COUNTER(rx_sampled_cycles)      /* TSC cycles of some turns. */    \
    ZCRX_COUNTER(rx_sampled_frames)      /* Moved to the guest in these. */ \
    ZCRX_COUNTER(tx_sampled_cycles)                                         \
    ZCRX_COUNTER(tx_sampled_frames)      /* Moved from the guest. */        \
    ZCRX_COPY_REASONS                                                       \
    ZCRX_WIRE_DROP_REASONS                                                  \
    ZCRX_GUEST_DROP_REASONS                                                 \
    ZCRX_INJECT_DROP_REASONS                                                \
    ZCRX_WIRE_OUT_DROP_REASONS

struct zcrx_stats {
#define ZCRX_COUNTER(NAME) uint64_t NAME;
    ZCRX_COUNTERS
#undef ZCRX_COUNTER
};

/* A counter, for what goes through a list of them. */
struct zcrx_counter {
    const char *name;
    size_t index;               /* Among the counters of a zcrx_stats. */
};

/* For ZCRX_COUNTER, in the initializer of an array of these. */
#define ZCRX_COUNTER_ENTRY(NAME)                                            \
    { #NAME, offsetof(struct zcrx_stats, NAME) / sizeof(uint64_t) },

/* Returns the value of 'counter' in 'stats', which nobody writes. */
static inline uint64_t
zcrx_stats_get(const struct zcrx_stats *stats,
               const struct zcrx_counter *counter)
{
    return ((const uint64_t *) stats)[counter->index];
}

/* Adds 'n' to the counter at 'counter', for its one writer. */
static inline void
zcrx_stats_add(uint64_t *counter, uint64_t n)
{
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* Adds 'n' to the counter at 'counter', which has many writers. */
static inline void
zcrx_stats_add_shared(uint64_t *counter, uint64_t n)
{
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

/* Adds the counters in 'stats' to those in 'sum'.  Any thread. */
static inline void
zcrx_stats_accumulate(struct zcrx_stats *sum, const struct zcrx_stats *stats)
{
#define ZCRX_COUNTER(NAME) \
    sum->NAME += __atomic_load_n(&stats->NAME, __ATOMIC_RELAXED);
    ZCRX_COUNTERS
#undef ZCRX_COUNTER
}

/* Subtracts the counters in 'past', earlier values of the same, from those in
 * 'stats'. */
static inline void
zcrx_stats_subtract(struct zcrx_stats *stats, const struct zcrx_stats *past)
{
#define ZCRX_COUNTER(NAME) stats->NAME -= past->NAME;
    ZCRX_COUNTERS
#undef ZCRX_COUNTER
}

#endif /* zcrx-stats.h */
