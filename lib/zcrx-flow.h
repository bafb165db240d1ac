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

#ifndef ZCRX_FLOW_H
#define ZCRX_FLOW_H 1

/* The classes of the slow path that the VF itself matches: rules of DPDK's
 * rte_flow send their frames to one receive queue more than there are queue
 * pairs, which has host buffers.  Such a frame never lands in the guest's
 * memory, and nobody looks at the others.
 *
 *                        all untagged frames      tagged frames, too
 *     software --------> VF and software -------> VF
 *
 * Which of the three it is for a class is decided in zcrx_flow_add(), and
 * whether the VF gets that queue in zcrx_flow_wants_queue(): nowhere else.
 *
 * The caller serialises all calls. */

#include <stdbool.h>
#include <stdint.h>
#include <rte_flow.h>

#include "zcrx-steer.h"

/* Rules that a class takes at most: for four ports of UDP, over IPv4 and IPv6,
 * untagged and with a tag. */
#define ZCRX_FLOW_MAX_RULES 16

/* What a VF's driver is asked, as DPDK's functions of these names. */
struct zcrx_flow_driver {
    int (*validate)(uint16_t port_id, const struct rte_flow_attr *,
                    const struct rte_flow_item *,
                    const struct rte_flow_action *, struct rte_flow_error *);
    struct rte_flow *(*create)(uint16_t port_id, const struct rte_flow_attr *,
                               const struct rte_flow_item *,
                               const struct rte_flow_action *,
                               struct rte_flow_error *);
    int (*destroy)(uint16_t port_id, struct rte_flow *,
                   struct rte_flow_error *);
};

extern const struct zcrx_flow_driver zcrx_flow_dpdk;

/* Where a class is matched. */
enum zcrx_flow_place {
    ZCRX_FLOW_SOFTWARE,
    ZCRX_FLOW_BOTH,             /* The VF, but for tagged frames. */
    ZCRX_FLOW_VF,
};

const char *zcrx_flow_place_to_string(enum zcrx_flow_place);

/* The rules of a VF. */
struct zcrx_flows {
    const struct zcrx_flow_driver *driver;
    uint16_t port_id;           /* DPDK port. */
    bool has_queue;
    uint16_t queue_id;          /* With 'has_queue'. */
    bool needs_fence;           /* With 'has_queue': nothing else keeps frames
                                 * of no class out of it. */
    struct rte_flow *fence;     /* The rule that does it, or NULL. */
    bool is_used;               /* It may have frames, even when there are no
                                 * rules any more: some are on their way. */
    struct zcrx_flow_class {
        char name[ZCRX_STEER_NAME_LEN];
        enum zcrx_flow_place place;
        struct rte_flow *rules[ZCRX_FLOW_MAX_RULES];
        uint8_t n_rules;
    } classes[ZCRX_STEER_MAX];
    uint8_t n_classes;
};

bool zcrx_flow_wants_queue(const struct zcrx_flow_driver *, uint16_t port_id,
                           uint16_t n_queues, uint16_t max_queues,
                           uint16_t reta_size);
void zcrx_flow_init(struct zcrx_flows *, const struct zcrx_flow_driver *,
                    uint16_t port_id);
bool zcrx_flow_fence(struct zcrx_flows *);
void zcrx_flow_clear(struct zcrx_flows *);
bool zcrx_flow_remove(struct zcrx_flows *, const struct zcrx_steer *keep);
bool zcrx_flow_add(struct zcrx_flows *, const struct zcrx_steer *);
enum zcrx_flow_place zcrx_flow_where(const struct zcrx_flows *,
                                     const char *name);
void zcrx_flow_rest(const struct zcrx_flows *, const struct zcrx_steer *,
                    struct zcrx_steer *rest);

#endif /* zcrx-flow.h */
