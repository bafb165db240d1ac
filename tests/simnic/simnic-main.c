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

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <jansson.h>
#include <linux/virtio_net.h>

#include "simnic-command.h"
#include "simnic-control.h"
#include "simnic-report.h"
#include "simnic-util.h"

#define MAX_PAIRS 64
#define MAX_COMMANDS 16

/* Turns in which nothing moved before the program sleeps, unless told
 * otherwise. */
#define IDLE_TURNS 64
#define SLEEP_NS 100000

/* How often to look for messages and commands while frames move, in turns. */
#define CONTROL_TURNS 16

static const char usage[] = "\
usage: simnic run [OPTION]... SOCKET   be the device behind a virtio-user VF\n\
       simnic tell CONTROL COMMAND...  tell a running one what to do\n\
       simnic check CAPTURE            look at the frames in a capture\n\
\n\
Options of \"run\":\n\
  --connect            SOCKET is the driver's (net_virtio_user,server=1)\n\
  --pairs N            queue pairs at most (default: 64)\n\
  --without FEATURE,...\n\
                       do not offer: csum, guest_csum, host_tso4, host_tso6,\n\
                       mrg_rxbuf, mq, version_1, ring_packed, in_order\n\
  --control SOCKET     take commands here\n\
  --do COMMAND         carry out a command first; may be repeated\n\
  --record CAPTURE     write what is transmitted to a capture\n\
  --report FILE        write all counters as JSON at the end\n\
  --check-interval MS  look so often whether the device may still touch what\n\
                       it was given (default: 0, for always)\n\
  --busy               never sleep\n\
  --idle-turns N       sleep after N turns in which nothing moved (default:\n\
                       64); the fewer, the more frames come at a time\n\
\n\
Commands:\n";

static const struct feature {
    const char *name;
    int bit;
} features[] = {
    { "csum", VIRTIO_NET_F_CSUM },
    { "guest_csum", VIRTIO_NET_F_GUEST_CSUM },
    { "host_tso4", VIRTIO_NET_F_HOST_TSO4 },
    { "host_tso6", VIRTIO_NET_F_HOST_TSO6 },
    { "mrg_rxbuf", VIRTIO_NET_F_MRG_RXBUF },
    { "mq", VIRTIO_NET_F_MQ },
    { "version_1", VIRTIO_F_VERSION_1 },
    { "ring_packed", VIRTIO_F_RING_PACKED },
    { "in_order", VIRTIO_F_IN_ORDER },
};

struct options {
    bool connects;
    bool busy;
    unsigned long int pairs;
    unsigned long int check_interval;
    unsigned long int idle_turns;
    uint64_t features;
    const char *control;
    const char *record;
    const char *report;
    const char *commands[MAX_COMMANDS];
    int n_commands;
    const char *socket;
};

static volatile sig_atomic_t interrupted;

static void __attribute__((noreturn, format(printf, 1, 2)))
die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("simnic: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(2);
}

static void
interrupt(int sig)
{
    (void) sig;
    interrupted = 1;
}

static uint64_t
remove_features(uint64_t all, const char *names)
{
    char *copy = simnic_strdup(names);
    char *save = NULL;

    for (char *name = strtok_r(copy, ",", &save); name;
         name = strtok_r(NULL, ",", &save)) {
        const size_t n = sizeof features / sizeof features[0];
        size_t i = 0;

        while (i < n && strcmp(features[i].name, name)) {
            i++;
        }
        if (i == n) {
            die("--without %s: no such feature", name);
        }
        all &= ~(UINT64_C(1) << features[i].bit);
    }
    free(copy);
    return all;
}

static unsigned long int
parse_number(const char *option, const char *s, unsigned long int max)
{
    char *end;
    unsigned long int n = strtoul(s, &end, 10);

    if (!*s || *end || n > max) {
        die("--%s %s: not a number up to %lu", option, s, max);
    }
    return n;
}

static void
parse_options(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {
        { "busy", no_argument, NULL, 'b' },
        { "check-interval", required_argument, NULL, 'i' },
        { "connect", no_argument, NULL, 'c' },
        { "control", required_argument, NULL, 'C' },
        { "do", required_argument, NULL, 'd' },
        { "idle-turns", required_argument, NULL, 't' },
        { "pairs", required_argument, NULL, 'p' },
        { "record", required_argument, NULL, 'r' },
        { "report", required_argument, NULL, 'R' },
        { "without", required_argument, NULL, 'w' },
        { NULL, 0, NULL, 0 },
    };
    int c;

    *o = (struct options) {
        .pairs = MAX_PAIRS,
        .idle_turns = IDLE_TURNS,
        .features = simnic_all_features(),
    };
    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        switch (c) {
        case 'b':
            o->busy = true;
            break;
        case 'i':
            o->check_interval = parse_number("check-interval", optarg,
                                             1000000);
            break;
        case 'c':
            o->connects = true;
            break;
        case 'C':
            o->control = optarg;
            break;
        case 'd':
            if (o->n_commands == MAX_COMMANDS) {
                die("too many commands");
            }
            o->commands[o->n_commands++] = optarg;
            break;
        case 'p':
            o->pairs = parse_number("pairs", optarg, MAX_PAIRS);
            break;
        case 'r':
            o->record = optarg;
            break;
        case 'R':
            o->report = optarg;
            break;
        case 't':
            o->idle_turns = parse_number("idle-turns", optarg, 1000000);
            break;
        case 'w':
            o->features = remove_features(o->features, optarg);
            break;
        default:
            exit(2);
        }
    }
    if (argc - optind != 1 || !o->pairs || !o->idle_turns) {
        die("one SOCKET and at least one queue pair and idle turn are "
            "needed; see \"simnic --help\"");
    }
    o->socket = argv[optind];
}

/* Writes a transmitted frame to the capture. */
static void
record(void *dumper, const void *frame, uint32_t len)
{
    struct pcap_pkthdr header = { .caplen = len, .len = len };
    uint64_t now = simnic_now();

    header.ts.tv_sec = now / 1000000000;
    header.ts.tv_usec = now % 1000000000 / 1000;
    pcap_dump(dumper, &header, frame);
}

static pcap_dumper_t *
open_record(const char *path)
{
    pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 65535);
    pcap_dumper_t *dumper = pcap_dump_open(pcap, path);

    if (!dumper || pcap_dump_flush(dumper)) {
        die("%s", pcap_geterr(pcap));
    }
    pcap_close(pcap);
    return dumper;
}

/* Sleeps until there is something to do, or for a short while: who polls is
 * not told of frames. */
static void
sleep_shortly(struct simnic *sn, const struct simnic_control *control)
{
    const struct timespec timeout = { .tv_nsec = SLEEP_NS };
    struct pollfd fds[3];
    int n = simnic_fds(sn, fds);

    n += simnic_control_fds(control, &fds[n]);
    ppoll(fds, n, &timeout, NULL);
}

static void
main_loop(struct simnic_program *program, struct simnic_control *control,
          pcap_dumper_t *dumper, const struct options *o)
{
    struct simnic *sn = program->sn;
    unsigned int turn = 0;
    unsigned int idle = 0;

    while (!program->quit && !interrupted && !simnic_violation(sn)) {
        if (idle || turn++ % CONTROL_TURNS == 0) {
            simnic_run(sn);
            simnic_control_run(control, program);
        }
        idle = simnic_step(sn) ? 0 : idle + 1;
        if (idle == o->idle_turns && dumper) {
            pcap_dump_flush(dumper);
        }
        if (idle >= o->idle_turns && !o->busy) {
            sleep_shortly(sn, control);
        }
    }
}

static void
write_report(struct simnic_program *program, const char *path)
{
    char *report = simnic_report(program->sn, &program->source,
                                 program->max_pairs);
    FILE *f = fopen(path, "we");

    if (!f || fprintf(f, "%s\n", report) < 0 || fclose(f)) {
        die("%s: %s", path, strerror(errno));
    }
    free(report);
}

static int
run(int argc, char **argv)
{
    struct simnic_memory *memory = simnic_memory_remote();
    struct sigaction sa = { .sa_handler = interrupt };
    struct simnic_control control;
    struct simnic_program program;
    struct simnic_config config;
    pcap_dumper_t *dumper;
    char *error = NULL;
    struct options o;
    int status;

    parse_options(argc, argv, &o);
    simnic_source_init(&program.source);
    dumper = o.record ? open_record(o.record) : NULL;
    config = (struct simnic_config) {
        .memory = memory,
        .source = &program.source,
        .features = o.features,
        .max_pairs = o.pairs,
        .check_interval = o.check_interval * 1000000,
        .transmitted = dumper ? record : NULL,
        .aux = dumper,
    };
    program.sn = simnic_create(&config);
    program.max_pairs = o.pairs;
    program.quit = false;
    for (int i = 0; i < o.n_commands; i++) {
        char *answer = simnic_command(&program, o.commands[i]);

        if (!strncmp(answer, "error", 5)) {
            die("%s: %s", o.commands[i], answer);
        }
        free(answer);
    }
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGINT, &sa, NULL);
    if (o.connects) {
        simnic_connect(program.sn, o.socket);
    } else {
        error = simnic_listen(program.sn, o.socket);
    }
    if (!error) {
        error = simnic_control_init(&control, o.control);
    }
    if (error) {
        die("%s", error);
    }

    main_loop(&program, &control, dumper, &o);

    if (dumper) {
        pcap_dump_close(dumper);
    }
    if (o.report) {
        write_report(&program, o.report);
    }
    status = simnic_violation(program.sn) ? 1 : 0;
    if (status) {
        fprintf(stderr, "simnic: %s\n", simnic_violation(program.sn));
    }
    simnic_destroy(program.sn);
    simnic_control_destroy(&control);
    simnic_source_destroy(&program.source);
    simnic_memory_destroy(memory);
    return status;
}

static int
tell(int argc, char **argv)
{
    char command[1024] = "";
    char *answer;
    char *error;
    int status;

    if (argc < 3) {
        die("what to whom?  See \"simnic --help\"");
    }
    for (int i = 2; i < argc; i++) {
        if (strlen(command) + strlen(argv[i]) + 2 > sizeof command) {
            die("the command is too long");
        }
        strcat(command, argv[i]);
        strcat(command, " ");
    }
    error = simnic_control_ask(argv[1], command, &answer);
    if (error) {
        die("%s", error);
    }
    puts(answer);
    status = !strncmp(answer, "error", 5);
    free(answer);
    return status;
}

/* Prints, as JSON, how many frames of a capture are what they should be, and
 * whether numbers are missing or out of order. */
static int
check(int argc, char **argv)
{
    uint64_t n[4] = { 0 };
    uint64_t gaps = 0, backward = 0;
    char errbuf[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const u_char *data;
    uint32_t next = 0;
    json_t *report;
    pcap_t *pcap;
    char *s;

    if (argc != 2) {
        die("which capture?  See \"simnic --help\"");
    }
    pcap = pcap_open_offline(argv[1], errbuf);
    if (!pcap) {
        die("%s", errbuf);
    }
    while (pcap_next_ex(pcap, &header, &data) == 1) {
        struct simnic_tags tags;
        enum simnic_verdict verdict;

        verdict = simnic_frame_check(data, header->caplen, &tags);
        n[verdict]++;
        if (verdict != SIMNIC_FRAME_INTACT) {
            continue;
        }
        if (tags.number >= next) {
            gaps += tags.number - next;
            next = tags.number + 1;
        } else {
            backward++;
        }
    }
    pcap_close(pcap);
    report = json_pack("{sI sI sI sI sI sI}",
                       "intact", (json_int_t) n[SIMNIC_FRAME_INTACT],
                       "foreign", (json_int_t) n[SIMNIC_FRAME_FOREIGN],
                       "bad_checksum",
                       (json_int_t) n[SIMNIC_FRAME_BAD_CHECKSUM],
                       "altered", (json_int_t) n[SIMNIC_FRAME_ALTERED],
                       "gaps", (json_int_t) gaps,
                       "backward", (json_int_t) backward);
    s = json_dumps(report, JSON_PRESERVE_ORDER);
    puts(s);
    free(s);
    json_decref(report);
    return 0;
}

int
main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";

    if (!strcmp(verb, "run")) {
        return run(argc - 1, argv + 1);
    } else if (!strcmp(verb, "tell")) {
        return tell(argc - 1, argv + 1);
    } else if (!strcmp(verb, "check")) {
        return check(argc - 1, argv + 1);
    }
    fprintf(strcmp(verb, "--help") ? stderr : stdout, "%s%s", usage,
            simnic_command_help);
    return strcmp(verb, "--help") ? 2 : 0;
}
