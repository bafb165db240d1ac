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

#include "simnic-source.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simnic-util.h"

#define N_FLOWS 256

struct simnic_captured {
    uint8_t *data;
    uint32_t len;
    uint32_t hash;
};

/* The "simple IMIX" of seven short, four middling and one long frame. */
static const uint32_t imix[] = {
    64, 594, 64, 64, 594, 64, 1518, 64, 594, 64, 64, 594,
};

/* Makes 'source' one that has no frames to send until 'n_left' says so, and
 * then frames of the least size, without a limit. */
void
simnic_source_init(struct simnic_source *source)
{
    memset(source, 0, sizeof *source);
    source->n_flows = N_FLOWS;
    source->rate = SIMNIC_UNLIMITED;
    simnic_source_set_sizes(source, "60");
}

static void
forget_capture(struct simnic_source *source)
{
    for (uint32_t i = 0; i < source->n_captured; i++) {
        free(source->captured[i].data);
    }
    free(source->captured);
    source->captured = NULL;
    source->n_captured = 0;
}

void
simnic_source_destroy(struct simnic_source *source)
{
    forget_capture(source);
    free(source->sizes);
}

/* Makes the frames have the sizes that 's' says: "SIZE", "MIN-MAX" for each
 * one from MIN to MAX in turn, or "imix".  Returns NULL or what is wrong. */
const char *
simnic_source_set_sizes(struct simnic_source *source, const char *s)
{
    unsigned int min, max;
    uint32_t *sizes;
    uint32_t n;
    int end = 0;

    if (!strcmp(s, "imix")) {
        n = sizeof imix / sizeof imix[0];
        sizes = simnic_zalloc(1, sizeof imix);
        memcpy(sizes, imix, sizeof imix);
    } else {
        if (sscanf(s, "%u%n-%u%n", &min, &end, &max, &end) == 1) {
            max = min;
        }
        if (!end || s[end] || min < SIMNIC_FRAME_MIN || max < min
            || max > SIMNIC_FRAME_MAX) {
            return "the size of frames is not a number from 60 to 9728, a "
                   "range of them, or \"imix\"";
        }
        n = max - min + 1;
        sizes = simnic_zalloc(1, n * sizeof *sizes);
        for (uint32_t i = 0; i < n; i++) {
            sizes[i] = min + i;
        }
    }
    free(source->sizes);
    source->sizes = sizes;
    source->n_sizes = n;
    forget_capture(source);
    return NULL;
}

/* Makes at most 'rate' frames a second come from 'now', in ns, on. */
void
simnic_source_set_rate(struct simnic_source *source, uint64_t rate,
                       uint64_t now)
{
    source->rate = rate;
    source->rate_start = now;
    source->rate_count = 0;
}

/* Makes the frames in the capture 'path' come, each once.  Returns NULL or
 * what is wrong, which the caller must free. */
char *
simnic_source_read_capture(struct simnic_source *source, const char *path)
{
    char errbuf[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const u_char *data;
    uint32_t room = 0;
    char *error = NULL;
    pcap_t *pcap;
    int ret;

    pcap = pcap_open_offline(path, errbuf);
    if (!pcap) {
        return simnic_strdup(errbuf);
    }
    forget_capture(source);
    while ((ret = pcap_next_ex(pcap, &header, &data)) == 1) {
        struct simnic_captured *c;

        if (header->caplen != header->len) {
            error = simnic_strdup("a frame in the capture is cut");
            break;
        }
        if (header->len < 14 || header->len > SIMNIC_FRAME_MAX) {
            error = simnic_strdup("a frame in the capture is too short or "
                                  "too long");
            break;
        }
        if (source->n_captured == room) {
            room = room ? 2 * room : 1024;
            source->captured = simnic_realloc(source->captured,
                                              room * sizeof *c);
        }
        c = &source->captured[source->n_captured++];
        c->len = header->len;
        c->data = simnic_zalloc(1, c->len);
        memcpy(c->data, data, c->len);
        c->hash = simnic_frame_hash(c->data, c->len);
    }
    if (!error && ret == PCAP_ERROR) {
        error = simnic_strdup(pcap_geterr(pcap));
    } else if (!error && !source->n_captured) {
        error = simnic_strdup("the capture is empty");
    }
    pcap_close(pcap);
    return error;
}

/* Makes 'n' frames beforehand, numbered from 0, to come over and over: for
 * devices that have no time for making them. */
void
simnic_source_prepare(struct simnic_source *source, uint32_t n)
{
    struct simnic_captured *captured = simnic_zalloc(n, sizeof *captured);

    forget_capture(source);
    source->number = 0;
    source->n_sent = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct simnic_captured *c = &captured[i];
        const uint8_t *frame = simnic_source_peek(source, 0, &c->len);

        c->data = simnic_zalloc(1, c->len);
        memcpy(c->data, frame, c->len);
        c->hash = simnic_source_hash(source);
        simnic_source_advance(source);
    }
    source->captured = captured;
    source->n_captured = n;
    source->n_sent = 0;
    source->loop = true;
}

/* Returns how many frames may come by 'now' that did not come yet. */
uint64_t
simnic_source_due(const struct simnic_source *source, uint64_t now)
{
    uint64_t due = source->n_left;

    if (source->captured && !source->loop) {
        uint64_t rest = (source->n_sent < source->n_captured
                         ? source->n_captured - source->n_sent : 0);

        due = due < rest ? due : rest;
    }
    if (source->rate != SIMNIC_UNLIMITED) {
        uint64_t ns = now - source->rate_start;
        uint64_t n = (ns / 1000000000 * source->rate
                      + ns % 1000000000 * source->rate / 1000000000
                      - source->rate_count);

        due = due < n ? due : n;
    }
    return due;
}

static const struct simnic_captured *
next_captured(const struct simnic_source *source)
{
    return &source->captured[source->n_sent % source->n_captured];
}

/* Returns the next frame, and its length in '*len'.  It stays the next one
 * until simnic_source_advance() is called. */
const uint8_t *
simnic_source_peek(struct simnic_source *source, uint64_t now, uint32_t *len)
{
    struct simnic_tags tags = {
        .number = source->number,
        .flow = source->number % source->n_flows,
        .stream = source->stream,
        .time = now,
    };

    if (source->captured) {
        *len = next_captured(source)->len;
        return next_captured(source)->data;
    }
    *len = source->sizes[source->n_sent % source->n_sizes];
    simnic_frame_make(source->frame, *len, &tags);
    return source->frame;
}

/* Returns a hash of the flow of the frame that simnic_source_peek() returned
 * last. */
uint32_t
simnic_source_hash(const struct simnic_source *source)
{
    return (source->captured ? next_captured(source)->hash
            : simnic_frame_hash(source->frame, SIMNIC_FRAME_MIN));
}

/* Steps to the frame after the next one. */
void
simnic_source_advance(struct simnic_source *source)
{
    source->n_sent++;
    source->rate_count++;
    if (source->n_left != SIMNIC_UNLIMITED) {
        source->n_left--;
    }
    if (!source->captured) {
        source->number++;
    }
}
