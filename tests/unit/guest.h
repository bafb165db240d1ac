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

#ifndef ZCRX_TEST_GUEST_H
#define ZCRX_TEST_GUEST_H 1

/* A guest that the test plays itself: memory, and the driver's side of split
 * and packed virtqueues (Virtio 1.2 2.7, 2.8), written from the specification
 * and not with the code under test. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zcrx-gpa.h"
#include "zcrx-vring.h"

/* The guest's regions.  GUEST_NEXT begins, for the guest, where GUEST_LOW
 * ends, but lies elsewhere in this process. */
enum guest_region {
    GUEST_LOW,
    GUEST_NEXT,
    GUEST_FAR,
    GUEST_NO_DMA,               /* The VF must not write here. */
    GUEST_N_REGIONS
};

#define GUEST_LOW_GPA UINT64_C(0x100000)
#define GUEST_FAR_GPA UINT64_C(0x100000000)
#define GUEST_NO_DMA_GPA UINT64_C(0x7ffff00000000)

/* What memory holds that nobody has written to. */
#define GUEST_CANARY 0xa5

struct guest {
    struct zcrx_gpa_map map;
    size_t size;                /* Of each region. */
    uint64_t gpa[GUEST_N_REGIONS];
    uint8_t *mem[GUEST_N_REGIONS];
    uint8_t *expected[GUEST_N_REGIONS]; /* What 'mem' should hold. */
    size_t brk[GUEST_N_REGIONS];        /* Bytes given away. */
    uint64_t random;
};

/* A buffer that the guest made available. */
#define GUEST_MAX_PIECES 64

struct guest_piece {
    uint64_t gpa;
    uint32_t len;
};

struct guest_buf {
    bool posted;
    struct guest_piece pieces[GUEST_MAX_PIECES];
    unsigned int n_pieces;
    unsigned int n_descs;       /* Of the ring, in order: their numbers if it
                                 * is split, they themselves if packed. */
    uint16_t descs[GUEST_MAX_PIECES];
    struct vring_packed_desc packed_descs[GUEST_MAX_PIECES];
    unsigned int slot;          /* For the test's own use. */
};

/* How a buffer is described. */
enum guest_how {
    GUEST_DIRECT,               /* By the ring's own descriptors. */
    GUEST_INDIRECT,             /* By an indirect table. */
    GUEST_MIXED,                /* By one of the ring's, then by a table; in
                                 * a packed ring that is not allowed, and is
                                 * GUEST_INDIRECT. */
};

struct guest_vq {
    struct guest *guest;
    struct zcrx_vring_config config; /* For zcrx_vring_init(). */
    uint16_t size;
    bool packed;

    /* Split. */
    struct vring_desc *desc;
    struct vring_avail *avail;
    struct vring_used *used;
    uint16_t avail_idx;         /* As in 'avail', unless the test lies. */
    uint16_t used_idx;          /* The next entry that the driver reads. */

    /* Packed: where the driver writes and reads next. */
    struct vring_packed_desc *ring;
    struct vring_packed_desc_event *driver_event;
    struct vring_packed_desc_event *device_event;
    uint16_t avail_slot, used_slot;
    bool avail_wrap, used_wrap;

    uint16_t *free;             /* Heads that are not in use. */
    unsigned int n_free_heads;
    unsigned int n_free;        /* Descriptors that are not in use. */
    uint64_t *tables;           /* Where indirect tables lie, by head. */
    struct guest_buf *bufs;     /* By head: the first descriptor if split, the
                                 * buffer id if packed. */
    unsigned int n_posted;      /* Buffers that the device has. */
    uint16_t *offered;          /* The heads of the last 65,536 that it got, */
    uint16_t n_offered;         /* and the end of these. */
};

void guest_init(struct guest *, size_t region_size);
void guest_destroy(struct guest *);
uint64_t guest_alloc(struct guest *, enum guest_region, size_t len);
void *guest_ptr(const struct guest *, uint64_t gpa);
void guest_expect(struct guest *, uint64_t gpa, const void *, size_t len);
void guest_write(struct guest *, uint64_t gpa, const void *, size_t len);
void guest_check_memory(const struct guest *);

void guest_vq_init(struct guest_vq *, struct guest *, uint16_t size,
                   uint16_t start, bool rx);
void guest_vq_init_packed(struct guest_vq *, struct guest *, uint16_t size,
                          uint16_t start, bool rx);
void guest_vq_destroy(struct guest_vq *);
uint16_t guest_describe(struct guest_vq *, const struct guest_piece *,
                        unsigned int n, enum guest_how);
void guest_offer(struct guest_vq *, uint16_t head);
uint16_t guest_post(struct guest_vq *, const struct guest_piece *,
                    unsigned int n, enum guest_how);
uint16_t guest_post_one(struct guest_vq *, uint64_t gpa, uint32_t len);
struct guest_buf *guest_collect(struct guest_vq *, uint32_t *len);
void guest_want_interrupts(struct guest_vq *, bool);
bool guest_would_kick(const struct guest_vq *);

uint32_t guest_buf_len(const struct guest_buf *);
void guest_buf_read(const struct guest *, const struct guest_buf *,
                    uint32_t offset, void *, uint32_t len);
void guest_buf_expect(struct guest *, const struct guest_buf *,
                      uint32_t offset, const void *, uint32_t len);

#endif /* guest.h */
