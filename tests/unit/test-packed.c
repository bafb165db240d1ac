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

/* Packed virtqueues: which buffers are taken, how they are given back, and
 * when the guest is notified.  What buffers consist of is in test-chain.c. */

#include "zcrx-vring.h"

#include <errno.h>
#include <string.h>

#include "check.h"
#include "guest.h"

#define MEM_SIZE 65536
#define MAX_RING 256

static const uint16_t sizes[] = { 1, 2, 3, 5, 8, 63, 64, 256 };

static struct guest guest;
static struct guest_vq gq;      /* The driver's side. */
static struct zcrx_vring vq;    /* The device's, under test. */
static uint64_t seed;

static void
set_up(uint16_t size, uint16_t start, bool rx)
{
    guest_init(&guest, MEM_SIZE);
    guest_vq_init_packed(&gq, &guest, size, start, rx);
    gq.config.indirect = true;
    CHECK(!zcrx_vring_init(&vq, &gq.config, &guest.map));
    seed = 1;
}

static void
tear_down(void)
{
    guest_check_memory(&guest);
    zcrx_vring_destroy(&vq);
    guest_vq_destroy(&gq);
    guest_destroy(&guest);
}

/* Makes a buffer of 'n' descriptors available, each at the same place. */
static uint16_t
post(unsigned int n)
{
    struct guest_piece pieces[GUEST_MAX_PIECES];

    for (unsigned int i = 0; i < n; i++) {
        pieces[i].gpa = GUEST_FAR_GPA;
        pieces[i].len = 100;
    }
    return guest_post(&gq, pieces, n, GUEST_DIRECT);
}

/* A position with its wrap counter, as vhost knows it, 'n' descriptors behind
 * slot 'start' of the first lap. */
static uint16_t
position(uint16_t size, uint16_t start, uint32_t n)
{
    uint32_t pos = start + n;

    return pos % size | (pos / size % 2 ? 0 : 1 << 15);
}

static void
check_position(uint16_t avail, uint16_t used)
{
    uint16_t last_avail, last_used;

    zcrx_vring_get_position(&vq, &last_avail, &last_used);
    CHECK_EQ(last_avail, avail);
    CHECK_EQ(last_used, used);
}

/* Collects 'n' buffers that were returned with 'len' bytes, each once. */
static void
collect(unsigned int n, uint32_t len)
{
    while (n--) {
        uint32_t got;

        CHECK(guest_collect(&gq, &got));
        CHECK_EQ(got, len);
    }
    CHECK(!guest_collect(&gq, NULL));
}

static void
publish(const struct zcrx_head *heads, uint16_t n, uint32_t len)
{
    struct zcrx_used used[MAX_RING];

    for (uint16_t i = 0; i < n; i++) {
        used[i] = (struct zcrx_used) { .id = heads[i].id, .len = len };
    }
    zcrx_vring_publish(&vq, used, n);
}

static void
test_init(void)
{
    static const uint16_t some_sizes[] = { 0, 1, 2, 3, 7, 100, 32767, 32768,
                                           32769, 65535 };
    struct zcrx_vring_config config = { .packed = true };
    struct zcrx_gpa_map map;

    zcrx_gpa_map_init(&map);
    for (size_t i = 0; i < N_ELEMENTS(some_sizes); i++) {
        uint16_t size = some_sizes[i];
        const uint16_t slots[] = { 0, 1, size / 2, size - 1, size, 32767 };

        for (size_t j = 0; j < 4 * N_ELEMENTS(slots); j++) {
            uint16_t slot = slots[j / 4] & 0x7fff;
            bool ok = size && size <= 32768 && slot < size;

            config.size = size;
            config.last_avail = (j % 2 ? slot : 0) | (j & 2) << 14;
            config.last_used = (j % 2 ? 0 : slot) | (j & 2) << 14;
            CHECK_EQ(zcrx_vring_init(&vq, &config, &map), ok ? 0 : EINVAL);
            if (ok) {
                CHECK(!strcmp(zcrx_vring_kind(&vq), "packed"));
                check_position(config.last_avail, config.last_used);
                zcrx_vring_destroy(&vq);
            }
        }
    }
}

/* Buffers of any number of descriptors are taken in the order in which they
 * were offered and used in any order, over several laps. */
static void
take_in_order(uint16_t size, uint16_t start)
{
    struct zcrx_head heads[MAX_RING];
    uint16_t n_taken = 0, next = 0;
    uint32_t n_avail_desc = 0, n_used_desc = 0;

    set_up(size, start, true);
    for (int step = 0; step < 2000; step++) {
        uint16_t left, got, n;

        for (n = next_random(&seed, 8); n && gq.n_free; n--) {
            uint32_t max = gq.n_free < 4 ? gq.n_free : 4;

            post(1 + next_random(&seed, max));
        }
        left = gq.n_offered - next;
        CHECK(zcrx_vring_n_avail(&vq) == (left < ZCRX_COUNT_MAX ? left
                                          : ZCRX_COUNT_MAX));
        n = next_random(&seed, 8);
        got = zcrx_vring_take(&vq, &heads[n_taken], n);
        CHECK_EQ(got, n < left ? n : left);
        for (uint16_t i = n_taken; i < n_taken + got; i++) {
            CHECK_EQ(heads[i].id, gq.offered[next++]);
            CHECK(zcrx_vring_is_outstanding(&vq, heads[i].id));
            n_avail_desc += gq.bufs[heads[i].id].n_descs;
        }
        n_taken += got;
        CHECK_EQ(vq.n_outstanding, n_taken);

        for (n = next_random(&seed, 8); n && n_taken; n--) {
            uint16_t i = next_random(&seed, n_taken);

            publish(&heads[i], 1, 100);
            n_used_desc += gq.bufs[heads[i].id].n_descs;
            CHECK(!zcrx_vring_is_outstanding(&vq, heads[i].id));
            CHECK(guest_collect(&gq, NULL) == &gq.bufs[heads[i].id]);
            heads[i] = heads[--n_taken];
        }
        CHECK(!guest_collect(&gq, NULL));
        check_position(position(size, start, n_avail_desc),
                       position(size, start, n_used_desc));
    }
    CHECK(!vq.error);
    tear_down();
}

static void
test_take_order(void)
{
    for (size_t i = 0; i < N_ELEMENTS(sizes); i++) {
        take_in_order(sizes[i], 0);
        take_in_order(sizes[i], sizes[i] / 2);
        take_in_order(sizes[i], sizes[i] - 1);
    }
}

/* What was published at once becomes visible at once, at the first entry. */
static void
test_publish(void)
{
    for (uint16_t n = 1; n <= 8; n++) {
        struct zcrx_head heads[8];

        set_up(8, 5, true);
        for (int lap = 0; lap < 20; lap++) {
            for (uint16_t i = 0; i < n; i++) {
                post(1);
            }
            CHECK_EQ(zcrx_vring_take(&vq, heads, 8), n);
            publish(heads, n, 60);
            collect(n, 60);
        }
        tear_down();
    }
}

static void
test_untake(void)
{
    for (uint16_t start = 0; start < 16; start++) {
        struct zcrx_head heads[6], again[6];

        set_up(16, start, true);
        for (unsigned int i = 1; i <= 5; i++) {
            post(i);
        }
        CHECK_EQ(zcrx_vring_take(&vq, heads, 1), 1);
        for (uint16_t n = 0; n <= 4; n++) {
            CHECK_EQ(zcrx_vring_take(&vq, &heads[1], n), n);
            zcrx_vring_untake(&vq, &heads[1], n);
            check_position(position(16, start, 1), position(16, start, 0));
            CHECK_EQ(vq.n_outstanding, 1);
            CHECK_EQ(zcrx_vring_take(&vq, again, n), n);
            CHECK(!memcmp(again, &heads[1], n * sizeof again[0]));
            zcrx_vring_untake(&vq, again, n);
        }
        tear_down();
    }
}

static void
test_put_back(void)
{
    for (uint16_t start = 0; start < 16; start++) {
        for (uint16_t n_used = 0; n_used <= 5; n_used++) {
            struct zcrx_head heads[6], again[6];
            unsigned int n_desc = 0;

            set_up(16, start, true);
            for (unsigned int i = 1; i <= 5; i++) {
                post(i);
                n_desc += i <= n_used ? i : 0;
            }
            CHECK_EQ(zcrx_vring_take(&vq, heads, 6), 5);
            publish(heads, n_used, 60);
            collect(n_used, 60);
            zcrx_vring_put_back_all(&vq);
            CHECK(!guest_collect(&gq, NULL));
            check_position(position(16, start, n_desc),
                           position(16, start, n_desc));
            CHECK_EQ(zcrx_vring_take(&vq, again, 6), 5 - n_used);
            CHECK(!memcmp(again, &heads[n_used],
                          (5 - n_used) * sizeof again[0]));
            tear_down();
        }
    }
}

/* Where that is not possible, the guest gets them back empty, each once, also
 * if one was overtaken by another that was offered again. */
static void
test_put_back_out_of_order(void)
{
    for (uint16_t start = 0; start < 16; start++) {
        for (uint16_t overtaking = 1; overtaking < 5; overtaking++) {
            for (int again = 0; again < 2; again++) {
                struct zcrx_head heads[5];

                set_up(16, start, true);
                for (unsigned int i = 1; i <= 5; i++) {
                    post(i);
                }
                CHECK_EQ(zcrx_vring_take(&vq, heads, 5), 5);
                publish(&heads[overtaking], 1, 60);
                collect(1, 60);
                if (again) {
                    /* The head that came free last. */
                    gq.n_free_heads--;
                    gq.n_free -= overtaking + 1;
                    guest_offer(&gq, heads[overtaking].id);
                    CHECK_EQ(zcrx_vring_take(&vq, &heads[overtaking], 1), 1);
                }
                zcrx_vring_put_back_all(&vq);
                collect(again ? 5 : 4, 0);
                CHECK_EQ(vq.n_outstanding, 0);
                CHECK_EQ(gq.n_free, 16);

                post(16);
                CHECK_EQ(zcrx_vring_take(&vq, heads, 5), 1);
                CHECK(!vq.error);
                tear_down();
            }
        }
    }
}

/* A buffer that was saved can be filled after others were used, over whose
 * descriptors theirs are written. */
static void
test_save(void)
{
    const struct guest_piece pieces[] = {
        { GUEST_FAR_GPA + 1000, 12 },
        { GUEST_FAR_GPA + 2000, 40 },
        { GUEST_FAR_GPA + 3000, 40 },
    };
    static const uint8_t hdr[12] = { [10] = 1 };
    struct zcrx_head heads[4];
    uint8_t frame[60];

    for (size_t i = 0; i < sizeof frame; i++) {
        frame[i] = i;
    }
    for (uint16_t start = 0; start < 7; start++) {
        struct zcrx_used used;
        uint16_t n_used;
        uint32_t len;

        set_up(7, start, true);
        guest_post(&gq, pieces, 3, GUEST_DIRECT);
        for (int i = 0; i < 3; i++) {
            post(1);
        }
        CHECK_EQ(zcrx_vring_take(&vq, heads, 4), 4);
        CHECK(zcrx_vring_save(&vq, &heads[0]));
        publish(&heads[1], 3, 60);
        collect(3, 60);
        CHECK_EQ(zcrx_vring_copy_in(&vq, &heads[0], frame, sizeof frame, 0,
                                    &used, &n_used), ZCRX_COPY_OK);
        zcrx_vring_publish(&vq, &used, n_used);
        guest_expect(&guest, pieces[0].gpa, hdr, 12);
        guest_expect(&guest, pieces[1].gpa, frame, 40);
        guest_expect(&guest, pieces[2].gpa, frame + 40, 20);
        CHECK(guest_collect(&gq, &len) == &gq.bufs[heads[0].id]);
        CHECK_EQ(len, 72);
        tear_down();
    }
}

/* If, and only if, the descriptor that the guest names is among those used
 * since (Virtio 1.2 2.8.10), at each distance there is. */
static void
test_notify(void)
{
    static const uint16_t some_sizes[] = { 1, 3, 8 };

    for (size_t i = 0; i < N_ELEMENTS(some_sizes); i++) {
        uint16_t size = some_sizes[i];
        uint32_t done = 0;

        set_up(size, 0, true);
        vq.event_idx = true;
        for (int round = 0; round < 50; round++) {
            for (uint16_t n = 1; n <= size; n++) {
                for (uint16_t distance = 0; distance < 2 * size; distance++) {
                    struct zcrx_head heads[8];

                    gq.driver_event->flags = VRING_PACKED_EVENT_FLAG_DESC;
                    gq.driver_event->off_wrap = position(size, 0,
                                                         done + distance);
                    for (uint16_t j = 0; j < n; j++) {
                        post(1);
                    }
                    CHECK_EQ(zcrx_vring_take(&vq, heads, n), n);
                    CHECK(!zcrx_vring_must_notify(&vq));
                    for (uint16_t j = 0; j < n; j++) {
                        publish(&heads[j], 1, 60);
                    }
                    CHECK_EQ(zcrx_vring_must_notify(&vq), distance < n);
                    CHECK(!zcrx_vring_must_notify(&vq));
                    collect(n, 60);
                    done += n;
                }
            }
        }
        tear_down();
    }
    for (int event_idx = 0; event_idx < 2; event_idx++) {
        for (int want = 0; want < 2; want++) {
            struct zcrx_head head;

            set_up(8, 0, true);
            vq.event_idx = event_idx;
            guest_want_interrupts(&gq, want);
            post(2);
            CHECK_EQ(zcrx_vring_take(&vq, &head, 1), 1);
            publish(&head, 1, 60);
            CHECK_EQ(zcrx_vring_must_notify(&vq), want);
            CHECK(guest_would_kick(&gq));
            zcrx_vring_suppress_kicks(&vq);
            CHECK(!guest_would_kick(&gq));
            tear_down();
        }
    }
}

/* A descriptor is available only if both of its flags say so. */
static void
test_flags(void)
{
    for (unsigned int flags = 0; flags < 4; flags++) {
        for (int lap = 0; lap < 2; lap++) {
            struct zcrx_head head;
            bool ok = flags == (lap ? 2 : 1);

            set_up(1, 0, true);
            for (int i = 0; i < lap; i++) {
                post(1);
                CHECK_EQ(zcrx_vring_take(&vq, &head, 1), 1);
                publish(&head, 1, 60);
                collect(1, 60);
            }
            gq.ring[0].flags = (VRING_DESC_F_WRITE
                                | (flags & 1) << VRING_PACKED_DESC_F_AVAIL
                                | flags >> 1 << VRING_PACKED_DESC_F_USED);
            CHECK_EQ(zcrx_vring_n_avail(&vq), ok);
            CHECK_EQ(zcrx_vring_take(&vq, &head, 1), ok);
            CHECK(!vq.error);
            tear_down();
        }
    }
}

/* What a guest can do wrong.  Nothing is lost, and nothing more is taken. */
static void
test_errors(void)
{
    static const struct {
        const char *what;
        struct vring_packed_desc descs[8];
        unsigned int n;
        enum zcrx_vring_error error;
    } bad[] = {
        { "head", { { GUEST_FAR_GPA, 100, 8, VRING_DESC_F_WRITE } }, 1,
          ZCRX_VRING_BAD_HEAD },
        { "head far off", { { GUEST_FAR_GPA, 100, 65535,
                              VRING_DESC_F_WRITE } }, 1,
          ZCRX_VRING_BAD_HEAD },
        { "duplicate", { { GUEST_FAR_GPA, 100, 0, VRING_DESC_F_WRITE } }, 1,
          ZCRX_VRING_BAD_DUPLICATE },
        { "longer than there is room", {
            { 0, 1, 1, VRING_DESC_F_NEXT }, { 0, 1, 1, VRING_DESC_F_NEXT },
            { 0, 1, 1, VRING_DESC_F_NEXT }, { 0, 1, 1, VRING_DESC_F_NEXT },
            { 0, 1, 1, VRING_DESC_F_NEXT }, { 0, 1, 1, VRING_DESC_F_NEXT },
            { 0, 1, 1, VRING_DESC_F_NEXT } }, 7, ZCRX_VRING_BAD_INDEX },
        { "no end", {
            { 0, 1, 1, VRING_DESC_F_NEXT }, { 0, 1, 1, VRING_DESC_F_NEXT },
            { 0, 1, 1, VRING_DESC_F_NEXT }, { 0, 1, 1, VRING_DESC_F_NEXT },
            { 0, 1, 1, VRING_DESC_F_NEXT }, { 0, 1, 1, VRING_DESC_F_NEXT },
            { 0, 1, 1, VRING_DESC_F_NEXT }, { 0, 1, 1, VRING_DESC_F_NEXT } },
          8, ZCRX_VRING_BAD_LOOP },
        { "address", { { 1, 100, 1, VRING_DESC_F_WRITE } }, 1,
          ZCRX_VRING_BAD_ADDRESS },
        { "length", { { GUEST_FAR_GPA, 12, 1, VRING_DESC_F_WRITE } }, 1,
          ZCRX_VRING_BAD_LENGTH },
        { "direction", { { GUEST_FAR_GPA, 100, 1, 0 } }, 1,
          ZCRX_VRING_BAD_DIRECTION },
        { "indirect", { { GUEST_FAR_GPA, 100, 1, VRING_DESC_F_INDIRECT } }, 1,
          ZCRX_VRING_BAD_INDIRECT },
    };

    for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
        const struct guest_piece piece = { GUEST_FAR_GPA, 100 };
        struct zcrx_rx_buf bufs[8];

        check_what = bad[i].what;
        set_up(8, 6, true);
        /* One that is right, with head 0. */
        while (guest_describe(&gq, &piece, 1, GUEST_DIRECT)) {
            continue;
        }
        guest_offer(&gq, 0);
        CHECK_EQ(zcrx_vring_take_rx(&vq, bufs, 8), 1);
        CHECK_EQ(bufs[0].head.id, 0);

        for (unsigned int j = 0; j < bad[i].n; j++) {
            struct vring_packed_desc d = bad[i].descs[j];
            uint16_t slot = (7 + j) % 8;

            d.flags |= (slot == 7 ? 1 << VRING_PACKED_DESC_F_AVAIL
                        : 1 << VRING_PACKED_DESC_F_USED);
            gq.ring[slot] = d;
        }
        CHECK_EQ(zcrx_vring_take_rx(&vq, &bufs[1], 7), 0);
        CHECK_EQ(vq.error, bad[i].error);
        CHECK_EQ(vq.n_outstanding, 1);
        check_position(position(8, 6, 1), position(8, 6, 0));
        CHECK_EQ(zcrx_vring_n_avail(&vq), 0);
        CHECK_EQ(zcrx_vring_take_rx(&vq, &bufs[1], 7), 0);
        /* The one before is given back, one way or other. */
        zcrx_vring_put_back_all(&vq);
        CHECK_EQ(vq.n_outstanding, 0);
        tear_down();
    }
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "setting up", test_init },
        { "taking in order", test_take_order },
        { "publishing", test_publish },
        { "untaking", test_untake },
        { "putting back in order", test_put_back },
        { "putting back out of order", test_put_back_out_of_order },
        { "saving", test_save },
        { "notifying", test_notify },
        { "flags", test_flags },
        { "errors", test_errors },
    };

    return run_cases(cases, N_ELEMENTS(cases));
}
