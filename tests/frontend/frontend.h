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

#ifndef FRONTEND_H
#define FRONTEND_H 1

/* A vhost-user front end: what a hypervisor does for a guest, and enough of
 * the guest's driver to offer buffers and to get them back.
 *
 * The guest's memory has two regions, the first one for virtqueues, the second
 * one for buffers, and may get more.  Functions that talk to the back end
 * return false if it has hung up. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/virtio_ring.h>

#define FRONTEND_N_REGIONS 2    /* To begin with. */
#define FRONTEND_MAX_REGIONS 3

/* For each part of a virtqueue, in bytes. */
#define FRONTEND_RING_SPACE 16384
#define FRONTEND_MAX_RING 1024
#define FRONTEND_MAX_VQS 128

/* The protocol's numbers. */
enum frontend_request {
    GET_FEATURES = 1, SET_FEATURES = 2, SET_OWNER = 3, SET_MEM_TABLE = 5,
    SET_LOG_BASE = 6, SET_VRING_NUM = 8, SET_VRING_ADDR = 9,
    SET_VRING_BASE = 10, GET_VRING_BASE = 11, SET_VRING_KICK = 12,
    SET_VRING_CALL = 13,
    GET_PROTOCOL_FEATURES = 15, SET_PROTOCOL_FEATURES = 16,
    SET_VRING_ENABLE = 18, SEND_RARP = 19, GET_INFLIGHT_FD = 31,
    SET_INFLIGHT_FD = 32,
};

struct frontend_region {
    uint64_t gpa, size, uva, offset;
};

struct frontend_message {
    uint32_t request, flags, size;
    union {
        uint64_t u64;
        struct { uint32_t index, num; } state;
        struct { uint64_t size, offset; } log;
        struct {
            uint32_t index, flags;
            uint64_t desc, used, avail, log;
        } addr;
        struct {
            uint32_t n, padding;
            struct frontend_region regions[8];
        } mem;
        struct {
            uint64_t size, offset;
            uint16_t n_queues, queue_size;
        } shared;               /* Of logging and inflight descriptors. */
    };
} __attribute__((__packed__));

/* A virtqueue, as its driver has it. */
struct frontend_vq {
    bool packed;
    uint16_t size;
    uint16_t avail;             /* Packed: slot.  Split: index. */
    bool wrap;                  /* Packed. */
    uint16_t used;              /* The same, of what comes back next. */
    bool used_wrap;
    uint64_t pos[3];            /* Of its parts in the first region: the
                                 * descriptors, the available ring and the
                                 * used ring. */
    void *parts[3];             /* Where that is. */
    uint32_t base;              /* Where the back end was when it was stopped,
                                 * as the protocol has it. */
    int kick, call;
};

struct frontend {
    int sock;                   /* Negative if there is no back end. */
    uint64_t features;          /* Negotiated. */
    bool packed;                /* The virtqueues. */
    uint16_t start;             /* Index, or slot, at which they start. */
    int n_regions;
    uint64_t gpa[FRONTEND_MAX_REGIONS];
    size_t size[FRONTEND_MAX_REGIONS];
    uint8_t *mem[FRONTEND_MAX_REGIONS];
    int fds[FRONTEND_MAX_REGIONS];
    unsigned int n_vqs;         /* 2, unless changed before they are set up. */
    struct frontend_vq vqs[FRONTEND_MAX_VQS]; /* Receive, transmit, and so
                                               * on. */

    /* Called over and over while an answer is waited for, if not NULL. */
    void (*idle)(void *aux);
    void *aux;
};

uint64_t frontend_now(void);
void frontend_seed(uint64_t seed);
uint32_t frontend_rnd(uint32_t n);

bool frontend_init(struct frontend *, const size_t sizes[FRONTEND_N_REGIONS],
                   bool huge);
bool frontend_plug(struct frontend *, size_t size, bool huge);
void frontend_unplug(struct frontend *);
void frontend_destroy(struct frontend *);
int frontend_listen(const char *path);

bool frontend_send(struct frontend *, struct frontend_message *,
                   const int *fds, unsigned int n);
bool frontend_send_u64(struct frontend *, enum frontend_request, uint64_t,
                       int fd);
bool frontend_send_state(struct frontend *, enum frontend_request,
                         uint32_t index, uint32_t num);
bool frontend_send_addr(struct frontend *, int vq, uint64_t desc,
                        uint64_t avail, uint64_t used);
bool frontend_ask(struct frontend *, enum frontend_request, uint64_t *answer);

void frontend_describe_memory(const struct frontend *,
                              struct frontend_message *);
bool frontend_send_memory(struct frontend *);
bool frontend_negotiate(struct frontend *, uint64_t features);
bool frontend_attach(struct frontend *, const uint32_t *bases);
bool frontend_set_up(struct frontend *, uint16_t ring_size);
bool frontend_get_base(struct frontend *, uint32_t vq, uint32_t *base);
bool frontend_stop(struct frontend *);
bool frontend_start_log(struct frontend *, int fd, uint64_t size);
bool frontend_announce(struct frontend *, uint8_t n);

bool frontend_is_full(const struct frontend_vq *);
void frontend_offer(struct frontend_vq *, uint16_t id, struct vring_desc);
bool frontend_collect(struct frontend_vq *, uint16_t *id, uint32_t *len);

#endif /* frontend.h */
