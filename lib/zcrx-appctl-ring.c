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

/* dpdkzcrx/ring-dump: the guest's receive virtqueue and the VF's receive queue
 * side by side. */

#include "zcrx-appctl-private.h"

#include <inttypes.h>
#include <linux/virtio_ring.h>
#include <rte_ethdev.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"
#include "zcrx-pair.h"
#include "zcrx-vring-peek.h"

/* Entries that are shown unless told otherwise. */
#define DEFAULT_COUNT 32

/* Where a buffer is that the port has taken. */
enum { POSTED, UNUSED, RESERVED };

/* Stores in 'places', by descriptor id, where each buffer is, if the port has
 * it. */
static void
find_places(const struct zcrx_pool *pool, uint8_t *places)
{
    memset(places, POSTED, pool->vq->size);
    for (uint32_t i = 0; i < pool->n_unused; i++) {
        places[pool->unused[i]] = UNUSED;
    }
    for (uint32_t i = 0; i < pool->n_reserved; i++) {
        uint32_t pos = (pool->reserved_head + i) % pool->n_bounce;

        places[pool->reserved[pos].id] = RESERVED;
    }
}

/* Returns true if the port has the buffer 'id', which may be nonsense. */
static bool
is_known(const struct zcrx_queue *q, uint16_t id)
{
    return id < q->rx.size && zcrx_vring_is_outstanding(&q->rx, id);
}

/* What the VF says of its descriptor at 'offset' behind the next one to be
 * received, or NULL. */
static const char *
vf_status(const struct zcrx_queue *q, uint16_t offset)
{
    switch (rte_eth_rx_descriptor_status(q->vf.port_id, q->vf.queue_id,
                                         offset)) {
    case RTE_ETH_RX_DESC_AVAIL:
        return "waiting";
    case RTE_ETH_RX_DESC_DONE:
        return "done";
    case RTE_ETH_RX_DESC_UNAVAIL:
        return "unavailable";
    default:
        return NULL;
    }
}

/* Describes, for a buffer that is posted, what the VF was given.  'n_posted'
 * are posted before it. */
static struct json *
describe_vf(const struct zcrx_queue *q, uint16_t id, uint16_t n_posted)
{
    const struct rte_mbuf *m = &q->pool->guest_mbufs[id];
    const char *status = q->vf.no_ring ? NULL : vf_status(q, n_posted);
    struct json *vf = json_object_create();

    put_uint(vf, "offset", n_posted);
    json_object_put_format(vf, "iova", "0x%"PRIx64,
                           m->buf_iova + RTE_PKTMBUF_HEADROOM);
    put_uint(vf, "room", m->buf_len - RTE_PKTMBUF_HEADROOM);
    if (status) {
        json_object_put_string(vf, "status", status);
    }
    return vf;
}

static struct json *
describe_slot(const struct zcrx_queue *q, uint16_t i,
              const struct zcrx_slot *slot, const uint8_t *places,
              uint16_t n_posted)
{
    static const char *const names[] = { "posted", "unused", "reserved" };
    struct json *entry = json_object_create();
    const char *state = "guest";

    put_uint(entry, "entry", i);
    if (slot->valid) {
        put_uint(entry, "id", slot->id);
        json_object_put_format(entry, "gpa", "0x%"PRIx64, slot->gpa);
        put_uint(entry, "len", slot->len);
        put_uint(entry, "flags", slot->flags);
    }
    if (slot->holder == ZCRX_HELD_AVAILABLE) {
        state = "available";
    } else if (slot->holder == ZCRX_HELD_BY_PORT) {
        bool known = is_known(q, slot->id);

        state = known ? names[places[slot->id]] : "used";
        if (known && places[slot->id] == POSTED) {
            json_object_put(entry, "vf", describe_vf(q, slot->id, n_posted));
        }
    }
    json_object_put_string(entry, "state", state);
    return entry;
}

/* Stores in 'offsets', by entry of the ring, how many buffers are posted
 * before that one. */
static void
find_offsets(const struct zcrx_queue *q,
             const struct zcrx_vring_counts *counts, const uint8_t *places,
             uint16_t *offsets)
{
    uint16_t pos = q->rx.used_idx % q->rx.size;
    uint16_t n = 0;

    for (uint16_t k = 0; k < counts->port; k++) {
        struct zcrx_slot slot;

        zcrx_vring_peek(&q->rx, counts, pos, &slot);
        offsets[pos] = n;
        n += is_known(q, slot.id) && places[slot.id] == POSTED;
        pos = (pos + 1) % q->rx.size;
    }
}

static struct json *
describe_entries(const struct zcrx_queue *q, uint32_t start, uint32_t count)
{
    uint16_t *offsets = xcalloc(q->rx.size, sizeof *offsets);
    uint8_t *places = xmalloc(q->rx.size);
    struct json *entries = json_array_create_empty();
    struct zcrx_vring_counts counts;

    zcrx_vring_count(&q->rx, &counts);
    find_places(q->pool, places);
    find_offsets(q, &counts, places, offsets);
    for (uint32_t i = start; i < MIN(start + count, q->rx.size); i++) {
        struct zcrx_slot slot;

        zcrx_vring_peek(&q->rx, &counts, i, &slot);
        json_array_add(entries, describe_slot(q, i, &slot, places,
                                              offsets[i]));
    }
    free(places);
    free(offsets);
    return entries;
}

static char *
ring_dump(struct zcrx_pair *pair, const struct zcrx_args *args,
          struct json *port)
{
    unsigned int start = 0, count = DEFAULT_COUNT, queue;
    struct zcrx_queue *q;
    bool held;

    if (!str_to_uint(args->args[0], 10, &queue) || queue >= pair->n_queues) {
        return xasprintf("'%s' is not one of its queue pairs, whose number "
                         "is %"PRIu16, args->args[0], pair->n_queues);
    }
    q = &pair->queues[queue];
    if (!q->running || !q->pool) {
        return xasprintf("queue pair %u is not in use", queue);
    }
    if (args->n > 1 && (!str_to_uint(args->args[1], 10, &start)
                        || start >= q->rx.size)) {
        return xasprintf("'%s' is not one of the entries from 0 to %u",
                         args->args[1], q->rx.size - 1);
    }
    if (args->n > 2 && (!str_to_uint(args->args[2], 10, &count)
                        || !count || count > ZCRX_VRING_MAX_SIZE)) {
        return xasprintf("'%s' is not a number of entries from 1 to %d",
                         args->args[2], ZCRX_VRING_MAX_SIZE);
    }
    put_uint(port, "queue", queue);
    json_object_put_string(port, "kind", zcrx_vring_kind(&q->rx));
    put_uint(port, "size", q->rx.size);
    held = zcrx_gate_hold(&q->gate);
    json_object_put(port, "entries", describe_entries(q, start, count));
    zcrx_gate_release(&q->gate, held);
    return NULL;
}

/* Prints the flags that matter for who may write how much. */
static void
print_flags(long long int flags, struct ds *out)
{
    ds_put_char(out, flags & VRING_DESC_F_WRITE ? 'w' : '-');
    ds_put_char(out, flags & VRING_DESC_F_NEXT ? 'n' : '-');
    ds_put_char(out, flags & VRING_DESC_F_INDIRECT ? 'i' : '-');
}

static void
print_entry(const struct json *entry, struct ds *out)
{
    const struct json *vf = get(entry, "vf");

    ds_put_format(out, "%6lld %-9s", get_int(entry, "entry"),
                  get_string(entry, "state"));
    if (get(entry, "id")) {
        ds_put_format(out, " %5lld %-14s %5lld ", get_int(entry, "id"),
                      get_string(entry, "gpa"), get_int(entry, "len"));
        print_flags(get_int(entry, "flags"), out);
    }
    if (vf) {
        const char *status = get_string(vf, "status");

        ds_put_format(out, " %5lld %-14s%s%s", get_int(vf, "offset"),
                      get_string(vf, "iova"), status ? " " : "",
                      status ? status : "");
    }
    ds_put_char(out, '\n');
}

static void
print_ring(const struct json *port, struct ds *out)
{
    const struct json *entries = get(port, "entries");

    ds_put_format(out, "%s: queue pair %lld, receive virtqueue: %s, %lld "
                  "entries\n"
                  "       guest                                    VF\n"
                  " entry state        id address          len flg   "
                  "pos address\n",
                  get_string(port, "port"), get_int(port, "queue"),
                  get_string(port, "kind"), get_int(port, "size"));
    for (size_t i = 0; i < json_array_size(entries); i++) {
        print_entry(json_array_at(entries, i), out);
    }
}

static const struct zcrx_command commands[] = {
    { "dpdkzcrx/ring-dump", "[--json] port queue [start [count]]",
      .needs_port = true, .min_args = 1, .max_args = 3,
      .run = ring_dump, .print = print_ring },
};

/* Registers the command.  Main thread. */
void
zcrx_appctl_ring_init(void)
{
    zcrx_command_register(commands, ARRAY_SIZE(commands));
}
