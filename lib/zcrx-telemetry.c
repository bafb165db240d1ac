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

#include "zcrx-telemetry.h"

#include <errno.h>
#include <rte_telemetry.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/thread.h"
#include "openvswitch/vlog.h"
#include "util.h"
#include "zcrx-appctl-private.h"
#include "zcrx-pair.h"

VLOG_DEFINE_THIS_MODULE(dpdkzcrx_telemetry);

static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;

/* All pairs, by name.  Taken before the mutex of a pair. */
static struct shash pairs OVS_GUARDED_BY(mutex) = SHASH_INITIALIZER(&pairs);

/* Lets telemetry tell of 'pair'.  Main thread. */
void
zcrx_telemetry_add(struct zcrx_pair *pair)
{
    ovs_mutex_lock(&mutex);
    shash_add(&pairs, pair->name, pair);
    ovs_mutex_unlock(&mutex);
}

/* Undoes that, waiting for who is looking at 'pair'.  Main thread. */
void
zcrx_telemetry_remove(struct zcrx_pair *pair)
{
    ovs_mutex_lock(&mutex);
    shash_find_and_delete(&pairs, pair->name);
    ovs_mutex_unlock(&mutex);
}

/* Returns true if 'pair' has a VF: a wire face has a pair that is not used. */
static bool
is_set_up(struct zcrx_pair *pair)
{
    bool has_vf;

    ovs_mutex_lock(&pair->mutex);
    has_vf = pair->config.devargs != NULL;
    ovs_mutex_unlock(&pair->mutex);
    return has_vf;
}

static void put_member(struct rte_tel_data *, const char *name,
                       const struct json *);

/* Puts all members of 'object' into the dictionary 'data'. */
static void
put_members(struct rte_tel_data *data, const struct json *object)
{
    const struct shash_node **nodes = shash_sort(json_object(object));

    for (size_t i = 0; i < shash_count(json_object(object)); i++) {
        put_member(data, nodes[i]->name, nodes[i]->data);
    }
    free(nodes);
}

static void
put_object(struct rte_tel_data *data, const char *name,
           const struct json *object)
{
    struct rte_tel_data *value = rte_tel_data_alloc();

    if (value) {
        rte_tel_data_start_dict(value);
        put_members(value, object);
        if (rte_tel_data_add_dict_container(data, name, value, 0)) {
            rte_tel_data_free(value);
        }
    }
}

/* Puts the elements of 'array' into 'data', each under 'name' with its number,
 * as the telemetry of DPDK 22.11 has no arrays of dictionaries inside a
 * dictionary. */
static void
put_elements(struct rte_tel_data *data, const char *name,
             const struct json *array)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        char *element = xasprintf("%s_%"PRIuSIZE, name, i);

        put_member(data, element, json_array_at(array, i));
        free(element);
    }
}

/* Returns 's', which the caller frees, as telemetry can tell it: some versions
 * of DPDK take bytes that are no ASCII for an index. */
static char *
to_ascii(const char *s)
{
    char *ascii = xstrdup(s);

    for (char *p = ascii; *p; p++) {
        if (*p < ' ' || *p > '~') {
            *p = '?';
        }
    }
    return ascii;
}

/* Puts 'value' into 'data' as 'name'.  What telemetry does not know is turned
 * into what it knows: true is 1, false is 0, and a number with a fraction is
 * rounded. */
static void
put_member(struct rte_tel_data *data, const char *name,
           const struct json *value)
{
    if (value->type == JSON_OBJECT) {
        put_object(data, name, value);
    } else if (value->type == JSON_ARRAY) {
        put_elements(data, name, value);
    } else if (value->type == JSON_STRING) {
        char *s = to_ascii(json_string(value));

        rte_tel_data_add_dict_string(data, name, s);
        free(s);
    } else if (value->type == JSON_INTEGER) {
        rte_tel_data_add_dict_uint(data, name, json_integer(value));
    } else if (value->type == JSON_REAL) {
        rte_tel_data_add_dict_uint(data, name, json_real(value) + 0.5);
    } else {
        rte_tel_data_add_dict_uint(data, name, value->type == JSON_TRUE);
    }
}

static int
tell_list(const char *command OVS_UNUSED, const char *params OVS_UNUSED,
          struct rte_tel_data *data)
{
    const struct shash_node **nodes;

    rte_tel_data_start_array(data, RTE_TEL_STRING_VAL);
    ovs_mutex_lock(&mutex);
    nodes = shash_sort(&pairs);
    for (size_t i = 0; i < shash_count(&pairs); i++) {
        if (is_set_up(nodes[i]->data)) {
            char *name = to_ascii(nodes[i]->name);

            rte_tel_data_add_array_string(data, name);
            free(name);
        }
    }
    ovs_mutex_unlock(&mutex);
    free(nodes);
    return 0;
}

/* Returns the pair that 'params', a name or a name and the number of a queue
 * pair, asks for, and stores that number in '*queue', or UINT_MAX if there is
 * none.  Returns NULL if there is no such pair. */
static struct zcrx_pair *
find_pair(const char *params, unsigned int *queue)
    OVS_REQUIRES(mutex)
{
    struct zcrx_pair *pair = shash_find_data(&pairs, params);
    const char *comma = strrchr(params, ',');

    *queue = UINT_MAX;
    if (!pair && comma && str_to_uint(comma + 1, 10, queue)) {
        struct shash_node *node = shash_find_len(&pairs, params,
                                                 comma - params);

        pair = node ? node->data : NULL;
    }
    return pair && is_set_up(pair) ? pair : NULL;
}

static int
tell_ring_sync(const char *command OVS_UNUSED, const char *params,
               struct rte_tel_data *data)
{
    struct json *port = json_object_create();
    const struct json *told = NULL;
    struct zcrx_pair *pair = NULL;
    unsigned int queue;

    ovs_mutex_lock(&mutex);
    if (params) {
        pair = find_pair(params, &queue);
    }
    if (pair) {
        ovs_mutex_lock(&pair->mutex);
        json_object_put_string(port, "port", pair->name);
        zcrx_describe_sync(pair, port);
        ovs_mutex_unlock(&pair->mutex);
    }
    ovs_mutex_unlock(&mutex);

    if (pair && queue != UINT_MAX) {
        const struct json *queues = shash_find_data(json_object(port),
                                                    "queues");

        if (queue < json_array_size(queues)) {
            told = json_array_at(queues, queue);
        }
    } else if (pair) {
        told = port;
    }
    if (told) {
        rte_tel_data_start_dict(data);
        put_members(data, told);
    }
    json_destroy(port);
    return told ? 0 : -EINVAL;
}

/* Registers what can be asked for.  Main thread. */
void
zcrx_telemetry_init(void)
{
    static const struct {
        const char *name;
        telemetry_cb cb;
        const char *help;
    } commands[] = {
        { "/zcrx/list", tell_list,
          "Returns the names of ports of type dpdkzcrx. Takes no parameters" },
        { "/zcrx/ring_sync", tell_ring_sync,
          "Returns the rings and counters of a port, or of one queue pair. "
          "Parameters: name[,queue]" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        int error = rte_telemetry_register_cmd(commands[i].name,
                                               commands[i].cb,
                                               commands[i].help);

        if (error) {
            VLOG_WARN("telemetry has no %s: %s", commands[i].name,
                      ovs_strerror(-error));
        }
    }
}
