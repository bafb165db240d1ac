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

#ifndef ZCRX_BATCH_H
#define ZCRX_BATCH_H 1

/* Frames on their way to OVS. */

#include <rte_mbuf.h>

#include "dp-packet.h"

/* Makes 'batch' consist of the 'n' 'mbufs', which must be from a pool of OVS's
 * own, with a dp_packet around each.  The batch owns them.  PMD thread. */
static inline void
zcrx_batch_init(struct dp_packet_batch *batch, struct rte_mbuf **mbufs,
                uint16_t n)
{
    dp_packet_batch_init(batch);
    for (uint16_t i = 0; i < n; i++) {
        dp_packet_batch_add(batch, CONTAINER_OF(mbufs[i], struct dp_packet,
                                                mbuf));
    }
}

#endif /* zcrx-batch.h */
