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
#include "openvswitch/json.h"
#include "unixctl.h"
#include "util.h"
#include "zcrx-pair-slow.h"
#include "zcrx-pair.h"
#include "zcrx-rss.h"

/* Every command makes JSON first; what people read is printed from that, so
 * that both always say the same. */

/* Describes a port in the JSON object, and an object so made in words. */
typedef void describe_func(const struct zcrx_pair *, struct json *);
typedef void print_func(const struct json *, struct ds *);

static void
put_uint(struct json *object, const char *name, uint64_t value)
{
    json_object_put(object, name, json_integer_create(value));
}

static void
put_ratio(struct json *object, const char *name, uint64_t a, uint64_t b)
{
    json_object_put(object, name,
                    json_real_create(b ? (double) a / b : 0));
}

static void
put_bool(struct json *object, const char *name, bool value)
{
    json_object_put(object, name, json_boolean_create(value));
}

static const struct json *
get(const struct json *object, const char *name)
{
    return shash_find_data(json_object(object), name);
}

static long long int
get_int(const struct json *object, const char *name)
{
    return json_integer(get(object, name));
}

static const char *
get_string(const struct json *object, const char *name)
{
    const struct json *string = get(object, name);

    return string ? json_string(string) : NULL;
}

static bool
get_bool(const struct json *object, const char *name)
{
    return get(object, name)->type == JSON_TRUE;
}

/* A counter that is one of several reasons. */
struct reason {
    const char *name;
    size_t index;               /* In struct zcrx_stats, in counters. */
};

#define ZCRX_COUNTER(NAME) \
    { #NAME, offsetof(struct zcrx_stats, NAME) / sizeof(uint64_t) },
static const struct reason copy_reasons[] = { ZCRX_COPY_REASONS };
static const struct reason wire_drops[] = { ZCRX_WIRE_DROP_REASONS };
static const struct reason guest_drops[] = { ZCRX_GUEST_DROP_REASONS };
static const struct reason inject_drops[] = { ZCRX_INJECT_DROP_REASONS };
static const struct reason wire_out_drops[] = { ZCRX_WIRE_OUT_DROP_REASONS };
#undef ZCRX_COUNTER

/* Puts an object 'name' into 'object' with each of the 'n' 'reasons', without
 * 'prefix', and their sum as "total". */
static void
put_reasons(struct json *object, const char *name,
            const struct zcrx_stats *stats, const struct reason *reasons,
            size_t n, const char *prefix)
{
    struct json *all = json_object_create();
    uint64_t total = 0;

    for (size_t i = 0; i < n; i++) {
        uint64_t value = ((const uint64_t *) stats)[reasons[i].index];

        put_uint(all, reasons[i].name + strlen(prefix), value);
        total += value;
    }
    put_uint(all, "total", total);
    json_object_put(object, name, all);
}

static struct json *
describe_vring(const struct zcrx_vring *vq)
{
    struct json *ring = json_object_create();

    json_object_put_string(ring, "kind", zcrx_vring_kind(vq));
    put_uint(ring, "size", vq->size);
    put_uint(ring, "header_bytes", vq->hdr_len);
    put_bool(ring, "mergeable", vq->mergeable);
    put_bool(ring, "indirect", vq->indirect);
    put_bool(ring, "event_idx", vq->event_idx);
    put_uint(ring, "guest_avail_idx", zcrx_vring_guest_avail(vq));
    put_uint(ring, "guest_used_idx", zcrx_vring_guest_used(vq));
    put_uint(ring, "avail_idx", vq->next_avail);
    put_uint(ring, "used_idx", vq->used_idx);
    return ring;
}

static void
describe_stats(const struct zcrx_stats *stats, struct json *queue)
{
    struct json *wire_rx = json_object_create();
    struct json *guest_tx = json_object_create();
    struct json *injected = json_object_create();
    struct json *wire_out = json_object_create();

    put_uint(wire_rx, "frames", stats->wire_rx_frames);
    put_uint(wire_rx, "bytes", stats->wire_rx_bytes);
    put_uint(wire_rx, "zero_copy", stats->zero_copy_frames);
    put_reasons(wire_rx, "copied", stats, copy_reasons,
                ARRAY_SIZE(copy_reasons), "copied_");
    put_uint(wire_rx, "slow_path", stats->slow_wire_frames);
    put_reasons(wire_rx, "dropped", stats, wire_drops,
                ARRAY_SIZE(wire_drops), "dropped_");
    json_object_put(queue, "wire_rx", wire_rx);

    put_uint(guest_tx, "frames", stats->guest_tx_frames);
    put_uint(guest_tx, "bytes", stats->guest_tx_bytes);
    put_uint(guest_tx, "slow_path", stats->slow_guest_frames);
    put_reasons(guest_tx, "dropped", stats, guest_drops,
                ARRAY_SIZE(guest_drops), "tx_dropped_");
    json_object_put(queue, "guest_tx", guest_tx);

    put_uint(injected, "frames", stats->injected_frames);
    put_uint(injected, "bytes", stats->injected_bytes);
    put_reasons(injected, "dropped", stats, inject_drops,
                ARRAY_SIZE(inject_drops), "inject_dropped_");
    json_object_put(queue, "injected", injected);

    put_uint(wire_out, "frames", stats->wire_out_frames);
    put_uint(wire_out, "bytes", stats->wire_out_bytes);
    put_reasons(wire_out, "dropped", stats, wire_out_drops,
                ARRAY_SIZE(wire_out_drops), "wire_out_dropped_");
    json_object_put(queue, "wire_out", wire_out);

    put_uint(queue, "notifications", stats->guest_notifications);
    put_ratio(queue, "cycles_per_frame", stats->rx_sampled_cycles,
              stats->rx_sampled_frames);
    put_ratio(queue, "tx_cycles_per_frame", stats->tx_sampled_cycles,
              stats->tx_sampled_frames);
}

/* Adds what the guest did wrong, if it did. */
static void
put_error(struct json *object, const char *name, enum zcrx_vring_error error)
{
    if (error) {
        json_object_put_string(object, name, zcrx_vring_strerror(error));
    }
}

/* Describes what the guest wants of queue pair 'i' and what it did wrong. */
static void
describe_guest_queue(const struct zcrx_pair *pair, uint16_t i,
                     struct json *queue)
{
    bool is_there = i < pair->guest.n_queue_pairs;

    put_bool(queue, "enabled", is_there && pair->guest.pairs[i].enabled);
    if (is_there) {
        put_error(queue, "rx_error", pair->guest.pairs[i].rx.error);
        put_error(queue, "tx_error", pair->guest.pairs[i].tx.error);
    }
}

static struct json *
describe_queue(const struct zcrx_pair *pair, uint16_t i)
{
    const struct zcrx_queue *q = &pair->queues[i];
    struct zcrx_stats stats = { .wire_rx_frames = 0 };
    struct json *queue = json_object_create();
    uint16_t n_entries;

    put_uint(queue, "queue", i);
    put_bool(queue, "active", zcrx_queue_in_use(q));
    describe_guest_queue(pair, i, queue);
    if (q->running) {
        json_object_put(queue, "rx", describe_vring(&q->rx));
        if (q->tx.ops) {
            json_object_put(queue, "tx", describe_vring(&q->tx));
        }
        put_uint(queue, "vf_queue", q->vf.queue_id);
        if (zcrx_rss_count(&pair->vf, q->vf.queue_id, &n_entries)) {
            put_uint(queue, "rss_entries", n_entries);
        }
        put_uint(queue, "vf_descriptors", pair->n_rxd);
        put_uint(queue, "posted", q->pool ? q->pool->n_posted : 0);
        put_uint(queue, "posted_bounce",
                 q->pool ? q->pool->n_bounce_posted : 0);
    }
    zcrx_stats_accumulate(&stats, &q->stats);
    describe_stats(&stats, queue);
    return queue;
}

static void
describe_state(const struct zcrx_pair *pair, struct json *port)
{
    const char *why_copy = zcrx_pair_why_copy(pair);

    json_object_put_string(port, "port", pair->name);
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
    if (pair->vf.devargs) {
        json_object_put_string(port, "vf", pair->vf.devargs);
    }
    if (pair->config.path) {
        json_object_put_string(port, "socket", pair->config.path);
    }
}

static void
describe_sync(const struct zcrx_pair *pair, struct json *port)
{
    struct json *queues = json_array_create_empty();

    describe_state(pair, port);
    for (uint16_t i = 0; i < pair->n_queues; i++) {
        json_array_add(queues, describe_queue(pair, i));
    }
    json_object_put(port, "queues", queues);
}

static void
describe_map(const struct zcrx_pair *pair, struct json *port)
{
    const struct zcrx_gpa_map *map = &pair->guest.map;
    struct json *regions = json_array_create_empty();

    json_object_put_string(port, "port", pair->name);
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
}

/* Puts 'count' into 'object' as 'name'. */
static void
put_count(struct json *object, const char *name,
          const struct zcrx_slow_count *count)
{
    struct json *json = json_object_create();

    put_uint(json, "frames", count->frames);
    put_uint(json, "bytes", count->bytes);
    json_object_put(object, name, json);
}

static void
describe_class(struct json *classes, const char *name, const char *where,
               const struct zcrx_slow_count counts[ZCRX_N_DIRS])
{
    struct json *class = json_object_create();

    json_object_put_string(class, "class", name);
    json_object_put_string(class, "matched", where);
    put_count(class, "from_wire", &counts[ZCRX_FROM_WIRE]);
    put_count(class, "from_guest", &counts[ZCRX_FROM_GUEST]);
    json_array_add(classes, class);
}

static void
describe_slow_path(const struct zcrx_pair *pair, struct json *port)
{
    const char *guest_tx = pair->config.guest_tx_ovs ? "ovs" : "vf";
    struct json *classes = json_array_create_empty();
    const struct zcrx_steer *steer = pair->steer;
    struct zcrx_slow_counts counts;

    zcrx_pair_get_slow(pair, &counts);
    json_object_put_string(port, "port", pair->name);
    json_object_put_string(port, "slow_path", (pair->config.slow_path
                                               ? pair->config.slow_path
                                               : "none"));
    json_object_put_string(port, "guest_tx", guest_tx);
    if (pair->face && pair->face->wire_name) {
        json_object_put_string(port, "wire_face", pair->face->wire_name);
    }
    for (uint8_t i = 0; steer && i < steer->n_classes; i++) {
        describe_class(classes, steer->classes[i].name, "software",
                       counts.counts[i]);
    }
    describe_class(classes, "other", guest_tx, counts.counts[ZCRX_SLOW_OTHER]);
    json_object_put(port, "classes", classes);
}

static void
print_state(const struct json *port, struct ds *out)
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

static void
print_list(const struct json *port, struct ds *out)
{
    print_state(port, out);
    ds_put_format(out, "    VF:     %s\n    socket: %s\n",
                  get_string(port, "vf"), get_string(port, "socket"));
}

/* Prints the reasons in object 'name' that there were, in parentheses. */
static void
print_reasons(const struct json *object, const char *name, struct ds *out)
{
    const struct json *reasons = get(object, name);
    const struct shash_node **nodes = shash_sort(json_object(reasons));
    size_t n = shash_count(json_object(reasons));
    const char *separator = " (";

    ds_put_format(out, ", %s %lld", name, get_int(reasons, "total"));
    for (size_t i = 0; i < n; i++) {
        const struct json *value = nodes[i]->data;

        if (strcmp(nodes[i]->name, "total") && json_integer(value)) {
            ds_put_format(out, "%s%s %lld", separator, nodes[i]->name,
                          (long long int) json_integer(value));
            separator = ", ";
        }
    }
    ds_put_cstr(out, *separator == ',' ? ")" : "");
    free(nodes);
}

static void
print_vring(const struct json *queue, const char *name, const char *title,
            struct ds *out)
{
    const struct json *ring = get(queue, name);

    if (!ring) {
        return;
    }
    ds_put_format(out, "    %-15s %s, %lld entries, %lld-byte headers%s; "
                  "guest: available %lld, used %lld; port: available %lld, "
                  "used %lld\n",
                  title, get_string(ring, "kind"), get_int(ring, "size"),
                  get_int(ring, "header_bytes"),
                  get_bool(ring, "mergeable") ? ", mergeable" : "",
                  get_int(ring, "guest_avail_idx"),
                  get_int(ring, "guest_used_idx"),
                  get_int(ring, "avail_idx"), get_int(ring, "used_idx"));
}

static void
print_error(const struct json *queue, const char *name, const char *title,
            struct ds *out)
{
    const char *error = get_string(queue, name);

    if (error) {
        ds_put_format(out, "    %-15s stopped: %s\n", title, error);
    }
}

static void
print_vf_queue(const struct json *queue, struct ds *out)
{
    ds_put_format(out, "    VF:             queue %lld, %lld descriptors, "
                  "posted: %lld guest buffers, %lld host buffers\n",
                  get_int(queue, "vf_queue"),
                  get_int(queue, "vf_descriptors"), get_int(queue, "posted"),
                  get_int(queue, "posted_bounce"));
    if (get(queue, "rss_entries")) {
        ds_put_format(out, "    RSS:            %lld entries of the "
                      "redirection table\n", get_int(queue, "rss_entries"));
    }
}

static void
print_queue(const struct json *queue, bool has_guest, struct ds *out)
{
    const struct json *wire_rx = get(queue, "wire_rx");
    const struct json *guest_tx = get(queue, "guest_tx");
    const struct json *injected = get(queue, "injected");
    const struct json *wire_out = get(queue, "wire_out");

    ds_put_format(out, "  queue pair %lld%s\n", get_int(queue, "queue"),
                  get_bool(queue, "active") ? ""
                  : get_bool(queue, "enabled") || !has_guest ? " (not in use)"
                  : " (not enabled by the guest)");
    print_error(queue, "rx_error", "receive ring:", out);
    print_error(queue, "tx_error", "transmit ring:", out);
    print_vring(queue, "rx", "receive ring:", out);
    print_vring(queue, "tx", "transmit ring:", out);
    if (get(queue, "vf_queue")) {
        print_vf_queue(queue, out);
    }
    ds_put_format(out, "    wire to guest:  %lld frames, %lld bytes: "
                  "zero-copy %lld",
                  get_int(wire_rx, "frames"), get_int(wire_rx, "bytes"),
                  get_int(wire_rx, "zero_copy"));
    print_reasons(wire_rx, "copied", out);
    ds_put_format(out, ", slow path %lld", get_int(wire_rx, "slow_path"));
    print_reasons(wire_rx, "dropped", out);
    ds_put_format(out, "\n    guest to wire:  %lld frames, %lld bytes",
                  get_int(guest_tx, "frames"), get_int(guest_tx, "bytes"));
    ds_put_format(out, ": slow path %lld", get_int(guest_tx, "slow_path"));
    print_reasons(guest_tx, "dropped", out);
    ds_put_format(out, "\n    OVS to guest:   %lld frames, %lld bytes",
                  get_int(injected, "frames"), get_int(injected, "bytes"));
    print_reasons(injected, "dropped", out);
    ds_put_format(out, "\n    OVS to wire:    %lld frames, %lld bytes",
                  get_int(wire_out, "frames"), get_int(wire_out, "bytes"));
    print_reasons(wire_out, "dropped", out);
    ds_put_format(out, "\n    notifications:  %lld\n"
                  "    cycles/frame:   %.1f to guest, %.1f to wire\n",
                  get_int(queue, "notifications"),
                  json_real(get(queue, "cycles_per_frame")),
                  json_real(get(queue, "tx_cycles_per_frame")));
}

static void
print_sync(const struct json *port, struct ds *out)
{
    const struct json *queues = get(port, "queues");

    print_state(port, out);
    for (size_t i = 0; i < json_array(queues)->n; i++) {
        print_queue(json_array(queues)->elems[i],
                    get_bool(port, "guest_connected"), out);
    }
}

static void
print_map(const struct json *port, struct ds *out)
{
    const struct json *regions = get(port, "regions");

    ds_put_format(out, "%s: IOVA mode %s%s\n", get_string(port, "port"),
                  get_string(port, "iova_mode"),
                  json_array(regions)->n ? "" : ", no guest memory");
    for (size_t i = 0; i < json_array(regions)->n; i++) {
        const struct json *r = json_array(regions)->elems[i];

        ds_put_format(out, "  GPA %s, %lld bytes, HVA %s, pages of %lld "
                      "bytes, %s%s\n",
                      get_string(r, "gpa"), get_int(r, "size"),
                      get_string(r, "hva"), get_int(r, "page_size"),
                      get_bool(r, "zero_copy") ? "zero-copy" : "copying: ",
                      get_bool(r, "zero_copy") ? "" : get_string(r, "why"));
    }
}

static void
print_slow_path(const struct json *port, struct ds *out)
{
    const char *wire_face = get_string(port, "wire_face");
    const struct json *classes = get(port, "classes");

    ds_put_format(out, "%s: slow-path %s, guest-tx %s, %s%s\n",
                  get_string(port, "port"), get_string(port, "slow_path"),
                  get_string(port, "guest_tx"),
                  wire_face ? "wire face " : "no wire face",
                  wire_face ? wire_face : "");
    for (size_t i = 0; i < json_array(classes)->n; i++) {
        const struct json *class = json_array(classes)->elems[i];
        const struct json *from_wire = get(class, "from_wire");
        const struct json *from_guest = get(class, "from_guest");

        ds_put_format(out, "    %s (%s): from wire %lld frames, %lld bytes; "
                      "from guest %lld frames, %lld bytes\n",
                      get_string(class, "class"),
                      get_string(class, "matched"),
                      get_int(from_wire, "frames"),
                      get_int(from_wire, "bytes"),
                      get_int(from_guest, "frames"),
                      get_int(from_guest, "bytes"));
    }
}

/* A command: which ports it was asked for, and what it has found. */
struct query {
    const char *port;           /* NULL for all ports. */
    describe_func *describe;
    struct json *ports;         /* An array with an object for each port. */
};

static void
query_port(struct zcrx_pair *pair, void *query_)
{
    struct query *query = query_;

    if (!query->port || !strcmp(query->port, pair->name)) {
        struct json *port = json_object_create();

        ovs_mutex_lock(&pair->mutex);
        query->describe(pair, port);
        ovs_mutex_unlock(&pair->mutex);
        json_array_add(query->ports, port);
    }
}

static void
answer(struct unixctl_conn *conn, int argc, const char *argv[],
       bool needs_port, describe_func *describe, print_func *print)
{
    struct query query = { .describe = describe };
    struct ds out = DS_EMPTY_INITIALIZER;
    bool as_json = false;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--json")) {
            as_json = true;
        } else if (!query.port) {
            query.port = argv[i];
        } else {
            unixctl_command_reply_error(conn, "more than one port named");
            return;
        }
    }

    if (needs_port && !query.port) {
        unixctl_command_reply_error(conn, "a port must be named");
        return;
    }

    query.ports = json_array_create_empty();
    netdev_dpdkzcrx_for_each(query_port, &query);
    if (query.port && !json_array(query.ports)->n) {
        ds_put_format(&out, "%s: there is no such port of type dpdkzcrx",
                      query.port);
        unixctl_command_reply_error(conn, ds_cstr(&out));
        json_destroy(query.ports);
    } else if (as_json) {
        struct json *object = json_object_create();

        json_object_put(object, "ports", query.ports);
        json_to_ds(object, JSSF_SORT, &out);
        unixctl_command_reply(conn, ds_cstr(&out));
        json_destroy(object);
    } else {
        for (size_t i = 0; i < json_array(query.ports)->n; i++) {
            print(json_array(query.ports)->elems[i], &out);
        }
        unixctl_command_reply(conn, ds_cstr(&out));
        json_destroy(query.ports);
    }
    ds_destroy(&out);
}

static void
list(struct unixctl_conn *conn, int argc, const char *argv[],
     void *aux OVS_UNUSED)
{
    answer(conn, argc, argv, false, describe_state, print_list);
}

static void
ring_sync_show(struct unixctl_conn *conn, int argc, const char *argv[],
               void *aux OVS_UNUSED)
{
    answer(conn, argc, argv, false, describe_sync, print_sync);
}

static void
gpa_map_show(struct unixctl_conn *conn, int argc, const char *argv[],
             void *aux OVS_UNUSED)
{
    answer(conn, argc, argv, true, describe_map, print_map);
}

static void
slow_path_show(struct unixctl_conn *conn, int argc, const char *argv[],
               void *aux OVS_UNUSED)
{
    answer(conn, argc, argv, true, describe_slow_path, print_slow_path);
}

/* Registers the commands.  Main thread. */
void
zcrx_appctl_init(void)
{
    unixctl_command_register("dpdkzcrx/list", "[--json] [port]", 0, 2, list,
                             NULL);
    unixctl_command_register("dpdkzcrx/ring-sync-show", "[--json] [port]",
                             0, 2, ring_sync_show, NULL);
    unixctl_command_register("dpdkzcrx/gpa-map-show", "[--json] port",
                             0, 2, gpa_map_show, NULL);
    unixctl_command_register("dpdkzcrx/slow-path-show", "[--json] port",
                             0, 2, slow_path_show, NULL);
}
