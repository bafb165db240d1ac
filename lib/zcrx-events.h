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

#ifndef ZCRX_EVENTS_H
#define ZCRX_EVENTS_H 1

/* The last things that happened to a port, with time and cause.
 *
 * The caller serialises all calls. */

#include <stddef.h>

/* How many are remembered. */
#define ZCRX_MAX_EVENTS 64

/* Something that happened, once or several times in a row. */
struct zcrx_event {
    long long int first;        /* Milliseconds since 1970. */
    long long int last;
    unsigned int times;
    char *what;
    char *cause;                /* NULL if there is nothing to tell. */
};

struct zcrx_events {
    struct zcrx_event events[ZCRX_MAX_EVENTS]; /* Circular. */
    size_t n;                   /* Since the beginning. */
};

void zcrx_events_init(struct zcrx_events *);
void zcrx_events_destroy(struct zcrx_events *);
void zcrx_events_add(struct zcrx_events *, const char *what,
                     const char *cause);
size_t zcrx_events_count(const struct zcrx_events *);
const struct zcrx_event *zcrx_events_get(const struct zcrx_events *, size_t);

#endif /* zcrx-events.h */
