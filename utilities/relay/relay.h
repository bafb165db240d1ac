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

#ifndef RELAY_H
#define RELAY_H 1

/* Measures what it costs to move a frame from a VF into a guest: one thread,
 * one process, in which everything that is not measured is played.
 *
 *     simnic ---> VF's driver ---> path under test ---> virtqueue ---> guest
 *     \____ untimed ____/\_________ timed _________/    \____ untimed ____/
 *
 * The VF is a net_virtio_user device with simnic behind it, the guest another
 * one whose virtqueues DPDK's vhost library has mapped.  Both are the same for
 * each path:
 *
 * - zcrx: lib/zcrx-sync.c, as in the daemon.  The VF writes to the guest's
 *   buffers.
 *
 * - vhost-copy: receive from the VF, rte_vhost_enqueue_burst(), free.
 *
 * - floor: receive from the VF, free. */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <rte_mbuf.h>

/* Frames that are moved at once, as in Open vSwitch. */
#define RELAY_BURST 32

/* What all paths share. */
struct relay_setup {
    bool packed;                /* The guest's virtqueues. */
    uint16_t guest_ring;        /* Their entries. */
    uint16_t vf_ring;           /* Descriptors of the VF. */
    const char *vf_args;        /* More arguments of the VF's driver. */
    uint16_t mtu;
    uint16_t n_pairs;           /* Queue pairs, for "zcrx". */
    const char *folder;         /* For sockets. */
};

/* A VF: a port of DPDK and the device behind it. */
struct relay_vf {
    uint16_t port;
    uint32_t max_frame;         /* Bytes that it may write. */
    struct simnic *sn;
    struct simnic_source *source;
    struct simnic_memory *memory;
    struct rte_mempool *tx_mp;
    bool running;
    pthread_t thread;           /* Answers the driver. */
};

void relay_vf_init(struct relay_vf *, const char *name,
                   const struct relay_setup *);
void relay_vf_configure(struct relay_vf *, const struct relay_setup *);
void relay_vf_set_pool(struct relay_vf *, const struct relay_setup *,
                       uint16_t pair, struct rte_mempool *);
void relay_vf_start(struct relay_vf *, const struct relay_setup *);
void relay_vf_destroy(struct relay_vf *);

/* A guest: a port of DPDK, and the vhost device that it is connected to. */
struct relay_guest {
    uint16_t port;
    int vid;                    /* Of the vhost device. */
    char path[128];             /* Of its socket. */
    struct rte_mempool *mp;
};

void relay_guest_init(struct relay_guest *, const char *name,
                      const struct relay_setup *);
unsigned int relay_guest_consume(struct relay_guest *, uint16_t pair,
                                 uint32_t *next_number);
void relay_guest_destroy(struct relay_guest *);

void relay_check_frame(const struct rte_mbuf *, uint32_t *next_number);

/* One of the ways from a VF to a guest. */
struct relay_path {
    const char *name;
    void (*start)(struct relay_path *, const struct relay_setup *);

    /* Moves up to RELAY_BURST frames of a queue pair.  Returns how many. */
    unsigned int (*turn)(struct relay_path *, uint16_t pair);

    /* Has the guest consume what has come to it, and return the buffers.
     * Returns how many frames those were.  NULL if there is no guest.
     *
     * If 'next_number' is not NULL, each frame is checked; it must have that
     * number, which is then incremented.  Without a guest, 'turn_checked' does
     * that instead of 'turn'. */
    unsigned int (*consume)(struct relay_path *, uint16_t pair,
                            uint32_t *next_number);
    unsigned int (*turn_checked)(struct relay_path *, uint32_t *next_number);

    void (*stop)(struct relay_path *);
    struct relay_vf vf;
    void *aux;
};

extern const struct relay_path relay_zcrx;
extern const struct relay_path relay_copy;
extern const struct relay_path relay_floor;

/* What to measure. */
struct relay_case {
    const char *size;           /* As in simnic_source_set_sizes(). */
    unsigned int burst;         /* Frames that wait when a turn begins. */
    bool cold;                  /* They are in no cache. */
    unsigned int n_batches;
};

struct relay_result {
    double median;              /* Cycles per frame. */
    double p99;
    uint64_t n_frames;
};

void relay_prepare(struct relay_path *, const struct relay_case *);
void relay_deliver(struct relay_path *, uint16_t pair, unsigned int n);
void relay_timed_turns(struct relay_path *, uint16_t pair, unsigned int n);
void relay_consume(struct relay_path *, uint16_t pair, unsigned int n,
                   uint32_t *next_number);
void relay_summarize(uint64_t *cycles, const struct relay_case *,
                     struct relay_result *);

void relay_verify(struct relay_path *, const struct relay_case *);
void relay_measure(struct relay_path *, const struct relay_case *,
                   struct relay_result *);
void relay_measure_pairs(struct relay_path *, const struct relay_case *,
                         unsigned int cpu, struct relay_result results[2]);

void *relay_allocate(size_t);
void relay_die(const char *format, ...)
    __attribute__((noreturn, format(printf, 1, 2)));

#endif /* relay.h */
