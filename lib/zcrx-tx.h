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

#ifndef ZCRX_TX_H
#define ZCRX_TX_H 1

/* From the guest to the wire: frames of a transmit virtqueue are copied into
 * host mbufs and given to the VF. */

struct rte_mempool;
struct zcrx_queue;

struct rte_mempool *zcrx_tx_create_pool(const char *name,
                                        unsigned int n_queues,
                                        unsigned int n_txd,
                                        unsigned int max_segs,
                                        unsigned int seg_size,
                                        unsigned int n_threads,
                                        int socket_id);
unsigned int zcrx_tx_relay(struct zcrx_queue *);

#endif /* zcrx-tx.h */
