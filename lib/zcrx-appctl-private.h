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

#ifndef ZCRX_APPCTL_PRIVATE_H
#define ZCRX_APPCTL_PRIVATE_H 1

/* What the files that implement commands share.
 *
 * Every command makes JSON first; what people read is printed from that, so
 * that both always say the same. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zcrx-compat.h"
#include "zcrx-json.h"

struct ds;
struct zcrx_pair;

/* Arguments that a command has at most after the port. */
#define ZCRX_MAX_ARGS 3

struct zcrx_args {
    const char *args[ZCRX_MAX_ARGS];
    size_t n;
};

struct zcrx_command {
    const char *name;
    const char *usage;
    bool needs_port;
    size_t min_args, max_args;  /* After the port. */

    /* Does what the command is for and describes the outcome, for 'pair',
     * whose mutex is held, in the JSON object 'port'.  Returns NULL or an
     * error, a malloc()'d string without the port's name.  Main thread. */
    char *(*run)(struct zcrx_pair *pair, const struct zcrx_args *,
                 struct json *port);

    /* The same for a command that takes the mutex by itself. */
    char *(*run_unlocked)(struct zcrx_pair *pair, const struct zcrx_args *,
                          struct json *port);

    /* Returns true if what is in 'port' is an error; if NULL, none is. */
    bool (*failed)(const struct json *port);

    /* Appends to 'out', in words, what is in 'port'. */
    void (*print)(const struct json *port, struct ds *out);
};

void zcrx_command_register(const struct zcrx_command *, size_t n);

void zcrx_describe_state(const struct zcrx_pair *, struct json *port);
void zcrx_describe_sync(struct zcrx_pair *, struct json *port);
void zcrx_print_state(const struct json *port, struct ds *);

void zcrx_put_number(struct ds *, uint64_t);

/* Each file's commands. */
void zcrx_appctl_capture_init(void);
void zcrx_appctl_change_init(void);
void zcrx_appctl_check_init(void);
void zcrx_appctl_events_init(void);
void zcrx_appctl_latency_init(void);
void zcrx_appctl_ring_init(void);
void zcrx_appctl_slow_init(void);
void zcrx_appctl_sync_init(void);

#endif /* zcrx-appctl-private.h */
