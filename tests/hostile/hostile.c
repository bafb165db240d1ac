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
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/virtio_ring.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#define N_REGIONS 2
#define REGION_SIZE (1 << 20)
#define BUF_LEN 2048
#define MAX_SIZE 128
#define RING_SPACE 16384        /* For each part of a virtqueue. */

/* The protocol's numbers. */
enum request {
    GET_FEATURES = 1, SET_FEATURES = 2, SET_OWNER = 3, SET_MEM_TABLE = 5,
    SET_VRING_NUM = 8, SET_VRING_ADDR = 9, SET_VRING_BASE = 10,
    GET_VRING_BASE = 11, SET_VRING_KICK = 12, SET_VRING_CALL = 13,
    GET_PROTOCOL_FEATURES = 15, SET_PROTOCOL_FEATURES = 16,
    SET_VRING_ENABLE = 18,
};

struct mem_region {
    uint64_t gpa, size, uva, offset;
};

struct message {
    uint32_t request, flags, size;
    union {
        uint64_t u64;
        struct { uint32_t index, num; } state;
        struct {
            uint32_t index, flags;
            uint64_t desc, used, avail, log;
        } addr;
        struct {
            uint32_t n, padding;
            struct mem_region regions[8];
        } mem;
    };
} __attribute__((__packed__));

#define HEADER_SIZE 12

struct vq {
    uint16_t size, avail, used_seen;
    bool wrap;
    uint64_t pos[3];            /* Of its parts, in region 0. */
    int kick, call;
};

static uint64_t random_state;
static int sock = -1;
static int fds[N_REGIONS];
static uint8_t *mem[N_REGIONS];
static struct vq vqs[2];        /* Receive, transmit. */
static bool packed;

static const uint64_t gpas[N_REGIONS] = { 0x100000, 0x40000000 };

static uint32_t
rnd(uint32_t n)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (random_state * UINT64_C(0x2545f4914f6cdd1d) >> 32) % n;
}

static uint64_t
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * UINT64_C(1000) + t.tv_nsec / 1000000;
}

static void
die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

/* Sends 'm' with the 'n' descriptors in 'send_fds'.  Returns false if the port
 * has hung up. */
static bool
send_message(struct message *m, const int *send_fds, unsigned int n)
{
    struct iovec iov = { m, HEADER_SIZE + m->size };
    union {
        struct cmsghdr align;
        char buf[CMSG_SPACE(8 * sizeof(int))];
    } control = { .buf = { 0 } };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    m->flags = 1;
    if (n) {
        struct cmsghdr *c;

        msg.msg_control = control.buf;
        msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n * sizeof(int));
        memcpy(CMSG_DATA(c), send_fds, n * sizeof(int));
    }
    return sendmsg(sock, &msg, MSG_NOSIGNAL) == (ssize_t) iov.iov_len;
}

static bool
send_u64(enum request request, uint64_t u64, int fd)
{
    struct message m = { .request = request, .size = 8, .u64 = u64 };

    return send_message(&m, &fd, fd >= 0);
}

static bool
send_state(enum request request, uint32_t index, uint32_t num)
{
    struct message m = { .request = request, .size = 8,
                         .state = { index, num } };

    return send_message(&m, NULL, 0);
}

/* Waits for the answer to what was sent last.  Returns false if the port has
 * hung up. */
static bool
get_reply(struct message *m)
{
    struct pollfd p = { .fd = sock, .events = POLLIN };

    if (poll(&p, 1, 60000) <= 0) {
        fprintf(stderr, "the port does not answer\n");
        exit(EXIT_FAILURE);
    }
    return (recv(sock, m, HEADER_SIZE, MSG_WAITALL) == HEADER_SIZE
            && m->size <= sizeof *m - HEADER_SIZE
            && recv(sock, (char *) m + HEADER_SIZE, m->size, MSG_WAITALL)
               == (ssize_t) m->size);
}

static bool
ask(enum request request, uint64_t *answer)
{
    struct message m = { .request = request };

    if (!send_message(&m, NULL, 0) || !get_reply(&m)) {
        return false;
    }
    *answer = m.u64;
    return true;
}

static uint64_t
uva(uint64_t pos)
{
    return UINT64_C(0x7f0000000000) + pos;
}

static bool
send_memory(bool lie)
{
    struct message m = {
        .request = SET_MEM_TABLE,
        .size = 8 + N_REGIONS * sizeof(struct mem_region),
        .mem.n = N_REGIONS,
    };

    for (int i = 0; i < N_REGIONS; i++) {
        m.mem.regions[i] = (struct mem_region) {
            gpas[i], REGION_SIZE, uva(i * (uint64_t) REGION_SIZE), 0
        };
    }
    if (lie) {
        /* Not one that is larger than its file: the vhost library touches
         * that itself. */
        switch (rnd(3)) {
        case 0:
            m.mem.regions[1].gpa = gpas[0] + rnd(REGION_SIZE);
            break;
        case 1:
            m.mem.regions[1].gpa = UINT64_MAX - rnd(REGION_SIZE - 1);
            break;
        default:
            m.mem.regions[1].size = 0;
            break;
        }
    }
    return send_message(&m, fds, N_REGIONS);
}

static bool
send_addr(int i, uint64_t desc, uint64_t avail, uint64_t used)
{
    struct message m = {
        .request = SET_VRING_ADDR,
        .size = sizeof m.addr,
        .addr = { .index = i, .desc = uva(desc), .avail = uva(avail),
                  .used = uva(used) },
    };

    return send_message(&m, NULL, 0);
}

static void *
part(const struct vq *vq, int i)
{
    return mem[0] + vq->pos[i];
}

/* Writes descriptor 'i' of 'vq' and makes it available. */
static void
offer(struct vq *vq, uint16_t i, struct vring_desc desc)
{
    if (packed) {
        struct vring_packed_desc *d = part(vq, 0);

        d += vq->avail;
        d->addr = desc.addr;
        d->len = desc.len;
        d->id = i;
        desc.flags &= ~(1 << 7 | 1 << 15);
        __atomic_store_n(&d->flags,
                         desc.flags | (vq->wrap ? 1 << 7 : 1 << 15),
                         __ATOMIC_RELEASE);
        if (++vq->avail == vq->size) {
            vq->avail = 0;
            vq->wrap = !vq->wrap;
        }
    } else {
        struct vring_avail *avail = part(vq, 1);

        ((struct vring_desc *) part(vq, 0))[i % vq->size] = desc;
        avail->ring[vq->avail++ % vq->size] = i;
        __atomic_store_n(&avail->idx, vq->avail, __ATOMIC_RELEASE);
    }
}

static struct vring_desc
honest_desc(const struct vq *vq, uint16_t i)
{
    return (struct vring_desc) {
        .addr = gpas[1] + (i + (vq == &vqs[1] ? MAX_SIZE : 0)) * BUF_LEN,
        .len = vq == &vqs[1] ? 12 + 60 : BUF_LEN,
        .flags = vq == &vqs[0] ? VRING_DESC_F_WRITE : 0,
    };
}

/* Sets both virtqueues up, and makes all of their buffers available. */
static bool
set_up(void)
{
    uint16_t size = 32 << rnd(3);

    memset(mem[0], 0, REGION_SIZE);
    memset(mem[1], 0, REGION_SIZE);
    for (int i = 0; i < 2; i++) {
        struct vq *vq = &vqs[i];

        vq->size = size;
        vq->avail = 0;
        vq->wrap = true;
        for (int j = 0; j < 3; j++) {
            vq->pos[j] = (i * 3 + j) * RING_SPACE;
        }
        if (!send_state(SET_VRING_NUM, i, size)
            || !send_state(SET_VRING_BASE, i, packed ? 0x80008000 : 0)
            || !send_addr(i, vq->pos[0], vq->pos[1], vq->pos[2])
            || !send_u64(SET_VRING_CALL, i, vq->call)
            || !send_u64(SET_VRING_KICK, i, vq->kick)
            || !send_state(SET_VRING_ENABLE, i, 1)) {
            return false;
        }
    }
    for (uint16_t i = 0; i < size; i++) {
        offer(&vqs[0], i, honest_desc(&vqs[0], i));
        offer(&vqs[1], i, honest_desc(&vqs[1], i));
    }
    return true;
}

/* Returns true if the device has used a buffer of 'vq'. */
static bool
is_used(const struct vq *vq)
{
    if (packed) {
        const struct vring_packed_desc *d = part(vq, 0);
        uint16_t flags = __atomic_load_n(&d->flags, __ATOMIC_ACQUIRE);

        return flags & 1 << 7 && flags & 1 << 15;
    }
    return ((volatile struct vring_used *) part(vq, 2))->idx;
}

static bool
is_served(void)
{
    uint64_t end = now() + 60000;

    while (!is_used(&vqs[0]) || !is_used(&vqs[1])) {
        if (now() > end) {
            return false;
        }
        usleep(1000);
    }
    return true;
}

static uint64_t
bad_address(void)
{
    switch (rnd(5)) {
    case 0:
        return gpas[rnd(2)] + REGION_SIZE - rnd(64);
    case 1:
        return gpas[rnd(2)] - rnd(64);
    case 2:
        return UINT64_MAX - rnd(4096);
    case 3:
        return (uint64_t) rnd(UINT32_MAX) << rnd(32);
    default:
        return gpas[rnd(2)] + rnd(REGION_SIZE);
    }
}

static uint32_t
bad_length(void)
{
    static const uint32_t lens[] = { 0, 1, 11, 12, 13, 16, 24, 32, 4096,
                                     REGION_SIZE, 0x7fffffff, UINT32_MAX };

    return rnd(2) ? lens[rnd(sizeof lens / sizeof lens[0])] : rnd(4096);
}

/* A descriptor that is wrong in one way or in several. */
static struct vring_desc
bad_desc(const struct vq *vq)
{
    struct vring_desc desc = honest_desc(vq, rnd(vq->size));

    if (rnd(2)) {
        desc.addr = bad_address();
    }
    if (rnd(2)) {
        desc.len = bad_length();
    }
    if (rnd(2)) {
        desc.flags = rnd(8);
    }
    desc.next = rnd(2) ? rnd(vq->size) : rnd(65536);
    return desc;
}

/* Does one thing to a virtqueue that no driver does. */
static void
attack_ring(void)
{
    struct vq *vq = &vqs[rnd(2)];
    struct vring_desc desc;
    uint64_t table;

    switch (rnd(7)) {
    case 0:
        offer(vq, rnd(4) ? rnd(vq->size) : rnd(65536), bad_desc(vq));
        break;
    case 1:                     /* A table, of descriptors of any kind. */
        table = 8 * RING_SPACE + rnd(4096);
        for (int i = 0; i < 8; i++) {
            desc = bad_desc(vq);
            memcpy(mem[0] + table + i * 16, &desc, sizeof desc);
        }
        desc.addr = gpas[0] + table;
        desc.len = rnd(4) ? 16 * (1 + rnd(8)) : bad_length();
        desc.flags = VRING_DESC_F_INDIRECT | (rnd(4) ? 0 : rnd(8));
        offer(vq, rnd(vq->size), desc);
        break;
    case 2:                     /* An index that jumps. */
        if (!packed) {
            vq->avail += rnd(65536);
            ((struct vring_avail *) part(vq, 1))->idx = vq->avail;
        } else {
            vq->avail = rnd(vq->size);
            vq->wrap = rnd(2);
        }
        break;
    case 3:                     /* The same again. */
        desc = honest_desc(vq, 0);
        offer(vq, 0, desc);
        offer(vq, 0, desc);
        break;
    case 4:                     /* What the device may be looking at. */
        for (int i = 0; i < 64; i++) {
            desc = bad_desc(vq);
            memcpy((char *) part(vq, 0) + rnd(vq->size) * 16, &desc,
                   packed ? 12 : 16);
        }
        break;
    case 5:                     /* Anything, anywhere. */
        for (int i = 0; i < 64; i++) {
            mem[0][rnd(6 * RING_SPACE)] = rnd(256);
        }
        break;
    default:                    /* A header that asks for offloads. */
        for (int i = 0; i < 12; i++) {
            mem[1][MAX_SIZE * BUF_LEN + rnd(vq->size) * BUF_LEN + i]
                = rnd(256);
        }
        offer(&vqs[1], rnd(vq->size), honest_desc(&vqs[1], rnd(vq->size)));
        break;
    }
}

/* Sends a message that no front end sends.  Returns false if the port has hung
 * up. */
static bool
attack_session(void)
{
    int i = rnd(2);

    switch (rnd(5)) {
    case 0:                     /* Moves it, to any place. */
        return send_addr(i, rnd(2 * REGION_SIZE), rnd(2 * REGION_SIZE),
                         rnd(2 * REGION_SIZE));
    case 1:                     /* To the end of memory. */
        return send_addr(i, 2 * REGION_SIZE - 16 * rnd(MAX_SIZE),
                         2 * REGION_SIZE - 2 * rnd(MAX_SIZE),
                         2 * REGION_SIZE - 8 * rnd(MAX_SIZE));
    case 2:                     /* Lets it grow beyond it. */
        return (send_addr(i, 2 * REGION_SIZE - 16 * vqs[i].size,
                          vqs[i].pos[1], vqs[i].pos[2])
                && send_state(SET_VRING_ENABLE, i, 1)
                && send_state(SET_VRING_NUM, i, 32768));
    case 3:
        return send_state(SET_VRING_BASE, i, rnd(UINT32_MAX));
    default:
        return send_memory(true);
    }
}

/* Negotiates with the port that has just connected. */
static bool
negotiate(void)
{
    uint64_t features, ignored;

    packed = rnd(2);
    if (!send_u64(SET_OWNER, 0, -1) || !ask(GET_FEATURES, &features)
        || !ask(GET_PROTOCOL_FEATURES, &ignored)) {
        return false;
    }
    /* VERSION_1, protocol features, indirect descriptors, mergeable buffers,
     * sometimes event index. */
    features &= (UINT64_C(1) << 32 | 1 << 30 | 1 << 28 | 1 << 15
                 | (uint64_t) packed << 34 | (uint64_t) rnd(2) << 29);
    return (send_u64(SET_PROTOCOL_FEATURES, 0, -1)
            && send_u64(SET_FEATURES, features, -1) && send_memory(false));
}

/* Returns false if the port has hung up. */
static bool
reset(void)
{
    for (int i = 0; i < 2; i++) {
        struct message m = { .request = GET_VRING_BASE, .size = 8,
                             .state = { i, 0 } };

        if (!send_message(&m, NULL, 0) || !get_reply(&m)) {
            return false;
        }
    }
    return send_memory(false);
}

static void
make_memory(void)
{
    for (int i = 0; i < N_REGIONS; i++) {
        fds[i] = memfd_create("hostile", 0);
        if (fds[i] < 0 || ftruncate(fds[i], REGION_SIZE)) {
            die("memfd");
        }
        mem[i] = mmap(NULL, REGION_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
                      fds[i], 0);
        if (mem[i] == MAP_FAILED) {
            die("mmap");
        }
    }
    for (int i = 0; i < 2; i++) {
        vqs[i].kick = eventfd(0, EFD_NONBLOCK);
        vqs[i].call = eventfd(0, EFD_NONBLOCK);
    }
}

static int
listen_on(const char *path)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(sun.sun_path, sizeof sun.sun_path, "%s", path);
    unlink(path);
    if (fd < 0 || bind(fd, (struct sockaddr *) &sun, sizeof sun)
        || listen(fd, 1)) {
        die(path);
    }
    return fd;
}

int
main(int argc, char *argv[])
{
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
    random_state = seed * 2 + 1;
    make_memory();
    listener = listen_on(argv[1]);
    for (end = now() + seconds * 1000; now() < end; close(sock)) {
        sock = accept(listener, NULL, NULL);
        if (sock < 0) {
            die("accept");
        }
        n_sessions++;
        for (bool up = negotiate(); up && now() < end; up = up && reset()) {
            uint64_t ignored;

            if (!set_up()) {
                break;
            }
            if (!is_served()) {
                printf("not served any more\n");
                return EXIT_FAILURE;
            }
            n_served++;
            for (unsigned int n = 1 + rnd(200); n; n--, n_rings++) {
                attack_ring();
                if (!rnd(16)) {
                    usleep(rnd(1000));
                }
            }
            if (!rnd(3)) {
                n_messages++;
                up = attack_session() && ask(GET_FEATURES, &ignored);
                usleep(rnd(300000));
            }
            if (!rnd(8)) {
                break;          /* Hangs up. */
            }
        }
    }
    printf("%u sessions, served %u times, %u lies, %u bad messages\n",
           n_sessions, n_served, n_rings, n_messages);
    unlink(argv[1]);
    return n_served ? EXIT_SUCCESS : EXIT_FAILURE;
}
