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

/* A guest whose life is not quiet.
 *
 *     life [OPTION...] SOCKET {memory|kill|late}
 *
 * Listens on SOCKET for the port, which is the client, and receives frames of
 * simnic, which must come all the time:
 *
 *     memory  In each round the guest gets more memory, uses it and gives it
 *             back, all of this while frames come, and then stops its
 *             virtqueues, moves them and starts them again.
 *     kill    In each round the guest is killed, at any instant.
 *     late    The guest posts no buffer before the file GO exists, and N at a
 *             time from then on ("--target N", by default 1).
 *
 * All the time it checks that each frame is intact and later than the one
 * before, that the device returns what it was given, once, and writes to
 * nothing else: to what is in front of a buffer and behind it, to buffers that
 * it has returned, to memory that is no longer the guest's.  Prints the seed
 * and what it has seen.  Exits with status 0 if all was well. */

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
#include <sys/wait.h>

#include "frontend.h"
#include "simnic-frame.h"

#define RING_SIZE 256
#define HDR_LEN 12

/* A buffer and what is around it, in bytes. */
#define SLOT_LEN 4096
#define MARGIN 1024
#define BUF_LEN (SLOT_LEN - 2 * MARGIN)
#define REGION_LEN (2 << 20)

/* How long anything may take, in milliseconds. */
#define PATIENCE 60000

/* What nobody may write to. */
#define CANARY 0xc5

/* One guest. */
struct guest {
    struct frontend fe;
    int home;                   /* The region whose buffers are offered. */
    unsigned int target;        /* Buffers to have offered. */
    unsigned int n_offered;
    unsigned int n_away;        /* Of these, buffers elsewhere. */
    bool has[RING_SIZE];        /* The device has these. */
    int region[RING_SIZE];      /* Where buffers are, or were. */
    uint32_t last_number;
    uint64_t *n_frames;         /* Intact ones. */
    uint64_t n_empty;           /* Returned without a frame. */
};

static void __attribute__((format(printf, 1, 2), noreturn))
die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

static bool
is_filled_with(const uint8_t *p, size_t n, uint8_t byte)
{
    return !n || (p[0] == byte && !memcmp(p, p + 1, n - 1));
}

static uint8_t *
slot(const struct guest *g, uint16_t id)
{
    return g->fe.mem[g->region[id]] + id * SLOT_LEN;
}

/* Makes buffers of 'region' known by their canaries. */
static void
prepare_region(const struct guest *g, int region)
{
    memset(g->fe.mem[region], CANARY, g->fe.size[region]);
}

static void
offer(struct guest *g, uint16_t id)
{
    uint8_t *p;

    g->region[id] = g->home;
    g->has[id] = true;
    g->n_offered++;
    p = slot(g, id);
    memset(p, CANARY, SLOT_LEN);
    frontend_offer(&g->fe.vqs[0], id, (struct vring_desc) {
        .addr = g->fe.gpa[g->home] + id * SLOT_LEN + MARGIN,
        .len = BUF_LEN,
        .flags = VRING_DESC_F_WRITE,
    });
}

/* Checks buffer 'id', which the device has returned with 'len' bytes. */
static void
check_buffer(struct guest *g, uint16_t id, uint32_t len)
{
    const uint8_t *p = slot(g, id);
    const uint8_t *frame = p + MARGIN + HDR_LEN;
    struct simnic_tags tags;
    enum simnic_verdict verdict;

    if (!is_filled_with(p, MARGIN, CANARY)
        || !is_filled_with(p + MARGIN + BUF_LEN, MARGIN, CANARY)) {
        die("the device wrote around buffer %u", id);
    }
    if (!len) {
        g->n_empty++;
        return;
    }
    if (len < HDR_LEN + SIMNIC_FRAME_MIN || len > BUF_LEN) {
        die("buffer %u came back with %u bytes", id, len);
    }
    verdict = simnic_frame_check(frame, len - HDR_LEN, &tags);
    if (verdict != SIMNIC_FRAME_INTACT) {
        die("the frame in buffer %u is not intact (%d)", id, verdict);
    }
    if (*g->n_frames && tags.number <= g->last_number) {
        die("frame %u came after frame %u", tags.number, g->last_number);
    }
    g->last_number = tags.number;
    ++*g->n_frames;
}

/* Takes and checks what has come, and offers buffers. */
static void
poll_device(void *g_)
{
    struct guest *g = g_;
    uint32_t len;
    uint16_t id;

    while (frontend_collect(&g->fe.vqs[0], &id, &len)) {
        if (id >= RING_SIZE || !g->has[id]) {
            die("the device returned buffer %u, which it does not have", id);
        }
        check_buffer(g, id, len);
        g->has[id] = false;
        g->n_offered--;
    }
    g->n_away = 0;
    for (uint16_t i = 0; i < RING_SIZE; i++) {
        if (!g->has[i] && g->n_offered < g->target) {
            offer(g, i);
        }
        g->n_away += g->has[i] && g->region[i] != g->home;
    }
}

/* Waits until 'n' more frames have come, and none of the buffers that the
 * device has is elsewhere than at home. */
static void
receive(struct guest *g, uint64_t n)
{
    uint64_t end = frontend_now() + PATIENCE;
    uint64_t start = *g->n_frames;

    do {
        poll_device(g);
        if (frontend_now() > end) {
            die("only %llu of %llu frames came",
                (unsigned long long int) (*g->n_frames - start),
                (unsigned long long int) n);
        }
        usleep(200);
    } while (*g->n_frames < start + n || g->n_away);
}

/* Exit status when the port has hung up, as it does when its VF takes too long
 * to stop. */
#define HUNG_UP 3

/* Ends the program unless 'ok', which an operation on the session has
 * returned. */
static void
must(bool ok)
{
    if (!ok) {
        fprintf(stderr, "the port has hung up\n");
        exit(HUNG_UP);
    }
}

/* Waits until the port has done all that it was told. */
static void
settle(struct guest *g)
{
    uint64_t ignored;

    must(frontend_ask(&g->fe, GET_FEATURES, &ignored));
}

static void
init_guest(struct guest *g, uint64_t *n_frames)
{
    static const size_t sizes[] = { REGION_LEN, REGION_LEN };

    memset(g, 0, sizeof *g);
    if (!frontend_init(&g->fe, sizes, false)) {
        die("no memory");
    }
    g->home = 1;
    g->target = RING_SIZE;
    g->n_frames = n_frames;
    g->fe.idle = poll_device;
    g->fe.aux = g;
}

/* Waits for the port and sets the device up, with 'target' buffers. */
static void
boot(struct guest *g, int listener, bool packed, unsigned int target)
{
    g->fe.sock = accept(listener, NULL, NULL);
    if (g->fe.sock < 0) {
        die("accept failed");
    }
    /* VERSION_1, protocol features, mergeable buffers. */
    g->target = 0;
    must(frontend_negotiate(&g->fe, (UINT64_C(1) << 32 | 1 << 30 | 1 << 15
                                     | (uint64_t) packed << 34)));
    must(frontend_set_up(&g->fe, RING_SIZE));
    prepare_region(g, 1);
    g->target = target;
    poll_device(g);
    settle(g);
}

/* Returns the position at which the device must go on, given what it has
 * returned, as the protocol has it. */
static uint32_t
expected_base(const struct guest *g)
{
    const struct frontend_vq *vq = &g->fe.vqs[0];

    return vq->packed ? vq->used | vq->used_wrap << 15 : vq->used;
}

/* Moves the virtqueues to another place, and goes on there. */
static void
move_rings(struct guest *g, unsigned int round)
{
    size_t len = 6 * FRONTEND_RING_SPACE;
    size_t from = round % 2 * len, to = len - from;
    uint8_t *rings = g->fe.mem[0];
    uint8_t *copy = malloc(g->fe.size[1]);
    uint32_t bases[2];

    must(frontend_stop(&g->fe));
    poll_device(g);
    /* Nothing is written to after the answer. */
    memcpy(copy, g->fe.mem[1], g->fe.size[1]);
    if (g->fe.vqs[0].base != expected_base(g)) {
        die("the device stopped at 0x%x and not at 0x%x", g->fe.vqs[0].base,
            expected_base(g));
    }
    memcpy(rings + to, rings + from, len);
    memset(rings + from, CANARY, len);
    for (int i = 0; i < 2; i++) {
        bases[i] = g->fe.vqs[i].base;
        for (int j = 0; j < 3; j++) {
            g->fe.vqs[i].pos[j] = to + (i * 3 + j) * FRONTEND_RING_SPACE;
            g->fe.vqs[i].parts[j] = rings + g->fe.vqs[i].pos[j];
        }
    }
    usleep(frontend_rnd(20000));
    for (uint16_t id = 0; id < RING_SIZE; id++) {
        if (g->has[id] && memcmp(copy + id * SLOT_LEN, slot(g, id),
                                 SLOT_LEN)) {
            die("the device wrote to buffer %u after it had stopped", id);
        }
    }
    free(copy);
    must(frontend_attach(&g->fe, bases));
    receive(g, 100);
    if (!is_filled_with(rings + from, len, CANARY)) {
        die("the device wrote to where its rings were");
    }
}

static void
run_memory(int listener, unsigned int rounds, bool packed)
{
    uint64_t n_frames = 0;
    struct guest g;

    init_guest(&g, &n_frames);
    boot(&g, listener, packed, RING_SIZE);
    receive(&g, 100);
    for (unsigned int i = 0; i < rounds; i++) {
        uint8_t *gone;
        int fd;

        if (!frontend_plug(&g.fe, REGION_LEN, false)) {
            die("no memory");
        }
        prepare_region(&g, 2);
        must(frontend_send_memory(&g.fe));
        settle(&g);
        g.home = 2;
        receive(&g, 100);

        /* A driver gives memory back only when it does not use it. */
        g.home = 1;
        receive(&g, 100);
        prepare_region(&g, 2);
        fd = dup(g.fe.fds[2]);
        gone = mmap(NULL, REGION_LEN, PROT_READ, MAP_SHARED, fd, 0);
        close(fd);
        frontend_unplug(&g.fe);
        must(frontend_send_memory(&g.fe));
        settle(&g);
        receive(&g, 100);
        if (!is_filled_with(gone, REGION_LEN, CANARY)) {
            die("the device wrote to memory that is gone");
        }
        munmap(gone, REGION_LEN);

        move_rings(&g, i);
    }
    printf("%u rounds, %llu returned without a frame\n", rounds,
           (unsigned long long int) g.n_empty);
}

static uint64_t
hash_memory(const struct frontend *fe)
{
    uint64_t hash = 0;

    for (int i = 0; i < fe->n_regions; i++) {
        const uint64_t *p = (const uint64_t *) (const void *) fe->mem[i];

        for (size_t j = 0; j < fe->size[i] / sizeof *p; j++) {
            hash = (hash ^ p[j]) * UINT64_C(0x9e3779b97f4a7c15);
        }
    }
    return hash;
}

/* Frees the memory of 'g', which is gone since the port connected to the next
 * guest, when it had 'hash'. */
static void
bury(struct guest *g, uint64_t hash)
{
    if (hash_memory(&g->fe) != hash) {
        die("the device wrote to the memory of a guest that is gone");
    }
    frontend_destroy(&g->fe);
}

/* Starts a process for 'g', which sets '*connected' when the port knows the
 * guest.  Returns its id. */
static pid_t
start_guest(struct guest *g, int listener, bool packed, bool *connected)
{
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (!pid) {
        char byte;

        boot(g, listener, packed, RING_SIZE);
        __atomic_store_n(connected, true, __ATOMIC_RELEASE);
        for (;;) {
            poll_device(g);
            must(recv(g->fe.sock, &byte, 1, MSG_DONTWAIT | MSG_PEEK));
            usleep(100);
        }
    }
    return pid;
}

static void
run_kill(int listener, unsigned int rounds, bool packed)
{
    struct life {
        uint64_t n_frames;
        bool connected;
    } *life = mmap(NULL, sizeof *life, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned int n_served = 0;
    struct guest guests[2];

    for (unsigned int i = 0; i < rounds; i++) {
        struct guest *g = &guests[i % 2];
        /* Each fourth one lives until it has frames, and so does the last. */
        bool lives = i % 4 == 3 || i == rounds - 1;
        bool is_packed = packed || frontend_rnd(2);
        uint64_t end = frontend_now() + PATIENCE;
        uint64_t hash = 0;
        int status;
        pid_t pid;

        memset(life, 0, sizeof *life);
        init_guest(g, &life->n_frames);
        pid = start_guest(g, listener, is_packed, &life->connected);
        while (!__atomic_load_n(&life->connected, __ATOMIC_ACQUIRE)
               || (lives && __atomic_load_n(&life->n_frames,
                                            __ATOMIC_ACQUIRE) < 50)) {
            bool ended = waitpid(pid, &status, WNOHANG);

            if (frontend_now() > end
                || (ended && (!WIFEXITED(status)
                              || WEXITSTATUS(status) != HUNG_UP))) {
                kill(pid, SIGKILL);
                die("round %u: the guest is not served", i);
            }
            if (ended) {
                pid = start_guest(g, listener, is_packed, &life->connected);
            }
            usleep(100);
        }
        if (i) {
            hash = hash_memory(&guests[!(i % 2)].fe);
        }
        usleep(frontend_rnd(lives ? 5000 : 400000));
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) != HUNG_UP) {
            die("round %u: the guest has ended", i);
        }
        n_served += life->n_frames != 0;
        if (i) {
            bury(&guests[!(i % 2)], hash);
        }
    }
    printf("%u rounds\n", rounds);
    fprintf(stderr, "%u guests were served\n", n_served);
}

static void
run_late(int listener, unsigned int rounds, bool packed, unsigned int target,
         const char *go)
{
    uint64_t n_frames = 0;
    struct guest g;

    init_guest(&g, &n_frames);
    boot(&g, listener, packed, 0);
    while (access(go, F_OK)) {
        usleep(10000);
    }
    g.target = target;
    receive(&g, rounds);
    printf("%u frames\n", rounds);
}

int
main(int argc, char *argv[])
{
    static const struct option options[] = {
        { "seed", required_argument, NULL, 's' },
        { "rounds", required_argument, NULL, 'r' },
        { "packed", no_argument, NULL, 'p' },
        { "go", required_argument, NULL, 'g' },
        { "target", required_argument, NULL, 't' },
        { NULL, 0, NULL, 0 },
    };
    uint64_t seed = time(NULL);
    unsigned int rounds = 10;
    unsigned int target = 1;
    const char *go = "go";
    bool packed = false;
    int listener;
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 's':
            seed = strtoull(optarg, NULL, 0);
            break;
        case 'r':
            rounds = strtoul(optarg, NULL, 0);
            break;
        case 'p':
            packed = true;
            break;
        case 'g':
            go = optarg;
            break;
        case 't':
            target = strtoul(optarg, NULL, 0);
            break;
        default:
            return EXIT_FAILURE;
        }
    }
    if (argc != optind + 2) {
        die("usage: life [--seed N] [--rounds N] [--packed] [--go FILE] "
            "[--target N] SOCKET {memory|kill|late}");
    }
    fprintf(stderr, "seed %llu\n", (unsigned long long int) seed);
    frontend_seed(seed);
    listener = frontend_listen(argv[optind]);
    if (listener < 0) {
        die("%s: cannot listen", argv[optind]);
    }
    if (!strcmp(argv[optind + 1], "memory")) {
        run_memory(listener, rounds, packed);
    } else if (!strcmp(argv[optind + 1], "kill")) {
        run_kill(listener, rounds, packed);
    } else if (!strcmp(argv[optind + 1], "late")) {
        run_late(listener, rounds, packed, target, go);
    } else {
        die("%s: unknown kind of life", argv[optind + 1]);
    }
    unlink(argv[optind]);
    return EXIT_SUCCESS;
}
