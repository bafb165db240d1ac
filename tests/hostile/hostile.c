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

/* A vhost-user front end whose guest lies.
 *
 *     hostile [--seed N] [--seconds N] SOCKET
 *
 * Listens on SOCKET for the port, which is the client.  Sets up one pair of
 * virtqueues, honestly, and receives some frames; then writes to the rings,
 * and sends messages, what no driver would; then sets up again or hangs up,
 * until the time is over.  Prints the seed, what it did, and how often it was
 * served honestly.  Exits with status 0 if it was each time. */

#include <errno.h>
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

#define REGION_SIZE (1 << 20)
#define BUF_LEN 2048
#define MAX_SIZE 128

static struct frontend fe;

static void
die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

/* Returns false if the port has hung up. */
static bool
send_bad_memory(void)
{
    struct frontend_message m;

    frontend_describe_memory(&fe, &m);
    /* Not a region that is larger than its file: the vhost library touches
     * that itself, if it has virtqueues. */
    switch (frontend_rnd(3)) {
    case 0:
        m.mem.regions[1].gpa = fe.gpa[0] + frontend_rnd(REGION_SIZE);
        break;
    case 1:
        m.mem.regions[1].gpa = UINT64_MAX - frontend_rnd(REGION_SIZE - 1);
        break;
    default:
        m.mem.regions[1].size = 0;
        break;
    }
    return frontend_send(&fe, &m, fe.fds, FRONTEND_N_REGIONS);
}

static struct vring_desc
honest_desc(const struct frontend_vq *vq, uint16_t i)
{
    return (struct vring_desc) {
        .addr = fe.gpa[1] + (i + (vq == &fe.vqs[1] ? MAX_SIZE : 0)) * BUF_LEN,
        .len = vq == &fe.vqs[1] ? 12 + 60 : BUF_LEN,
        .flags = vq == &fe.vqs[0] ? VRING_DESC_F_WRITE : 0,
    };
}

/* Sets both virtqueues up, and makes all of their buffers available. */
static bool
set_up(void)
{
    uint16_t size = 32 << frontend_rnd(3);

    if (!frontend_set_up(&fe, size)) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        for (uint16_t j = 0; j < size; j++) {
            frontend_offer(&fe.vqs[i], j, honest_desc(&fe.vqs[i], j));
        }
    }
    return true;
}

/* Returns true if the device has used a buffer of 'vq'. */
static bool
is_used(const struct frontend_vq *vq)
{
    if (vq->packed) {
        const struct vring_packed_desc *d = vq->parts[0];
        uint16_t flags = __atomic_load_n(&d->flags, __ATOMIC_ACQUIRE);

        return flags & 1 << 7 && flags & 1 << 15;
    }
    return ((volatile struct vring_used *) vq->parts[2])->idx;
}

static bool
is_served(void)
{
    uint64_t end = frontend_now() + 60000;

    while (!is_used(&fe.vqs[0]) || !is_used(&fe.vqs[1])) {
        if (frontend_now() > end) {
            return false;
        }
        usleep(1000);
    }
    return true;
}

static uint64_t
bad_address(void)
{
    switch (frontend_rnd(5)) {
    case 0:
        return fe.gpa[frontend_rnd(2)] + REGION_SIZE - frontend_rnd(64);
    case 1:
        return fe.gpa[frontend_rnd(2)] - frontend_rnd(64);
    case 2:
        return UINT64_MAX - frontend_rnd(4096);
    case 3:
        return (uint64_t) frontend_rnd(UINT32_MAX) << frontend_rnd(32);
    default:
        return fe.gpa[frontend_rnd(2)] + frontend_rnd(REGION_SIZE);
    }
}

static uint32_t
bad_length(void)
{
    static const uint32_t lens[] = { 0, 1, 11, 12, 13, 16, 24, 32, 4096,
                                     REGION_SIZE, 0x7fffffff, UINT32_MAX };

    return (frontend_rnd(2) ? lens[frontend_rnd(sizeof lens / sizeof lens[0])]
            : frontend_rnd(4096));
}

/* A descriptor that is wrong in one way or in several. */
static struct vring_desc
bad_desc(const struct frontend_vq *vq)
{
    struct vring_desc desc = honest_desc(vq, frontend_rnd(vq->size));

    if (frontend_rnd(2)) {
        desc.addr = bad_address();
    }
    if (frontend_rnd(2)) {
        desc.len = bad_length();
    }
    if (frontend_rnd(2)) {
        desc.flags = frontend_rnd(8);
    }
    desc.next = frontend_rnd(2) ? frontend_rnd(vq->size) : frontend_rnd(65536);
    return desc;
}

/* Does one thing to a virtqueue that no driver does. */
static void
attack_ring(void)
{
    struct frontend_vq *vq = &fe.vqs[frontend_rnd(2)];
    struct vring_desc desc;
    uint64_t table;
    uint16_t id;

    switch (frontend_rnd(7)) {
    case 0:
        id = frontend_rnd(frontend_rnd(4) ? vq->size : 65536);
        frontend_offer(vq, id, bad_desc(vq));
        break;
    case 1:                     /* A table, of descriptors of any kind. */
        table = 8 * FRONTEND_RING_SPACE + frontend_rnd(4096);
        for (int i = 0; i < 8; i++) {
            desc = bad_desc(vq);
            memcpy(fe.mem[0] + table + i * 16, &desc, sizeof desc);
        }
        desc.addr = fe.gpa[0] + table;
        desc.len = frontend_rnd(4) ? 16 * (1 + frontend_rnd(8)) : bad_length();
        desc.flags = (VRING_DESC_F_INDIRECT
                      | (frontend_rnd(4) ? 0 : frontend_rnd(8)));
        frontend_offer(vq, frontend_rnd(vq->size), desc);
        break;
    case 2:                     /* An index that jumps. */
        if (!vq->packed) {
            vq->avail += frontend_rnd(65536);
            ((struct vring_avail *) vq->parts[1])->idx = vq->avail;
        } else {
            vq->avail = frontend_rnd(vq->size);
            vq->wrap = frontend_rnd(2);
        }
        break;
    case 3:                     /* The same again. */
        desc = honest_desc(vq, 0);
        frontend_offer(vq, 0, desc);
        frontend_offer(vq, 0, desc);
        break;
    case 4:                     /* What the device may be looking at. */
        for (int i = 0; i < 64; i++) {
            desc = bad_desc(vq);
            memcpy((char *) vq->parts[0] + frontend_rnd(vq->size) * 16, &desc,
                   vq->packed ? 12 : 16);
        }
        break;
    case 5:                     /* Anything, anywhere. */
        for (int i = 0; i < 64; i++) {
            fe.mem[0][frontend_rnd(6 * FRONTEND_RING_SPACE)]
                = frontend_rnd(256);
        }
        break;
    default:                    /* A header that asks for offloads. */
        for (int i = 0; i < 12; i++) {
            fe.mem[1][(MAX_SIZE + frontend_rnd(vq->size)) * BUF_LEN + i]
                = frontend_rnd(256);
        }
        frontend_offer(&fe.vqs[1], frontend_rnd(vq->size),
                       honest_desc(&fe.vqs[1], frontend_rnd(vq->size)));
        break;
    }
}

/* A message of a kind that was not agreed on, of memory that is smaller than
 * it says, or wraps.  It may have an answer, which nobody waits for. */
static bool
send_shared_memory(enum frontend_request request)
{
    struct frontend_message m = {
        .request = request,
        .size = sizeof m.shared,
        .shared = {
            .size = frontend_rnd(2) ? 4096 : UINT64_MAX - frontend_rnd(8192),
            .offset = frontend_rnd(2) ? 0 : UINT64_MAX - frontend_rnd(8192),
            .n_queues = 1 + frontend_rnd(16),
            .queue_size = 1 << frontend_rnd(16),
        },
    };

    if (request == SET_LOG_BASE) {
        m.size = 16;
    }
    frontend_send(&fe, &m, fe.fds, request != GET_INFLIGHT_FD);
    return false;
}

/* A message with descriptors that nobody needs.  The port must close them. */
static bool
send_descriptors(void)
{
    static const enum frontend_request requests[] = {
        GET_FEATURES, SET_FEATURES, SET_VRING_NUM, SET_VRING_ENABLE,
        SET_VRING_CALL, SET_MEM_TABLE, SET_LOG_BASE, GET_VRING_BASE,
    };
    struct frontend_message m = {
        .request = requests[frontend_rnd(sizeof requests
                                         / sizeof requests[0])],
        .size = 8,
        .state = { frontend_rnd(2), 64 },
    };
    int fds[8];

    for (int i = 0; i < 8; i++) {
        fds[i] = fe.vqs[i].kick;
    }
    frontend_send(&fe, &m, fds, 2 + frontend_rnd(7));
    return false;
}

/* Sends a message that no front end sends.  Returns false if the port has hung
 * up, or there is no knowing what it answers. */
static bool
attack_session(void)
{
    uint64_t end = 2 * REGION_SIZE;
    int i = frontend_rnd(2);

    switch (frontend_rnd(10)) {
    case 0:                     /* Moves it, to any place. */
        return frontend_send_addr(&fe, i, frontend_rnd(2 * REGION_SIZE),
                                  frontend_rnd(2 * REGION_SIZE),
                                  frontend_rnd(2 * REGION_SIZE));
    case 1:                     /* To the end of memory. */
        return frontend_send_addr(&fe, i, end - 16 * frontend_rnd(MAX_SIZE),
                                  end - 2 * frontend_rnd(MAX_SIZE),
                                  end - 8 * frontend_rnd(MAX_SIZE));
    case 2:                     /* Lets it grow beyond it. */
        return (frontend_send_addr(&fe, i,
                                   end - 16 * fe.vqs[i].size,
                                   fe.vqs[i].pos[1], fe.vqs[i].pos[2])
                && frontend_send_state(&fe, SET_VRING_ENABLE, i, 1)
                && frontend_send_state(&fe, SET_VRING_NUM, i, 32768));
    case 3:
        return frontend_send_state(&fe, SET_VRING_BASE, i,
                                   frontend_rnd(UINT32_MAX));
    case 4:                     /* CVE-2020-10723: no such virtqueue. */
        return frontend_send_state(&fe, SET_VRING_NUM + frontend_rnd(3),
                                   256u << frontend_rnd(24) | i,
                                   frontend_rnd(65536));
    case 5:                     /* CVE-2020-10722: a sum that wraps. */
        return send_shared_memory(SET_LOG_BASE);
    case 6:                     /* CVE-2020-10726: over and over. */
        return send_shared_memory(GET_INFLIGHT_FD);
    case 7:                     /* CVE-2021-3839: beyond what it is. */
        return send_shared_memory(SET_INFLIGHT_FD);
    case 8:                     /* CVE-2022-0669: descriptors that stay. */
        return send_descriptors();
    default:
        return send_bad_memory();
    }
}

/* Negotiates with the port that has just connected. */
static bool
negotiate(void)
{
    uint64_t packed = frontend_rnd(2);
    uint64_t event_index = frontend_rnd(2);

    /* VERSION_1, protocol features, indirect descriptors, mergeable
     * buffers. */
    return frontend_negotiate(&fe, (UINT64_C(1) << 32 | 1 << 30 | 1 << 28
                                    | 1 << 15 | packed << 34
                                    | event_index << 29));
}

/* What is announced and is not there. */
enum absent { MEMORY, LOG, LOG_OFFSET, N_ABSENT };

/* Sets virtqueues up that lie beyond the end of the file in which the second
 * region is. */
static void
set_up_beyond(void)
{
    struct frontend_message m;

    frontend_describe_memory(&fe, &m);
    m.mem.regions[1].size *= 2;
    frontend_send(&fe, &m, fe.fds, FRONTEND_N_REGIONS);
    for (int i = 0; i < 2; i++) {
        const struct frontend_vq *vq = &fe.vqs[i];
        uint64_t pos = 2 * REGION_SIZE;

        frontend_send_state(&fe, SET_VRING_NUM, i, 32);
        frontend_send_addr(&fe, i, pos, pos + 4096, pos + 8192);
        frontend_send_u64(&fe, SET_VRING_CALL, i, vq->call);
        frontend_send_u64(&fe, SET_VRING_KICK, i, vq->kick);
        frontend_send_state(&fe, SET_VRING_ENABLE, i, 1);
    }
}

/* Has the port note the pages that it writes to beyond the end of the log's
 * file, or of what the vhost library maps of it. */
static void
log_beyond(enum absent absent)
{
    struct frontend_message m = { .request = SET_LOG_BASE, .size = 16 };
    int fd = memfd_create("log", 0);

    if (absent == LOG) {
        m.log.size = 1 << 24;
    } else {
        m.log.size = m.log.offset = 4096;
    }
    if (fd < 0 || ftruncate(fd, absent == LOG ? 1 : 8192)) {
        die("log");
    }
    if (set_up() && is_served()) {
        frontend_send(&fe, &m, &fd, 1);
        frontend_send_u64(&fe, SET_FEATURES, fe.features | UINT64_C(1) << 26,
                          -1);
    }
    close(fd);
}

/* Announces memory that is not there.  Returns false if that does not end the
 * session. */
static bool
attack_files(enum absent absent)
{
    struct timeval patience = { .tv_sec = 60 };
    char answers[1024];

    if (absent == MEMORY) {
        set_up_beyond();
    } else {
        log_beyond(absent);
    }
    setsockopt(fe.sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    for (;;) {
        ssize_t n = recv(fe.sock, answers, sizeof answers, 0);

        if (n <= 0) {
            return !n || errno == ECONNRESET;
        }
    }
}

static bool
reset(void)
{
    return frontend_stop(&fe) && frontend_send_memory(&fe);
}

int
main(int argc, char *argv[])
{
    static const size_t sizes[] = { REGION_SIZE, REGION_SIZE };
    uint64_t seconds = 10, end;
    uint64_t seed = time(NULL);
    unsigned int n_sessions = 0, n_served = 0, n_rings = 0, n_messages = 0;
    int listener;

    for (; argc > 3 && argv[1][0] == '-'; argc -= 2, argv += 2) {
        if (!strcmp(argv[1], "--seed")) {
            seed = strtoull(argv[2], NULL, 0);
        } else if (!strcmp(argv[1], "--seconds")) {
            seconds = strtoull(argv[2], NULL, 0);
        }
    }
    if (argc != 2) {
        fprintf(stderr, "usage: hostile [--seed N] [--seconds N] SOCKET\n");
        return EXIT_FAILURE;
    }
    printf("seed %llu\n", (unsigned long long int) seed);
    fflush(stdout);
    frontend_seed(seed);
    if (!frontend_init(&fe, sizes, false)) {
        die("memory");
    }
    listener = frontend_listen(argv[1]);
    if (listener < 0) {
        die(argv[1]);
    }
    for (end = frontend_now() + seconds * 1000; frontend_now() < end;
         close(fe.sock)) {
        fe.sock = accept(listener, NULL, NULL);
        if (fe.sock < 0) {
            die("accept");
        }
        /* Each of these once, and now and then. */
        if (n_sessions++ < N_ABSENT || !frontend_rnd(16)) {
            if (negotiate()
                && !attack_files(n_sessions <= N_ABSENT
                                 ? n_sessions - 1 : frontend_rnd(N_ABSENT))) {
                printf("the port uses memory that is not there\n");
                return EXIT_FAILURE;
            }
            n_messages++;
            continue;
        }
        for (bool up = negotiate(); up && frontend_now() < end;
             up = up && reset()) {
            uint64_t ignored;

            if (!set_up()) {
                break;
            }
            if (!is_served()) {
                printf("not served any more\n");
                return EXIT_FAILURE;
            }
            n_served++;
            for (unsigned int n = 1 + frontend_rnd(200); n; n--, n_rings++) {
                attack_ring();
                if (!frontend_rnd(16)) {
                    usleep(frontend_rnd(1000));
                }
            }
            if (!frontend_rnd(3)) {
                n_messages++;
                up = (attack_session()
                      && frontend_ask(&fe, GET_FEATURES, &ignored));
                usleep(frontend_rnd(100000));
            }
            if (!frontend_rnd(8)) {
                break;          /* Hangs up. */
            }
        }
    }
    printf("%u sessions, served %u times, %u lies, %u bad messages\n",
           n_sessions, n_served, n_rings, n_messages);
    unlink(argv[1]);
    return n_served ? EXIT_SUCCESS : EXIT_FAILURE;
}
