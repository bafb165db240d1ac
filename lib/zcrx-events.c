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

#include "zcrx-events.h"

#include <stdlib.h>
#include <string.h>

#include "timeval.h"
#include "util.h"

void
zcrx_events_init(struct zcrx_events *events)
{
    memset(events, 0, sizeof *events);
}

void
zcrx_events_destroy(struct zcrx_events *events)
{
    for (size_t i = 0; i < ZCRX_MAX_EVENTS; i++) {
        free(events->events[i].what);
        free(events->events[i].cause);
    }
}

/* Remembers that 'what' happened now because of 'cause', which may be NULL.
 * The oldest event is forgotten if there are too many. */
void
zcrx_events_add(struct zcrx_events *events, const char *what,
                const char *cause)
{
    struct zcrx_event *event = &events->events[(events->n - 1)
                                               % ZCRX_MAX_EVENTS];
    long long int now = time_wall_msec();

    if (events->n && !strcmp(event->what, what)
        && nullable_string_is_equal(event->cause, cause)) {
        event->last = now;
        event->times++;
        return;
    }
    event = &events->events[events->n++ % ZCRX_MAX_EVENTS];
    free(event->what);
    free(event->cause);
    event->first = event->last = now;
    event->times = 1;
    event->what = xstrdup(what);
    event->cause = nullable_xstrdup(cause);
}

/* Returns how many events are remembered. */
size_t
zcrx_events_count(const struct zcrx_events *events)
{
    return MIN(events->n, ZCRX_MAX_EVENTS);
}

/* Returns event number 'i', of those that are remembered, from the oldest
 * on. */
const struct zcrx_event *
zcrx_events_get(const struct zcrx_events *events, size_t i)
{
    size_t first = events->n - zcrx_events_count(events);

    return &events->events[(first + i) % ZCRX_MAX_EVENTS];
}
