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

/* dpdkzcrx/slow-path-show. */

#include "zcrx-appctl-private.h"

#include "openvswitch/dynamic-string.h"
#include "util.h"
#include "zcrx-pair-slow.h"
#include "zcrx-pair.h"

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

static char *
slow_path_show(struct zcrx_pair *pair, const struct zcrx_args *args OVS_UNUSED,
               struct json *port)
{
    const char *guest_tx = pair->config.guest_tx_ovs ? "ovs" : "vf";
    struct json *classes = json_array_create_empty();
    const struct zcrx_steer *steer = pair->steer;
    struct zcrx_slow_counts counts;

    zcrx_pair_get_slow(pair, &counts);
    json_object_put_string(port, "slow_path", (pair->config.slow_path
                                               ? pair->config.slow_path
                                               : "none"));
    json_object_put_string(port, "guest_tx", guest_tx);
    if (pair->face && pair->face->wire_name) {
        json_object_put_string(port, "wire_face", pair->face->wire_name);
    }
    for (uint8_t i = 0; steer && i < steer->n_classes; i++) {
        const char *name = steer->classes[i].name;
        enum zcrx_flow_place place = zcrx_flow_where(&pair->vf.flows, name);

        describe_class(classes, name, zcrx_flow_place_to_string(place),
                       counts.counts[i]);
    }
    describe_class(classes, "other", guest_tx, counts.counts[ZCRX_SLOW_OTHER]);
    json_object_put(port, "classes", classes);
    return NULL;
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
    for (size_t i = 0; i < json_array_size(classes); i++) {
        const struct json *class = json_array_at(classes, i);
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

static const struct zcrx_command commands[] = {
    { "dpdkzcrx/slow-path-show", "[--json] port", .needs_port = true,
      .run = slow_path_show, .print = print_slow_path },
};

/* Registers the command.  Main thread. */
void
zcrx_appctl_slow_init(void)
{
    zcrx_command_register(commands, ARRAY_SIZE(commands));
}
