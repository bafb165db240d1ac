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

/* Commands that change something: dpdkzcrx/stats-clear, dpdkzcrx/set-mode. */

#include "zcrx-appctl-private.h"

#include "openvswitch/dynamic-string.h"
#include "util.h"
#include "zcrx-pair.h"

/* The counters themselves go on, for the statistics of the Interface: these
 * must not go back. */
static char *
stats_clear(struct zcrx_pair *pair, const struct zcrx_args *args OVS_UNUSED,
            struct json *port OVS_UNUSED)
{
    for (uint16_t i = 0; i < pair->n_queues; i++) {
        struct zcrx_queue *q = &pair->queues[i];

        memset(&q->cleared, 0, sizeof q->cleared);
        zcrx_stats_accumulate(&q->cleared, &q->stats);
        q->cleared_latency = q->latency;
    }
    return NULL;
}

static void
print_cleared(const struct json *port, struct ds *out)
{
    ds_put_format(out, "%s: cleared\n", get_string(port, "port"));
}

static char *
set_mode(struct zcrx_pair *pair, const struct zcrx_args *args,
         struct json *port)
{
    enum zcrx_mode mode;

    if (!zcrx_mode_from_string(args->args[0], &mode)) {
        return xasprintf("'%s' is not one of auto, zero-copy and copy",
                         args->args[0]);
    }
    json_object_put_string(port, "old_mode",
                           zcrx_mode_to_string(zcrx_pair_set_mode(pair,
                                                                  mode)));
    json_object_put_string(port, "mode", zcrx_mode_to_string(mode));
    return NULL;
}

static void
print_mode(const struct json *port, struct ds *out)
{
    ds_put_format(out, "%s: mode %s, was %s\n", get_string(port, "port"),
                  get_string(port, "mode"), get_string(port, "old_mode"));
}

static const struct zcrx_command commands[] = {
    { "dpdkzcrx/stats-clear", "[--json] [port]",
      .run = stats_clear, .print = print_cleared },
    { "dpdkzcrx/set-mode", "[--json] port auto|zero-copy|copy",
      .needs_port = true, .min_args = 1, .max_args = 1,
      .run_unlocked = set_mode, .print = print_mode },
};

/* Registers the commands.  Main thread. */
void
zcrx_appctl_change_init(void)
{
    zcrx_command_register(commands, ARRAY_SIZE(commands));
}
