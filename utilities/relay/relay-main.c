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

#include "relay.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_log.h>
#include <rte_malloc.h>
#include <rte_version.h>

/* The part of ovs-zcrx-bench that measures.  It prints a line of JSON for each
 * run; utilities/zcrx_bench_relay.py makes something of them. */

#define MAX_SIZES 32
#define MAX_BURSTS 32
#define MAX_BURST 256
#define MAX_ARGS 32

static const struct relay_path *const paths[] = {
    &relay_zcrx, &relay_copy, &relay_floor,
};
#define N_PATHS (sizeof paths / sizeof paths[0])

static const char usage[] = "\
usage: zcrx-bench-relay OPTION... -- EAL-OPTION...\n\
  --folder DIR         for sockets\n\
  --paths NAME,...     zcrx, vhost-copy, floor\n\
  --sizes SIZE,...     of frames, in bytes, or \"imix\"\n\
  --bursts N,...       frames that wait when a turn begins\n\
  --caches NAME,...    warm, cold\n\
  --runs N             of each\n\
  --frames N           in a run\n\
  --ring split|packed  the guest's virtqueues\n\
  --guest-ring N       their entries\n\
  --vf-ring N          descriptors of the VF\n\
  --vf-args ARGS       for the VF's driver\n\
  --mtu N\n\
  --second-cpu N       have two queue pairs, and one's thread there\n";

struct options {
    char *paths, *sizes, *bursts, *caches; /* Commas in between. */
    unsigned int runs;
    unsigned int frames;
    int second_cpu;             /* Negative if there is one queue pair. */
    struct relay_setup setup;
};

void
relay_die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("zcrx-bench-relay: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

/* Returns 'size' bytes of DPDK's memory, zeroed, for rte_free(). */
void *
relay_allocate(size_t size)
{
    void *p = rte_zmalloc("relay", size, RTE_CACHE_LINE_SIZE);

    if (!p) {
        relay_die("out of memory");
    }
    return p;
}

static unsigned int
parse_number(const char *option, const char *s, unsigned int max)
{
    char *end;
    unsigned long int n = strtoul(s, &end, 10);

    if (!*s || *end || !n || n > max) {
        relay_die("--%s %s: not a number from 1 to %u", option, s, max);
    }
    return n;
}

static void
parse_options(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {
        { "bursts", required_argument, NULL, 'b' },
        { "caches", required_argument, NULL, 'c' },
        { "folder", required_argument, NULL, 'f' },
        { "frames", required_argument, NULL, 'n' },
        { "guest-ring", required_argument, NULL, 'g' },
        { "mtu", required_argument, NULL, 'm' },
        { "paths", required_argument, NULL, 'p' },
        { "ring", required_argument, NULL, 'r' },
        { "runs", required_argument, NULL, 'R' },
        { "second-cpu", required_argument, NULL, 'S' },
        { "sizes", required_argument, NULL, 's' },
        { "vf-args", required_argument, NULL, 'a' },
        { "vf-ring", required_argument, NULL, 'v' },
        { NULL, 0, NULL, 0 },
    };
    struct relay_setup *setup = &o->setup;
    int c;

    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        switch (c) {
        case 'a':
            setup->vf_args = optarg;
            break;
        case 'b':
            o->bursts = optarg;
            break;
        case 'c':
            o->caches = optarg;
            break;
        case 'f':
            setup->folder = optarg;
            break;
        case 'g':
            setup->guest_ring = parse_number("guest-ring", optarg, 32768);
            break;
        case 'm':
            setup->mtu = parse_number("mtu", optarg, 9600);
            break;
        case 'n':
            o->frames = parse_number("frames", optarg, 100000000);
            break;
        case 'p':
            o->paths = optarg;
            break;
        case 'r':
            setup->packed = !strcmp(optarg, "packed");
            break;
        case 'R':
            o->runs = parse_number("runs", optarg, 1000);
            break;
        case 's':
            o->sizes = optarg;
            break;
        case 'S':
            o->second_cpu = atoi(optarg);
            setup->n_pairs = 2;
            break;
        case 'v':
            setup->vf_ring = parse_number("vf-ring", optarg, 32768);
            break;
        default:
            fputs(usage, stderr);
            exit(2);
        }
    }
}

/* Splits 's' at its commas into at most 'max' words.  Returns how many. */
static int
split(char *s, char **words, int max)
{
    char *save = NULL;
    int n = 0;

    for (char *word = strtok_r(s, ",", &save); word;
         word = strtok_r(NULL, ",", &save)) {
        if (n == max) {
            relay_die("too many values");
        }
        words[n++] = word;
    }
    return n;
}

static void
print_result(const struct relay_path *path, const struct relay_case *c,
             int n_pairs, int run, const struct relay_result *result,
             bool packed)
{
    bool is_number = strspn(c->size, "0123456789") == strlen(c->size);
    const char *quote = is_number ? "" : "\"";

    printf("{\"path\": \"%s\", \"ring\": \"%s\", \"frame_size\": %s%s%s, "
           "\"burst\": %u, \"cache\": \"%s\", "
           "\"queue_pairs\": %d, \"run\": %d, "
           "\"cycles_per_frame\": %.2f, \"cycles_p99\": %.2f, "
           "\"frames\": %"PRIu64"}\n",
           path->name, packed ? "packed" : "split", quote, c->size, quote,
           c->burst, c->cold ? "cold" : "warm", n_pairs, run,
           result->median, result->p99, result->n_frames);
    fflush(stdout);
}

/* Measures one case, by turns on each of the 'n' paths. */
static void
run_case(struct relay_path *active, int n, const struct relay_case *c,
         const struct options *o)
{
    for (int i = 0; i < n; i++) {
        relay_verify(&active[i], c);
    }
    for (unsigned int run = 0; run < o->runs; run++) {
        for (int i = 0; i < n; i++) {
            struct relay_result results[2];

            if (o->second_cpu < 0) {
                relay_measure(&active[i], c, results);
            } else {
                relay_measure_pairs(&active[i], c, o->second_cpu, results);
            }
            for (int j = 0; j < o->setup.n_pairs; j++) {
                print_result(&active[i], c, j + 1, run, &results[j],
                             o->setup.packed);
            }
        }
    }
}

static void
run_all(struct options *o)
{
    char *sizes[MAX_SIZES], *bursts[MAX_BURSTS], *caches[2], *names[N_PATHS];
    int n_sizes = split(o->sizes, sizes, MAX_SIZES);
    int n_bursts = split(o->bursts, bursts, MAX_BURSTS);
    int n_caches = split(o->caches, caches, 2);
    int n_names = split(o->paths, names, N_PATHS);
    struct relay_path active[N_PATHS];
    int n = 0;

    for (int i = 0; i < n_names; i++) {
        for (size_t j = 0; j < N_PATHS; j++) {
            if (!strcmp(names[i], paths[j]->name)) {
                active[n] = *paths[j];
                active[n].start(&active[n], &o->setup);
                n++;
            }
        }
    }
    for (int i = 0; i < n_sizes; i++) {
        for (int j = 0; j < n_bursts; j++) {
            for (int k = 0; k < n_caches; k++) {
                struct relay_case c = {
                    .size = sizes[i],
                    .burst = parse_number("bursts", bursts[j], MAX_BURST),
                    .cold = !strcmp(caches[k], "cold"),
                };

                c.n_batches = RTE_MAX(o->frames / c.burst, 1u);
                run_case(active, n, &c, o);
            }
        }
    }
    while (n > 0) {
        n--;
        active[n].stop(&active[n]);
    }
}

int
main(int argc, char **argv)
{
    struct options o = {
        .runs = 1,
        .frames = 32768,
        .second_cpu = -1,
        .setup = {
            .guest_ring = 1024,
            .vf_ring = 512,
            .vf_args = "",
            .mtu = 1500,
            .n_pairs = 1,
        },
    };
    char *eal_args[MAX_ARGS];
    int n = 0;

    /* Drivers tell devices that are gone to stop. */
    signal(SIGPIPE, SIG_IGN);

    parse_options(argc, argv, &o);
    if (!o.paths || !o.sizes || !o.bursts || !o.caches || !o.setup.folder) {
        fputs(usage, stderr);
        return 2;
    }
    eal_args[n++] = argv[0];
    while (optind < argc && n < MAX_ARGS) {
        eal_args[n++] = argv[optind++];
    }
    rte_log_set_global_level(RTE_LOG_ERR);
    if (rte_eal_init(n, eal_args) < 0) {
        relay_die("DPDK does not start");
    }
    printf("{\"dpdk\": \"%s\", \"tsc_hz\": %"PRIu64"}\n",
           rte_version(), rte_get_tsc_hz());
    run_all(&o);
    rte_eal_cleanup();
    return 0;
}
