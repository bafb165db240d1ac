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

#ifndef ZCRX_VRING_H
#define ZCRX_VRING_H 1

/* One virtqueue of a guest, split or packed, read and written by its only
 * user: the PMD thread that owns the queue pair, or whoever has shut that
 * thread out.
 *
 * What the guest can write is never trusted: each field is loaded once into a
 * local, checked and then used.  The first thing that is wrong puts a reason
 * into 'error'; from then on nothing is taken from the queue, until the guest
 * sets it up again.
 *
 * A buffer goes through these states, one flag per descriptor id:
 *
 *                 take                    publish
 *     available ---------> outstanding --------------> used
 *         ^                     |
 *         +---------------------+
 *                put back
 *
 * References are to the Virtual I/O Device (VIRTIO) Version 1.2 specification.
 * Nothing here knows Open vSwitch or DPDK. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/virtio_ring.h>

#include "zcrx-gpa.h"

/* A virtqueue has at most this many entries (Virtio 1.2 2.7). */
#define ZCRX_VRING_MAX_SIZE 32768

/* The virtio-net header with and without 'num_buffers' (Virtio 1.2 5.1.6). */
#define ZCRX_HDR_LEN 12
#define ZCRX_HDR_LEN_LEGACY 10

/* Guest buffers that one frame may spread over. */
#define ZCRX_MAX_MERGE 64

/* Buffers that zcrx_vring_publish() takes at most. */
#define ZCRX_PUBLISH_MAX 128

/* Buffers that zcrx_vring_n_avail() counts at most in a packed ring. */
#define ZCRX_COUNT_MAX 64

/* What a guest can do wrong: code, text. */
#define ZCRX_VRING_ERRORS                                                   \
    ZCRX_VRING_ERROR(INDEX, "available index is further ahead than the "    \
                     "ring is long")                                        \
    ZCRX_VRING_ERROR(HEAD, "available ring names a descriptor that the "    \
                     "ring does not have")                                  \
    ZCRX_VRING_ERROR(DUPLICATE, "descriptor was made available again "      \
                     "before it was used")                                  \
    ZCRX_VRING_ERROR(NEXT, "descriptor chain leaves its table")             \
    ZCRX_VRING_ERROR(LOOP, "descriptor chain is longer than its table")     \
    ZCRX_VRING_ERROR(ADDRESS, "descriptor points outside guest memory")     \
    ZCRX_VRING_ERROR(LENGTH, "descriptor or chain has a bad length")        \
    ZCRX_VRING_ERROR(DIRECTION, "descriptor has the wrong direction")       \
    ZCRX_VRING_ERROR(INDIRECT, "indirect descriptor table is malformed")    \
    ZCRX_VRING_ERROR(PLACE, "virtqueue does not lie in guest memory or is " \
                     "not aligned")                                         \
    ZCRX_VRING_ERROR(SIZE, "virtqueue has an impossible size or position")

enum zcrx_vring_error {
    ZCRX_VRING_OK,
#define ZCRX_VRING_ERROR(CODE, TEXT) ZCRX_VRING_BAD_##CODE,
    ZCRX_VRING_ERRORS
#undef ZCRX_VRING_ERROR
};

/* Where to note which pages of the guest's memory were written to.  See
 * zcrx-vring-log.c. */
struct zcrx_log {
    uint8_t *base;              /* A bit for each page of 4096 bytes; NULL if
                                 * nobody wants to know. */
    uint64_t size;              /* In bytes. */
};

/* What was negotiated, and where the rings are.  A position in a packed ring
 * has the wrap counter in bit 15, as in the vhost-user protocol. */
struct zcrx_vring_config {
    void *desc;                 /* HVA of the descriptor table or ring. */
    void *avail;                /* HVA of the available ring; of the driver's
                                 * event structure if packed. */
    void *used;                 /* HVA of the used ring; of the device's event
                                 * structure if packed. */
    uint16_t size;              /* Entries, a power of two if split. */
    uint16_t last_avail;        /* Position of the next buffer to take. */
    uint16_t last_used;         /* Position of the next used entry. */
    bool packed;                /* VIRTIO_F_RING_PACKED. */
    int callfd;                 /* To notify the guest by, or negative. */
    bool rx;                    /* The guest receives on this queue. */
    bool version_1;             /* VIRTIO_F_VERSION_1. */
    bool mergeable;             /* VIRTIO_NET_F_MRG_RXBUF. */
    bool event_idx;             /* VIRTIO_F_EVENT_IDX. */
    bool indirect;              /* VIRTIO_F_INDIRECT_DESC. */
    enum zcrx_vring_error error; /* Why it must not be used, as found before
                                  * or while it was in use. */
    struct zcrx_vring_journal *journal; /* What survives this process, see
                                         * zcrx-vring-journal.c; or NULL. */
    struct zcrx_log log;
};

/* An available buffer that was taken. */
struct zcrx_head {
    uint16_t id;                /* To name it by when it is used. */
};

/* A receive buffer that was taken, and how a frame would lie in it. */
struct zcrx_rx_buf {
    struct zcrx_head head;
    void *hdr;                  /* The virtio-net header, in one piece, or
                                 * NULL if it is not in one piece. */
    void *data;                 /* First byte of a frame. */
    uint64_t iova;              /* Of 'data'; ZCRX_BAD_IOVA if a device cannot
                                 * write 'contig' bytes there. */
    uint32_t contig;            /* Bytes in one piece from 'data' on. */
    uint32_t room;              /* Bytes for a frame in the whole buffer. */
};

/* Bounds of the lengths of plain buffers, in bytes, at least 1.  See
 * zcrx_vring_take_plain(). */
struct zcrx_plain_limits {
    uint16_t min;
    uint16_t max;
};

/* An entry for the used ring, laid out as 'struct vring_used_elem'. */
struct zcrx_used {
    uint32_t id;
    uint32_t len;               /* Bytes written, with the header. */
};

/* What differs between the kinds of virtqueue, for a burst of buffers at a
 * time.  The functions of the same names below say what each does. */
struct zcrx_chain;
struct zcrx_vring;
struct zcrx_vring_ops {
    const char *kind;
    uint16_t (*n_avail)(struct zcrx_vring *);
    uint16_t (*take)(struct zcrx_vring *, struct zcrx_head *, uint16_t n);
    uint16_t (*take_rx)(struct zcrx_vring *, struct zcrx_rx_buf *, uint16_t n);
    void (*untake)(struct zcrx_vring *, const struct zcrx_head *, uint16_t n);
    bool (*save)(struct zcrx_vring *, const struct zcrx_head *);
    bool (*rewind)(struct zcrx_vring *);
    void (*publish)(struct zcrx_vring *, const struct zcrx_used *, uint16_t n);
    bool (*wants_notification)(struct zcrx_vring *, uint32_t n_new);
    void (*suppress_kicks)(struct zcrx_vring *);
    void (*chain_init)(struct zcrx_chain *, const struct zcrx_head *);
    bool (*restore)(struct zcrx_vring *);
};

/* A buffer that was taken. */
struct zcrx_taken {
    uint16_t pos;               /* Its position when it was. */
    uint16_t n_desc;            /* Places that it takes in the ring: 1 if
                                 * split.  0 if it is not outstanding. */
};

/* The part of a virtqueue's state that survives its process: positions, as
 * struct zcrx_vring_config has them, and which buffers are outstanding. */
struct zcrx_vring_journal {
    uint16_t size;              /* As in the configuration, */
    bool packed;                /* or 0 if nothing is in use. */
    uint16_t avail;             /* Behind the last buffer taken. */
    union {
        struct {
            uint16_t used;      /* Behind the last buffer used. */
            uint16_t n_burst;   /* Buffers in 'burst', if packed. */
        };
        uint32_t used_and_burst; /* To change both at once. */
    };
    uint16_t mark;              /* What is in the device's event structure, if
                                 * packed. */
    struct zcrx_used burst[ZCRX_PUBLISH_MAX]; /* Being published, if packed:
                                 * the number of descriptors, if there are
                                 * several, in the upper half of 'id'. */
    struct zcrx_taken taken[];  /* 'size' of them, by descriptor id. */
};

struct zcrx_vring {
    const struct zcrx_vring_ops *ops;
    const struct zcrx_gpa_map *map;
    const struct zcrx_gpa_region *region; /* Where the last buffer was. */
    struct zcrx_vring_journal *journal; /* Never NULL. */
    struct zcrx_taken *taken;   /* In 'journal', by descriptor id. */

    union {
        struct {                /* Split. */
            const struct vring_desc *desc;
            const struct vring_avail *avail;
            struct vring_used *used;
            uint16_t seen_avail; /* The guest's index when last looked at. */
            uint16_t mask;
        };
        struct {                /* Packed. */
            struct vring_packed_desc *packed_desc;
            const struct vring_packed_desc_event *driver_event;
            struct vring_packed_desc_event *device_event;
            struct vring_packed_desc **saved; /* By descriptor id, see
                                               * zcrx_vring_save(). */
            uint16_t n_saved;   /* Of 'saved' that are not NULL. */
            uint16_t n_desc_outstanding;
            bool avail_wrap;    /* Wrap counters. */
            bool used_wrap;
        };
    };

    uint16_t size;
    uint16_t next_avail;        /* Position of the next buffer to take. */
    uint16_t used_idx;          /* Position of the next used entry. */
    uint32_t n_unsignalled;     /* Positions used since it was last asked
                                 * whether to notify. */
    uint16_t n_outstanding;     /* Buffers taken, and neither used nor put
                                 * back. */
    uint8_t hdr_len;            /* Bytes of the virtio-net header. */
    bool rx;
    bool mergeable;
    bool event_idx;
    bool indirect;
    bool persistent;            /* 'journal' survives this process. */
    struct zcrx_log log;
    int callfd;
    enum zcrx_vring_error error;
};

enum zcrx_vring_error zcrx_vring_check(const struct zcrx_vring_config *,
                                       const struct zcrx_gpa_map *);
int zcrx_vring_init(struct zcrx_vring *, const struct zcrx_vring_config *,
                    const struct zcrx_gpa_map *);
void zcrx_vring_destroy(struct zcrx_vring *);
const char *zcrx_vring_strerror(enum zcrx_vring_error);
size_t zcrx_vring_journal_size(uint16_t size);

uint16_t zcrx_vring_n_avail(struct zcrx_vring *);
uint16_t zcrx_vring_take(struct zcrx_vring *, struct zcrx_head *, uint16_t n);
uint16_t zcrx_vring_take_rx(struct zcrx_vring *, struct zcrx_rx_buf *,
                            uint16_t n);
void zcrx_vring_untake(struct zcrx_vring *, const struct zcrx_head *,
                       uint16_t n);
void zcrx_vring_untake_rx(struct zcrx_vring *, const struct zcrx_rx_buf *,
                          uint16_t n);
bool zcrx_vring_save(struct zcrx_vring *, const struct zcrx_head *);
void zcrx_vring_put_back_all(struct zcrx_vring *);
void zcrx_vring_publish(struct zcrx_vring *, const struct zcrx_used *,
                        uint16_t n);
bool zcrx_vring_must_notify(struct zcrx_vring *);
bool zcrx_vring_interrupt(struct zcrx_vring *);
bool zcrx_vring_notify(struct zcrx_vring *);
bool zcrx_vring_notify_early(struct zcrx_vring *);
bool zcrx_vring_notify_visible(struct zcrx_vring *);
void zcrx_vring_suppress_kicks(struct zcrx_vring *);
void zcrx_vring_note(struct zcrx_vring *, const void *, uint64_t len);

/* Returns true if buffer 'id', which the ring has, was taken and neither used
 * nor put back since. */
static inline bool
zcrx_vring_is_outstanding(const struct zcrx_vring *vq, uint16_t id)
{
    return vq->taken[id].n_desc;
}

const char *zcrx_vring_kind(const struct zcrx_vring *);
uint16_t zcrx_vring_guest_avail(const struct zcrx_vring *);
uint16_t zcrx_vring_guest_used(const struct zcrx_vring *);
void zcrx_vring_get_position(const struct zcrx_vring *, uint16_t *last_avail,
                             uint16_t *last_used);

/* Walking the memory that one buffer consists of, from its first byte to its
 * last, piece by piece. */
struct zcrx_chain {
    struct zcrx_vring *vq;
    const void *table;          /* The ring's, or an indirect one: of 'struct
                                 * vring_desc' or 'struct vring_packed_desc',
                                 * which have the same size. */
    uint32_t table_size;        /* Entries in 'table'. */
    uint32_t left;              /* Descriptors that may still follow. */
    uint16_t next;              /* Index in 'table'. */
    bool more;                  /* There is a descriptor 'next'. */
    bool indirect;              /* 'table' is an indirect one. */
    bool counted;               /* 'left' descriptors follow each other, as in
                                 * packed rings; else they are linked. */
    uint64_t total;             /* Bytes in all descriptors so far. */

    /* What is left of the current descriptor: a piece of 'len' bytes within
     * 'region', and 'rest' bytes beyond its end. */
    const struct zcrx_gpa_region *region;
    uint64_t gpa;
    uint32_t len;
    uint32_t rest;
};

void zcrx_chain_init(struct zcrx_chain *, struct zcrx_vring *,
                     const struct zcrx_head *);
bool zcrx_chain_next(struct zcrx_chain *);
bool zcrx_chain_more(struct zcrx_chain *);
uint32_t zcrx_chain_read(struct zcrx_chain *, void *, uint32_t n);
uint32_t zcrx_chain_write(struct zcrx_chain *, const void *, uint32_t n);

/* What became of a frame to copy to the guest. */
enum zcrx_copy_result {
    ZCRX_COPY_OK,               /* It lies in guest buffers. */
    ZCRX_COPY_NO_BUFFER,        /* The guest has too few buffers right now. */
    ZCRX_COPY_TOO_LONG,         /* The guest's buffers are too small for it. */
    ZCRX_COPY_ERROR,            /* The queue has stopped, see 'error'. */
};

enum zcrx_copy_result zcrx_vring_copy_in(struct zcrx_vring *,
                                         const struct zcrx_head *,
                                         const void *frame, uint32_t len,
                                         uint8_t hdr_flags,
                                         struct zcrx_used *, uint16_t *n_used);

#endif /* zcrx-vring.h */
