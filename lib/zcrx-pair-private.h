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

#ifndef ZCRX_PAIR_PRIVATE_H
#define ZCRX_PAIR_PRIVATE_H 1

/* What the files that make up a pair share: zcrx-pair.c has its states,
 * zcrx-pair-session.c what the guest asks of it, zcrx-pair-config.c what the
 * user does.  All of it is for those who hold the mutex, but for
 * zcrx_pair_update_session(). */

#include "zcrx-pair.h"

void zcrx_pair_set_state(struct zcrx_pair *, enum zcrx_pair_state, char *why);
void zcrx_pair_set_lost(struct zcrx_pair *, const char *what);
void zcrx_pair_forget_guest(struct zcrx_pair *, char *why);
void zcrx_pair_stop_for_change(struct zcrx_pair *, const char *why);
void zcrx_pair_free_queues(struct zcrx_pair *);
char *zcrx_pair_update_session(struct zcrx_pair *);

#endif /* zcrx-pair-private.h */
