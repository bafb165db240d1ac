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

#include "ends.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "simnic-util.h"

/* Between two looks at the memory of the daemon, in ns. */
#define CHECK_INTERVAL UINT64_C(1000000000)

static const char usage[] = "\
usage: zcrx-bench-ends [OPTION]... VF-SOCKET GUEST-SOCKET\n\
  --ring N        entries of the guest's virtqueues, a power of 2 (1024)\n\
  --buffer BYTES  of the guest's buffers (2048)\n\
  --huge          have the guest's memory in hugepages\n\
\n\
Commands, one a line, each of which is answered with a JSON object:\n\
  ready              are both ends connected?\n\
  size BYTES         let frames have this size\n\
  closed SECONDS     as many frames as can be\n\
  open SECONDS RATE  frames per second, whether they arrive or not\n";

void
ends_die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("zcrx-bench-ends: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static unsigned int
parse_number(const char *option, const char *s, unsigned int max)
{
    char *end;
    unsigned long int n = strtoul(s, &end, 10);

    if (!*s || *end || !n || n > max) {
        ends_die("--%s %s: not a number from 1 to %u", option, s, max);
    }
    return n;
}

static void
run_simnic(void *sn)
{
    simnic_run(sn);
}

static void
init(struct ends *e, int argc, char **argv)
{
    static const struct option longs[] = {
        { "buffer", required_argument, NULL, 'b' },
        { "huge", no_argument, NULL, 'H' },
        { "ring", required_argument, NULL, 'r' },
        { NULL, 0, NULL, 0 },
    };
    struct simnic_config config = {
        .memory = simnic_memory_remote(),
        .source = &e->source,
        .features = simnic_all_features(),
        .max_pairs = 1,
        .check_interval = CHECK_INTERVAL,
    };
    unsigned int ring = FRONTEND_MAX_RING;
    unsigned int buffer = 2048;
    bool huge = false;
    char *error;
    int c;

    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        switch (c) {
        case 'b':
            buffer = parse_number("buffer", optarg, 65536);
            break;
        case 'H':
            huge = true;
            break;
        case 'r':
            ring = parse_number("ring", optarg, FRONTEND_MAX_RING);
            break;
        default:
            fputs(usage, stderr);
            exit(2);
        }
    }
    if (argc - optind != 2 || ring & (ring - 1)) {
        fputs(usage, stderr);
        exit(2);
    }
    simnic_source_init(&e->source);
    e->source.n_left = SIMNIC_UNLIMITED;
    e->sn = simnic_create(&config);
    error = simnic_listen(e->sn, argv[optind]);
    if (error) {
        ends_die("%s", error);
    }
    ends_guest_init(&e->guest, argv[optind + 1], ring, buffer, huge);

    /* What the daemon has for an answer to the guest may take one of the
     * VF. */
    e->guest.fe.idle = run_simnic;
    e->guest.fe.aux = e->sn;
}

static void
print_result(const struct ends_result *r)
{
    printf("{\"seconds\": %.6f, \"sent\": %"PRIu64", "
           "\"received\": %"PRIu64", \"drops\": %"PRIu64", "
           "\"watched\": %"PRIu64", \"latency_p50_ns\": %.0f, "
           "\"latency_p99_ns\": %.0f, \"latency_p999_ns\": %.0f, "
           "\"look_p99_ns\": %.0f, \"away_seconds\": %.6f}\n",
           r->seconds, r->sent, r->received, r->drops, r->watched, r->p50,
           r->p99, r->p999, r->look_p99, r->away);
}

static void
run_command(struct ends *e, const char *line)
{
    struct simnic_pair_state pair;
    struct ends_result result;
    double seconds, rate;
    char size[32];

    if (!strcmp(line, "ready\n")) {
        simnic_deliver(e->sn, 0, 0); /* Has it look for buffers. */
        simnic_get_pair(e->sn, 0, &pair);
        printf("{\"ready\": %s}\n",
               pair.running && e->guest.fe.sock >= 0 ? "true" : "false");
    } else if (sscanf(line, "size %31s", size) == 1) {
        ends_set_size(e, size);
        puts("{}");
    } else if (sscanf(line, "closed %lf", &seconds) == 1) {
        ends_closed_loop(e, seconds, &result);
        print_result(&result);
    } else if (sscanf(line, "open %lf %lf", &seconds, &rate) == 2) {
        ends_open_loop(e, seconds, rate, &result);
        print_result(&result);
    } else {
        ends_die("no command: %s", line);
    }
    fflush(stdout);
}

/* Waits for messages and commands. */
static void
wait_for_work(struct ends *e)
{
    const struct frontend *fe = &e->guest.fe;
    struct pollfd fds[4] = {
        { .fd = STDIN_FILENO, .events = POLLIN },
        { .fd = fe->sock < 0 ? e->guest.listener : fe->sock,
          .events = POLLIN },
    };
    int n = 2 + simnic_fds(e->sn, &fds[2]);
    char line[128];

    if (poll(fds, n, 100) > 0 && fds[0].revents) {
        if (!fgets(line, sizeof line, stdin)) {
            exit(0);
        }
        run_command(e, line);
    }
}

int
main(int argc, char **argv)
{
    static struct ends e;

    /* Drivers tell devices that are gone to stop. */
    signal(SIGPIPE, SIG_IGN);
    /* poll() does not know what a stream has read ahead. */
    setvbuf(stdin, NULL, _IONBF, 0);

    init(&e, argc, argv);
    ends_set_size(&e, "64");
    for (;;) {
        ends_service(&e);
        wait_for_work(&e);
    }
}
