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

#ifndef ZCRX_RX_H
#define ZCRX_RX_H 1

/* To the guest: the buffers that the VF wrote frames to become used in the
 * receive virtqueue, and the other frames of the VF, and those of OVS, are
 * copied.
 *
 * All of it is for the owner of the queue pair, inside the gate. */

#include "zcrx-sync.h"

unsigned int zcrx_rx_relay(struct zcrx_queue *, uint64_t *received);
unsigned int zcrx_rx_inject(struct zcrx_queue *);
void zcrx_rx_drain_injected(struct zcrx_queue *);
void zcrx_rx_drop_pending(struct zcrx_queue *);

/* Returns true if frames wait for a buffer of the guest. */
static inline bool
zcrx_rx_has_pending(const struct zcrx_queue *q)
{
    return q->pending_head < q->pending_tail;
}

#endif /* zcrx-rx.h */
