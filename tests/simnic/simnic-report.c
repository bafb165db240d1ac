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

#include "simnic-report.h"

#include <inttypes.h>
#include <stdio.h>
#include <jansson.h>

static json_t *
pair_to_json(unsigned int i, const struct simnic_pair_state *state)
{
    json_t *object = json_pack("{si ss si si}", "pair", i,
                               "kind", state->packed ? "packed" : "split",
                               "size", state->size, "posted", state->posted);

#define SIMNIC_COUNTER(NAME) \
    json_object_set_new(object, #NAME, json_integer(state->stats.NAME));
    SIMNIC_PAIR_COUNTERS
#undef SIMNIC_COUNTER
    return object;
}

/* Returns all counters of 'sn', which has at most 'max_pairs' queue pairs, as
 * a JSON object in one line, the caller's to free.  Those of queue pairs are
 * also there as sums. */
char *
simnic_report(struct simnic *sn, const struct simnic_source *source,
              uint16_t max_pairs)
{
    const struct simnic_stats *stats = simnic_stats(sn);
    struct simnic_pair_stats sum = { .rx_frames = 0 };
    const char *violation = simnic_violation(sn);
    json_t *pairs = json_array();
    char features[32];
    json_t *report;
    char *s;

    snprintf(features, sizeof features, "0x%"PRIx64, simnic_features(sn));
    for (unsigned int i = 0; i < max_pairs; i++) {
        struct simnic_pair_state state;

        simnic_get_pair(sn, i, &state);
        if (state.running || state.stats.rx_frames || state.stats.tx_frames) {
            json_array_append_new(pairs, pair_to_json(i, &state));
        }
#define SIMNIC_COUNTER(NAME) sum.NAME += state.stats.NAME;
        SIMNIC_PAIR_COUNTERS
#undef SIMNIC_COUNTER
    }
    report = json_pack("{sb ss ss? sI}",
                       "connected", simnic_is_connected(sn),
                       "features", features, "violation", violation,
                       "source_frames", (json_int_t) source->n_sent);
#define SIMNIC_COUNTER(NAME) \
    json_object_set_new(report, #NAME, json_integer(sum.NAME));
    SIMNIC_PAIR_COUNTERS
#undef SIMNIC_COUNTER
#define SIMNIC_COUNTER(NAME) \
    json_object_set_new(report, #NAME, json_integer(stats->NAME));
    SIMNIC_COUNTERS
#undef SIMNIC_COUNTER
    json_object_set_new(report, "pairs", pairs);
    s = json_dumps(report, JSON_PRESERVE_ORDER);
    json_decref(report);
    return s;
}
