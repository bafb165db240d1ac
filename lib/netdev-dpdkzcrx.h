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

#ifndef NETDEV_DPDKZCRX_H
#define NETDEV_DPDKZCRX_H 1

#include <stddef.h>

struct zcrx_pair;

void netdev_dpdkzcrx_register(void);

/* Calls 'cb' for each port, in the order of their names. */
void netdev_dpdkzcrx_for_each(void (*cb)(struct zcrx_pair *, void *aux),
                              void *aux);

#endif /* netdev-dpdkzcrx.h */
