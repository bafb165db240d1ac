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

#include "zcrx-appctl-check.h"

#include "netdev-dpdkzcrx.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "unixctl.h"
#include "util.h"
#include "zcrx-audit.h"
#include "zcrx-pair.h"

/* A check: which ports it was asked for, and what it has found. */
struct check {
    const char *port;           /* NULL for all ports. */
    struct json *ports;         /* An array with an object for each port. */
    struct ds text;             /* The same in words. */
    bool failed;
};

static void
add_problem(void *problems, const char *problem)
{
    json_array_add(problems, json_string_create(problem));
}

/* Goes over all queue pairs, each without the PMD thread that polls it, which
 * turns away from it for that long. */
static void
audit_pair(struct zcrx_pair *pair, struct zcrx_audit *audit)
{
    for (uint16_t i = 0; i < pair->n_queues; i++) {
        struct zcrx_queue *q = &pair->queues[i];
        bool polled = zcrx_queue_in_use(q) && !pair->paused;

        if (polled) {
            zcrx_gate_close(&q->gate);
        }
        zcrx_audit_queue(audit, q);
        if (polled) {
            zcrx_gate_open(&q->gate);
        }
    }
}

static void
check_port(struct zcrx_pair *pair, void *check_)
{
    struct json *problems, *port;
    struct check *check = check_;
    struct zcrx_audit audit;
    const char *state;

    if (check->port && strcmp(check->port, pair->name)) {
        return;
    }
    problems = json_array_create_empty();
    audit = (struct zcrx_audit) { .report = add_problem, .aux = problems };

    ovs_mutex_lock(&pair->mutex);
    audit_pair(pair, &audit);
    state = zcrx_pair_state_to_string(pair->state);
    ovs_mutex_unlock(&pair->mutex);

    check->failed |= audit.n_problems > 0;
    if (!audit.n_problems) {
        ds_put_format(&check->text, "%s: ok, %s, %u queue pairs, %u buffers "
                      "of the guest held\n", pair->name, state,
                      audit.n_queues, audit.n_buffers);
    }
    for (size_t i = 0; i < json_array(problems)->n; i++) {
        ds_put_format(&check->text, "%s: %s\n", pair->name,
                      json_string(json_array(problems)->elems[i]));
    }

    port = json_object_create();
    json_object_put_string(port, "port", pair->name);
    json_object_put_string(port, "state", state);
    json_object_put(port, "ok", json_boolean_create(!audit.n_problems));
    json_object_put(port, "problems", problems);
    json_object_put(port, "checked_queue_pairs",
                    json_integer_create(audit.n_queues));
    json_object_put(port, "checked_buffers",
                    json_integer_create(audit.n_buffers));
    json_array_add(check->ports, port);
}

static void
ring_sync_check(struct unixctl_conn *conn, int argc, const char *argv[],
                void *aux OVS_UNUSED)
{
    struct check check = { .text = DS_EMPTY_INITIALIZER };
    struct json *object;
    bool as_json = false;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--json")) {
            as_json = true;
        } else if (!check.port) {
            check.port = argv[i];
        } else {
            unixctl_command_reply_error(conn, "more than one port named");
            return;
        }
    }

    check.ports = json_array_create_empty();
    netdev_dpdkzcrx_for_each(check_port, &check);
    if (check.port && !json_array(check.ports)->n) {
        check.failed = true;
        as_json = false;
        ds_put_format(&check.text, "%s: there is no such port of type "
                      "dpdkzcrx", check.port);
    }
    object = json_object_create();
    json_object_put(object, "ports", check.ports);
    if (as_json) {
        ds_clear(&check.text);
        json_to_ds(object, JSSF_SORT, &check.text);
    }
    if (check.failed) {
        unixctl_command_reply_error(conn, ds_cstr(&check.text));
    } else {
        unixctl_command_reply(conn, ds_cstr(&check.text));
    }
    json_destroy(object);
    ds_destroy(&check.text);
}

/* Registers the command.  Main thread. */
void
zcrx_appctl_check_init(void)
{
    unixctl_command_register("dpdkzcrx/ring-sync-check", "[--json] [port]",
                             0, 2, ring_sync_check, NULL);
}
