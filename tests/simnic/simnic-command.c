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

#include "simnic-command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "simnic-report.h"
#include "simnic-util.h"

#define MAX_ARGS 4

const char simnic_command_help[] = "\
  start [N]         let frames come from the wire, N more or without end\n\
  stop              let none come\n\
  rate N|max        frames per second; unless it is \"max\", those that find\n\
                    no descriptor are lost\n\
  size SIZE         of frames: N, MIN-MAX for each in turn, or \"imix\"\n\
  flows N           let the frames be of N flows\n\
  play FILE [loop]  let the frames be those of a capture, once or for ever\n\
  unplug, plug      end the session with the driver, which sees its link go\n\
                    down; allow one again\n\
  delay US          complete descriptors so much later\n\
  stop-delay MS     go on for so long when a queue is to stop; can be\n\
                    changed meanwhile\n\
  late MS           write to buffers so long after their queue was stopped\n\
  stall N           never complete the next N receive descriptors\n\
  odd N SIZE        give every N-th frame this size; N is 0 for none\n\
  checksum right|unknown|bad\n\
                    what received frames are like\n\
  report            print all counters as JSON\n\
  quit              end\n";

struct command {
    const char *name;
    int min_args, max_args;     /* Without the name. */
    char *(*run)(struct simnic_program *, char **args, int n_args);
};

/* Stores the number 's', times 'unit', in '*value'.  Returns false if it is
 * none. */
static bool
parse_number(const char *s, uint64_t unit, uint64_t *value)
{
    char *end;

    errno = 0;
    *value = strtoull(s, &end, 10) * unit;
    return !errno && end != s && !*end && s[0] != '-';
}

static char *
not_a_number(void)
{
    return simnic_strdup("error: not a number");
}

static char *
run_start(struct simnic_program *program, char **args, int n_args)
{
    uint64_t n = SIMNIC_UNLIMITED;

    if (n_args && !parse_number(args[0], 1, &n)) {
        return not_a_number();
    }
    program->source.n_left = n;
    simnic_source_set_rate(&program->source, program->source.rate,
                           simnic_now());
    return NULL;
}

static char *
run_stop(struct simnic_program *program, char **args, int n_args)
{
    (void) args, (void) n_args;
    program->source.n_left = 0;
    return NULL;
}

static char *
run_rate(struct simnic_program *program, char **args, int n_args)
{
    uint64_t rate = SIMNIC_UNLIMITED;

    (void) n_args;
    if (strcmp(args[0], "max") && !parse_number(args[0], 1, &rate)) {
        return not_a_number();
    }
    simnic_source_set_rate(&program->source, rate, simnic_now());
    return NULL;
}

static char *
run_size(struct simnic_program *program, char **args, int n_args)
{
    const char *error = simnic_source_set_sizes(&program->source, args[0]);

    (void) n_args;
    return error ? simnic_format("error: %s", error) : NULL;
}

static char *
run_flows(struct simnic_program *program, char **args, int n_args)
{
    uint64_t n;

    (void) n_args;
    if (!parse_number(args[0], 1, &n) || !n || n > SIMNIC_MAX_FLOWS) {
        return simnic_strdup("error: not a number of flows");
    }
    program->source.n_flows = n;
    return NULL;
}

static char *
run_play(struct simnic_program *program, char **args, int n_args)
{
    char *answer = NULL;
    char *error;

    if (n_args > 1 && strcmp(args[1], "loop")) {
        return simnic_strdup("error: neither \"loop\" nor nothing");
    }
    error = simnic_source_read_capture(&program->source, args[0]);
    program->source.loop = n_args > 1;
    program->source.n_sent = 0;
    if (error) {
        answer = simnic_format("error: %s: %s", args[0], error);
        free(error);
    }
    return answer;
}

static char *
run_unplug(struct simnic_program *program, char **args, int n_args)
{
    (void) args, (void) n_args;
    simnic_plug(program->sn, false);
    return NULL;
}

static char *
run_plug(struct simnic_program *program, char **args, int n_args)
{
    (void) args, (void) n_args;
    simnic_plug(program->sn, true);
    return NULL;
}

static char *
set_time(const char *s, uint64_t unit, uint64_t *ns)
{
    return parse_number(s, unit, ns) ? NULL : not_a_number();
}

static char *
run_delay(struct simnic_program *program, char **args, int n_args)
{
    (void) n_args;
    return set_time(args[0], 1000, &simnic_faults(program->sn)->delay);
}

static char *
run_stop_delay(struct simnic_program *program, char **args, int n_args)
{
    (void) n_args;
    return set_time(args[0], 1000000,
                    &simnic_faults(program->sn)->stop_delay);
}

static char *
run_late(struct simnic_program *program, char **args, int n_args)
{
    (void) n_args;
    return set_time(args[0], 1000000, &simnic_faults(program->sn)->late);
}

static char *
run_stall(struct simnic_program *program, char **args, int n_args)
{
    (void) n_args;
    return (parse_number(args[0], 1, &simnic_faults(program->sn)->n_stall)
            ? NULL : not_a_number());
}

static char *
run_odd(struct simnic_program *program, char **args, int n_args)
{
    struct simnic_faults *faults = simnic_faults(program->sn);
    uint64_t every, size = 1;

    if (!parse_number(args[0], 1, &every) || every > UINT32_MAX
        || (n_args > 1 && !parse_number(args[1], 1, &size))) {
        return not_a_number();
    }
    if (!size || size > SIMNIC_FRAME_MAX || (every && n_args < 2)) {
        return simnic_strdup("error: the size is not a number from 1 to 9728");
    }
    faults->odd_every = every;
    faults->odd_size = size;
    return NULL;
}

static char *
run_checksum(struct simnic_program *program, char **args, int n_args)
{
    static const char *const names[] = { "right", "unknown", "bad" };

    (void) n_args;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!strcmp(args[0], names[i])) {
            simnic_faults(program->sn)->checksum = i;
            return NULL;
        }
    }
    return simnic_strdup("error: none of \"right\", \"unknown\" and \"bad\"");
}

static char *
run_report(struct simnic_program *program, char **args, int n_args)
{
    (void) args, (void) n_args;
    return simnic_report(program->sn, &program->source, program->max_pairs);
}

static char *
run_quit(struct simnic_program *program, char **args, int n_args)
{
    (void) args, (void) n_args;
    program->quit = true;
    return NULL;
}

static const struct command commands[] = {
    { "start", 0, 1, run_start },
    { "stop", 0, 0, run_stop },
    { "rate", 1, 1, run_rate },
    { "size", 1, 1, run_size },
    { "flows", 1, 1, run_flows },
    { "play", 1, 2, run_play },
    { "unplug", 0, 0, run_unplug },
    { "plug", 0, 0, run_plug },
    { "delay", 1, 1, run_delay },
    { "stop-delay", 1, 1, run_stop_delay },
    { "late", 1, 1, run_late },
    { "stall", 1, 1, run_stall },
    { "odd", 1, 2, run_odd },
    { "checksum", 1, 1, run_checksum },
    { "report", 0, 0, run_report },
    { "quit", 0, 0, run_quit },
};

/* Does what 'line' says.  Returns the answer, the caller's to free: "ok", what
 * was asked for, or "error: " and what is wrong. */
char *
simnic_command(struct simnic_program *program, const char *line)
{
    char *words = simnic_strdup(line);
    char *args[MAX_ARGS];
    char *answer = NULL;
    char *save = NULL;
    int n = 0;

    for (char *word = strtok_r(words, " \t\n", &save); word && n < MAX_ARGS;
         word = strtok_r(NULL, " \t\n", &save)) {
        args[n++] = word;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0] && n; i++) {
        const struct command *command = &commands[i];

        if (!strcmp(command->name, args[0])) {
            if (n - 1 < command->min_args || n - 1 > command->max_args) {
                answer = simnic_strdup("error: wrong number of arguments");
            } else {
                answer = command->run(program, args + 1, n - 1);
                answer = answer ? answer : simnic_strdup("ok");
            }
        }
    }
    free(words);
    return answer ? answer : simnic_strdup("error: unknown command");
}
