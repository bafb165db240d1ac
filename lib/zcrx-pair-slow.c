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

#include "zcrx-pair-slow.h"

#include "dp-packet.h"
#include "util.h"
#include "zcrx-pair.h"

/* Room in front of a frame for what OVS may push there, a tunnel's headers for
 * example. */
#define HEADROOM 128

static struct rte_mbuf *
new_frame(uint32_t len)
{
    struct dp_packet *packet = dp_packet_new_with_headroom(len, HEADROOM);

    dp_packet_put_uninit(packet, len);
    return &packet->mbuf;
}

/* Frees 'm', which is part of one of OVS's packets.  Any thread. */
void
zcrx_pair_free_frame(struct rte_mbuf *m)
{
    dp_packet_delete(CONTAINER_OF(m, struct dp_packet, mbuf));
}

/* Makes the slow path of queue 'q' what 'rules' says.  With the pair's
 * mutex. */
static void
set_rules(struct zcrx_queue *q, const struct zcrx_slow_rules *rules)
{
    bool open = q->gate.open;

    zcrx_gate_close(&q->gate);
    zcrx_slow_set_rules(q, rules);
    if (open) {
        zcrx_gate_open(&q->gate);
    }
}

static struct zcrx_slow_rules
current_rules(const struct zcrx_pair *pair)
{
    return (struct zcrx_slow_rules) {
        .steer = pair->steer,
        .guest_tx_ovs = pair->config.guest_tx_ovs,
        .has_wire_face = pair->has_wire_face,
    };
}

static void
update(struct zcrx_pair *pair)
{
    const struct zcrx_slow_rules rules = current_rules(pair);

    for (uint16_t i = 0; i < pair->n_queues; i++) {
        set_rules(&pair->queues[i], &rules);
    }
}

/* Makes 'steer' and 'guest_tx_ovs' those of 'pair', whose mutex the caller
 * holds, without stopping it.  Main thread. */
void
zcrx_pair_set_slow(struct zcrx_pair *pair, const struct zcrx_steer *steer,
                   bool guest_tx_ovs)
{
    struct zcrx_steer *old = pair->steer;

    if (old && !memcmp(old, steer, sizeof *old)
        && pair->config.guest_tx_ovs == guest_tx_ovs) {
        return;
    }
    pair->steer = xmemdup(steer, sizeof *steer);
    pair->config.guest_tx_ovs = guest_tx_ovs;
    update(pair);
    if (old) {
        zcrx_slow_counts_move(&pair->past_slow, old, steer);
        free(old);
    }
}

/* There is a wire face, or it is no more.  Main thread. */
void
zcrx_pair_set_wire_face(struct zcrx_pair *pair, bool has_wire_face)
{
    ovs_mutex_lock(&pair->mutex);
    pair->has_wire_face = has_wire_face;
    if (pair->steer) {
        update(pair);
    }
    ovs_mutex_unlock(&pair->mutex);
}

/* Prepares the slow path of queue 'i' of 'pair', whose mutex the caller holds.
 * Returns 0 or a positive errno value.  Main thread. */
int
zcrx_pair_init_slow(struct zcrx_pair *pair, uint16_t i)
{
    const struct zcrx_slow_rules rules = current_rules(pair);
    int socket_id = zcrx_vf_socket_id(&pair->vf);
    struct zcrx_queue *q = &pair->queues[i];
    struct zcrx_face *face = pair->face;
    int error;

    if (!zcrx_face_grow(face, i + 1, socket_id)) {
        return ENOMEM;
    }
    error = zcrx_slow_init(q, socket_id, new_frame, face->to_wire_face[i],
                           face->to_vf[i]);
    if (!error) {
        zcrx_slow_set_rules(q, &rules);
    }
    return error;
}

/* Undoes that. */
void
zcrx_pair_destroy_slow(struct zcrx_pair *pair, uint16_t i)
{
    zcrx_slow_counts_add(&pair->past_slow, &pair->queues[i].slow.counts);
    zcrx_slow_destroy(&pair->queues[i]);
}

/* Stores the frames of each class of 'pair', whose mutex the caller holds, in
 * '*counts'. */
void
zcrx_pair_get_slow(const struct zcrx_pair *pair,
                   struct zcrx_slow_counts *counts)
{
    *counts = pair->past_slow;
    for (uint16_t i = 0; i < pair->n_queues; i++) {
        zcrx_slow_counts_add(counts, &pair->queues[i].slow.counts);
    }
}
