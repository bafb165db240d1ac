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

/* dpdkzcrx/ring-sync-show. */

#include "zcrx-appctl-private.h"

#include <inttypes.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"
#include "zcrx-pair.h"
#include "zcrx-rss.h"
#include "zcrx-verdict.h"
#include "zcrx-vring-peek.h"

/* A counter that is one of several reasons. */
#define ZCRX_COUNTER ZCRX_COUNTER_ENTRY
static const struct zcrx_counter copy_reasons[] = { ZCRX_COPY_REASONS };
static const struct zcrx_counter wire_drops[] = { ZCRX_WIRE_DROP_REASONS };
static const struct zcrx_counter guest_drops[] = { ZCRX_GUEST_DROP_REASONS };
static const struct zcrx_counter inject_drops[] = { ZCRX_INJECT_DROP_REASONS };
static const struct zcrx_counter wire_out_drops[] = {
    ZCRX_WIRE_OUT_DROP_REASONS
};
#undef ZCRX_COUNTER

/* Puts an object 'name' into 'object' with each of the 'n' 'reasons', without
 * 'prefix', and their sum as "total". */
static void
put_reasons(struct json *object, const char *name,
            const struct zcrx_stats *stats,
            const struct zcrx_counter *reasons, size_t n, const char *prefix)
{
    struct json *all = json_object_create();
    uint64_t total = 0;

    for (size_t i = 0; i < n; i++) {
        uint64_t value = zcrx_stats_get(stats, &reasons[i]);

        put_uint(all, reasons[i].name + strlen(prefix), value);
        total += value;
    }
    put_uint(all, "total", total);
    json_object_put(object, name, all);
}

static struct json *
describe_vring(const struct zcrx_vring *vq,
               const struct zcrx_vring_counts *counts)
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
    put_uint(ring, "held_by_guest", counts->guest);
    put_uint(ring, "available", counts->available);
    put_uint(ring, "held_by_port", counts->port);
    return ring;
}

/* Puts an object 'name' into 'queue' that tells of one direction, and returns
 * it. */
static struct json *
put_direction(struct json *queue, const char *name, uint64_t frames,
              uint64_t bytes)
{
    struct json *direction = json_object_create();

    put_uint(direction, "frames", frames);
    put_uint(direction, "bytes", bytes);
    json_object_put(queue, name, direction);
    return direction;
}

static void
describe_stats(const struct zcrx_stats *stats, struct json *queue)
{
    struct json *wire_rx, *guest_tx, *injected, *wire_out;

    wire_rx = put_direction(queue, "wire_rx", stats->wire_rx_frames,
                            stats->wire_rx_bytes);
    put_uint(wire_rx, "zero_copy", stats->zero_copy_frames);
    put_reasons(wire_rx, "copied", stats, copy_reasons,
                ARRAY_SIZE(copy_reasons), "copied_");
    put_uint(wire_rx, "slow_path", stats->slow_wire_frames);
    put_reasons(wire_rx, "dropped", stats, wire_drops,
                ARRAY_SIZE(wire_drops), "dropped_");

    guest_tx = put_direction(queue, "guest_tx", stats->guest_tx_frames,
                             stats->guest_tx_bytes);
    put_uint(guest_tx, "slow_path", stats->slow_guest_frames);
    put_reasons(guest_tx, "dropped", stats, guest_drops,
                ARRAY_SIZE(guest_drops), "tx_dropped_");

    injected = put_direction(queue, "injected", stats->injected_frames,
                             stats->injected_bytes);
    put_reasons(injected, "dropped", stats, inject_drops,
                ARRAY_SIZE(inject_drops), "inject_dropped_");

    wire_out = put_direction(queue, "wire_out", stats->wire_out_frames,
                             stats->wire_out_bytes);
    put_reasons(wire_out, "dropped", stats, wire_out_drops,
                ARRAY_SIZE(wire_out_drops), "wire_out_dropped_");

    put_uint(queue, "notifications", stats->guest_notifications);
    put_ratio(queue, "cycles_per_frame", stats->rx_sampled_cycles,
              stats->rx_sampled_frames);
    put_ratio(queue, "tx_cycles_per_frame", stats->tx_sampled_cycles,
              stats->tx_sampled_frames);
}

/* Describes how queue pair 'q' of 'pair' is served. */
static void
describe_vf_queue(const struct zcrx_pair *pair, const struct zcrx_queue *q,
                  struct json *queue)
{
    uint16_t n_entries;

    put_uint(queue, "vf_queue", q->vf.queue_id);
    if (zcrx_rss_count(&pair->vf, q->vf.queue_id, &n_entries)) {
        put_uint(queue, "rss_entries", n_entries);
    }
    put_uint(queue, "vf_descriptors", pair->n_rxd);
    put_uint(queue, "posted", q->pool ? q->pool->n_posted : 0);
    put_uint(queue, "posted_bounce", q->pool ? q->pool->n_bounce_posted : 0);
}

static void
describe_rings(const struct zcrx_pair *pair, struct zcrx_queue *q,
               struct json *queue)
{
    struct zcrx_vring_counts rx = { .guest = 0 };
    struct ds text = DS_EMPTY_INITIALIZER;
    bool held = zcrx_gate_hold(&q->gate);

    if (q->running) {
        zcrx_vring_count(&q->rx, &rx);
        json_object_put(queue, "rx", describe_vring(&q->rx, &rx));
        if (q->tx.ops) {
            struct zcrx_vring_counts tx;

            zcrx_vring_count(&q->tx, &tx);
            json_object_put(queue, "tx", describe_vring(&q->tx, &tx));
        }
        describe_vf_queue(pair, q, queue);
    }
    json_object_put_string(queue, "bottleneck",
                           zcrx_verdict(pair, q, &rx, &text));
    zcrx_gate_release(&q->gate, held);
    json_object_put_string(queue, "bottleneck_text", ds_cstr(&text));
    ds_destroy(&text);
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
    struct zcrx_queue *q = &pair->queues[i];
    struct json *queue = json_object_create();
    struct zcrx_stats stats = { .wire_rx_frames = 0 };

    put_uint(queue, "queue", i);
    put_bool(queue, "active", zcrx_queue_in_use(q));
    describe_guest_queue(pair, i, queue);
    describe_rings(pair, q, queue);
    put_real(queue, "wire_rx_rate", q->rate.wire_rx);
    put_real(queue, "guest_tx_rate", q->rate.guest_tx);
    zcrx_stats_accumulate(&stats, &q->stats);
    zcrx_stats_subtract(&stats, &q->cleared);
    describe_stats(&stats, queue);
    return queue;
}

/* Describes the state of 'pair', whose mutex the caller holds, and its queue
 * pairs.  Any thread but a PMD thread. */
void
zcrx_describe_sync(struct zcrx_pair *pair, struct json *port)
{
    struct json *queues = json_array_create_empty();

    zcrx_describe_state(pair, port);
    for (uint16_t i = 0; i < pair->n_queues; i++) {
        json_array_add(queues, describe_queue(pair, i));
    }
    json_object_put(port, "queues", queues);
}

static char *
ring_sync_show(struct zcrx_pair *pair, const struct zcrx_args *args OVS_UNUSED,
               struct json *port)
{
    zcrx_describe_sync(pair, port);
    return NULL;
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
    ds_put_format(out, "    %-15s %s, %lld entries, %lld-byte headers%s: "
                  "guest has %lld, %lld available, port has %lld\n",
                  title, get_string(ring, "kind"), get_int(ring, "size"),
                  get_int(ring, "header_bytes"),
                  get_bool(ring, "mergeable") ? ", mergeable" : "",
                  get_int(ring, "held_by_guest"), get_int(ring, "available"),
                  get_int(ring, "held_by_port"));
    ds_put_format(out, "    %-15s guest: available %lld, used %lld; "
                  "port: available %lld, used %lld; ", "  indices:",
                  get_int(ring, "guest_avail_idx"),
                  get_int(ring, "guest_used_idx"),
                  get_int(ring, "avail_idx"), get_int(ring, "used_idx"));
    if (get_int(ring, "available")) {
        ds_put_format(out, "guest is ahead by %lld\n",
                      get_int(ring, "available"));
    } else {
        ds_put_cstr(out, "port is up to date\n");
    }
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

/* Prints the object 'name', of one direction. */
static void
print_direction(const struct json *queue, const char *name, const char *title,
                struct ds *out)
{
    const struct json *direction = get(queue, name);
    char separator = ':';

    ds_put_format(out, "    %-15s %lld frames, %lld bytes", title,
                  get_int(direction, "frames"), get_int(direction, "bytes"));
    if (get(direction, "zero_copy")) {
        ds_put_format(out, "%c zero-copy %lld", separator,
                      get_int(direction, "zero_copy"));
        print_reasons(direction, "copied", out);
        separator = ',';
    }
    if (get(direction, "slow_path")) {
        ds_put_format(out, "%c slow path %lld", separator,
                      get_int(direction, "slow_path"));
    }
    print_reasons(direction, "dropped", out);
    ds_put_char(out, '\n');
}

static void
print_queue(const struct json *queue, bool has_guest, struct ds *out)
{
    ds_put_format(out, "  queue pair %lld%s\n", get_int(queue, "queue"),
                  get_bool(queue, "active") ? ""
                  : get_bool(queue, "enabled") || !has_guest ? " (not in use)"
                  : " (not enabled by the guest)");
    if (get_bool(queue, "active")) {
        ds_put_format(out, "    bottleneck:     %s\n",
                      get_string(queue, "bottleneck_text"));
    }
    print_error(queue, "rx_error", "receive ring:", out);
    print_error(queue, "tx_error", "transmit ring:", out);
    print_vring(queue, "rx", "receive ring:", out);
    print_vring(queue, "tx", "transmit ring:", out);
    if (get(queue, "vf_queue")) {
        print_vf_queue(queue, out);
    }
    print_direction(queue, "wire_rx", "wire to guest:", out);
    print_direction(queue, "guest_tx", "guest to wire:", out);
    print_direction(queue, "injected", "OVS to guest:", out);
    print_direction(queue, "wire_out", "OVS to wire:", out);
    ds_put_format(out, "    notifications:  %lld\n"
                  "    cycles/frame:   %.1f to guest, %.1f to wire\n",
                  get_int(queue, "notifications"),
                  json_real(get(queue, "cycles_per_frame")),
                  json_real(get(queue, "tx_cycles_per_frame")));
}

static void
print_sync(const struct json *port, struct ds *out)
{
    const struct json *queues = get(port, "queues");

    zcrx_print_state(port, out);
    for (size_t i = 0; i < json_array_size(queues); i++) {
        print_queue(json_array_at(queues, i),
                    get_bool(port, "guest_connected"), out);
    }
}

static const struct zcrx_command commands[] = {
    { "dpdkzcrx/ring-sync-show", "[--json] [port]",
      .run = ring_sync_show, .print = print_sync },
};

/* Registers the command.  Main thread. */
void
zcrx_appctl_sync_init(void)
{
    zcrx_command_register(commands, ARRAY_SIZE(commands));
}
