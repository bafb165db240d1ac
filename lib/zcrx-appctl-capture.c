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

#include <config.h>

/* dpdkzcrx/capture and dpdkzcrx/capture-stop. */

#include "zcrx-appctl-private.h"

#include <inttypes.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"
#include "zcrx-pair.h"
#include "zcrx-pair-capture.h"

/* Frames of a capture unless told otherwise. */
#define DEFAULT_COUNT 1000

static void
describe_capture(const struct zcrx_pair *pair, struct json *port)
{
    const struct zcrx_pair_capture *c = pair->capture;

    put_bool(port, "capturing", c != NULL);
    if (c) {
        json_object_put_string(port, "file", c->path);
        put_uint(port, "count", c->n);
        put_uint(port, "written", c->capture.written);
        put_uint(port, "missed", __atomic_load_n(&c->capture.missed,
                                                 __ATOMIC_RELAXED));
    }
}

static char *
capture(struct zcrx_pair *pair, const struct zcrx_args *args,
        struct json *port)
{
    unsigned int n = DEFAULT_COUNT;
    char *error = NULL;

    if (args->n > 1 && (!str_to_uint(args->args[1], 10, &n)
                        || !n || n > ZCRX_CAPTURE_MAX)) {
        return xasprintf("'%s' is not a number of frames from 1 to %d",
                         args->args[1], ZCRX_CAPTURE_MAX);
    }
    if (args->n > 0) {
        error = zcrx_pair_capture_start(pair, args->args[0], n);
    }
    describe_capture(pair, port);
    return error;
}

static char *
capture_stop(struct zcrx_pair *pair, const struct zcrx_args *args OVS_UNUSED,
             struct json *port)
{
    zcrx_pair_capture_stop(pair);
    describe_capture(pair, port);
    return NULL;
}

static void
print_capture(const struct json *port, struct ds *out)
{
    ds_put_format(out, "%s: ", get_string(port, "port"));
    if (get_bool(port, "capturing")) {
        ds_put_format(out, "capturing to %s, %lld of %lld frames written, "
                      "%lld missed\n", get_string(port, "file"),
                      get_int(port, "written"), get_int(port, "count"),
                      get_int(port, "missed"));
    } else {
        ds_put_cstr(out, "not capturing\n");
    }
}

static const struct zcrx_command commands[] = {
    { "dpdkzcrx/capture", "[--json] port [file [count]]",
      .needs_port = true, .max_args = 2,
      .run_unlocked = capture, .print = print_capture },
    { "dpdkzcrx/capture-stop", "[--json] port",
      .needs_port = true,
      .run_unlocked = capture_stop, .print = print_capture },
};

/* Registers the commands.  Main thread. */
void
zcrx_appctl_capture_init(void)
{
    zcrx_command_register(commands, ARRAY_SIZE(commands));
}
