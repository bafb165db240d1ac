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

/* dpdkzcrx/ring-sync-check. */

#include "zcrx-appctl-private.h"

#include "openvswitch/dynamic-string.h"
#include "util.h"
#include "zcrx-audit.h"
#include "zcrx-pair.h"

static void
add_problem(void *problems, const char *problem)
{
    json_array_add(problems, json_string_create(problem));
}

/* Goes over all queue pairs, each without the PMD thread that polls it. */
static char *
ring_sync_check(struct zcrx_pair *pair,
                const struct zcrx_args *args OVS_UNUSED, struct json *port)
{
    struct json *problems = json_array_create_empty();
    struct zcrx_audit audit = { .report = add_problem, .aux = problems };

    for (uint16_t i = 0; i < pair->n_queues; i++) {
        struct zcrx_queue *q = &pair->queues[i];
        bool held = zcrx_gate_hold(&q->gate);

        zcrx_audit_queue(&audit, q);
        zcrx_gate_release(&q->gate, held);
    }

    json_object_put_string(port, "state",
                           zcrx_pair_state_to_string(pair->state));
    put_bool(port, "ok", !audit.n_problems);
    json_object_put(port, "problems", problems);
    put_uint(port, "checked_queue_pairs", audit.n_queues);
    put_uint(port, "checked_buffers", audit.n_buffers);
    return NULL;
}

static bool
has_problems(const struct json *port)
{
    return !get_bool(port, "ok");
}

static void
print_check(const struct json *port, struct ds *out)
{
    const struct json *problems = get(port, "problems");

    if (get_bool(port, "ok")) {
        long long int n_queues = get_int(port, "checked_queue_pairs");
        long long int n_buffers = get_int(port, "checked_buffers");

        ds_put_format(out, "%s: ok, %s, %lld queue pair%s, %lld buffer%s of "
                      "the guest held\n",
                      get_string(port, "port"), get_string(port, "state"),
                      n_queues, n_queues == 1 ? "" : "s",
                      n_buffers, n_buffers == 1 ? "" : "s");
    }
    for (size_t i = 0; i < json_array_size(problems); i++) {
        ds_put_format(out, "%s: %s\n", get_string(port, "port"),
                      json_string(json_array_at(problems, i)));
    }
}

static const struct zcrx_command commands[] = {
    { "dpdkzcrx/ring-sync-check", "[--json] [port]",
      .run = ring_sync_check, .failed = has_problems, .print = print_check },
};

/* Registers the command.  Main thread. */
void
zcrx_appctl_check_init(void)
{
    zcrx_command_register(commands, ARRAY_SIZE(commands));
}
