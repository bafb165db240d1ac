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

/* Journals: a device that is killed at any instant neither loses a buffer nor
 * uses one twice, and a journal that is about something else is not believed.
 *
 * usage: test-journal [ROUNDS [SEED]] */

#include "zcrx-vring.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "guest.h"

#define MEM_SIZE 65536
#define SHARED_SIZE 65536
#define MAX_RING 64

/* Instructions that a device gets before it is killed, at most. */
#define MAX_STEPS 2000

static struct guest guest;
static struct guest_vq gq;      /* The driver's side. */
static struct zcrx_vring vq;    /* The device's, under test. */
static uint64_t seed;
static unsigned int n_rounds = 25;

/* What device and driver share: the rings, and the journal. */
static uint8_t *shared;

/* Heads that the device has, in the order in which it took them. */
static uint16_t held[MAX_RING];
static unsigned int n_held;

/* Moves 'len' bytes at 'p', which were allocated, to 'offset' in the shared
 * memory. */
static void *
move(void *p, size_t offset, size_t len)
{
    memcpy(shared + offset, p, len);
    free(p);
    return shared + offset;
}

static void
set_up(bool packed, uint16_t size, uint16_t start)
{
    shared = mmap(NULL, SHARED_SIZE, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    CHECK(zcrx_vring_journal_size(size) <= SHARED_SIZE / 2);
    guest_init(&guest, MEM_SIZE);
    if (packed) {
        guest_vq_init_packed(&gq, &guest, size, start, true);
        gq.ring = move(gq.ring, 0, size * sizeof *gq.ring);
        gq.driver_event = move(gq.driver_event, 8192, 4);
        gq.device_event = move(gq.device_event, 12288, 4);
        gq.config.desc = gq.ring;
        gq.config.avail = gq.driver_event;
        gq.config.used = gq.device_event;
    } else {
        guest_vq_init(&gq, &guest, size, start, true);
        gq.desc = move(gq.desc, 0, size * sizeof *gq.desc);
        gq.avail = move(gq.avail, 8192, 4 + (size + 1) * 2);
        gq.used = move(gq.used, 12288, 4 + size * 8 + 2);
        gq.config.desc = gq.desc;
        gq.config.avail = gq.avail;
        gq.config.used = gq.used;
    }
    gq.config.journal = (void *) (shared + SHARED_SIZE / 2);
    n_held = 0;
}

static void
tear_down(void)
{
    gq.desc = NULL;
    gq.avail = NULL;
    gq.used = NULL;
    gq.ring = NULL;
    gq.driver_event = NULL;
    gq.device_event = NULL;
    guest_vq_destroy(&gq);
    guest_destroy(&guest);
    CHECK(!munmap(shared, SHARED_SIZE));
}

/* The driver: makes up to 'n' buffers available. */
static void
post(unsigned int n)
{
    while (n--) {
        struct guest_piece pieces[4];
        unsigned int n_pieces = 1 + next_random(&seed, 4) / 3
                                * next_random(&seed, 4);

        if (gq.n_free < n_pieces) {
            break;
        }
        for (unsigned int i = 0; i < n_pieces; i++) {
            pieces[i] = (struct guest_piece) { GUEST_LOW_GPA, 256 };
        }
        guest_post(&gq, pieces, n_pieces, GUEST_DIRECT);
    }
}

/* The driver: takes what was used, which must have been available.  A buffer
 * has a frame, or came back without. */
static void
collect(void)
{
    struct guest_buf *buf;
    uint32_t len;

    while ((buf = guest_collect(&gq, &len))) {
        CHECK(!len || len == 100 + (buf - gq.bufs) % 100);
    }
}

/* The device: takes up to 'n' buffers.  Returns how many. */
static unsigned int
take(unsigned int n)
{
    struct zcrx_head heads[MAX_RING];
    uint16_t got = zcrx_vring_take(&vq, heads, n);

    CHECK(!vq.error);
    for (uint16_t i = 0; i < got; i++) {
        held[n_held++] = heads[i].id;
    }
    return got;
}

/* The device: returns the last 'n' that it took, as buffers with room for
 * frames if 'rx'. */
static void
untake(unsigned int n, bool rx)
{
    struct zcrx_rx_buf bufs[MAX_RING];
    struct zcrx_head heads[MAX_RING];

    n_held -= n;
    for (unsigned int i = 0; i < n; i++) {
        heads[i].id = held[n_held + i];
        bufs[i].head = heads[i];
    }
    if (rx) {
        zcrx_vring_untake_rx(&vq, bufs, n);
    } else {
        zcrx_vring_untake(&vq, heads, n);
    }
}

/* The device: publishes 'n' of the buffers that it has, any. */
static void
publish(unsigned int n)
{
    struct zcrx_used used[MAX_RING];

    for (unsigned int i = 0; i < n; i++) {
        unsigned int pos = next_random(&seed, n_held);

        used[i].id = held[pos];
        used[i].len = 100 + held[pos] % 100;
        memmove(&held[pos], &held[pos + 1],
                (--n_held - pos) * sizeof held[0]);
    }
    zcrx_vring_publish(&vq, used, n);
}

/* The device: starts where the last one was. */
static void
start(void)
{
    CHECK(!zcrx_vring_init(&vq, &gq.config, &guest.map));
    CHECK(!vq.error);
    CHECK_EQ(vq.n_outstanding, 0);
    n_held = 0;
}

static void
do_anything(void)
{
    unsigned int n;

    switch (next_random(&seed, 8)) {
    case 0: case 1: case 2:
        take(1 + next_random(&seed, 12));
        break;
    case 3:
        n = next_random(&seed, take(4) + 1);
        untake(n, next_random(&seed, 2));
        break;
    case 4:
        if (!next_random(&seed, 4)) {
            zcrx_vring_put_back_all(&vq);
            n_held = 0;
        }
        break;
    default:
        if (n_held) {
            publish(1 + next_random(&seed, n_held < 10 ? n_held : 10));
        }
        break;
    }
}

/* Returns true if a process can be made to stop after each instruction.  An
 * emulator of user space cannot. */
static bool
can_step(void)
{
    pid_t pid = fork();
    int status;

    CHECK(pid >= 0);
    if (!pid) {
        _exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) && errno == ENOSYS);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    return !status;
}

/* Another process is the device.  It does 'n_whole' things, and is killed
 * 'n_steps' instructions later, while it does others. */
static void
run_device(unsigned int n_whole, unsigned int n_steps)
{
    pid_t pid = fork();
    int status;

    CHECK(pid >= 0);
    if (!pid) {
        bool started = n_whole > 0;

        CHECK(!ptrace(PTRACE_TRACEME, 0, NULL, NULL));
        if (started) {
            start();
        }
        while (n_whole--) {
            do_anything();
        }
        raise(SIGSTOP);
        if (!started) {
            start();
        }
        for (;;) {
            do_anything();
        }
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    while (n_steps--) {
        CHECK(!ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL));
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
    }
    CHECK(!kill(pid, SIGKILL));
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* The device uses all there is, and the driver has all of it then. */
static void
check_complete(void)
{
    start();
    take(MAX_RING);
    publish(n_held);
    collect();
    CHECK_EQ(gq.n_posted, 0);
    CHECK_EQ(gq.n_free, gq.size);
    CHECK_EQ(vq.n_outstanding, 0);
    zcrx_vring_destroy(&vq);
}

static void
check_kills(bool packed)
{
    static char what[64];

    check_what = what;
    set_up(packed, 32, packed ? 7 : 65500);
    for (unsigned int round = 0; round < n_rounds; round++) {
        uint64_t round_seed = seed;

        snprintf(what, sizeof what, "(round %u, seed %llu)", round,
                 (unsigned long long int) round_seed);
        post(next_random(&seed, 32));
        run_device(next_random(&seed, 5) * next_random(&seed, 10),
                   next_random(&seed, MAX_STEPS));
        collect();
        if (!next_random(&seed, 3)) {
            check_complete();
        }
    }
    check_complete();
    tear_down();
}

static void
test_kills_split(void)
{
    check_kills(false);
}

static void
test_kills_packed(void)
{
    check_kills(true);
}

/* The device dies with buffers taken, of which one was overtaken. */
static void
die_with_buffers(void)
{
    struct zcrx_used used;

    post(8);
    start();
    take(4);
    used = (struct zcrx_used) { held[2], 100 + held[2] % 100 };
    zcrx_vring_publish(&vq, &used, 1);
    CHECK_EQ(vq.n_outstanding, 3);
    /* Nothing of it is left but the journal. */
    zcrx_vring_destroy(&vq);
}

static void
test_restore(void)
{
    for (int packed = 0; packed < 2; packed++) {
        uint16_t avail, used;

        /* Those before it, and the one behind it, come back empty. */
        set_up(packed, 32, 0);
        die_with_buffers();
        start();
        zcrx_vring_get_position(&vq, &avail, &used);
        CHECK_EQ(avail, used);
        zcrx_vring_destroy(&vq);
        collect();
        CHECK_EQ(gq.n_posted, 4);
        check_complete();
        tear_down();

        /* What nothing overtook is available again. */
        set_up(packed, 32, 0);
        post(8);
        start();
        take(4);
        zcrx_vring_destroy(&vq);
        start();
        zcrx_vring_destroy(&vq);
        collect();
        CHECK_EQ(gq.n_posted, 8);
        check_complete();
        tear_down();
    }
}

/* The driver is reset while there is no device, and its rings lie where they
 * were. */
static void
test_reset(void)
{
    for (int packed = 0; packed < 2; packed++) {
        struct zcrx_vring_journal *old;
        size_t size = zcrx_vring_journal_size(32);

        set_up(packed, 32, 0);
        die_with_buffers();
        old = malloc(size);
        CHECK(old);
        memcpy(old, gq.config.journal, size);
        tear_down();

        set_up(packed, 32, 0);
        memcpy(gq.config.journal, old, size);
        free(old);
        post(8);
        start();
        CHECK_EQ(vq.used_idx, 0);
        CHECK_EQ(vq.next_avail, 0);
        zcrx_vring_destroy(&vq);
        check_complete();
        tear_down();
    }
}

/* A journal of a ring of another kind or size, and one with anything in it,
 * leads to nothing that a guest could not have. */
static void
test_damaged(void)
{
    for (int i = 0; i < 4000; i++) {
        bool packed = i % 2;
        size_t size = zcrx_vring_journal_size(32);
        uint8_t *bytes;

        set_up(packed, 32, 0);
        die_with_buffers();
        bytes = (uint8_t *) gq.config.journal;
        for (int n = 1 + next_random(&seed, 8); n; n--) {
            size_t pos = next_random(&seed, next_random(&seed, 2) ? 16 : size);

            /* But for the flag, which is 0 or 1. */
            if (pos != offsetof(struct zcrx_vring_journal, packed)) {
                bytes[pos] = next_random(&seed, 256);
            }
        }
        CHECK(!zcrx_vring_init(&vq, &gq.config, &guest.map));
        CHECK_EQ(vq.n_outstanding, 0);
        zcrx_vring_destroy(&vq);
        tear_down();
    }
}

int
main(int argc, char *argv[])
{
    static const struct test_case cases[] = {
        { "buffers of a dead device come back", test_restore },
        { "a driver that was reset starts anew", test_reset },
        { "a damaged journal does no harm", test_damaged },
    };
    static const struct test_case stepped[] = {
        { "killed between any two instructions, split", test_kills_split },
        { "killed between any two instructions, packed", test_kills_packed },
    };

    seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t) time(NULL);
    n_rounds = argc > 1 ? strtoul(argv[1], NULL, 0) : n_rounds;
    printf("seed %llu, %u rounds of each kind\n",
           (unsigned long long int) seed, n_rounds);
    run_cases(cases, N_ELEMENTS(cases));
    if (!can_step()) {
        puts("skipped: killed between any two instructions");
        return EXIT_SUCCESS;
    }
    return run_cases(stepped, N_ELEMENTS(stepped));
}
