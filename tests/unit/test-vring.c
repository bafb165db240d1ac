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

/* Split virtqueues: which buffers are taken, how they are given back, and
 * when the guest is notified.  What buffers consist of is in test-chain.c,
 * what guests do wrong in test-guest-errors.c. */

#include "zcrx-vring.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>

#include "check.h"
#include "guest.h"

#define MEM_SIZE 65536

/* Indices at which something could wrap. */
static const uint16_t starts[] = { 0, 1, 5, 255, 32767, 32768, 65500, 65533,
                                   65535 };
static const uint16_t sizes[] = { 1, 2, 4, 64, 256 };

static struct guest guest;
static struct guest_vq gq;      /* The driver's side. */
static struct zcrx_vring vq;    /* The device's, under test. */

static void
set_up(uint16_t size, uint16_t start)
{
    guest_init(&guest, MEM_SIZE);
    guest_vq_init(&gq, &guest, size, start, true);
    CHECK(!zcrx_vring_init(&vq, &gq.config, &guest.map));
}

static void
tear_down(void)
{
    guest_check_memory(&guest);
    zcrx_vring_destroy(&vq);
    guest_vq_destroy(&gq);
    guest_destroy(&guest);
}

/* Makes 'n' buffers available, all at the same place, and stores their ids. */
static void
post(uint16_t n, uint16_t *ids)
{
    for (uint16_t i = 0; i < n; i++) {
        ids[i] = guest_post_one(&gq, guest.gpa[GUEST_LOW], 100);
    }
}

static void
test_init(void)
{
    static const uint16_t bad[] = { 0, 3, 6, 255, 257, 32767, 32769, 65535 };
    struct zcrx_vring_config config;
    struct zcrx_gpa_map map;

    zcrx_gpa_map_init(&map);
    for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
        memset(&config, 0, sizeof config);
        config.size = bad[i];
        CHECK(zcrx_vring_init(&vq, &config, &map) == EINVAL);
        CHECK(!vq.taken);
    }
    for (int features = 0; features < 4; features++) {
        memset(&config, 0, sizeof config);
        config.size = ZCRX_VRING_MAX_SIZE;
        config.version_1 = features & 1;
        config.mergeable = features & 2;
        CHECK(!zcrx_vring_init(&vq, &config, &map));
        CHECK_EQ(vq.hdr_len, features ? 12 : 10);
        CHECK(!strcmp(zcrx_vring_kind(&vq), "split"));
        zcrx_vring_destroy(&vq);
    }
}

/* Buffers are taken in the order in which they were offered, by any number at
 * a time, over several laps of the ring and wherever its indices began. */
static void
take_in_order(uint16_t size, uint16_t start, uint64_t seed)
{
    static uint16_t ids[256];
    static struct zcrx_head heads[256];
    static struct zcrx_used used[256];
    uint32_t total = 0, n_posted = 0, n_taken = 0;

    set_up(size, start);
    while (total < 5 * size + 20) {
        uint16_t n = next_random(&seed, gq.n_free + 1);
        uint16_t left, got;

        post(n, &ids[n_posted]);
        n_posted += n;
        left = n_posted - n_taken;
        CHECK_EQ(zcrx_vring_guest_avail(&vq), gq.avail_idx);

        n = next_random(&seed, size + 10);
        got = zcrx_vring_take(&vq, &heads[n_taken], n);
        CHECK_EQ(got, n < left ? n : left);
        for (uint16_t i = n_taken; i < n_taken + got; i++) {
            CHECK_EQ(heads[i].id, ids[i]);
            CHECK(zcrx_vring_is_outstanding(&vq, ids[i]));
        }
        n_taken += got;
        total += got;
        CHECK_EQ(vq.n_outstanding, n_taken);
        left = n_posted - n_taken;
        /* Maybe not all, but never none when there are some. */
        CHECK(zcrx_vring_n_avail(&vq) <= left);
        CHECK(!zcrx_vring_n_avail(&vq) == !left);
        CHECK_EQ(vq.next_avail, (uint16_t) (start + total));

        if (n_posted == size && n_taken == size) {
            for (uint16_t i = 0; i < size; i++) {
                used[i].id = heads[i].id;
                used[i].len = i % 100;
            }
            zcrx_vring_publish(&vq, used, size);
            CHECK_EQ(zcrx_vring_guest_used(&vq), (uint16_t) (start + total));
            for (uint16_t i = 0; i < size; i++) {
                uint32_t len;

                CHECK(guest_collect(&gq, &len) == &gq.bufs[ids[i]]);
                CHECK_EQ(len, i % 100);
                CHECK(!zcrx_vring_is_outstanding(&vq, ids[i]));
            }
            CHECK(!guest_collect(&gq, NULL));
            n_posted = n_taken = 0;
        }
    }
    CHECK(!vq.error);
    tear_down();
}

static void
test_take_order(void)
{
    for (size_t i = 0; i < N_ELEMENTS(sizes); i++) {
        for (size_t j = 0; j < N_ELEMENTS(starts); j++) {
            take_in_order(sizes[i], starts[j], 1 + i * 100 + j);
        }
    }
}

/* The guest's index is looked at again when what was seen is too little. */
static void
test_take_sees_new(void)
{
    struct zcrx_head heads[8];
    uint16_t ids[8];

    set_up(8, 65534);
    CHECK_EQ(zcrx_vring_n_avail(&vq), 0);
    CHECK_EQ(zcrx_vring_take(&vq, heads, 1), 0);
    post(3, ids);
    CHECK_EQ(zcrx_vring_n_avail(&vq), 3);
    post(2, &ids[3]);
    CHECK_EQ(zcrx_vring_n_avail(&vq), 3);
    CHECK_EQ(zcrx_vring_take(&vq, heads, 0), 0);
    CHECK_EQ(zcrx_vring_take(&vq, heads, 2), 2);
    CHECK_EQ(zcrx_vring_take(&vq, &heads[2], 6), 3);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(heads[i].id, ids[i]);
    }
    CHECK_EQ(zcrx_vring_n_avail(&vq), 0);
    tear_down();
}

/* The index may be as far ahead as the ring is long, and no further. */
static void
test_index_jumps(void)
{
    for (size_t i = 0; i < N_ELEMENTS(sizes); i++) {
        uint16_t size = sizes[i];

        for (size_t j = 0; j < N_ELEMENTS(starts); j++) {
            static struct zcrx_head heads[256];
            static uint16_t ids[256];
            uint16_t start = starts[j];
            const uint16_t bad[] = { start + size + 1, start + 2 * size,
                                     start + 32768, start - 1 };

            set_up(size, start);
            post(size, ids);
            CHECK_EQ(zcrx_vring_n_avail(&vq), size);
            CHECK_EQ(zcrx_vring_take(&vq, heads, 256), size);
            CHECK(!vq.error);
            tear_down();

            for (size_t k = 0; k < N_ELEMENTS(bad); k++) {
                if ((uint16_t) (bad[k] - start) <= size) {
                    continue;   /* Twice the size of 1... is no jump. */
                }
                set_up(size, start);
                post(size, ids);
                gq.avail->idx = bad[k];
                CHECK_EQ(zcrx_vring_take(&vq, heads, 1), 0);
                CHECK_EQ(vq.error, ZCRX_VRING_BAD_INDEX);
                CHECK_EQ(zcrx_vring_n_avail(&vq), 0);
                CHECK_EQ(vq.n_outstanding, 0);

                /* Nothing that the guest does later mends that. */
                gq.avail->idx = start + size;
                CHECK_EQ(zcrx_vring_n_avail(&vq), 0);
                CHECK_EQ(zcrx_vring_take(&vq, heads, 1), 0);
                CHECK_EQ(vq.error, ZCRX_VRING_BAD_INDEX);
                tear_down();
            }
        }
    }
}

/* After untaking, it is as if the buffers had never been taken. */
static void
test_untake(void)
{
    for (size_t j = 0; j < N_ELEMENTS(starts); j++) {
        struct zcrx_head heads[16], again[16];
        uint16_t ids[16];
        struct zcrx_taken taken[16];

        set_up(16, starts[j]);
        post(16, ids);
        CHECK_EQ(zcrx_vring_take(&vq, heads, 3), 3);
        for (uint16_t n = 0; n <= 13; n++) {
            struct zcrx_vring before = vq;

            memcpy(taken, vq.taken, sizeof taken);
            CHECK_EQ(zcrx_vring_take(&vq, &heads[3], n), n);
            zcrx_vring_untake(&vq, &heads[3], n);
            CHECK(!memcmp(&before, &vq, sizeof vq));
            for (uint16_t id = 0; id < 16; id++) {
                CHECK_EQ(zcrx_vring_is_outstanding(&vq, id),
                         taken[id].n_desc);
            }
            CHECK_EQ(zcrx_vring_take(&vq, again, n), n);
            CHECK(!memcmp(again, &heads[3], n * sizeof again[0]));
            zcrx_vring_untake(&vq, again, n);
        }
        CHECK_EQ(vq.n_outstanding, 3);
        CHECK(gq.used->idx == starts[j]);
        tear_down();
    }
}

static const struct zcrx_vring_ops *real_ops; /* Of 'vq'. */
static uint16_t order[16];      /* The ids that are taken, oldest first. */
static uint16_t n_order;

/* As zcrx_vring_untake(), for which 'heads' must be what was taken last. */
static void
untake_last(struct zcrx_vring *vq_, const struct zcrx_head *heads, uint16_t n)
{
    for (uint16_t i = n; i > 0; i--) {
        CHECK_EQ(heads[i - 1].id, order[--n_order]);
    }
    real_ops->untake(vq_, heads, n);
}

/* What could receive is put back in an order that a process can be killed
 * in. */
static void
test_untake_rx(void)
{
    for (uint16_t n = 0; n <= 16; n++) {
        struct zcrx_vring_ops ops;
        struct zcrx_rx_buf bufs[16];

        set_up(16, starts[n % N_ELEMENTS(starts)]);
        post(16, order);
        ops = *vq.ops;
        ops.untake = untake_last;
        real_ops = vq.ops;
        vq.ops = &ops;
        CHECK_EQ(zcrx_vring_take_rx(&vq, bufs, 16), 16);
        n_order = 16;
        zcrx_vring_untake_rx(&vq, &bufs[16 - n], n);
        CHECK_EQ(n_order, 16 - n);
        CHECK_EQ(vq.n_outstanding, 16 - n);
        vq.ops = real_ops;
        CHECK_EQ(zcrx_vring_take_rx(&vq, bufs, 16), n);
        tear_down();
    }
}

/* Put back in the order of taking: the ring is as if the buffers had never
 * been taken, and the guest sees nothing of it. */
static void
test_put_back(void)
{
    for (size_t j = 0; j < N_ELEMENTS(starts); j++) {
        for (uint16_t n_used = 0; n_used <= 8; n_used++) {
            uint16_t start = starts[j];
            struct zcrx_head heads[8], again[8];
            struct zcrx_used used[8];
            uint16_t ids[8];

            set_up(8, start);
            zcrx_vring_put_back_all(&vq); /* Of nothing. */
            post(8, ids);
            CHECK_EQ(zcrx_vring_take(&vq, heads, 8), 8);
            for (uint16_t i = 0; i < n_used; i++) {
                used[i] = (struct zcrx_used) { .id = ids[i], .len = i };
            }
            zcrx_vring_publish(&vq, used, n_used);

            zcrx_vring_put_back_all(&vq);
            CHECK_EQ(vq.next_avail, (uint16_t) (start + n_used));
            CHECK_EQ(vq.used_idx, (uint16_t) (start + n_used));
            CHECK_EQ(gq.used->idx, (uint16_t) (start + n_used));
            CHECK_EQ(vq.n_outstanding, 0);
            CHECK_EQ(zcrx_vring_take(&vq, again, 8), 8 - n_used);
            CHECK(!memcmp(again, &heads[n_used],
                          (8 - n_used) * sizeof again[0]));
            CHECK(!vq.error);
            tear_down();
        }
    }
}

/* Where there is no position that tells what is available, the buffers go back
 * to the guest: empty, each once, none lost. */
static void
test_put_back_out_of_order(void)
{
    for (size_t j = 0; j < N_ELEMENTS(starts); j++) {
        for (uint16_t overtaking = 1; overtaking < 8; overtaking++) {
            struct zcrx_head heads[8];
            struct zcrx_used used;
            uint16_t ids[8], more[8];
            bool seen[8] = { false };
            uint32_t len;

            set_up(8, starts[j]);
            post(8, ids);
            CHECK_EQ(zcrx_vring_take(&vq, heads, 8), 8);
            used.id = ids[overtaking];
            used.len = 60;
            zcrx_vring_publish(&vq, &used, 1);
            zcrx_vring_put_back_all(&vq);

            CHECK(guest_collect(&gq, &len) == &gq.bufs[ids[overtaking]]);
            CHECK_EQ(len, 60);
            seen[ids[overtaking]] = true;
            for (int i = 0; i < 7; i++) {
                struct guest_buf *buf = guest_collect(&gq, &len);

                CHECK(buf && !seen[buf - gq.bufs]);
                seen[buf - gq.bufs] = true;
                CHECK_EQ(len, 0);
            }
            CHECK(!guest_collect(&gq, NULL));
            CHECK_EQ(vq.n_outstanding, 0);
            CHECK_EQ(vq.next_avail, vq.used_idx);

            /* And it goes on. */
            post(8, more);
            CHECK_EQ(zcrx_vring_take(&vq, heads, 8), 8);
            CHECK(!vq.error);
            tear_down();
        }
    }
}

/* A buffer that overtook another, was used, offered again and taken again is
 * in the ring twice. */
static void
test_put_back_offered_again(void)
{
    for (size_t j = 0; j < N_ELEMENTS(starts); j++) {
        struct zcrx_head heads[3], again;
        struct zcrx_used used = { .len = 60 };
        bool seen[8] = { false };
        uint16_t ids[3];

        set_up(8, starts[j]);
        post(3, ids);
        CHECK_EQ(zcrx_vring_take(&vq, heads, 3), 3);
        used.id = ids[1];
        zcrx_vring_publish(&vq, &used, 1);
        CHECK(guest_collect(&gq, NULL) == &gq.bufs[ids[1]]);
        gq.n_free--;            /* The descriptor that came free last. */
        gq.n_free_heads--;
        guest_offer(&gq, ids[1]);
        CHECK_EQ(zcrx_vring_take(&vq, &again, 1), 1);
        CHECK_EQ(again.id, ids[1]);

        zcrx_vring_put_back_all(&vq);
        CHECK_EQ(vq.next_avail, vq.used_idx);
        for (int i = 0; i < 3; i++) {
            uint32_t len;
            struct guest_buf *buf = guest_collect(&gq, &len);

            CHECK(buf && !seen[buf - gq.bufs]);
            seen[buf - gq.bufs] = true;
            CHECK_EQ(len, 0);
        }
        tear_down();
    }
}

/* A guest that overwrites what it offered can make us return buffers, not
 * believe that others are available. */
static void
test_put_back_ring_changed(void)
{
    struct zcrx_head heads[4];
    uint16_t ids[4];

    for (int i = 0; i < 3; i++) {
        set_up(8, 65534);
        post(4, ids);
        CHECK_EQ(zcrx_vring_take(&vq, heads, 4), 4);
        gq.avail->ring[(65534 + i) & 7] = i == 2 ? 0xffff : gq.free[0];
        zcrx_vring_put_back_all(&vq);
        CHECK_EQ(vq.n_outstanding, 0);
        CHECK_EQ(vq.used_idx, (uint16_t) (65534 + 4));
        for (int k = 0; k < 4; k++) {
            CHECK(guest_collect(&gq, NULL));
        }
        tear_down();
    }
}

/* Without event index: the flag of Virtio 1.2 2.7.7. */
static void
test_notify_flag(void)
{
    struct zcrx_used used = { .len = 1 };
    struct zcrx_head head;
    uint16_t id;

    set_up(4, 65535);
    for (int i = 0; i < 12; i++) {
        bool no_interrupt = i % 3 == 1;

        gq.avail->flags = no_interrupt ? VRING_AVAIL_F_NO_INTERRUPT : 0xfffe;
        CHECK(!zcrx_vring_must_notify(&vq)); /* Nothing new. */
        post(1, &id);
        CHECK_EQ(zcrx_vring_take(&vq, &head, 1), 1);
        CHECK(!zcrx_vring_must_notify(&vq));
        used.id = id;
        zcrx_vring_publish(&vq, &used, 1);
        CHECK_EQ(zcrx_vring_must_notify(&vq), !no_interrupt);
        CHECK(!zcrx_vring_must_notify(&vq)); /* Once is enough. */
        CHECK(guest_collect(&gq, NULL));
    }
    tear_down();
}

/* With event index: if, and only if, the entry that the guest names is among
 * those published since (Virtio 1.2 2.7.7.2), at each distance there is. */
static void
test_notify_event(void)
{
    static const uint16_t counts[] = { 1, 2, 3, 8 };

    set_up(8, 60000);
    vq.event_idx = true;
    gq.avail->flags = VRING_AVAIL_F_NO_INTERRUPT; /* Means nothing now. */
    for (size_t i = 0; i < N_ELEMENTS(counts); i++) {
        uint16_t n = counts[i];

        for (uint32_t distance = 0; distance < 65536; distance++) {
            struct zcrx_head heads[8];
            struct zcrx_used used[8];
            uint16_t ids[8];

            gq.avail->ring[8] = vq.used_idx + distance;
            post(n, ids);
            CHECK_EQ(zcrx_vring_take(&vq, heads, n), n);
            CHECK(!zcrx_vring_must_notify(&vq));
            for (uint16_t j = 0; j < n; j++) {
                used[j].id = ids[j];
                used[j].len = 1;
            }
            zcrx_vring_publish(&vq, used, n);
            CHECK_EQ(zcrx_vring_must_notify(&vq), distance < n);
            CHECK(!zcrx_vring_must_notify(&vq));
            while (guest_collect(&gq, NULL)) {
                continue;
            }
        }
    }
    tear_down();
}

/* The same by publishing: a guest that sleeps until some entry is used wakes
 * up then, once, whatever was published at a time. */
static void
test_notify_once(void)
{
    uint64_t seed = 1;

    set_up(16, 65530);
    vq.event_idx = true;
    for (int round = 0; round < 500; round++) {
        uint16_t wanted = 1 + next_random(&seed, 16);
        uint16_t first = vq.used_idx;
        struct zcrx_head heads[16];
        uint16_t ids[16];
        int notified = 0;

        gq.avail->ring[16] = first + wanted - 1;
        post(16, ids);
        CHECK_EQ(zcrx_vring_take(&vq, heads, 16), 16);
        for (uint16_t done = 0; done < 16;) {
            uint16_t n = 1 + next_random(&seed, 16 - done);
            bool due = done < wanted && done + n >= wanted;

            for (uint16_t i = 0; i < n; i++) {
                struct zcrx_used used = { .id = ids[done + i], .len = 1 };

                zcrx_vring_publish(&vq, &used, 1);
            }
            CHECK_EQ(zcrx_vring_must_notify(&vq), due);
            notified += due;
            done += n;
        }
        CHECK_EQ(notified, 1);
        while (guest_collect(&gq, NULL)) {
            continue;
        }
    }
    tear_down();
}

static void
test_notify_eventfd(void)
{
    uint64_t full = UINT64_MAX - 1;
    struct zcrx_head heads[4];
    struct zcrx_used used[4];
    uint64_t value;
    uint16_t ids[4];
    int fd = eventfd(0, EFD_NONBLOCK);

    CHECK(fd >= 0);
    set_up(4, 0);
    post(4, ids);
    CHECK_EQ(zcrx_vring_take(&vq, heads, 4), 4);
    for (int i = 0; i < 4; i++) {
        used[i] = (struct zcrx_used) { .id = ids[i], .len = 1 };
    }

    /* Nobody to notify. */
    zcrx_vring_publish(&vq, &used[0], 1);
    CHECK(!zcrx_vring_notify(&vq));

    vq.callfd = fd;
    CHECK(!zcrx_vring_notify(&vq));
    CHECK(read(fd, &value, sizeof value) < 0 && errno == EAGAIN);
    zcrx_vring_publish(&vq, &used[1], 1);
    CHECK(zcrx_vring_notify(&vq));
    CHECK(!zcrx_vring_notify(&vq));
    CHECK(read(fd, &value, sizeof value) == sizeof value && value == 1);

    gq.avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
    zcrx_vring_publish(&vq, &used[2], 1);
    CHECK(!zcrx_vring_notify(&vq));
    CHECK(read(fd, &value, sizeof value) < 0 && errno == EAGAIN);

    /* One that does not fit is one that the guest has still to read. */
    gq.avail->flags = 0;
    CHECK(write(fd, &full, sizeof full) == sizeof full);
    zcrx_vring_publish(&vq, &used[3], 1);
    CHECK(!zcrx_vring_notify(&vq));
    CHECK(read(fd, &value, sizeof value) == sizeof value && value == full);
    tear_down();
    close(fd);
}

/* A driver asks as Virtio 1.2 2.7.10 says whether to notify the device, which
 * polls: it need not. */
static void
test_suppress_kicks(void)
{
    for (size_t j = 0; j < N_ELEMENTS(starts); j++) {
        uint16_t start = starts[j];
        uint16_t event;

        set_up(64, start);
        zcrx_vring_suppress_kicks(&vq);
        CHECK_EQ(gq.used->flags, VRING_USED_F_NO_NOTIFY);
        CHECK_EQ(gq.used->idx, start);
        tear_down();

        set_up(64, start);
        vq.event_idx = true;
        zcrx_vring_suppress_kicks(&vq);
        /* Must be 0 then: 2.7.10.2. */
        CHECK_EQ(gq.used->flags, 0);
        CHECK_EQ(gq.used->idx, start);
        memcpy(&event, &gq.used->ring[64], sizeof event);
        for (uint32_t n = 1; n < 65536; n++) {
            /* The 'n'th buffer from here: not the one that is waited for. */
            CHECK(event != (uint16_t) (start + n - 1));
        }
        tear_down();
    }
}

/* Each part of a virtqueue must be aligned and lie in the guest's memory, in
 * one region and to its last byte. */
static void
test_place(void)
{
    for (int packed = 0; packed < 2; packed++) {
        struct zcrx_vring_config config = { .packed = packed, .size = 64 };
        const size_t desc_len = 64 * 16;
        const size_t avail_len = packed ? 4 : 4 + 64 * 2;
        const size_t used_len = packed ? 4 : 4 + 64 * 8;
        char *start, *end;

        guest_init(&guest, MEM_SIZE);
        start = (char *) guest.mem[GUEST_FAR];
        end = start + MEM_SIZE;
        for (int event = 0; event < 2; event++) {
            const size_t more = event && !packed ? 2 : 0;
            const size_t more_used = event && !packed ? 4 : 0;
            struct zcrx_vring_config good;

            config.event_idx = event;
            config.desc = end - desc_len;
            config.avail = end - avail_len - more;
            config.used = end - used_len - more_used;
            CHECK_EQ(zcrx_vring_check(&config, &guest.map), ZCRX_VRING_OK);
            good = config;

            config.size = 128;  /* As when only the size changes. */
            CHECK_EQ(zcrx_vring_check(&config, &guest.map),
                     ZCRX_VRING_BAD_PLACE);
            config = good;
            config.desc = (char *) good.desc + 16;
            CHECK_EQ(zcrx_vring_check(&config, &guest.map),
                     ZCRX_VRING_BAD_PLACE);
            config.desc = start - 16;
            CHECK_EQ(zcrx_vring_check(&config, &guest.map),
                     ZCRX_VRING_BAD_PLACE);
            config.desc = start + 8;
            CHECK_EQ(zcrx_vring_check(&config, &guest.map),
                     ZCRX_VRING_BAD_PLACE);
            config = good;
            config.avail = (char *) good.avail + (packed ? 4 : 2);
            CHECK_EQ(zcrx_vring_check(&config, &guest.map),
                     ZCRX_VRING_BAD_PLACE);
            config.avail = start + 1;
            CHECK_EQ(zcrx_vring_check(&config, &guest.map),
                     ZCRX_VRING_BAD_PLACE);
            config = good;
            config.used = (char *) good.used + 4;
            CHECK_EQ(zcrx_vring_check(&config, &guest.map),
                     ZCRX_VRING_BAD_PLACE);
            config.used = start + 2;
            CHECK_EQ(zcrx_vring_check(&config, &guest.map),
                     ZCRX_VRING_BAD_PLACE);
            config.used = (void *) (UINTPTR_MAX - 3);
            CHECK_EQ(zcrx_vring_check(&config, &guest.map),
                     ZCRX_VRING_BAD_PLACE);
            config = good;
        }
        guest_destroy(&guest);
    }
}

/* A virtqueue must have a size that it may have, and the positions in it. */
static void
test_size(void)
{
    static const struct {
        bool packed;
        uint16_t size, last_avail, last_used;
    } bad[] = {
        { false, 0, 0, 0 },
        { false, 48, 0, 0 },
        { true, 0, 0, 0 },
        { true, 32769, 0, 0 },
        { true, 64, 64, 0 },
        { true, 64, 0, 0x8000 | 64 },
    };

    guest_init(&guest, MEM_SIZE);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct zcrx_vring_config config = {
            .packed = bad[i].packed,
            .size = bad[i].size,
            .last_avail = bad[i].last_avail,
            .last_used = bad[i].last_used,
        };

        CHECK_EQ(zcrx_vring_check(&config, &guest.map), ZCRX_VRING_BAD_SIZE);
    }
    guest_destroy(&guest);
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "setting up", test_init },
        { "rings outside memory", test_place },
        { "sizes", test_size },
        { "taking in order", test_take_order },
        { "taking what is new", test_take_sees_new },
        { "index jumps", test_index_jumps },
        { "untaking", test_untake },
        { "untaking what receives", test_untake_rx },
        { "putting back in order", test_put_back },
        { "putting back out of order", test_put_back_out_of_order },
        { "putting back what was offered again",
          test_put_back_offered_again },
        { "putting back with a changed ring", test_put_back_ring_changed },
        { "notifying by flag", test_notify_flag },
        { "notifying by event index", test_notify_event },
        { "notifying once", test_notify_once },
        { "notifying by eventfd", test_notify_eventfd },
        { "suppressing kicks", test_suppress_kicks },
    };

    return run_cases(cases, N_ELEMENTS(cases));
}
