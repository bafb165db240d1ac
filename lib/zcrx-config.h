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

#ifndef ZCRX_CONFIG_H
#define ZCRX_CONFIG_H 1

/* The options of a port, see Documentation/ref/options.inc.  Main thread. */

#include <stdint.h>

struct smap;
struct zcrx_pair_config;

char *zcrx_config_parse(const char *port, const struct smap *args,
                        struct zcrx_pair_config *);
char *zcrx_config_count(const char *port, const struct smap *args,
                        const char *key, unsigned int max, uint16_t *value);
void zcrx_config_warn(const char *port, const struct smap *args);

#endif /* zcrx-config.h */
