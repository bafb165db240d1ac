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

#ifndef ZCRX_PAIR_CAPTURE_H
#define ZCRX_PAIR_CAPTURE_H 1

/* A pair's capture, see zcrx-capture.h: from dpdkzcrx/capture until it has all
 * frames that were asked for.  Main thread, without the pair's mutex unless it
 * is said otherwise. */

#include <stdint.h>

#include "zcrx-capture.h"

struct zcrx_pair;

struct zcrx_pair_capture {
    struct zcrx_capture capture;
    char *path;
    uint32_t n;                 /* Frames that were asked for. */
};

char *zcrx_pair_capture_start(struct zcrx_pair *, const char *path,
                              uint32_t n);
void zcrx_pair_capture_stop(struct zcrx_pair *);
void zcrx_pair_capture_run(struct zcrx_pair *);
void zcrx_pair_capture_wait(const struct zcrx_pair *);

#endif /* zcrx-pair-capture.h */
