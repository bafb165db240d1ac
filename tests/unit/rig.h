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

#ifndef ZCRX_TEST_RIG_H
#define ZCRX_TEST_RIG_H 1

/* A whole queue pair in one program: a stock DPDK driver as the VF, the queue
 * pair under test, and a guest that the test plays itself. */

#include <stdbool.h>
#include <stdint.h>

#include "check.h"
#include "guest.h"
#include "zcrx-sync.h"

struct rig_config {
    const char *devargs;        /* Of the VF, named "net_<driver>0". */
    bool chains;                /* As in 'struct zcrx_queue_vf'. */
    uint32_t max_frame;         /* 1,514 if it is 0. */
    uint32_t n_bounce;
    bool copy;
    uint16_t ring_size;         /* 256 if it is 0. */
    bool legacy;                /* Neither VERSION_1 nor mergeable; does not go
                                 * with packed virtqueues. */
    bool mergeable;
    bool indirect;
    bool event_idx;
    unsigned int n_tx_mbufs;    /* 512 if it is 0. */
    struct rte_mempool *flow_mp; /* For queue 1 of the VF, if it has one. */
    struct zcrx_offload offload;
};

/* How the guest lays out a receive buffer. */
enum rig_kind {
    RIG_ONE,                    /* Header and data together. */
    RIG_OWN_HEADER,             /* The header in a descriptor of its own. */
    RIG_INDIRECT,               /* The same, in an indirect table. */
    RIG_N_GOOD,
    RIG_PAGES = RIG_N_GOOD,     /* In several pieces. */
    RIG_SPLIT_HEADER,
    RIG_NO_DMA,                 /* Where the VF cannot write. */
    RIG_N_KINDS
};

#define RIG_MAX_FRAME 9018

struct rig {
    struct guest guest;
    struct guest_vq rx, tx;     /* The driver's side. */
    struct zcrx_queue queue;    /* Under test. */
    struct rig_config config;
    uint16_t port;
    uint32_t slot_size;
    unsigned int *slots;        /* Unused places for buffers. */
    unsigned int n_slots;
    uint8_t hdr_flags;          /* Of the frame that it received last. */
    uint32_t rx_seq;            /* The frame that the guest receives next. */
    struct rte_mempool *ovs_mp; /* For frames of OVS. */
    unsigned int n_freed;       /* Those that were freed. */
    unsigned int n_accepted;    /* Those that were accepted. */
    uint64_t n_passed;          /* Frames, as the PMD thread was told. */
    int rx_eventfd;
    int tx_eventfd;
};

extern struct rig rig;
extern bool rig_packed;         /* What kind of virtqueues the guest has. */

int rig_run_cases(const struct test_case *, size_t n);

void rig_start(const struct rig_config *);
void rig_stop(void);
void rig_resume(void);
void rig_destroy(void);
unsigned int rig_poll(void);
uint64_t rig_copied(void);
uint64_t rig_dropped(void);
uint64_t rig_tx_dropped(void);

bool rig_post(enum rig_kind, uint32_t room);
void rig_post_all(enum rig_kind, uint32_t room);
uint32_t rig_receive(uint8_t *frame);
unsigned int rig_receive_all(void);
bool rig_inject(uint32_t seq);
bool rig_send(const void *hdr, const uint8_t *frame, uint32_t len);
unsigned int rig_reclaim(void);
uint64_t rig_read_eventfd(int fd);

uint32_t rig_make_frame(uint32_t seq, uint8_t *frame);
void rig_write_capture(const char *name, uint32_t n);
uint32_t rig_check_capture(const char *name);

#endif /* rig.h */
