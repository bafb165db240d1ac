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

/* What guest buffers consist of, in every way that a driver may lay them out,
 * and copying frames into and out of them. */

#include "zcrx-vring.h"

#include <string.h>

#include "check.h"
#include "guest.h"

#define MEM_SIZE 131072
#define RING_SIZE 64
#define MAX_FRAME 9018

/* Where the pieces of buffers go.  There are N_AREAS buffers at a time at
 * most. */
#define N_AREAS 8
#define AREA_SIZE 4096

static struct guest guest;
static struct guest_vq gq;      /* The driver's side. */
static struct zcrx_vring vq;    /* The device's, under test. */
static uint64_t areas;
static uint64_t seed;
static bool packed;             /* What kind of virtqueue it is. */

static void
set_up_ring(uint16_t size, bool rx, bool version_1, bool mergeable)
{
    guest_init(&guest, MEM_SIZE);
    if (packed) {
        guest_vq_init_packed(&gq, &guest, size, size / 2, rx);
    } else {
        guest_vq_init(&gq, &guest, size, 65500, rx);
    }
    gq.config.version_1 = version_1;
    gq.config.mergeable = mergeable;
    gq.config.indirect = true;
    CHECK(!zcrx_vring_init(&vq, &gq.config, &guest.map));
    areas = guest_alloc(&guest, GUEST_FAR, N_AREAS * AREA_SIZE);
    seed = 1;
}

static void
set_up(bool rx, bool version_1, bool mergeable)
{
    set_up_ring(RING_SIZE, rx, version_1, mergeable);
}

static void
tear_down(void)
{
    CHECK(!vq.error);
    guest_check_memory(&guest);
    zcrx_vring_destroy(&vq);
    guest_vq_destroy(&gq);
    guest_destroy(&guest);
}

/* How drivers lay out a buffer with 'room' bytes behind the header. */
enum layout {
    ONE,                        /* Header and data together. */
    OWN_HEADER,                 /* The header in a descriptor of its own. */
    SPLIT_HEADER,               /* The header in two. */
    SPLIT_ALL,                  /* The second also has the first data. */
    SOME_WITH_HEADER,           /* A little data with the header. */
    PAGES,                      /* A header with the first of some pages. */
    EMPTY_PIECES,               /* With descriptors of no length between. */
    BYTES,                      /* The header byte by byte. */
    N_PLAIN_LAYOUTS,

    /* Across the border of two regions that are neighbours for the guest. */
    CROSSING_DATA = N_PLAIN_LAYOUTS,
    CROSSING_HEADER,
    CROSSING_BETWEEN,           /* Between header and data. */
    N_LAYOUTS
};

/* Adds a piece of 'len' bytes at '*gpa' and moves that behind it. */
static void
add_piece(struct guest_piece *pieces, unsigned int *n, uint64_t *gpa,
          uint32_t len)
{
    CHECK(*n < GUEST_MAX_PIECES);
    pieces[*n].gpa = *gpa;
    pieces[*n].len = len;
    ++*n;
    *gpa += len + 17;
}

/* Stores the pieces of a buffer in 'pieces' and returns their number. */
static unsigned int
lay_out(enum layout layout, uint64_t gpa, uint32_t hdr_len, uint32_t room,
        struct guest_piece *pieces)
{
    uint64_t border = guest.gpa[GUEST_NEXT];
    unsigned int n = 0;

    switch (layout) {
    case ONE:
        add_piece(pieces, &n, &gpa, hdr_len + room);
        break;
    case OWN_HEADER:
        add_piece(pieces, &n, &gpa, hdr_len);
        add_piece(pieces, &n, &gpa, room);
        break;
    case SPLIT_HEADER:
        add_piece(pieces, &n, &gpa, 4);
        add_piece(pieces, &n, &gpa, hdr_len - 4);
        add_piece(pieces, &n, &gpa, room);
        break;
    case SPLIT_ALL:
        add_piece(pieces, &n, &gpa, hdr_len - 1);
        add_piece(pieces, &n, &gpa, 1 + room);
        break;
    case SOME_WITH_HEADER:
        add_piece(pieces, &n, &gpa, hdr_len + 1);
        add_piece(pieces, &n, &gpa, room - 1);
        break;
    case PAGES:
        for (uint32_t left = hdr_len + room, page = 500; left; page = 1024) {
            uint32_t len = left < page ? left : page;

            add_piece(pieces, &n, &gpa, len);
            left -= len;
        }
        break;
    case EMPTY_PIECES:
        add_piece(pieces, &n, &gpa, 0);
        add_piece(pieces, &n, &gpa, hdr_len);
        add_piece(pieces, &n, &gpa, 0);
        add_piece(pieces, &n, &gpa, 0);
        add_piece(pieces, &n, &gpa, room / 2);
        add_piece(pieces, &n, &gpa, 0);
        add_piece(pieces, &n, &gpa, room - room / 2);
        add_piece(pieces, &n, &gpa, 0);
        break;
    case BYTES:
        for (uint32_t i = 0; i < hdr_len; i++) {
            add_piece(pieces, &n, &gpa, 1);
        }
        add_piece(pieces, &n, &gpa, room);
        break;
    case CROSSING_DATA:
        gpa = border - hdr_len - (room + 1) / 2;
        add_piece(pieces, &n, &gpa, hdr_len + room);
        break;
    case CROSSING_HEADER:
        gpa = border - 5;
        add_piece(pieces, &n, &gpa, hdr_len + room);
        break;
    case CROSSING_BETWEEN:
    case N_LAYOUTS:
    default:
        gpa = border - hdr_len;
        add_piece(pieces, &n, &gpa, hdr_len + room);
        break;
    }
    return n;
}

/* Checks 'buf' against what 'pieces' amount to, byte by byte. */
static void
check_description(const struct zcrx_rx_buf *buf,
                  const struct guest_piece *pieces, unsigned int n)
{
    static char *bytes[MAX_FRAME + 100];    /* Where each byte lies, */
    static int ids[MAX_FRAME + 100];        /* and in which piece. */
    uint32_t hdr_len = vq.hdr_len;
    uint32_t len = 0;
    uint32_t contig;
    int id = 0;

    for (unsigned int i = 0; i < n; i++) {
        for (uint32_t j = 0; j < pieces[i].len; j++, len++) {
            uint64_t gpa = pieces[i].gpa + j;

            id += !j || gpa == guest.gpa[GUEST_NEXT];
            bytes[len] = guest_ptr(&guest, gpa);
            ids[len] = id;
        }
    }
    CHECK_EQ(buf->room, len - hdr_len);
    CHECK(buf->hdr == (ids[0] == ids[hdr_len - 1] ? bytes[0] : NULL));
    CHECK(buf->data == bytes[hdr_len]);
    for (contig = 1; hdr_len + contig < len; contig++) {
        if (ids[hdr_len + contig] != ids[hdr_len]) {
            break;
        }
    }
    CHECK_EQ(buf->contig, contig);
    CHECK_EQ(buf->iova, (uintptr_t) bytes[hdr_len]);
}

static void
test_layouts(void)
{
    static const uint32_t rooms[] = { 2, 60, 1514, 1526, 2036, 9018 };

    for (int features = 0; features < 4; features++) {
        for (enum layout layout = 0; layout < N_LAYOUTS; layout++) {
            set_up(true, features & 1, features & 2);
            for (int i = 0; i < 3 * N_ELEMENTS(rooms); i++) {
                struct guest_piece pieces[GUEST_MAX_PIECES];
                unsigned int n = lay_out(layout, areas, vq.hdr_len,
                                         rooms[i / 3], pieces);
                enum guest_how how = n > 1 || i % 3 < 2 ? i % 3 : 0;
                uint16_t head = guest_post(&gq, pieces, n, how);
                struct zcrx_rx_buf buf;
                struct zcrx_used used;

                CHECK_EQ(zcrx_vring_take_rx(&vq, &buf, 1), 1);
                CHECK_EQ(buf.head.id, head);
                check_description(&buf, pieces, n);

                used.id = head;
                used.len = guest_buf_len(&gq.bufs[head]);
                zcrx_vring_publish(&vq, &used, 1);
                CHECK(guest_collect(&gq, NULL));
            }
            tear_down();
        }
    }
}

/* What drivers seldom do, but may.  In CVE-2022-2132 it was a header in
 * several pieces. */
static void
test_odd_layouts(void)
{
    struct guest_piece pieces[GUEST_MAX_PIECES];
    struct zcrx_rx_buf buf;
    uint64_t gpa;
    unsigned int n;
    uint16_t head;

    /* As many descriptors as the ring has, or more of them in a table. */
    for (int indirect = 0; indirect < 2; indirect++) {
        set_up(true, true, false);
        gpa = areas;
        for (n = 0; n < RING_SIZE;) {
            add_piece(pieces, &n, &gpa, 20);
        }
        guest_post(&gq, pieces, n, indirect ? GUEST_INDIRECT : GUEST_DIRECT);
        CHECK_EQ(zcrx_vring_take_rx(&vq, &buf, 1), 1);
        check_description(&buf, pieces, n);
        tear_down();
    }
    set_up_ring(4, true, true, false);
    guest_post(&gq, pieces, n, GUEST_INDIRECT);
    CHECK_EQ(zcrx_vring_take_rx(&vq, &buf, 1), 1);
    check_description(&buf, pieces, n);
    tear_down();

    /* Flags that mean nothing. */
    set_up(true, true, false);
    n = lay_out(OWN_HEADER, areas, 12, 1514, pieces);
    head = guest_describe(&gq, pieces, n, GUEST_INDIRECT);
    if (packed) {
        gq.bufs[head].packed_descs[0].flags |= VRING_DESC_F_WRITE | 0x7f78;
    } else {
        gq.desc[head].flags |= VRING_DESC_F_WRITE | 0xfff8;
    }
    guest_offer(&gq, head);
    CHECK_EQ(zcrx_vring_take_rx(&vq, &buf, 1), 1);
    check_description(&buf, pieces, n);
    tear_down();

    /* Memory that the VF cannot reach. */
    set_up(true, true, false);
    guest_post_one(&gq, guest.gpa[GUEST_NO_DMA], 2048);
    CHECK_EQ(zcrx_vring_take_rx(&vq, &buf, 1), 1);
    CHECK_EQ(buf.iova, ZCRX_BAD_IOVA);
    CHECK(buf.data == guest.mem[GUEST_NO_DMA] + 12);
    CHECK_EQ(buf.contig, 2036);
    tear_down();
}

/* Reads what a driver sends, in parts of any length, or skips them. */
static void
test_read(void)
{
    static uint8_t sent[12 + MAX_FRAME], got[sizeof sent];

    for (enum layout layout = 0; layout < N_LAYOUTS; layout++) {
        set_up(false, true, false);
        for (int round = 0; round < 200; round++) {
            struct guest_piece pieces[GUEST_MAX_PIECES];
            uint32_t room = 2 + next_random(&seed, MAX_FRAME - 1);
            unsigned int n = lay_out(layout, areas, 12, room, pieces);
            uint16_t head = guest_describe(&gq, pieces, n, round % 2);
            uint32_t len = 12 + room;
            struct zcrx_chain chain;
            struct zcrx_used used;
            struct zcrx_head h;
            uint32_t ofs = 0;

            for (uint32_t i = 0; i < len; i++) {
                sent[i] = next_random(&seed, 256);
            }
            for (unsigned int i = 0; i < n; i++) {
                guest_write(&guest, pieces[i].gpa, sent + ofs, pieces[i].len);
                ofs += pieces[i].len;
            }
            guest_offer(&gq, head);
            CHECK_EQ(zcrx_vring_take(&vq, &h, 1), 1);
            zcrx_chain_init(&chain, &vq, &h);
            for (ofs = 0; ofs < len;) {
                uint32_t part = 1 + next_random(&seed, round % 3 ? 100 : len);
                bool skip = !next_random(&seed, 4);
                uint32_t want = part < len - ofs ? part : len - ofs;

                CHECK(zcrx_chain_more(&chain));
                CHECK_EQ(zcrx_chain_read(&chain, skip ? NULL : got, part),
                         want);
                CHECK(skip || !memcmp(got, sent + ofs, want));
                ofs += want;
            }
            CHECK(!zcrx_chain_more(&chain));
            CHECK_EQ(zcrx_chain_read(&chain, got, 1), 0);
            used.id = h.id;
            used.len = 0;
            zcrx_vring_publish(&vq, &used, 1);
            CHECK(guest_collect(&gq, NULL));
        }
        tear_down();
    }
}

static void
fill_frame(uint8_t *frame, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        frame[i] = next_random(&seed, 256);
    }
}

/* Checks that the frame that was copied to the 'n' buffers in 'used' is what
 * the guest finds there, and that nothing else was written. */
static void
check_copied(const struct zcrx_used *used, uint16_t n, const uint8_t *frame,
             uint32_t len)
{
    /* Virtio 1.2 5.1.6: no flags, no GSO, and if it is there, the number of
     * buffers, which is 1 if they cannot be merged. */
    const uint8_t hdr[12] = { [10] = n };
    uint32_t done = 0;

    zcrx_vring_publish(&vq, used, n);
    for (uint16_t i = 0; i < n; i++) {
        uint32_t skip = i ? 0 : vq.hdr_len;
        struct guest_buf *buf;
        uint32_t used_len;
        uint32_t part;

        buf = guest_collect(&gq, &used_len);
        CHECK(buf);
        if (!i) {
            guest_buf_expect(&guest, buf, 0, hdr, vq.hdr_len);
        }
        part = used_len - skip;
        /* All are full but the last. */
        CHECK(i == n - 1 || used_len == guest_buf_len(buf));
        guest_buf_expect(&guest, buf, skip, frame + done, part);
        done += part;
    }
    CHECK_EQ(done, len);
    CHECK(!guest_collect(&gq, NULL));
    guest_check_memory(&guest);
}

/* Copies a frame of 'len' bytes to one or more buffers of any layout. */
static void
copy_frame(uint32_t len)
{
    struct zcrx_used used[ZCRX_MAX_MERGE];
    uint16_t n_bufs = 1, n_used;
    static uint8_t frame[MAX_FRAME];
    struct zcrx_head head;
    uint32_t left = len;
    bool reserved;

    if (vq.mergeable && len > 20 && next_random(&seed, 3)) {
        n_bufs += next_random(&seed, N_AREAS);
        n_bufs = n_bufs > N_AREAS ? N_AREAS : n_bufs;
    }
    if (vq.mergeable && n_bufs < (len + 2999) / 3000) {
        n_bufs = (len + 2999) / 3000;
    }
    for (uint16_t i = 0; i < n_bufs; i++) {
        uint32_t hdr_len = i ? 10 : vq.hdr_len;
        enum layout layout = next_random(&seed, i ? N_PLAIN_LAYOUTS
                                         : N_LAYOUTS);
        uint32_t share = left / (n_bufs - i);
        struct guest_piece pieces[GUEST_MAX_PIECES];
        unsigned int n;

        /* Some are larger than need be.  What a layout has for the header is
         * data where there is none. */
        share = i == n_bufs - 1 ? left + next_random(&seed, 3) : share;
        left -= share < left ? share : left;
        if (i) {
            share = share > 10 ? share - 10 : 0;
        }
        if (share < 2) {
            share = 2;
        }
        n = lay_out(layout, areas + i * (uint64_t) AREA_SIZE, hdr_len,
                    share, pieces);
        guest_post(&gq, pieces, n, next_random(&seed, n > 1 ? 3 : 2));
    }

    fill_frame(frame, len);
    reserved = n_bufs == 1 && next_random(&seed, 2);
    if (reserved) {
        CHECK_EQ(zcrx_vring_take(&vq, &head, 1), 1);
    }
    CHECK_EQ(zcrx_vring_copy_in(&vq, reserved ? &head : NULL, frame, len, 0,
                                used, &n_used), ZCRX_COPY_OK);
    CHECK(n_used >= 1 && n_used <= n_bufs);
    CHECK_EQ(vq.n_outstanding, n_used);
    check_copied(used, n_used, frame, len);

    /* Get rid of those that were not needed. */
    for (; n_used < n_bufs; n_used++) {
        CHECK_EQ(zcrx_vring_take(&vq, &head, 1), 1);
        used[0].id = head.id;
        used[0].len = 0;
        zcrx_vring_publish(&vq, used, 1);
        CHECK(guest_collect(&gq, NULL));
    }
}

static void
copy_every_length(bool version_1, bool mergeable)
{
    set_up(true, version_1, mergeable);
    for (uint32_t len = 1; len <= MAX_FRAME; len++) {
        copy_frame(len);
    }
    tear_down();
}

static void
test_copy_legacy(void)
{
    copy_every_length(false, false);
}

static void
test_copy_version_1(void)
{
    copy_every_length(true, false);
}

static void
test_copy_mergeable(void)
{
    copy_every_length(true, true);
}

/* A frame over 'n' buffers of 100 bytes, of which there are 'n_bufs'. */
static enum zcrx_copy_result
copy_to_many(uint16_t n_bufs, uint32_t len, bool mergeable)
{
    static uint8_t frame[ZCRX_MAX_MERGE * 100];
    struct zcrx_used used[ZCRX_MAX_MERGE];
    enum zcrx_copy_result result;
    uint16_t n_used = 99;
    uint16_t before[2], after[2];

    set_up(true, true, mergeable);
    zcrx_vring_get_position(&vq, &before[0], &before[1]);
    for (uint16_t i = 0; i < n_bufs; i++) {
        guest_post_one(&gq, areas + i * 150, 100);
    }
    fill_frame(frame, len);
    result = zcrx_vring_copy_in(&vq, NULL, frame, len, 0, used, &n_used);
    if (result == ZCRX_COPY_OK) {
        CHECK_EQ(n_used, (12 + len + 99) / 100);
        check_copied(used, n_used, frame, len);
    } else {
        /* As if nothing had happened. */
        CHECK_EQ(n_used, 0);
        CHECK_EQ(vq.n_outstanding, 0);
        zcrx_vring_get_position(&vq, &after[0], &after[1]);
        CHECK(!memcmp(before, after, sizeof before));
        CHECK(!guest_collect(&gq, NULL));
        for (uint16_t id = 0; id < RING_SIZE; id++) {
            CHECK(!zcrx_vring_is_outstanding(&vq, id));
        }
        for (uint16_t i = 0; i < n_bufs; i++) {
            struct zcrx_head head;

            CHECK_EQ(zcrx_vring_take(&vq, &head, 1), 1);
            CHECK_EQ(head.id, gq.offered[i]);
        }
    }
    tear_down();
    return result;
}

static void
test_copy_limits(void)
{
    for (uint16_t n = 1; n <= ZCRX_MAX_MERGE; n++) {
        uint32_t room = n * 100 - 12;

        CHECK_EQ(copy_to_many(n, room, true), ZCRX_COPY_OK);
        if (n > 1) {
            CHECK_EQ(copy_to_many(n, room - 99, true), ZCRX_COPY_OK);
            CHECK_EQ(copy_to_many(n - 1, room - 99, true),
                     ZCRX_COPY_NO_BUFFER);
        }
        CHECK_EQ(copy_to_many(n, room + 1, true),
                 n == ZCRX_MAX_MERGE ? ZCRX_COPY_TOO_LONG
                 : ZCRX_COPY_NO_BUFFER);
    }
    CHECK_EQ(copy_to_many(0, 60, false), ZCRX_COPY_NO_BUFFER);
    CHECK_EQ(copy_to_many(1, 88, false), ZCRX_COPY_OK);
    CHECK_EQ(copy_to_many(1, 89, false), ZCRX_COPY_TOO_LONG);
    CHECK_EQ(copy_to_many(9, 89, false), ZCRX_COPY_TOO_LONG);
}

/* A buffer that was taken for this one frame is not given away if the frame
 * does not fit, even where others could help out. */
static void
test_copy_head(void)
{
    for (int mergeable = 0; mergeable < 2; mergeable++) {
        struct zcrx_used used[ZCRX_MAX_MERGE];
        struct zcrx_head heads[2];
        uint8_t frame[90];
        uint16_t n_used;

        set_up(true, true, mergeable);
        for (int i = 0; i < 3; i++) {
            guest_post_one(&gq, areas + i * 150, 100);
        }
        CHECK_EQ(zcrx_vring_take(&vq, heads, 2), 2);
        fill_frame(frame, sizeof frame);
        CHECK_EQ(zcrx_vring_copy_in(&vq, &heads[0], frame, 89, 0, used,
                                    &n_used), ZCRX_COPY_TOO_LONG);
        CHECK_EQ(n_used, 0);
        CHECK_EQ(vq.n_outstanding, 2);
        guest_check_memory(&guest);

        CHECK_EQ(zcrx_vring_copy_in(&vq, &heads[0], frame, 88, 0, used,
                                    &n_used), ZCRX_COPY_OK);
        CHECK_EQ(used[0].id, heads[0].id);
        check_copied(used, n_used, frame, 88);
        CHECK_EQ(vq.n_outstanding, 1);
        tear_down();
    }
}

/* The first buffer has room for the header alone, or for less. */
static void
test_copy_header_only(void)
{
    for (uint32_t first = 11; first <= 13; first++) {
        struct zcrx_used used[ZCRX_MAX_MERGE];
        uint8_t frame[60];
        uint16_t n_used;

        set_up(true, true, true);
        guest_post_one(&gq, areas, first);
        guest_post_one(&gq, areas + 100, 100);
        fill_frame(frame, sizeof frame);
        if (first < 12) {
            CHECK_EQ(zcrx_vring_copy_in(&vq, NULL, frame, 60, 0, used,
                                        &n_used), ZCRX_COPY_ERROR);
            CHECK_EQ(vq.error, ZCRX_VRING_BAD_LENGTH);
            vq.error = ZCRX_VRING_OK;
        } else {
            CHECK_EQ(zcrx_vring_copy_in(&vq, NULL, frame, 60, 0, used,
                                        &n_used), ZCRX_COPY_OK);
            CHECK_EQ(n_used, 2);
            check_copied(used, n_used, frame, 60);
        }
        tear_down();
    }
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "layouts", test_layouts },
        { "odd layouts", test_odd_layouts },
        { "reading what is sent", test_read },
        { "copying, 10 bytes of header", test_copy_legacy },
        { "copying, 12 bytes of header", test_copy_version_1 },
        { "copying, mergeable", test_copy_mergeable },
        { "copying, limits", test_copy_limits },
        { "copying to a buffer that was taken", test_copy_head },
        { "copying, header alone", test_copy_header_only },
    };

    for (int i = 0; i < 2; i++) {
        packed = i;
        printf("%s virtqueues:\n", packed ? "packed" : "split");
        run_cases(cases, N_ELEMENTS(cases));
    }
    return EXIT_SUCCESS;
}
