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

/* A guest that trusts nobody.
 *
 *     stress-guest [--packed] [--size N] [--status FILE] [--migrate] SOCKET
 *
 * Listens on SOCKET for the port, which is the client, and sets up one pair of
 * virtqueues.  Sends back what it receives.  Checks that
 *
 *   - each buffer that it gets back was offered, and not got back since;
 *   - what is in it is a frame that simnic made, and not altered, or zeros,
 *     which is what OVS sends in these tests;
 *   - nobody wrote in front of a buffer or behind its end.
 *
 * When the back end hangs up, waits for the next one, and does not reset its
 * virtqueues: for split ones it says what the used index is, and for packed
 * ones that it does not know.
 *
 * On SIGUSR1, begins to count anew how often each buffer is used.
 *
 * With --migrate, it does what a hypervisor does that moves a guest.  It asks
 * for a log of pages that are written to, and checks that each page of a
 * buffer is in there when the guest sees that it was used, and so are those of
 * the virtqueues; stops the virtqueues, and checks that the positions that it
 * is told are exact and that nothing moves any more; then lets the virtqueues
 * go on where they were, has the guest announced, and ends after some more
 * frames.
 *
 * Writes what it counts to FILE, from time to time and in one piece.  Exits
 * with status 1, and says why, when something is wrong. */

#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "frontend.h"
#include "simnic-frame.h"

#define HDR_LEN 12
#define BUF_LEN 2048
#define CANARY_LEN 64
#define CANARY 0xa5
#define PLACE_LEN 4096          /* A page, which is nobody else's. */
#define MAX_SIZE 512

/* Bytes that the driver itself writes into a buffer that it offers. */
#define POISON 0x5a

#define STATUS_INTERVAL 20000000

/* Frames in each phase of a migration. */
#define PHASE_FRAMES 3000

/* Enough for the end of the second region. */
#define LOG_SIZE 65536

enum { RX, TX };

static struct frontend fe;
static uint16_t size = 256;
static const char *status_file;

static struct {
    bool offered[MAX_SIZE];     /* By id. */
    uint32_t n_used[MAX_SIZE];  /* In this epoch. */
    uint16_t n_offered;
    uint32_t n_since;           /* Used since its pages were looked at. */
} vqs[2];

static bool migrate;
static uint8_t *page_log;       /* Or NULL. */

/* Begins with each session, and with each SIGUSR1. */
static uint64_t epoch;
static volatile sig_atomic_t new_epoch;

static uint64_t n_intact, n_foreign, n_empty, n_sent;

static void __attribute__((__format__(__printf__, 1, 2), __noreturn__))
fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    exit(EXIT_FAILURE);
}

static uint64_t
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

/* Returns the canary in front of buffer 'id'. */
static uint8_t *
place(int which, uint16_t id)
{
    return fe.mem[1] + (which * MAX_SIZE + id) * PLACE_LEN;
}

static uint8_t *
buffer(int which, uint16_t id)
{
    return place(which, id) + CANARY_LEN;
}

/* Makes the first 'len' bytes of buffer 'id' available. */
static void
offer(int which, uint16_t id, uint32_t len)
{
    struct vring_desc desc = {
        .addr = fe.gpa[1] + (buffer(which, id) - fe.mem[1]),
        .len = len,
        .flags = which == RX ? VRING_DESC_F_WRITE : 0,
    };

    vqs[which].offered[id] = true;
    vqs[which].n_offered++;
    frontend_offer(&fe.vqs[which], id, desc);
}

/* Returns true if the log has the page of 'p', which lies in region 'region',
 * and takes it out of the log. */
static bool
take_from_log(int region, const void *p)
{
    uint64_t page = (fe.gpa[region]
                     + ((const uint8_t *) p - fe.mem[region])) / 4096;
    uint8_t bit = 1 << page % 8;

    return __atomic_fetch_and(&page_log[page / 8], ~bit, __ATOMIC_SEQ_CST)
           & bit;
}

/* When all places of a virtqueue have been used again, its pages must be in
 * the log. */
static void
check_ring_pages(int which)
{
    int part = fe.packed ? 0 : 2;
    uint32_t len = size * (fe.packed ? sizeof(struct vring_packed_desc)
                           : sizeof(struct vring_used_elem));

    if (++vqs[which].n_since < 2 * MAX_SIZE) {
        return;
    }
    vqs[which].n_since = 0;
    for (uint32_t i = 0; i < len; i += 4096) {
        if (!take_from_log(0, (uint8_t *) fe.vqs[which].parts[part] + i)) {
            fail("%s virtqueue: a page is not in the log",
                 which ? "transmit" : "receive");
        }
    }
}

static void
check_canary(int which, uint16_t id, const uint8_t *p, const char *where)
{
    for (int i = 0; i < CANARY_LEN; i++) {
        if (p[i] != CANARY) {
            fail("%s buffer %u: byte %d of the canary %s was written",
                 which ? "transmit" : "receive", id, i, where);
        }
    }
}

/* Takes back buffer 'id', which the back end says it has used. */
static void
take_back(int which, uint16_t id)
{
    if (id >= size || !vqs[which].offered[id]) {
        fail("%s buffer %u was used, but is not on offer",
             which ? "transmit" : "receive", id);
    }
    vqs[which].offered[id] = false;
    vqs[which].n_offered--;
    vqs[which].n_used[id]++;
    check_canary(which, id, place(which, id), "in front");
    check_canary(which, id, buffer(which, id) + BUF_LEN, "behind");
    if (page_log) {
        check_ring_pages(which);
    }
}

static bool
is_zero(const uint8_t *p, uint32_t len)
{
    return !p[0] && !memcmp(p, p + 1, len - 1);
}

/* Sends back the 'len' bytes at 'frame', if there is a buffer. */
static void
send_back(const uint8_t *frame, uint32_t len)
{
    static uint16_t id;

    for (int i = 0; i < size; i++) {
        id = (id + 1) % size;
        if (!vqs[TX].offered[id]) {
            memset(buffer(TX, id), 0, HDR_LEN);
            memcpy(buffer(TX, id) + HDR_LEN, frame, len);
            offer(TX, id, HDR_LEN + len);
            n_sent++;
            return;
        }
    }
}

static void
receive(uint16_t id, uint32_t len)
{
    const uint8_t *frame = buffer(RX, id) + HDR_LEN;
    struct simnic_tags tags;

    if (!len) {
        n_empty++;
        return;
    }
    if (page_log && !take_from_log(1, frame)) {
        fail("receive buffer %u was used, but is not in the log", id);
    }
    if (len < HDR_LEN + 14 || len > BUF_LEN) {
        fail("receive buffer %u was used with a length of %u", id, len);
    }
    len -= HDR_LEN;
    switch (simnic_frame_check(frame, len, &tags)) {
    case SIMNIC_FRAME_INTACT:
        n_intact++;
        send_back(frame, len);
        break;
    case SIMNIC_FRAME_FOREIGN:
        if (!is_zero(frame, len)) {
            fail("receive buffer %u has a frame that nobody sent", id);
        }
        n_foreign++;
        break;
    case SIMNIC_FRAME_BAD_CHECKSUM:
    case SIMNIC_FRAME_ALTERED:
    default:
        fail("frame %u was altered", tags.number);
    }
}

/* Deals with what was used.  Returns false if there is nothing. */
static bool
run(void)
{
    bool any = false;
    uint32_t len;
    uint16_t id;

    while (frontend_collect(&fe.vqs[TX], &id, &len)) {
        take_back(TX, id);
        any = true;
    }
    for (int i = 0; i < size && frontend_collect(&fe.vqs[RX], &id, &len);
         i++) {
        take_back(RX, id);
        receive(id, len);
        memset(buffer(RX, id), POISON, BUF_LEN);
        offer(RX, id, BUF_LEN);
        any = true;
    }
    return any;
}

static void
begin_epoch(void)
{
    epoch++;
    memset(vqs[RX].n_used, 0, sizeof vqs[RX].n_used);
    memset(vqs[TX].n_used, 0, sizeof vqs[TX].n_used);
}

static void
on_signal(int number)
{
    (void) number;
    new_epoch = 1;
}

/* Returns how often each buffer of a virtqueue was used in this epoch, at
 * least. */
static uint32_t
min_used(int which)
{
    uint32_t min = UINT32_MAX;

    for (int i = 0; i < size; i++) {
        min = vqs[which].n_used[i] < min ? vqs[which].n_used[i] : min;
    }
    return min;
}

static void
write_status(void)
{
    char name[4096];
    FILE *f;

    if (!status_file) {
        return;
    }
    snprintf(name, sizeof name, "%s.tmp", status_file);
    f = fopen(name, "w");
    if (!f) {
        fail("%s: cannot be written", name);
    }
    fprintf(f, "{\"epoch\": %llu, \"intact\": %llu, \"foreign\": %llu, "
            "\"empty\": %llu, \"sent\": %llu, \"rx_turns\": %u, "
            "\"tx_turns\": %u}\n", (unsigned long long int) epoch,
            (unsigned long long int) n_intact,
            (unsigned long long int) n_foreign,
            (unsigned long long int) n_empty, (unsigned long long int) n_sent,
            min_used(RX), min_used(TX));
    fclose(f);
    if (rename(name, status_file)) {
        fail("%s: cannot be written", status_file);
    }
}

/* Begins a session: the first one, or one with virtqueues as they are. */
static bool
begin(uint64_t features)
{
    static bool is_set_up;
    uint32_t bases[2];

    if (!frontend_negotiate(&fe, features)) {
        return false;
    }
    begin_epoch();
    if (is_set_up) {
        for (int i = 0; i < 2; i++) {
            const struct vring_used *used = fe.vqs[i].parts[2];

            bases[i] = fe.packed ? 0x80008000 : used->idx;
        }
        return frontend_attach(&fe, bases);
    }
    memset(vqs, 0, sizeof vqs);
    if (!frontend_set_up(&fe, size)) {
        return false;
    }
    memset(fe.mem[1], CANARY, fe.size[1]);
    for (uint16_t id = 0; id < size; id++) {
        memset(buffer(RX, id), POISON, BUF_LEN);
        offer(RX, id, BUF_LEN);
    }
    is_set_up = true;
    return true;
}

/* Returns true if the back end has hung up. */
static bool
is_over(void)
{
    char byte;

    return !recv(fe.sock, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
}

/* Runs until there were 'n' more frames. */
static void
run_frames(uint64_t n)
{
    uint64_t end = n_intact + n;

    while (n_intact < end) {
        if (is_over()) {
            fail("the back end has hung up");
        }
        if (!run()) {
            usleep(100);
        }
    }
}

static void
start_log(void)
{
    int fd = memfd_create("log", 0);
    uint8_t *p;

    if (fd < 0 || ftruncate(fd, LOG_SIZE)) {
        fail("not enough memory");
    }
    p = mmap(NULL, LOG_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED || !frontend_start_log(&fe, fd, LOG_SIZE)) {
        fail("no log");
    }
    close(fd);
    /* What was used before. */
    run();
    page_log = p;
}

/* Stops both virtqueues, and stores in 'bases' where. */
static void
stop(uint32_t bases[2])
{
    uint16_t id;
    uint32_t len;

    for (int i = 0; i < 2; i++) {
        if (!frontend_get_base(&fe, i, &bases[i])) {
            fail("virtqueue %d does not stop", i);
        }
    }
    while (run()) {
        continue;
    }
    for (int i = 0; i < 2; i++) {
        const struct frontend_vq *vq = &fe.vqs[i];
        uint16_t used = vq->used | (fe.packed ? vq->used_wrap << 15 : 0);

        if ((uint16_t) bases[i] != used) {
            fail("virtqueue %d is at %#x, not %#x", i, used, bases[i]);
        }
    }
    usleep(100000);
    for (int i = 0; i < 2; i++) {
        if (frontend_collect(&fe.vqs[i], &id, &len)) {
            fail("virtqueue %d goes on after it was stopped", i);
        }
    }
}

static void __attribute__((__noreturn__))
run_migration(void)
{
    uint32_t bases[2];

    run_frames(PHASE_FRAMES);
    start_log();
    run_frames(PHASE_FRAMES);
    stop(bases);

    page_log = NULL;
    if (!frontend_send_u64(&fe, SET_FEATURES, fe.features, -1)
        || !frontend_attach(&fe, bases)
        || !frontend_announce(&fe, 1)) {
        fail("virtqueues do not go on");
    }
    run_frames(PHASE_FRAMES);
    /* Once more, when all host buffers have been used. */
    if (!frontend_announce(&fe, 1)) {
        fail("the end does not take SEND_RARP");
    }
    run_frames(PHASE_FRAMES);
    write_status();
    exit(EXIT_SUCCESS);
}

static void
serve(uint64_t features)
{
    uint64_t next_status = 0;

    if (!begin(features)) {
        return;
    }
    if (migrate) {
        run_migration();
    }
    while (!is_over()) {
        bool any = run();

        if (new_epoch) {
            new_epoch = 0;
            begin_epoch();
        }
        if (now() >= next_status) {
            write_status();
            next_status = now() + STATUS_INTERVAL;
        }
        if (!any) {
            usleep(100);
        }
    }
    /* What it did before. */
    run();
}

int
main(int argc, char *argv[])
{
    static const struct option options[] = {
        { "packed", no_argument, NULL, 'p' },
        { "size", required_argument, NULL, 's' },
        { "status", required_argument, NULL, 'f' },
        { "migrate", no_argument, NULL, 'm' },
        { NULL, 0, NULL, 0 },
    };
    size_t sizes[FRONTEND_N_REGIONS] = { 1 << 20, 4 << 20 };
    uint64_t features = UINT64_C(1) << 32 | UINT64_C(1) << 30;
    int listener, c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
        switch (c) {
        case 'p':
            features |= UINT64_C(1) << 34;
            break;
        case 's':
            size = strtoul(optarg, NULL, 0);
            break;
        case 'f':
            status_file = optarg;
            break;
        case 'm':
            migrate = true;
            break;
        default:
            return EXIT_FAILURE;
        }
    }
    if (optind != argc - 1 || size < 2 || size > MAX_SIZE) {
        fail("usage: stress-guest [--packed] [--size N] [--status FILE] "
             "[--migrate] SOCKET");
    }
    signal(SIGUSR1, on_signal);
    if (!frontend_init(&fe, sizes, false)) {
        fail("not enough memory");
    }
    listener = frontend_listen(argv[optind]);
    if (listener < 0) {
        fail("%s: cannot listen", argv[optind]);
    }
    for (;;) {
        fe.sock = accept(listener, NULL, NULL);
        if (fe.sock >= 0) {
            serve(features);
            close(fe.sock);
            fe.sock = -1;
        }
    }
}
