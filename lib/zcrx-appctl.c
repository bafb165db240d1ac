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

#include "zcrx-appctl.h"

#include <inttypes.h>
#include <rte_eal.h>

#include "netdev-dpdkzcrx.h"
#include "openvswitch/dynamic-string.h"
#include "unixctl.h"
#include "util.h"
#include "zcrx-appctl-private.h"
#include "zcrx-face.h"
#include "zcrx-pair.h"

/* A command that is being carried out. */
struct query {
    const struct zcrx_command *command;
    const char *port;           /* NULL for all ports. */
    struct zcrx_args args;
    struct json *ports;         /* An array with an object for each port. */
    char *error;
    bool failed;                /* 'ports' tells of an error. */
};

/* 'query' names the wire face of 'pair'. */
static void
set_wire_face_error(struct query *query, struct zcrx_pair *pair)
{
    ovs_mutex_lock(&pair->mutex);
    if (pair->face && pair->face->wire_name
        && !strcmp(query->port, pair->face->wire_name)) {
        query->error = xasprintf("%s: this is the wire face of %s, whose "
                                 "name is to be given", query->port,
                                 pair->name);
    }
    ovs_mutex_unlock(&pair->mutex);
}

static void
query_port(struct zcrx_pair *pair, void *query_)
{
    struct query *query = query_;
    const struct zcrx_command *command = query->command;
    struct json *port;
    char *error;

    if (query->error) {
        return;
    }
    if (query->port && strcmp(query->port, pair->name)) {
        set_wire_face_error(query, pair);
        return;
    }
    port = json_object_create();
    json_object_put_string(port, "port", pair->name);
    if (command->run_unlocked) {
        error = command->run_unlocked(pair, &query->args, port);
    } else {
        ovs_mutex_lock(&pair->mutex);
        error = command->run(pair, &query->args, port);
        ovs_mutex_unlock(&pair->mutex);
    }
    json_array_add(query->ports, port);
    query->failed |= command->failed && !error && command->failed(port);
    if (error) {
        query->error = xasprintf("%s: %s", pair->name, error);
        free(error);
    }
}

/* Stores the arguments in 'query'.  Returns NULL or an error. */
static char *
parse_args(struct query *query, int argc, const char *argv[], bool *as_json)
{
    const struct zcrx_command *command = query->command;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--json")) {
            if (*as_json) {
                return xstrdup("--json is given twice");
            }
            *as_json = true;
        } else if (!strncmp(argv[i], "--", 2)) {
            return xasprintf("%s: there is no such option", argv[i]);
        } else if (!query->port) {
            query->port = argv[i];
        } else if (query->args.n < command->max_args) {
            query->args.args[query->args.n++] = argv[i];
        } else if (!command->max_args) {
            return xstrdup("more than one port named");
        } else {
            return xasprintf("too many arguments: %s", argv[i]);
        }
    }
    if (command->needs_port && !query->port) {
        return xstrdup("a port must be named");
    }
    return (query->args.n < command->min_args
            ? xasprintf("arguments are missing: %s", command->usage) : NULL);
}

static void
handle(struct unixctl_conn *conn, int argc, const char *argv[], void *command)
{
    struct query query = { .command = command };
    struct ds out = DS_EMPTY_INITIALIZER;
    struct json *object;
    bool as_json = false;

    query.ports = json_array_create_empty();
    query.error = parse_args(&query, argc, argv, &as_json);
    if (!query.error) {
        netdev_dpdkzcrx_for_each(query_port, &query);
    }
    if (!query.error && query.port && !json_array_size(query.ports)) {
        query.error = xasprintf("%s: there is no such port of type dpdkzcrx",
                                query.port);
    }

    object = json_object_create();
    json_object_put(object, "ports", query.ports);
    if (query.error) {
        ds_put_cstr(&out, query.error);
    } else if (as_json) {
        json_to_ds(object, JSSF_SORT, &out);
    } else {
        for (size_t i = 0; i < json_array_size(query.ports); i++) {
            query.command->print(json_array_at(query.ports, i), &out);
        }
    }
    if (query.error || query.failed) {
        unixctl_command_reply_error(conn, ds_cstr(&out));
    } else {
        unixctl_command_reply(conn, ds_cstr(&out));
    }
    json_destroy(object);
    free(query.error);
    ds_destroy(&out);
}

/* Registers the 'n' commands at 'commands', which must stay.  Main thread. */
void
zcrx_command_register(const struct zcrx_command *commands, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct zcrx_command *c = &commands[i];

        unixctl_command_register(c->name, c->usage, 0,
                                 /* With the port and --json. */
                                 c->max_args + 2, handle,
                                 CONST_CAST(struct zcrx_command *, c));
    }
}

/* Appends 'n' to 'out' with a comma before each three digits. */
void
zcrx_put_number(struct ds *out, uint64_t n)
{
    if (n >= 1000) {
        zcrx_put_number(out, n / 1000);
        ds_put_format(out, ",%03"PRIu64, n % 1000);
    } else {
        ds_put_format(out, "%"PRIu64, n);
    }
}

/* Describes what state 'pair' is in. */
void
zcrx_describe_state(const struct zcrx_pair *pair, struct json *port)
{
    const char *why_copy = zcrx_pair_why_copy(pair);

    json_object_put_string(port, "mode",
                           zcrx_mode_to_string(pair->config.mode));
    json_object_put_string(port, "state",
                           zcrx_pair_state_to_string(pair->state));
    if (pair->why) {
        json_object_put_string(port, "why", pair->why);
    }
    put_bool(port, "guest_connected", pair->state != ZCRX_PAIR_NO_GUEST);
    put_bool(port, "zero_copy",
             pair->state == ZCRX_PAIR_RUNNING && !why_copy);
    if (why_copy) {
        json_object_put_string(port, "copy_reason", why_copy);
    }
    if (pair->config.devargs) {
        json_object_put_string(port, "vf", pair->config.devargs);
    }
    if (pair->config.path) {
        json_object_put_string(port, "socket", pair->config.path);
    }
}

/* Prints what zcrx_describe_state() described. */
void
zcrx_print_state(const struct json *port, struct ds *out)
{
    const char *why = get_string(port, "why");
    const char *copy_reason = get_string(port, "copy_reason");

    ds_put_format(out, "%s: %s", get_string(port, "port"),
                  get_string(port, "state"));
    if (why) {
        ds_put_format(out, " (%s)", why);
    }
    ds_put_format(out, ", mode %s", get_string(port, "mode"));
    if (copy_reason) {
        ds_put_format(out, ", copying: %s", copy_reason);
    } else if (get_bool(port, "zero_copy")) {
        ds_put_cstr(out, ", zero-copy");
    }
    ds_put_char(out, '\n');
}

static char *
list(struct zcrx_pair *pair, const struct zcrx_args *args OVS_UNUSED,
     struct json *port)
{
    zcrx_describe_state(pair, port);
    return NULL;
}

static void
print_list(const struct json *port, struct ds *out)
{
    zcrx_print_state(port, out);
    ds_put_format(out, "    VF:     %s\n    socket: %s\n",
                  get_string(port, "vf"), get_string(port, "socket"));
}

static char *
gpa_map_show(struct zcrx_pair *pair, const struct zcrx_args *args OVS_UNUSED,
             struct json *port)
{
    const struct zcrx_gpa_map *map = &pair->guest.map;
    struct json *regions = json_array_create_empty();

    json_object_put_string(port, "iova_mode",
                           pair->vf.uses_cpu ? "none"
                           : rte_eal_iova_mode() == RTE_IOVA_PA ? "PA" : "VA");
    for (size_t i = 0; i < map->n; i++) {
        const struct zcrx_gpa_region *r = &map->regions[i];
        struct json *region = json_object_create();

        json_object_put_format(region, "gpa", "0x%"PRIx64, r->gpa);
        put_uint(region, "size", r->size);
        json_object_put_format(region, "hva", "0x%"PRIxPTR, r->hva);
        put_uint(region, "page_size", r->page_size);
        put_bool(region, "zero_copy", !r->no_dma);
        if (r->no_dma) {
            json_object_put_string(region, "why", r->no_dma);
        }
        json_array_add(regions, region);
    }
    json_object_put(port, "regions", regions);
    return NULL;
}

static void
print_map(const struct json *port, struct ds *out)
{
    const struct json *regions = get(port, "regions");

    ds_put_format(out, "%s: IOVA mode %s%s\n", get_string(port, "port"),
                  get_string(port, "iova_mode"),
                  json_array_size(regions) ? "" : ", no guest memory");
    for (size_t i = 0; i < json_array_size(regions); i++) {
        const struct json *r = json_array_at(regions, i);

        ds_put_format(out, "  GPA %s, %lld bytes, HVA %s, pages of %lld "
                      "bytes, %s%s\n",
                      get_string(r, "gpa"), get_int(r, "size"),
                      get_string(r, "hva"), get_int(r, "page_size"),
                      get_bool(r, "zero_copy") ? "zero-copy" : "copying: ",
                      get_bool(r, "zero_copy") ? "" : get_string(r, "why"));
    }
}

static const struct zcrx_command commands[] = {
    { "dpdkzcrx/list", "[--json] [port]",
      .run = list, .print = print_list },
    { "dpdkzcrx/gpa-map-show", "[--json] port", .needs_port = true,
      .run = gpa_map_show, .print = print_map },
};

/* Registers all commands.  Main thread. */
void
zcrx_appctl_init(void)
{
    zcrx_command_register(commands, ARRAY_SIZE(commands));
    zcrx_appctl_capture_init();
    zcrx_appctl_change_init();
    zcrx_appctl_check_init();
    zcrx_appctl_events_init();
    zcrx_appctl_latency_init();
    zcrx_appctl_ring_init();
    zcrx_appctl_slow_init();
    zcrx_appctl_sync_init();
}
