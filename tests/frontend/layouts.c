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

/* A guest that has one driver after the other, each with its own features and
 * its own way to lay out buffers.
 *
 *     layouts SOCKET FROM-WIRE GUEST-SENDS TO-WIRE DRIVER...
 *
 * Listens on SOCKET for the port, which is the client.  Each DRIVER takes the
 * virtqueues over from the one before, as a kernel does from the firmware that
 * booted it.  It then receives what the capture FROM-WIRE has, and sends what
 * GUEST-SENDS has, which must arrive in the capture TO-WIRE; all is compared.
 * A DRIVER is a comma-separated list of:
 *
 *     size=N        entries of the virtqueues
 *     start=N       the index at which they start (packed: the slot)
 *     room=N        bytes for a frame in a receive buffer; 1,600 by default
 *     packed, mergeable, legacy, event_idx, csum
 *     own           the header lies in a descriptor of its own
 *     pages         the header, then pages
 *     mixed         each buffer has another layout; if they are mergeable,
 *                   they also have different sizes
 *     indirect      buffers of several pieces are described by tables
 *     bad_requests  asks for checksums outside of the frames, none of which
 *                   must reach the wire then */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/virtio_net.h>
#include <sys/socket.h>

#include "frontend.h"

#define MAX_PIECES 8
#define MAX_BUF 10240
#define PAGE 4096
#define REGION_SIZE (32 << 20)

/* How long nothing may happen, in milliseconds. */
#define PATIENCE 60000

#define BIT(N) (UINT64_C(1) << (N))
#define PROTOCOL_FEATURES BIT(30)

struct capture {
    uint8_t *bytes;
    size_t size;
    size_t n;                   /* Frames. */
    const uint8_t **frames;
    uint32_t *lens;
};

enum layout { ONE, OWN, PAGES, N_LAYOUTS, MIXED = N_LAYOUTS };

struct driver {
    uint16_t size, start;
    uint32_t room;
    bool packed, mergeable, legacy, event_idx, indirect, csum, bad_requests;
    enum layout layout;
};

/* A buffer: its place in memory stays, its layout may change. */
struct buf {
    uint64_t gpa[MAX_PIECES];
    uint32_t lens[MAX_PIECES];
    unsigned int n;             /* Pieces, */
    unsigned int n_descs;       /* and the ring's descriptors for them. */
};

struct queue {
    struct frontend_vq *vq;
    bool rx;
    unsigned int per;           /* Descriptors that a buffer may have. */
    unsigned int n_bufs;
    struct buf *bufs;
};

static struct frontend fe;
static struct driver driver;
static const char *driver_name;
static uint32_t hdr_len;

static void
die(const char *what)
{
    fprintf(stderr, "%s: %s\n", driver_name, what);
    exit(EXIT_FAILURE);
}

/* Reads the capture 'name', or what there is of it. */
static struct capture
load(const char *name)
{
    struct capture c = { .size = 0 };
    FILE *f = fopen(name, "rb");

    if (!f) {
        return c;
    }
    fseek(f, 0, SEEK_END);
    c.size = ftell(f);
    rewind(f);
    c.bytes = malloc(c.size + 1);
    c.frames = malloc((c.size / 16 + 1) * sizeof *c.frames);
    c.lens = malloc((c.size / 16 + 1) * sizeof *c.lens);
    if (!c.bytes || !c.frames || !c.lens
        || fread(c.bytes, 1, c.size, f) != c.size) {
        die(name);
    }
    fclose(f);
    for (size_t at = 24; at + 16 <= c.size;) {
        uint32_t len;

        memcpy(&len, &c.bytes[at + 8], sizeof len);
        at += 16;
        if (at + len > c.size) {
            break;
        }
        c.frames[c.n] = &c.bytes[at];
        c.lens[c.n++] = len;
        at += len;
    }
    return c;
}

static void
unload(struct capture *c)
{
    free(c->bytes);
    free(c->frames);
    free(c->lens);
}

static void
parse(const char *text)
{
    char *words = strdup(text), *saveptr = NULL;

    driver_name = text;
    driver = (struct driver) { .size = 256, .room = 1600 };
    for (char *w = strtok_r(words, ",", &saveptr); w;
         w = strtok_r(NULL, ",", &saveptr)) {
        const struct {
            const char *name;
            bool *flag;
        } flags[] = {
            { "packed", &driver.packed }, { "mergeable", &driver.mergeable },
            { "legacy", &driver.legacy }, { "indirect", &driver.indirect },
            { "event_idx", &driver.event_idx }, { "csum", &driver.csum },
            { "bad_requests", &driver.bad_requests },
        };
        bool found = true;

        if (!strncmp(w, "size=", 5)) {
            driver.size = atoi(w + 5);
        } else if (!strncmp(w, "start=", 6)) {
            driver.start = atoi(w + 6);
        } else if (!strncmp(w, "room=", 5)) {
            driver.room = atoi(w + 5);
        } else if (!strcmp(w, "own")) {
            driver.layout = OWN;
        } else if (!strcmp(w, "pages")) {
            driver.layout = PAGES;
        } else if (!strcmp(w, "mixed")) {
            driver.layout = MIXED;
        } else {
            found = false;
            for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
                if (!strcmp(w, flags[i].name)) {
                    *flags[i].flag = found = true;
                }
            }
        }
        if (!found) {
            die("unknown word");
        }
    }
    free(words);
    hdr_len = driver.legacy && !driver.mergeable ? 10 : 12;
}

static uint64_t
features(void)
{
    return (PROTOCOL_FEATURES | BIT(VIRTIO_NET_F_MAC)
            | (driver.legacy ? 0 : BIT(32))
            | (driver.packed ? BIT(34) : 0)
            | (driver.csum ? BIT(VIRTIO_NET_F_CSUM) : 0)
            | (driver.mergeable ? BIT(VIRTIO_NET_F_MRG_RXBUF) : 0)
            | (driver.event_idx ? BIT(VIRTIO_RING_F_EVENT_IDX) : 0)
            | (driver.indirect ? BIT(VIRTIO_RING_F_INDIRECT_DESC) : 0));
}

static void *
ptr(uint64_t gpa)
{
    return fe.mem[1] + (gpa - fe.gpa[1]);
}

/* Where buffer 'i' of 'q' lies, with a gap to the next one, and before that
 * its indirect table. */
static uint64_t
place(const struct queue *q, unsigned int i)
{
    return (fe.gpa[1] + REGION_SIZE / 2 * q->rx
            + (uint64_t) i * (MAX_BUF + MAX_PIECES * 16));
}

/* Adds a piece to 'b' that lies 'gap' bytes behind the one before. */
static void
add_piece(struct buf *b, uint32_t len, uint32_t gap)
{
    if (len) {
        b->gpa[b->n] = (b->n ? b->gpa[b->n - 1] + b->lens[b->n - 1] + gap
                        : b->gpa[0]);
        b->lens[b->n++] = len;
    }
}

/* Lays out buffer 'i' of 'q' for a header and 'room' bytes. */
static void
lay_out(struct queue *q, unsigned int i, uint32_t room)
{
    enum layout layout = driver.layout;
    struct buf *b = &q->bufs[i];

    if (layout == MIXED) {
        /* One that cannot be zero-copy first: the port gets host buffers at
         * once then, and need not start the VF again for them. */
        layout = (i + PAGES) % N_LAYOUTS;
    }
    b->n = 0;
    b->gpa[0] = place(q, i) + MAX_PIECES * 16;
    if (layout == ONE) {
        add_piece(b, hdr_len + room, 0);
        return;
    }
    add_piece(b, hdr_len, 0);
    if (layout == OWN) {
        add_piece(b, room, 50);
        return;
    }
    /* What is left of a page, then whole ones. */
    for (uint32_t n = 1000; room; n = PAGE) {
        n = n < room ? n : room;
        add_piece(b, n, 4);
        room -= n;
    }
}

/* Writes the table that describes 'b' and returns its address. */
static uint64_t
write_table(const struct queue *q, unsigned int i)
{
    const struct buf *b = &q->bufs[i];
    uint64_t gpa = place(q, i);

    for (unsigned int j = 0; j < b->n; j++) {
        uint16_t flags = q->rx ? VRING_DESC_F_WRITE : 0;
        struct vring_packed_desc packed = { b->gpa[j], b->lens[j], 0, flags };
        struct vring_desc split = {
            b->gpa[j], b->lens[j],
            flags | (j + 1 < b->n ? VRING_DESC_F_NEXT : 0), j + 1
        };

        memcpy(ptr(gpa + j * 16),
               driver.packed ? (void *) &packed : (void *) &split, 16);
    }
    return gpa;
}

/* Makes buffer 'i' of 'q' available. */
static void
offer(struct queue *q, unsigned int i)
{
    struct frontend_vq *vq = q->vq;
    struct vring_desc descs[MAX_PIECES];
    struct buf *b = &q->bufs[i];

    b->n_descs = b->n;
    for (unsigned int j = 0; j < b->n; j++) {
        descs[j] = (struct vring_desc) {
            .addr = b->gpa[j],
            .len = b->lens[j],
            .flags = ((q->rx ? VRING_DESC_F_WRITE : 0)
                      | (j + 1 < b->n ? VRING_DESC_F_NEXT : 0)),
        };
    }
    if (driver.indirect && b->n > 1) {
        b->n_descs = 1;
        descs[0] = (struct vring_desc) {
            .addr = write_table(q, i),
            .len = b->n * 16,
            .flags = VRING_DESC_F_INDIRECT,
        };
    }
    if (!vq->packed) {
        /* The chain goes from the last of its descriptors to the first. */
        struct vring_desc *table = vq->parts[0];
        unsigned int head = i * q->per + b->n_descs - 1;

        for (unsigned int j = 1; j < b->n_descs; j++) {
            descs[j].next = head - j - 1;
            table[head - j] = descs[j];
        }
        descs[0].next = head - 1;
        frontend_offer(vq, head, descs[0]);
    } else {
        /* The first one last, so that the device sees all or nothing. */
        struct frontend_vq first = *vq;

        for (unsigned int j = 0; j < b->n_descs; j++) {
            if (j) {
                frontend_offer(vq, i, descs[j]);
            } else if (++vq->avail == vq->size) {
                vq->avail = 0;
                vq->wrap = !vq->wrap;
            }
        }
        frontend_offer(&first, i, descs[0]);
    }
}

/* Returns the next buffer of 'q' that was used, or -1, and the bytes in it. */
static int
collect(struct queue *q, uint32_t *len)
{
    struct frontend_vq *vq = q->vq;
    unsigned int i;
    uint16_t id;

    if (!frontend_collect(vq, &id, len)) {
        return -1;
    }
    i = vq->packed ? id : id / q->per;
    if (i >= q->n_bufs
        || (!vq->packed && id % q->per != q->bufs[i].n_descs - 1)) {
        die("a buffer was used that there is not");
    }
    if (vq->packed) {
        /* The others of its descriptors are skipped. */
        vq->used += q->bufs[i].n_descs - 1;
        if (vq->used >= vq->size) {
            vq->used -= vq->size;
            vq->used_wrap = !vq->used_wrap;
        }
    }
    return i;
}

/* Copies 'len' bytes from 'offset' of 'b' to 'dst', or the other way. */
static void
copy(const struct buf *b, uint32_t offset, uint8_t *bytes, uint32_t len,
     bool to_buf)
{
    for (unsigned int j = 0; j < b->n && len; j++) {
        if (offset < b->lens[j]) {
            uint32_t n = b->lens[j] - offset;
            uint8_t *p = (uint8_t *) ptr(b->gpa[j]) + offset;

            n = n < len ? n : len;
            memcpy(to_buf ? p : bytes, to_buf ? bytes : p, n);
            bytes += n;
            len -= n;
            offset = 0;
        } else {
            offset -= b->lens[j];
        }
    }
    if (len) {
        die("more bytes were used than a buffer has");
    }
}

static void
init_queue(struct queue *q, struct frontend_vq *vq, bool rx)
{
    unsigned int pages = driver.room / PAGE + 3;

    q->vq = vq;
    q->rx = rx;
    q->per = (driver.indirect || driver.layout == ONE ? 1
              : driver.layout == OWN ? 2 : pages);
    q->n_bufs = vq->size / q->per;
    q->bufs = calloc(q->n_bufs, sizeof *q->bufs);
    if (!q->bufs || q->n_bufs * (MAX_BUF + MAX_PIECES * 16) > REGION_SIZE / 2
        || hdr_len + driver.room + 100 > MAX_BUF) {
        die("too large");
    }
}

/* Offers receive buffer 'i', the size of which may differ from the others'. */
static void
post(struct queue *q, unsigned int i)
{
    uint32_t room = driver.room;

    if (driver.layout == MIXED && driver.mergeable && i % 7 >= 4) {
        room = 100 + i % 7 * 50;
    }
    lay_out(q, i, room);
    offer(q, i);
}

/* A frame that is being received. */
struct reception {
    uint8_t bytes[65536];
    uint32_t len;
    uint16_t left;              /* Buffers that are still to come. */
};

/* Takes one used buffer, if there is one.  Returns true when that completes a
 * frame. */
static bool
receive(struct queue *q, struct reception *r, bool *progress)
{
    uint32_t len;
    int i = collect(q, &len);

    if (i < 0) {
        return false;
    }
    *progress = true;
    if (!r->left) {
        struct virtio_net_hdr_v1 hdr = { .num_buffers = 1 };

        copy(&q->bufs[i], 0, (uint8_t *) &hdr, hdr_len, false);
        if (hdr.flags || hdr.gso_type || hdr.hdr_len || !hdr.num_buffers
            || (hdr.num_buffers > 1 && !driver.mergeable)) {
            die("a header is wrong");
        }
        r->left = hdr.num_buffers;
        r->len = 0;
        copy(&q->bufs[i], hdr_len, r->bytes, len - hdr_len, false);
        r->len = len - hdr_len;
    } else {
        copy(&q->bufs[i], 0, r->bytes + r->len, len, false);
        r->len += len;
    }
    post(q, i);
    return !--r->left;
}

static void
transmit(struct queue *q, unsigned int i, const uint8_t *frame, uint32_t len)
{
    static uint8_t bytes[MAX_BUF];
    struct virtio_net_hdr_v1 hdr = { .flags = 0 };

    if (driver.bad_requests) {
        hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        hdr.csum_start = i % 2 ? 34 : 65535;
        hdr.csum_offset = i % 2 ? len - 34 - 1 : 6;
    }
    memcpy(bytes, &hdr, hdr_len);
    memcpy(bytes + hdr_len, frame, len);
    lay_out(q, i, len);
    copy(&q->bufs[i], 0, bytes, hdr_len + len, true);
    offer(q, i);
}

/* Lets the driver receive 'in' and send 'out'. */
static void
exchange(const struct capture *in, const struct capture *out)
{
    struct queue rx = { .vq = NULL }, tx = { .vq = NULL };
    size_t n_received = 0, n_sent = 0, n_reclaimed = 0;
    static struct reception r;
    uint64_t last = frontend_now();

    init_queue(&rx, &fe.vqs[0], true);
    init_queue(&tx, &fe.vqs[1], false);
    for (unsigned int i = 0; i < rx.n_bufs; i++) {
        post(&rx, i);
    }
    r.left = 0;
    while (n_received < in->n || n_reclaimed < out->n) {
        bool progress = false;
        uint32_t len;
        int i;

        while (n_received < in->n && receive(&rx, &r, &progress)) {
            if (r.len != in->lens[n_received]
                || memcmp(r.bytes, in->frames[n_received], r.len)) {
                die("a received frame is not the one that was sent");
            }
            n_received++;
        }
        if (n_sent < out->n && n_sent < tx.n_bufs) {
            transmit(&tx, n_sent, out->frames[n_sent], out->lens[n_sent]);
            n_sent++;
            progress = true;
        }
        while ((i = collect(&tx, &len)) >= 0) {
            n_reclaimed++;
            progress = true;
            if (n_sent < out->n) {
                transmit(&tx, i, out->frames[n_sent], out->lens[n_sent]);
                n_sent++;
            }
        }
        if (progress) {
            last = frontend_now();
        } else if (frontend_now() > last + PATIENCE) {
            die("nothing happens");
        } else {
            usleep(100);
        }
    }
    free(rx.bufs);
    free(tx.bufs);
}

/* Waits until the capture 'name' has all frames of 'out', and compares. */
static void
check_wire(const char *name, const struct capture *out)
{
    uint64_t end = frontend_now() + PATIENCE;
    struct capture c = load(name);

    while (c.n < out->n) {
        if (frontend_now() > end) {
            die("the wire did not get all frames");
        }
        usleep(10000);
        unload(&c);
        c = load(name);
    }
    for (size_t i = 0; i < c.n; i++) {
        if (i >= out->n || c.lens[i] != out->lens[i]
            || memcmp(c.frames[i], out->frames[i], c.lens[i])) {
            die("a frame on the wire is not the one that was sent");
        }
    }
    unload(&c);
}

int
main(int argc, char *argv[])
{
    const size_t sizes[] = { 1 << 20, REGION_SIZE };
    struct capture in, out;
    int listener;

    driver_name = argv[0];
    if (argc < 6) {
        die("SOCKET FROM-WIRE GUEST-SENDS TO-WIRE DRIVER...");
    }
    in = load(argv[2]);
    out = load(argv[3]);
    listener = frontend_listen(argv[1]);
    if (!out.n || listener < 0 || !frontend_init(&fe, sizes, false)) {
        die("cannot start");
    }
    fe.sock = accept(listener, NULL, NULL);
    for (int i = 5; i < argc; i++) {
        parse(argv[i]);
        fe.start = driver.start;
        if (!frontend_negotiate(&fe, features())
            || !frontend_set_up(&fe, driver.size)) {
            die("the port has hung up");
        }
        exchange(&in, &out);
        if (!driver.bad_requests) {
            check_wire(argv[4], &out);
        }
        if (!frontend_stop(&fe)) {
            die("the port has hung up");
        }
        printf("%s: ok\n", driver_name);
        fflush(stdout);
    }
    unload(&in);
    unload(&out);
    return 0;
}
