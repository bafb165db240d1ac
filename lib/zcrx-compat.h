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

#ifndef ZCRX_COMPAT_H
#define ZCRX_COMPAT_H 1

/* Differences between the versions of Open vSwitch and DPDK that this can be
 * built with: from 3.1 and 22.11 on.  What one of them lacks, or calls
 * otherwise, is here and nowhere else. */

#include <stdbool.h>
#include <stddef.h>
#include <rte_version.h>

#include "openvswitch/json.h"

/* ZCRX_OVS_VERSION, such as 301 for 3.1, comes from build-aux/ovs.mk. */

/* DPDK 23.03 gave it the name that tells what it takes, and dropped the old
 * one later. */
#if RTE_VERSION < RTE_VERSION_NUM(23, 3, 0, 0)
#define rte_tel_data_add_dict_uint rte_tel_data_add_dict_u64
#endif

/* Open vSwitch 4.0 hides how it stores the elements of an array. */
#if ZCRX_OVS_VERSION < 400
static inline size_t
json_array_size(const struct json *array)
{
    return json_array(array)->n;
}

static inline const struct json *
json_array_at(const struct json *array, size_t index)
{
    return json_array(array)->elems[index];
}
#endif

/* And it has this no more: ignores a result that must not be ignored. */
#if ZCRX_OVS_VERSION >= 400
static inline void
ignore(bool x OVS_UNUSED)
{
}
#endif

#endif /* zcrx-compat.h */
