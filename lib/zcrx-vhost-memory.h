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

#ifndef ZCRX_VHOST_MEMORY_H
#define ZCRX_VHOST_MEMORY_H 1

/* The files of a vhost-user session: the guest's memory, and the log of its
 * pages.
 *
 * They are the front end's, which may say that they are larger than they are,
 * and to touch what is mapped beyond the end of a file kills the process. */

#include "zcrx-gpa.h"

struct rte_vhost_memory;

const char *zcrx_vhost_check_memory(int vid);
const char *zcrx_vhost_check_log(int vid);
const char *zcrx_vhost_map_memory(const struct rte_vhost_memory *,
                                  struct zcrx_gpa_map *);

#endif /* zcrx-vhost-memory.h */
