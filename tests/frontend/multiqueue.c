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

/* A vhost-user front end whose guest has several queue pairs and does with
 * them as it is told.
 *
 *     multiqueue [OPTION...] SOCKET COMMAND...
 *
 * Listens on SOCKET for the port, which is the client, and sets all queue
 * pairs up.  Sends each frame that it receives back on the same queue pair,
 * and keeps the receive virtqueues full or, with --exact, offers no more
 * buffers than it was told to receive frames.  With --starve PAIR, it offers
 * no buffers to that queue pair before the command "feed".  Other options are
 * --pairs N, --size N and --packed.  The commands are carried out one after
 * the other:
 *
 *     capture PREFIX   write what queue pair N receives to PREFIXN.pcap
 *     receive N        until so many more frames have come, and are sent, on
 *                      each queue pair that is enabled and not broken
 *     total N          the same for all frames since the last reset
 *     wait FILE        make FILE.reached, and go on when FILE exists
 *     trickle FILE     the same, receiving a frame now and then, 150 at most
 *     drip FILE        the same, more slowly and 3000 at most
 *     disable PAIR     as when a driver uses fewer queues
 *     enable PAIR      and more again
 *     break-rx PAIR    offer a receive buffer that there cannot be
 *     break-tx PAIR    the same for the transmit virtqueue
 *     announce N       have the guest announced as 52:54:00:00:00:N
 *     feed PAIR        offer buffers to that queue pair, too
 *     reset            as when a driver resets the device
 *
 * Exits with status 0 if all of that was possible. */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/socket.h>

#include "frontend.h"

#define MAX_PAIRS (FRONTEND_MAX_VQS / 2)
#define MAX_SIZE 256
#define BUF_LEN 2048
#define HDR_LEN 12

/* How long a command may take, in seconds. */
#define PATIENCE 120

/* How often, in microseconds, and how many frames trickle and drip. */
#define TRICKLE_INTERVAL 2000
#define N_TRICKLE 150
#define DRIP_INTERVAL 10000
#define N_DRIP 3000

/* A buffer that there cannot be. */
#define BAD_ID 60000

struct pair {
    struct frontend_vq *rx, *tx;
    bool enabled, rx_broken, tx_broken;
    uint16_t free[MAX_SIZE];    /* Buffers that nobody has. */
    uint16_t n_free;
    uint64_t n_offered, n_received, n_returned;
    uint64_t wanted;            /* Frames to receive, see --exact. */
    FILE *capture;
};

static struct frontend fe;
static struct pair pairs[MAX_PAIRS];
static unsigned int n_pairs = 1;
static uint16_t size = 256;
static bool exact;
static struct pair *starved;

static void
die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static uint64_t
buf_offset(const struct pair *pair, uint16_t id)
{
    return ((pair - pairs) * MAX_SIZE + id) * (uint64_t) BUF_LEN;
}

static void
offer(struct pair *pair, bool rx, uint16_t id, uint32_t len)
{
    struct vring_desc desc = {
        .addr = fe.gpa[1] + buf_offset(pair, id),
        .len = len,
        .flags = rx ? VRING_DESC_F_WRITE : 0,
    };

    frontend_offer(rx ? pair->rx : pair->tx, id, desc);
}

static void
write_frame(struct pair *pair, const uint8_t *frame, uint32_t len)
{
    const uint32_t record[] = { 0, 0, len, len };

    if (pair->capture
        && (!fwrite(record, sizeof record, 1, pair->capture)
            || !fwrite(frame, len, 1, pair->capture))) {
        die("capture");
    }
}

static void
open_captures(const char *prefix)
{
    const uint32_t header[] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1 };

    for (unsigned int i = 0; i < n_pairs; i++) {
        char name[256];

        snprintf(name, sizeof name, "%s%u.pcap", prefix, i);
        if (pairs[i].capture) {
            fclose(pairs[i].capture);
        }
        pairs[i].capture = fopen(name, "w");
        if (!pairs[i].capture
            || !fwrite(header, sizeof header, 1, pairs[i].capture)) {
            die(name);
        }
    }
}

/* Takes what the device has used, and offers what can be offered.  Returns
 * true if there was something to do. */
static bool
serve_pair(struct pair *pair)
{
    bool busy = false;
    uint32_t len;
    uint16_t id;

    while (frontend_collect(pair->rx, &id, &len)) {
        if (id >= size || len < HDR_LEN || len > BUF_LEN) {
            fprintf(stderr, "buffer %u with %u bytes was used\n", id, len);
            exit(EXIT_FAILURE);
        }
        /* Without a frame, it only comes back. */
        if (len > HDR_LEN) {
            write_frame(pair, fe.mem[1] + buf_offset(pair, id) + HDR_LEN,
                        len - HDR_LEN);
            pair->n_received++;
        }
        if (len > HDR_LEN && !pair->tx_broken) {
            offer(pair, false, id, len);
        } else {
            pair->free[pair->n_free++] = id;
            pair->n_returned++;
        }
        busy = true;
    }
    while (frontend_collect(pair->tx, &id, &len)) {
        pair->free[pair->n_free++] = id;
        pair->n_returned++;
        busy = true;
    }
    while (pair->n_free && !pair->rx_broken && pair != starved
           && (!exact || pair->n_offered < pair->wanted)) {
        offer(pair, true, pair->free[--pair->n_free], BUF_LEN);
        pair->n_offered++;
        busy = true;
    }
    return busy;
}

static bool
serve(void)
{
    bool busy = false;

    for (unsigned int i = 0; i < n_pairs; i++) {
        busy |= serve_pair(&pairs[i]);
    }
    return busy;
}

static void
serve_meanwhile(void *aux)
{
    (void) aux;
    serve();
}

/* Makes sure that the port has done what it was sent. */
static void
sync_with_port(bool sent)
{
    uint64_t ignored;

    if (!sent || !frontend_ask(&fe, GET_FEATURES, &ignored)) {
        fprintf(stderr, "the port has hung up\n");
        exit(EXIT_FAILURE);
    }
}

static bool
set_up(void)
{
    for (unsigned int i = 0; i < n_pairs; i++) {
        struct pair *pair = &pairs[i];
        FILE *capture = pair->capture;

        *pair = (struct pair) { .rx = &fe.vqs[i * 2],
                                .tx = &fe.vqs[i * 2 + 1],
                                .enabled = true, .capture = capture };
        while (pair->n_free < size) {
            pair->free[pair->n_free] = pair->n_free;
            pair->n_free++;
        }
    }
    return frontend_set_up(&fe, size);
}

static bool
enable(unsigned int i, bool on)
{
    pairs[i].enabled = on;
    return (frontend_send_state(&fe, SET_VRING_ENABLE, i * 2, on)
            && frontend_send_state(&fe, SET_VRING_ENABLE, i * 2 + 1, on));
}

static bool
is_in_use(const struct pair *pair)
{
    return pair->enabled && !pair->rx_broken;
}

/* Serves until each queue pair in use has received 'n' frames, in addition to
 * those of before if 'more'. */
static void
receive(uint64_t n, bool more)
{
    time_t end = time(NULL) + PATIENCE;
    uint64_t goals[MAX_PAIRS];

    for (unsigned int i = 0; i < n_pairs; i++) {
        goals[i] = n + (more ? pairs[i].n_received : 0);
        if (is_in_use(&pairs[i])) {
            pairs[i].wanted = goals[i];
        }
    }
    for (unsigned int i = 0; i < n_pairs;) {
        const struct pair *pair = &pairs[i];

        if (!is_in_use(pair)
            || (pair->n_received >= goals[i]
                && (!exact || pair->n_returned >= pair->n_received))) {
            i++;
        } else if (time(NULL) > end) {
            fprintf(stderr, "queue pair %u: received %llu frames, "
                    "%llu buffers came back, but %llu were expected\n", i,
                    (unsigned long long int) pair->n_received,
                    (unsigned long long int) pair->n_returned,
                    (unsigned long long int) goals[i]);
            exit(EXIT_FAILURE);
        } else if (!serve()) {
            usleep(100);
        }
    }
}

/* Says that 'file' is being waited for. */
static void
reach(const char *file)
{
    char name[256];
    FILE *stream;

    for (unsigned int i = 0; i < n_pairs; i++) {
        if (pairs[i].capture) {
            fflush(pairs[i].capture);
        }
    }
    snprintf(name, sizeof name, "%s.reached", file);
    stream = fopen(name, "w");
    if (!stream) {
        die(name);
    }
    fclose(stream);
}

/* Serves until 'file' exists, and offers one more buffer each 'interval', in
 * microseconds, as long as they are no more than 'n'. */
static void
wait_for(const char *file, unsigned int n, unsigned int interval)
{
    time_t end = time(NULL) + PATIENCE;

    for (reach(file); access(file, F_OK); n -= n > 0) {
        for (unsigned int i = 0; i < n_pairs; i++) {
            pairs[i].wanted += n && is_in_use(&pairs[i]);
        }
        if (time(NULL) > end) {
            fprintf(stderr, "%s: not there\n", file);
            exit(EXIT_FAILURE);
        }
        serve();
        usleep(interval);
    }
}

/* Offers what there cannot be on 'vq', to which nothing else is offered any
 * more.  In a full ring, it would take the place of a buffer that the port has
 * not looked at yet, or disappear when that is used. */
static void
break_vq(struct frontend_vq *vq)
{
    time_t end = time(NULL) + PATIENCE;

    while (frontend_is_full(vq)) {
        if (time(NULL) > end) {
            fprintf(stderr, "there is no room in the ring\n");
            exit(EXIT_FAILURE);
        }
        serve();
        usleep(100);
    }
    frontend_offer(vq, BAD_ID, (struct vring_desc) { .len = 0 });
}

/* Carries out 'command' with 'arg', unless it takes none.  Returns how many
 * words that were. */
static int
obey(const char *command, const char *arg)
{
    unsigned long int number = arg ? strtoul(arg, NULL, 10) : 0;
    struct pair *pair = &pairs[number % MAX_PAIRS];

    if (!strcmp(command, "reset")) {
        sync_with_port(frontend_stop(&fe) && serve() + 1
                       && frontend_send_memory(&fe) && set_up());
        return 1;
    } else if (!arg) {
        errno = EINVAL;
        die(command);
    } else if (!strcmp(command, "capture")) {
        open_captures(arg);
    } else if (!strcmp(command, "receive")) {
        receive(number, true);
    } else if (!strcmp(command, "total")) {
        receive(number, false);
    } else if (!strcmp(command, "trickle")) {
        wait_for(arg, N_TRICKLE, TRICKLE_INTERVAL);
    } else if (!strcmp(command, "drip")) {
        wait_for(arg, N_DRIP, DRIP_INTERVAL);
    } else if (!strcmp(command, "wait")) {
        wait_for(arg, 0, TRICKLE_INTERVAL);
    } else if (!strcmp(command, "enable")) {
        sync_with_port(enable(number, true));
    } else if (!strcmp(command, "disable")) {
        sync_with_port(enable(number, false));
    } else if (!strcmp(command, "announce")) {
        sync_with_port(frontend_announce(&fe, number));
    } else if (!strcmp(command, "feed")) {
        starved = NULL;
    } else if (!strcmp(command, "break-rx")) {
        pair->rx_broken = true;
        break_vq(pair->rx);
    } else if (!strcmp(command, "break-tx")) {
        pair->tx_broken = true;
        break_vq(pair->tx);
    } else {
        errno = EINVAL;
        die(command);
    }
    return 2;
}

int
main(int argc, char *argv[])
{
    size_t sizes[FRONTEND_N_REGIONS];
    bool packed = false;
    int listener, i;

    for (i = 1; i < argc && argv[i][0] == '-'; i++) {
        if (!strcmp(argv[i], "--packed")) {
            packed = true;
        } else if (!strcmp(argv[i], "--exact")) {
            exact = true;
        } else if (!strcmp(argv[i], "--starve") && i + 1 < argc) {
            starved = &pairs[atoi(argv[++i]) % MAX_PAIRS];
        } else if (!strcmp(argv[i], "--pairs") && i + 1 < argc) {
            n_pairs = atoi(argv[++i]);
        } else if (!strcmp(argv[i], "--size") && i + 1 < argc) {
            size = atoi(argv[++i]);
        }
    }
    if (i >= argc || !n_pairs || n_pairs > MAX_PAIRS || size > MAX_SIZE) {
        fprintf(stderr, "usage: multiqueue [OPTION...] SOCKET COMMAND...\n");
        return EXIT_FAILURE;
    }
    sizes[0] = n_pairs * 2 * 3 * FRONTEND_RING_SPACE;
    sizes[1] = n_pairs * MAX_SIZE * BUF_LEN;
    if (!frontend_init(&fe, sizes, false)) {
        die("memory");
    }
    fe.n_vqs = n_pairs * 2;
    listener = frontend_listen(argv[i]);
    if (listener < 0) {
        die(argv[i]);
    }
    fe.sock = accept(listener, NULL, NULL);
    if (fe.sock < 0) {
        die("accept");
    }
    /* IN_ORDER, VERSION_1, protocol features, several queue pairs (with what
     * that needs), mergeable buffers. */
    sync_with_port(frontend_negotiate(&fe, (UINT64_C(1) << 35
                                            | UINT64_C(1) << 32 | 1 << 30
                                            | 1 << 22 | 1 << 17 | 1 << 15
                                            | (uint64_t) packed << 34))
                   && set_up());
    fe.idle = serve_meanwhile;
    for (i++; i < argc; i += obey(argv[i], argv[i + 1])) {
        continue;
    }
    return EXIT_SUCCESS;
}
