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

/* dpdkzcrx/latency-show. */

#include "zcrx-appctl-private.h"

#include <rte_cycles.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"
#include "zcrx-pair.h"

/* The longest bar, in characters. */
#define BAR 40

/* Returns the nanoseconds that what is in bucket 'i' took less than, or 0 if
 * there is no limit. */
static uint64_t
limit_ns(unsigned int i)
{
    return (i < ZCRX_LATENCY_BUCKETS - 1
            ? zcrx_latency_limit(i) * 1e9 / rte_get_tsc_hz() : 0);
}

/* Returns the nanoseconds that 'share' of the 'n' frames in 'histogram', one
 * at least, took less than; 0 if there is no limit. */
static uint64_t
percentile(const struct zcrx_histogram *histogram, uint64_t n, double share)
{
    uint64_t sum = 0;
    unsigned int i;

    for (i = 0; i < ZCRX_LATENCY_BUCKETS - 1; i++) {
        sum += histogram->frames[i];
        if (sum >= share * n) {
            break;
        }
    }
    return limit_ns(i);
}

static struct json *
describe_histogram(const struct zcrx_histogram *now,
                   const struct zcrx_histogram *then)
{
    struct json *buckets = json_array_create_empty();
    struct json *object = json_object_create();
    struct zcrx_histogram histogram;
    uint64_t n = 0;

    zcrx_latency_since(&histogram, now, then);
    for (unsigned int i = 0; i < ZCRX_LATENCY_BUCKETS; i++) {
        if (histogram.frames[i]) {
            struct json *bucket = json_object_create();

            put_uint(bucket, "below_ns", limit_ns(i));
            put_uint(bucket, "frames", histogram.frames[i]);
            json_array_add(buckets, bucket);
            n += histogram.frames[i];
        }
    }
    put_uint(object, "frames", n);
    if (n) {
        put_uint(object, "p50_ns", percentile(&histogram, n, 0.5));
        put_uint(object, "p99_ns", percentile(&histogram, n, 0.99));
        put_uint(object, "max_ns", percentile(&histogram, n, 1));
    }
    json_object_put(object, "histogram", buckets);
    return object;
}

static char *
latency_show(struct zcrx_pair *pair, const struct zcrx_args *args OVS_UNUSED,
             struct json *port)
{
    struct json *queues = json_array_create_empty();

    for (uint16_t i = 0; i < pair->n_queues; i++) {
        const struct zcrx_queue *q = &pair->queues[i];
        struct json *queue = json_object_create();

        put_uint(queue, "queue", i);
        json_object_put(queue, "wait",
                        describe_histogram(&q->latency.wait,
                                           &q->cleared_latency.wait));
        json_object_put(queue, "deliver",
                        describe_histogram(&q->latency.deliver,
                                           &q->cleared_latency.deliver));
        json_array_add(queues, queue);
    }
    json_object_put(port, "queues", queues);
    return NULL;
}

static void
print_limit(uint64_t ns, struct ds *out)
{
    if (ns) {
        ds_put_cstr(out, "< ");
        zcrx_put_number(out, ns);
        ds_put_cstr(out, " ns");
    } else {
        ds_put_cstr(out, "longer");
    }
}

static void
print_histogram(const struct json *object, const char *title, struct ds *out)
{
    const struct json *buckets = get(object, "histogram");
    double n = get_int(object, "frames");

    ds_put_format(out, "    %s: ", title);
    zcrx_put_number(out, n);
    ds_put_cstr(out, " frames sampled");
    if (n) {
        ds_put_cstr(out, ", 50% ");
        print_limit(get_int(object, "p50_ns"), out);
        ds_put_cstr(out, ", 99% ");
        print_limit(get_int(object, "p99_ns"), out);
        ds_put_cstr(out, ", all ");
        print_limit(get_int(object, "max_ns"), out);
    }
    ds_put_char(out, '\n');
    for (size_t i = 0; i < json_array_size(buckets); i++) {
        const struct json *bucket = json_array_at(buckets, i);
        struct ds limit = DS_EMPTY_INITIALIZER;
        double share = get_int(bucket, "frames") / n;

        print_limit(get_int(bucket, "below_ns"), &limit);
        ds_put_format(out, "      %16s %6.2f%%", ds_cstr(&limit), share * 100);
        if (share * BAR >= 1) {
            ds_put_char(out, ' ');
            ds_put_char_multiple(out, '#', share * BAR);
        }
        ds_put_char(out, '\n');
        ds_destroy(&limit);
    }
}

static void
print_latency(const struct json *port, struct ds *out)
{
    const struct json *queues = get(port, "queues");

    for (size_t i = 0; i < json_array_size(queues); i++) {
        const struct json *queue = json_array_at(queues, i);

        ds_put_format(out, "%s: queue pair %lld\n", get_string(port, "port"),
                      get_int(queue, "queue"));
        print_histogram(get(queue, "wait"), "wait for the PMD thread", out);
        print_histogram(get(queue, "deliver"), "delivery to the guest", out);
    }
}

static const struct zcrx_command commands[] = {
    { "dpdkzcrx/latency-show", "[--json] [port]",
      .run = latency_show, .print = print_latency },
};

/* Registers the command.  Main thread. */
void
zcrx_appctl_latency_init(void)
{
    zcrx_command_register(commands, ARRAY_SIZE(commands));
}
