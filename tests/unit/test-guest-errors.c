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

/* What a guest can do wrong to a split virtqueue: each error that there is, in
 * each way to come upon it.  The queue stops, nothing is lost, and no byte is
 * written where it should not be.
 *
 * Among these are the kinds of error for which advisories were published:
 * addresses and lengths that were not checked (CVE-2020-10725, and in vhost's
 * cryptographic part CVE-2020-14374, -14376 and -14377), and work without end
 * (CVE-2020-14378). */

#include "zcrx-vring.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "check.h"
#include "guest.h"

#define MEM_SIZE 4096
#define RING_SIZE 8
#define START 65533

static struct guest guest;
static struct guest_vq gq;      /* The driver's side. */
static struct zcrx_vring vq;    /* The device's, under test. */

/* The errors that were provoked. */
static bool provoked[16];

static void
set_up(bool rx)
{
    guest_init(&guest, MEM_SIZE);
    guest_vq_init(&gq, &guest, RING_SIZE, START, rx);
    gq.config.indirect = true;
    gq.config.mergeable = true;
    CHECK(!zcrx_vring_init(&vq, &gq.config, &guest.map));
}

static void
tear_down(enum zcrx_vring_error error)
{
    CHECK_EQ(vq.error, error);
    provoked[error] = true;
    guest_check_memory(&guest);
    zcrx_vring_destroy(&vq);
    guest_vq_destroy(&gq);
    guest_destroy(&guest);
    check_what = "";
}

/* The ways to take a buffer. */
enum way {
    TAKE,
    TAKE_RX,
    COPY_IN,
    N_WAYS
};

/* Takes up to 'n' buffers and returns how many were there. */
static uint16_t
take(enum way way, uint16_t n)
{
    static const char frame[60] = "test";
    struct zcrx_used used[ZCRX_MAX_MERGE];
    struct zcrx_rx_buf bufs[RING_SIZE];
    struct zcrx_head heads[RING_SIZE];
    uint16_t n_used;

    switch (way) {
    case TAKE:
        return zcrx_vring_take(&vq, heads, n);
    case TAKE_RX:
        return zcrx_vring_take_rx(&vq, bufs, n);
    case COPY_IN:
    case N_WAYS:
    default:
        for (uint16_t i = 0; i < n; i++) {
            static const uint8_t hdr[12] = { [10] = 1 }; /* num_buffers */
            uint64_t gpa;

            if (zcrx_vring_copy_in(&vq, NULL, frame, sizeof frame, 0, used,
                                   &n_used)) {
                CHECK_EQ(n_used, 0);
                return i;
            }
            /* Each of the buffers has room for all of it. */
            CHECK_EQ(n_used, 1);
            gpa = vq.desc[used->id].addr;
            guest_expect(&guest, gpa, hdr, sizeof hdr);
            guest_expect(&guest, gpa + sizeof hdr, frame, sizeof frame);
        }
        return n;
    }
}

/* Checks that the queue has stopped after 'n_taken' buffers. */
static void
check_stopped(enum way way, uint16_t n_taken)
{
    CHECK_EQ(vq.n_outstanding, n_taken);
    CHECK_EQ(vq.next_avail, (uint16_t) (START + n_taken));
    CHECK_EQ(take(way, 1), 0);
    CHECK_EQ(gq.used->idx, START);

    /* What was taken before can be put back. */
    zcrx_vring_put_back_all(&vq);
    CHECK_EQ(vq.next_avail, START);
    CHECK_EQ(gq.used->idx, START);
}

static void
post_good(uint16_t n)
{
    for (uint16_t i = 0; i < n; i++) {
        guest_post_one(&gq, guest.gpa[GUEST_FAR] + 200 * i, 100);
    }
}

static void
test_index(void)
{
    for (enum way way = 0; way < N_WAYS; way++) {
        for (uint16_t before = 0; before < 3; before++) {
            set_up(true);
            post_good(before);
            CHECK_EQ(take(way, before), before);
            gq.avail->idx += RING_SIZE + 1;
            CHECK_EQ(take(way, RING_SIZE), 0);
            check_stopped(way, before);
            tear_down(ZCRX_VRING_BAD_INDEX);
        }
    }
}

static void
test_head(void)
{
    static const uint16_t bad[] = { RING_SIZE, RING_SIZE + 1, 32768, 65535 };

    for (enum way way = 0; way < N_WAYS; way++) {
        for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
            for (uint16_t n = 0; n < 3; n++) {

                set_up(true);
                post_good(n);
                guest_offer(&gq, bad[i]);
                post_good(1);
                CHECK_EQ(take(way, RING_SIZE), n);
                check_stopped(way, n);
                tear_down(ZCRX_VRING_BAD_HEAD);
            }
        }
    }
}

static void
test_duplicate(void)
{
    for (enum way way = 0; way < N_WAYS; way++) {
        for (uint16_t at_once = 0; at_once < 2; at_once++) {
            set_up(true);
            post_good(3);
            if (!at_once) {
                CHECK_EQ(take(way, 3), 3);
            }
            guest_offer(&gq, gq.avail->ring[(uint16_t) (START + 1) % 8]);
            CHECK_EQ(take(way, RING_SIZE),
                     at_once ? 3 : 0);
            check_stopped(way, at_once ? 3 : 3);
            tear_down(ZCRX_VRING_BAD_DUPLICATE);
        }
    }

    /* After it was used, or put back, it is available again. */
    for (int put_back = 0; put_back < 2; put_back++) {
        struct zcrx_head head;
        uint16_t id;

        set_up(true);
        id = guest_post_one(&gq, guest.gpa[GUEST_FAR], 100);
        CHECK_EQ(zcrx_vring_take(&vq, &head, 1), 1);
        if (put_back) {
            zcrx_vring_put_back_all(&vq);
        } else {
            const struct zcrx_used used = { .id = id };

            zcrx_vring_publish(&vq, &used, 1);
            guest_offer(&gq, id);
        }
        CHECK_EQ(zcrx_vring_take(&vq, &head, 1), 1);
        CHECK_EQ(head.id, id);
        tear_down(ZCRX_VRING_OK);
    }
}

/* Descriptors for the table below, with flags that depend on the queue. */
#define RIGHT 0x4000            /* The direction that is right for it. */
#define WRONG 0x8000            /* And the one that is not. */
#define NEXT VRING_DESC_F_NEXT
#define INDIRECT VRING_DESC_F_INDIRECT

#define LOW GUEST_LOW_GPA
#define FAR GUEST_FAR_GPA
#define FAR_END (GUEST_FAR_GPA + MEM_SIZE)
#define NEXT_END (GUEST_LOW_GPA + 2 * MEM_SIZE)
#define TABLE (GUEST_FAR_GPA + 1001)

static const struct bad_chain {
    const char *what;
    enum zcrx_vring_error error;
    struct vring_desc descs[3]; /* Of the ring; the first is the head, 0. */
    struct vring_desc table[3]; /* At TABLE. */
    bool no_indirect;           /* Indirect tables were not agreed on. */
    bool rx_only;               /* Because of what receiving needs. */
} bad_chains[] = {
#define BAD(WHAT, ERROR, ...)                                               \
    { .what = WHAT, .error = ZCRX_VRING_BAD_##ERROR, __VA_ARGS__ }
#define DESCS(...) .descs = { __VA_ARGS__ }
#define TABLE_OF(...) .table = { __VA_ARGS__ }
    BAD("next just beyond the ring", NEXT,
        DESCS({ FAR, 100, RIGHT | NEXT, RING_SIZE })),
    BAD("next far beyond the ring", NEXT,
        DESCS({ FAR, 100, RIGHT | NEXT, 1 },
              { FAR, 100, RIGHT | NEXT, 65535 })),
    BAD("next of an empty descriptor", NEXT,
        DESCS({ FAR, 0, RIGHT | NEXT, RING_SIZE })),
    BAD("next beyond an indirect table", NEXT,
        DESCS({ TABLE, 32, INDIRECT, 0 }),
        TABLE_OF({ FAR, 100, RIGHT | NEXT, 2 }, { FAR, 100, RIGHT, 0 },
                 { FAR, 100, RIGHT, 0 })),

    BAD("chain that bites its tail", LOOP,
        DESCS({ FAR, 100, RIGHT | NEXT, 0 })),
    BAD("loop of two", LOOP,
        DESCS({ FAR, 100, RIGHT | NEXT, 1 }, { FAR, 100, RIGHT | NEXT, 0 })),
    BAD("loop of nothing", LOOP,
        DESCS({ FAR, 0, RIGHT | NEXT, 1 }, { FAR, 0, RIGHT | NEXT, 1 })),
    BAD("loop in an indirect table", LOOP,
        DESCS({ TABLE, 48, INDIRECT, 0 }),
        TABLE_OF({ FAR, 100, RIGHT | NEXT, 2 }, { 0 },
                 { FAR, 9, RIGHT | NEXT, 0 })),
    BAD("loop of nothing in an indirect table", LOOP,
        DESCS({ TABLE, 16, INDIRECT, 0 }),
        TABLE_OF({ FAR, 0, RIGHT | NEXT, 0 })),

    BAD("address 0", ADDRESS,
        DESCS({ 0, 100, RIGHT, 0 })),
    BAD("address before memory", ADDRESS,
        DESCS({ LOW - 1, 100, RIGHT, 0 })),
    BAD("address behind memory", ADDRESS,
        DESCS({ FAR_END, 1, RIGHT, 0 })),
    BAD("end behind memory", ADDRESS,
        DESCS({ FAR_END - 99, 100, RIGHT, 0 })),
    BAD("end behind two regions", ADDRESS,
        DESCS({ NEXT_END - MEM_SIZE - 50, MEM_SIZE + 51, RIGHT, 0 })),
    BAD("end far behind memory", ADDRESS,
        DESCS({ FAR, UINT32_MAX, RIGHT, 0 })),
    BAD("last address", ADDRESS,
        DESCS({ UINT64_MAX - 1, 1, RIGHT, 0 })),
    BAD("address of the second", ADDRESS,
        DESCS({ FAR, 100, RIGHT | NEXT, 1 }, { 1, 100, RIGHT, 0 })),
    BAD("address of an indirect table", ADDRESS,
        DESCS({ FAR_END, 16, INDIRECT, 0 })),
    BAD("end of an indirect table", ADDRESS,
        DESCS({ FAR_END - 31, 32, INDIRECT, 0 })),
    BAD("indirect table in two regions", ADDRESS,
        DESCS({ NEXT_END - MEM_SIZE - 16, 32, INDIRECT, 0 })),
    BAD("address in an indirect table", ADDRESS,
        DESCS({ TABLE, 16, INDIRECT, 0 }),
        TABLE_OF({ FAR_END, 100, RIGHT, 0 })),

    BAD("length that wraps", LENGTH,
        DESCS({ UINT64_MAX, 2, RIGHT, 0 })),
    BAD("length that wraps far", LENGTH,
        DESCS({ UINT64_MAX - 5, UINT32_MAX, RIGHT, 0 })),
    BAD("length of nothing", LENGTH,
        DESCS({ FAR, 0, RIGHT, 0 }),
        .rx_only = true),
    BAD("length less than a header", LENGTH,
        DESCS({ FAR, 11, RIGHT, 0 }),
        .rx_only = true),
    BAD("lengths less than a header", LENGTH,
        DESCS({ FAR, 4, RIGHT | NEXT, 1 }, { FAR + 50, 0, RIGHT | NEXT, 2 },
              { FAR + 99, 7, RIGHT, 0 }),
        .rx_only = true),

    BAD("direction", DIRECTION,
        DESCS({ FAR, 100, WRONG, 0 })),
    BAD("direction of nothing", DIRECTION,
        DESCS({ FAR, 0, WRONG, 0 })),
    BAD("direction of the second", DIRECTION,
        DESCS({ FAR, 100, RIGHT | NEXT, 1 }, { FAR, 100, WRONG, 0 })),
    BAD("direction in an indirect table", DIRECTION,
        DESCS({ TABLE, 32, INDIRECT | RIGHT, 0 }),
        TABLE_OF({ FAR, 100, RIGHT | NEXT, 1 }, { FAR, 100, WRONG, 0 })),

    BAD("indirect table not agreed on", INDIRECT,
        DESCS({ TABLE, 16, INDIRECT, 0 }),
        TABLE_OF({ FAR, 100, RIGHT, 0 }),
        .no_indirect = true),
    BAD("indirect table with a next", INDIRECT,
        DESCS({ TABLE, 16, INDIRECT | NEXT, 1 }, { FAR, 100, RIGHT, 0 }),
        TABLE_OF({ FAR, 100, RIGHT, 0 })),
    BAD("indirect table of nothing", INDIRECT,
        DESCS({ TABLE, 0, INDIRECT, 0 })),
    BAD("indirect table with half an entry", INDIRECT,
        DESCS({ TABLE, 24, INDIRECT, 0 }),
        TABLE_OF({ FAR, 100, RIGHT, 0 })),
    BAD("indirect table of less than an entry", INDIRECT,
        DESCS({ TABLE, 15, INDIRECT, 0 }),
        TABLE_OF({ FAR, 100, RIGHT, 0 })),
    BAD("indirect table with too many entries", INDIRECT,
        DESCS({ TABLE, 32769 * 16, INDIRECT, 0 }),
        TABLE_OF({ FAR, 100, RIGHT, 0 })),
    BAD("indirect table in an indirect table", INDIRECT,
        DESCS({ TABLE, 16, INDIRECT, 0 }),
        TABLE_OF({ TABLE, 16, INDIRECT, 0 })),
    BAD("indirect table twice", INDIRECT,
        DESCS({ FAR, 100, RIGHT | NEXT, 1 }, { TABLE, 32, INDIRECT, 0 }),
        TABLE_OF({ FAR, 100, RIGHT | NEXT, 1 }, { TABLE, 32, INDIRECT, 0 })),
};

static struct vring_desc
translate(struct vring_desc desc)
{
    if (desc.flags & (gq.config.rx ? RIGHT : WRONG)) {
        desc.flags |= VRING_DESC_F_WRITE;
    }
    desc.flags &= ~(RIGHT | WRONG);
    return desc;
}

/* Prepares a queue with a buffer that is right, and room only for a header and
 * 88 bytes, then the bad one, then one that is right. */
static void
set_up_bad_chain(const struct bad_chain *bad, bool rx)
{
    check_what = bad->what;
    set_up(rx);
    vq.indirect = !bad->no_indirect;
    for (size_t i = 0; i < N_ELEMENTS(bad->table); i++) {
        const struct vring_desc desc = translate(bad->table[i]);

        guest_write(&guest, TABLE + i * sizeof desc, &desc, sizeof desc);
    }
    for (size_t i = 0; i < N_ELEMENTS(bad->descs); i++) {
        gq.desc[i] = translate(bad->descs[i]);
    }
    gq.desc[6] = gq.desc[7] = translate((struct vring_desc) {
                                            FAR + 2000, 100, RIGHT, 0 });
    guest_offer(&gq, 6);
    guest_offer(&gq, 0);
    guest_offer(&gq, 7);
}

/* The bad buffer is not among those that are taken to post them, and what was
 * taken before it is. */
static void
test_bad_chain_take_rx(void)
{
    for (size_t i = 0; i < N_ELEMENTS(bad_chains); i++) {
        struct zcrx_rx_buf bufs[RING_SIZE];

        set_up_bad_chain(&bad_chains[i], true);
        CHECK_EQ(zcrx_vring_take_rx(&vq, bufs, RING_SIZE), 1);
        CHECK_EQ(bufs[0].head.id, 6);
        CHECK_EQ(bufs[0].room, 88);
        check_stopped(TAKE_RX, 1);
        tear_down(bad_chains[i].error);
    }
}

/* No frame is copied to it, and none to the buffers around it because of
 * that. */
static void
test_bad_chain_copy_in(void)
{
    static const char frame[400] = { 0 };

    for (size_t i = 0; i < N_ELEMENTS(bad_chains); i++) {
        for (int alone = 0; alone < 2; alone++) {
            struct zcrx_used used[ZCRX_MAX_MERGE];
            struct zcrx_head head;
            uint16_t n_used = 99;

            /* In a buffer behind the first no header must fit. */
            if (!alone && bad_chains[i].error == ZCRX_VRING_BAD_LENGTH
                && bad_chains[i].rx_only) {
                continue;
            }
            set_up_bad_chain(&bad_chains[i], true);
            if (alone) {
                CHECK_EQ(zcrx_vring_take(&vq, &head, 1), 1);
            }
            CHECK_EQ(zcrx_vring_copy_in(&vq, NULL, frame, sizeof frame, 0,
                                        used, &n_used), ZCRX_COPY_ERROR);
            CHECK_EQ(n_used, 0);
            check_stopped(COPY_IN, alone);
            tear_down(bad_chains[i].error);
        }
    }
}

/* The same with a buffer that was taken already. */
static void
test_bad_chain_copy_in_head(void)
{
    static const char frame[400] = { 0 };

    for (size_t i = 0; i < N_ELEMENTS(bad_chains); i++) {
        struct zcrx_used used[ZCRX_MAX_MERGE];
        struct zcrx_head heads[2];
        uint16_t n_used = 99;

        set_up_bad_chain(&bad_chains[i], true);
        CHECK_EQ(zcrx_vring_take(&vq, heads, 2), 2);
        CHECK_EQ(zcrx_vring_copy_in(&vq, &heads[1], frame, sizeof frame, 0,
                                    used, &n_used), ZCRX_COPY_ERROR);
        CHECK_EQ(n_used, 0);
        check_stopped(COPY_IN, 2);
        tear_down(bad_chains[i].error);
    }
}

/* Reading what the guest sends ends where the chain goes wrong. */
static void
test_bad_chain_read(void)
{
    for (size_t i = 0; i < N_ELEMENTS(bad_chains); i++) {
        static char buf[RING_SIZE * 2 * MEM_SIZE];
        struct zcrx_head heads[3];
        struct zcrx_chain chain;

        if (bad_chains[i].rx_only) {
            continue;
        }
        set_up_bad_chain(&bad_chains[i], false);
        CHECK_EQ(zcrx_vring_take(&vq, heads, 3), 3);
        zcrx_chain_init(&chain, &vq, &heads[1]);
        CHECK(zcrx_chain_read(&chain, buf, sizeof buf) < sizeof buf);
        CHECK(vq.error);
        CHECK(!zcrx_chain_more(&chain));
        zcrx_chain_init(&chain, &vq, &heads[2]);
        CHECK_EQ(zcrx_chain_read(&chain, buf, 1), 0);
        check_stopped(TAKE, 3);
        tear_down(bad_chains[i].error);
    }
}

/* An indirect table has no more entries than the virtqueue, or 256 if that is
 * more, so that there is an end to walking the tables of a burst, which may
 * all be the same one, of descriptors of nothing. */
static void
test_long_table(void)
{
    static const uint16_t sizes[] = { RING_SIZE, 256, 512 };

    for (size_t i = 0; i < 4 * N_ELEMENTS(sizes); i++) {
        uint16_t size = sizes[i / 4];
        bool packed = i & 2, too_long = i & 1;
        uint32_t n = (size > 256 ? size : 256) + too_long;
        struct vring_desc entry = { .flags = VRING_DESC_F_WRITE };
        uint64_t table, data;
        struct zcrx_rx_buf buf;

        guest_init(&guest, 16 * MEM_SIZE);
        (packed ? guest_vq_init_packed : guest_vq_init)(&gq, &guest, size, 0,
                                                        true);
        gq.config.indirect = true;
        CHECK(!zcrx_vring_init(&vq, &gq.config, &guest.map));
        data = guest_alloc(&guest, GUEST_FAR, 100);
        table = guest_alloc(&guest, GUEST_FAR, n * sizeof entry);
        for (uint32_t j = 0; j < n; j++) {
            entry.addr = data;
            entry.len = j + 1 < n ? 0 : 100;
            if (!packed) {
                entry.flags = VRING_DESC_F_WRITE | (j + 1 < n ? NEXT : 0);
                entry.next = j + 1;
            } else {
                /* The id comes before the flags there. */
                entry.flags = 0;
                entry.next = VRING_DESC_F_WRITE;
            }
            guest_write(&guest, table + j * sizeof entry, &entry,
                        sizeof entry);
        }
        guest_post_one(&gq, table, n * sizeof entry);
        if (packed) {
            gq.ring[0].flags ^= VRING_DESC_F_WRITE | INDIRECT;
        } else {
            gq.desc[gq.avail->ring[0]].flags = INDIRECT;
        }
        CHECK_EQ(zcrx_vring_take_rx(&vq, &buf, 1), !too_long);
        CHECK(too_long || buf.room == 88);
        CHECK_EQ(vq.n_outstanding, !too_long);
        tear_down(too_long ? ZCRX_VRING_BAD_INDIRECT : ZCRX_VRING_OK);
    }
}

/* A buffer with room for a header has room for no frame. */
static void
test_header_alone(void)
{
    for (int version_1 = 0; version_1 < 2; version_1++) {
        for (uint32_t room = 0; room < 2; room++) {
            struct zcrx_rx_buf buf;

            set_up(true);
            vq.hdr_len = version_1 ? 12 : 10;
            guest_post_one(&gq, GUEST_FAR_GPA, vq.hdr_len + room);
            CHECK_EQ(zcrx_vring_take_rx(&vq, &buf, 1), room);
            CHECK_EQ(vq.n_outstanding, room);
            tear_down(room ? ZCRX_VRING_OK : ZCRX_VRING_BAD_LENGTH);
        }
    }
}

/* More than 4 GiB in one buffer, all of it in memory. */
static void
test_huge_buffer(void)
{
    size_t size = (size_t) 5 << 30;
    struct zcrx_gpa_region region = { .size = size, .page_size = 4096 };
    struct zcrx_gpa_map map;
    struct zcrx_rx_buf buf;
    char *mem = mmap(NULL, size, PROT_READ,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    CHECK(mem != MAP_FAILED);
    region.hva = (uintptr_t) mem;
    zcrx_gpa_map_init(&map);
    CHECK(!zcrx_gpa_map_add(&map, &region));
    for (int too_long = 0; too_long < 2; too_long++) {
        set_up(true);
        vq.map = &map;
        gq.desc[0] = translate((struct vring_desc) {
                                   4096, UINT32_MAX, RIGHT | NEXT, 1 });
        gq.desc[1] = translate((struct vring_desc) {
                                   4096, too_long, RIGHT, 0 });
        guest_offer(&gq, 0);
        CHECK_EQ(zcrx_vring_take_rx(&vq, &buf, 1), !too_long);
        if (!too_long) {
            CHECK(buf.hdr == mem + 4096);
            CHECK_EQ(buf.room, UINT32_MAX - 12);
            CHECK_EQ(buf.contig, UINT32_MAX - 12);
        }
        tear_down(too_long ? ZCRX_VRING_BAD_LENGTH : ZCRX_VRING_OK);
    }
    zcrx_gpa_map_destroy(&map);
    munmap(mem, size);
}

/* A descriptor that is never the same for long: 'addr' and 'len' are good or
 * bad, each for itself. */
struct changing {
    volatile __u64 *addr;
    volatile __u32 *len;
    bool stop;
};

static void *
change(void *changing_)
{
    struct changing *c = changing_;

    while (!__atomic_load_n(&c->stop, __ATOMIC_RELAXED)) {
        *c->addr = FAR_END - 100;
        *c->len = 100;
        *c->addr = FAR_END + 100;
        *c->addr = FAR_END - 100;
        *c->len = UINT32_MAX;
    }
    return NULL;
}

/* Descriptors change while they are read (CVE-2020-14375): what is used is
 * what was checked. */
static void
test_changing(void)
{
    for (int packed = 0; packed < 2; packed++) {
        static char frame[2 * MEM_SIZE];
        struct changing changing;
        unsigned int n_good = 0;
        uint8_t *far;
        pthread_t thread;

        guest_init(&guest, MEM_SIZE);
        (packed ? guest_vq_init_packed : guest_vq_init)(&gq, &guest, RING_SIZE,
                                                        0, true);
        CHECK(!zcrx_vring_init(&vq, &gq.config, &guest.map));
        guest_post_one(&gq, FAR_END - 100, 100);
        far = guest.mem[GUEST_FAR];
        changing = (struct changing) {
            .addr = packed ? &gq.ring[0].addr : &gq.desc[0].addr,
            .len = packed ? &gq.ring[0].len : &gq.desc[0].len,
        };
        CHECK(!pthread_create(&thread, NULL, change, &changing));
        for (int i = 0; i < 20000 || !n_good; i++) {
            struct zcrx_chain chain;
            struct zcrx_rx_buf buf;

            vq.error = ZCRX_VRING_OK;
            if (!zcrx_vring_take_rx(&vq, &buf, 1)) {
                CHECK(vq.error);
                continue;
            }
            CHECK(buf.hdr == far + MEM_SIZE - 100);
            CHECK(buf.data == far + MEM_SIZE - 88);
            CHECK_EQ(buf.contig, 88);
            CHECK_EQ(buf.room, 88);
            n_good++;
            zcrx_chain_init(&chain, &vq, &buf.head);
            CHECK(zcrx_chain_write(&chain, frame, sizeof frame) <= 100);
            zcrx_vring_untake_rx(&vq, &buf, 1);
        }
        changing.stop = true;
        pthread_join(thread, NULL);
        zcrx_vring_destroy(&vq);
        guest_vq_destroy(&gq);
        guest_destroy(&guest);
    }
}

/* What is wrong with a virtqueue before anybody has looked into it; test-vring
 * has the cases. */
static void
test_set_up(void)
{
    const struct zcrx_gpa_map nothing = { .n = 0 };
    struct zcrx_vring_config config = { .size = 64 };

    provoked[zcrx_vring_check(&config, &nothing)] = true;
    CHECK(provoked[ZCRX_VRING_BAD_PLACE]);
    config.size = 48;
    provoked[zcrx_vring_check(&config, &nothing)] = true;
    CHECK(provoked[ZCRX_VRING_BAD_SIZE]);
}

/* Nothing of the above was left out, and each has its own words. */
static void
test_all_provoked(void)
{
    static const enum zcrx_vring_error errors[] = {
#define ZCRX_VRING_ERROR(CODE, TEXT) ZCRX_VRING_BAD_##CODE,
        ZCRX_VRING_ERRORS
#undef ZCRX_VRING_ERROR
    };

    for (size_t i = 0; i < N_ELEMENTS(errors); i++) {
        const char *s = zcrx_vring_strerror(errors[i]);

        CHECK(provoked[errors[i]]);
        CHECK(*s);
        CHECK(strcmp(s, zcrx_vring_strerror(ZCRX_VRING_OK)));
        CHECK(strcmp(s, zcrx_vring_strerror(N_ELEMENTS(errors) + 1)));
        for (size_t j = 0; j < i; j++) {
            CHECK(strcmp(s, zcrx_vring_strerror(errors[j])));
        }
    }
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "index", test_index },
        { "head", test_head },
        { "duplicate", test_duplicate },
        { "bad buffers to post", test_bad_chain_take_rx },
        { "bad buffers to copy to", test_bad_chain_copy_in },
        { "bad reserved buffers to copy to", test_bad_chain_copy_in_head },
        { "bad buffers to read", test_bad_chain_read },
        { "long indirect tables", test_long_table },
        { "header alone", test_header_alone },
        { "buffers of more than 4 GiB", test_huge_buffer },
        { "descriptors that change", test_changing },
        { "virtqueues that cannot be", test_set_up },
        { "every error was provoked", test_all_provoked },
    };

    return run_cases(cases, N_ELEMENTS(cases));
}
