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
    bool held = zcrx_gate_hold(&q->gate);

    zcrx_slow_set_rules(q, rules);
    zcrx_gate_release(&q->gate, held);
}

static struct zcrx_slow_rules
current_rules(const struct zcrx_pair *pair, bool polls_flows)
{
    return (struct zcrx_slow_rules) {
        .steer = pair->steer,
        .wire_steer = pair->wire_steer,
        .polls_flows = polls_flows,
        .flow_queue = pair->vf.flows.queue_id,
        .guest_tx_ovs = pair->config.guest_tx_ovs,
        .has_wire_face = pair->has_wire_face,
    };
}

/* Returns the queue pair that is to take what the VF of 'pair' matches, the
 * first one that is in use, or a negative number if there is none or nothing
 * to take. */
static int
choose_flow_poller(const struct zcrx_pair *pair)
{
    bool is_needed = pair->vf.flows.is_used && pair->has_wire_face;

    for (uint16_t i = 0; is_needed && i < pair->n_queues; i++) {
        if (zcrx_queue_in_use(&pair->queues[i])) {
            return i;
        }
    }
    return -1;
}

/* Makes the slow path of all queues of 'pair' what it should be, with the VF
 * matching what it does.  With the pair's mutex. */
void
zcrx_pair_apply_slow(struct zcrx_pair *pair)
{
    struct zcrx_steer *old = pair->wire_steer;
    int poller = choose_flow_poller(pair);
    struct zcrx_slow_rules rules;

    pair->wire_steer = xmalloc(sizeof *pair->wire_steer);
    zcrx_flow_rest(&pair->vf.flows, pair->steer, pair->wire_steer);
    rules = current_rules(pair, false);
    for (uint16_t i = 0; i < pair->n_queues; i++) {
        if (i != poller) {
            set_rules(&pair->queues[i], &rules);
        }
    }
    /* Now, no other polls. */
    if (poller >= 0) {
        rules = current_rules(pair, true);
        set_rules(&pair->queues[poller], &rules);
    }
    free(old);
}

/* Takes what the VF of 'pair' matched until now. */
static void
drain_flows(struct zcrx_pair *pair)
{
    for (uint16_t i = 0; i < pair->n_queues; i++) {
        struct zcrx_queue *q = &pair->queues[i];
        bool held = zcrx_gate_hold(&q->gate);

        zcrx_slow_drain_flows(q);
        zcrx_gate_release(&q->gate, held);
    }
}

/* Makes the slow path of 'pair' what it should be, and the VF match what it
 * can, if it is started.  The VF goes on matching classes that stay.  Of the
 * others, no frame is lost:
 *
 *     - Before a class is forgotten, the VF ceases to match it, and what it
 *       has matched is taken.
 *     - A new class is matched in software until the VF does that.
 *
 * With the pair's mutex.  Main thread. */
void
zcrx_pair_update_slow(struct zcrx_pair *pair)
{
    struct zcrx_flows *flows = &pair->vf.flows;
    uint8_t n_before = flows->n_classes;
    bool is_wanted = pair->has_wire_face && pair->vf.started;
    bool ok;

    ok = zcrx_flow_remove(flows, is_wanted ? pair->steer : NULL);
    if (flows->n_classes < n_before) {
        drain_flows(pair);
    }
    zcrx_pair_apply_slow(pair);
    n_before = flows->n_classes;
    if (is_wanted) {
        ok = zcrx_flow_add(flows, pair->steer) && ok;
    }
    if (flows->n_classes > n_before) {
        zcrx_pair_apply_slow(pair);
    }
    pair->stale_flows = !ok;
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
    zcrx_pair_update_slow(pair);
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
        zcrx_pair_update_slow(pair);
    }
    ovs_mutex_unlock(&pair->mutex);
}

/* Prepares the slow path of queue 'i' of 'pair', whose mutex the caller holds.
 * Returns 0 or a positive errno value.  Main thread. */
int
zcrx_pair_init_slow(struct zcrx_pair *pair, uint16_t i)
{
    const struct zcrx_slow_rules rules = current_rules(pair, false);
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
