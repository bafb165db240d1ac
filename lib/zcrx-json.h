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

#ifndef ZCRX_JSON_H
#define ZCRX_JSON_H 1

/* Making and reading the JSON objects of the commands, all of whose members
 * have literal names: tests/check-docs.py finds them in the calls. */

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/json.h"
#include "openvswitch/shash.h"

static inline void
put_uint(struct json *object, const char *name, uint64_t value)
{
    json_object_put(object, name, json_integer_create(value));
}

static inline void
put_real(struct json *object, const char *name, double value)
{
    json_object_put(object, name, json_real_create(value));
}

static inline void
put_ratio(struct json *object, const char *name, uint64_t a, uint64_t b)
{
    put_real(object, name, b ? (double) a / b : 0);
}

static inline void
put_bool(struct json *object, const char *name, bool value)
{
    json_object_put(object, name, json_boolean_create(value));
}

static inline const struct json *
get(const struct json *object, const char *name)
{
    return shash_find_data(json_object(object), name);
}

static inline long long int
get_int(const struct json *object, const char *name)
{
    return json_integer(get(object, name));
}

static inline const char *
get_string(const struct json *object, const char *name)
{
    const struct json *string = get(object, name);

    return string ? json_string(string) : NULL;
}

static inline bool
get_bool(const struct json *object, const char *name)
{
    return get(object, name)->type == JSON_TRUE;
}

#endif /* zcrx-json.h */
