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

/* dpdkzcrx/events. */

#include "zcrx-appctl-private.h"

#include "openvswitch/dynamic-string.h"
#include "timeval.h"
#include "util.h"
#include "zcrx-pair.h"

static void
put_time(struct json *event, const char *name, long long int msec)
{
    char *s = xastrftime_msec("%Y-%m-%dT%H:%M:%S.###Z", msec, true);

    json_object_put_string(event, name, s);
    free(s);
}

static char *
show_events(struct zcrx_pair *pair, const struct zcrx_args *args OVS_UNUSED,
            struct json *port)
{
    struct json *events = json_array_create_empty();

    for (size_t i = 0; i < zcrx_events_count(&pair->events); i++) {
        const struct zcrx_event *e = zcrx_events_get(&pair->events, i);
        struct json *event = json_object_create();

        put_time(event, "time", e->first);
        put_time(event, "last_time", e->last);
        put_uint(event, "times", e->times);
        json_object_put_string(event, "event", e->what);
        if (e->cause) {
            json_object_put_string(event, "cause", e->cause);
        }
        json_array_add(events, event);
    }
    json_object_put(port, "events", events);
    return NULL;
}

static void
print_events(const struct json *port, struct ds *out)
{
    const struct json *events = get(port, "events");

    ds_put_format(out, "%s:\n", get_string(port, "port"));
    for (size_t i = 0; i < json_array_size(events); i++) {
        const struct json *event = json_array_at(events, i);
        const char *cause = get_string(event, "cause");

        ds_put_format(out, "  %s %s%s%s", get_string(event, "time"),
                      get_string(event, "event"), cause ? ": " : "",
                      cause ? cause : "");
        if (get_int(event, "times") > 1) {
            ds_put_format(out, " (%lld times until %s)",
                          get_int(event, "times"),
                          get_string(event, "last_time"));
        }
        ds_put_char(out, '\n');
    }
}

static const struct zcrx_command commands[] = {
    { "dpdkzcrx/events", "[--json] [port]",
      .run = show_events, .print = print_events },
};

/* Registers the command.  Main thread. */
void
zcrx_appctl_events_init(void)
{
    zcrx_command_register(commands, ARRAY_SIZE(commands));
}
