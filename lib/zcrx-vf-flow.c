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

#include "zcrx-vf.h"

#include <rte_mbuf.h>

#include "util.h"
#include "zcrx-rss.h"
#include "zcrx-vhost.h"

/* The receive queue that a VF has for what it matches of the slow path itself:
 * the one after those of the queue pairs. */

/* Its descriptors, unless the driver wants another number. */
#define N_FLOW_RXD 256

/* Mbufs that a driver or an owner of the queue may have in hand besides. */
#define N_FLOW_SPARE 64

/* Returns how many transmit queues 'vf' has with that queue: as many as there
 * are receive queues if it can, as some drivers want that. */
static uint16_t
n_tx_queues(const struct zcrx_vf *vf, uint16_t n_queues)
{
    return MIN(n_queues + 1, vf->info.max_tx_queues);
}

/* Gives 'vf', which is configured with 'conf' and 'n_queues' queues, that
 * queue as well, if it can make use of it. */
void
zcrx_vf_add_flow_queue(struct zcrx_vf *vf, struct rte_eth_conf *conf,
                       uint16_t n_queues)
{
    struct zcrx_flows *flows = &vf->flows;
    struct rte_eth_conf spread = *conf;
    uint16_t reta_size;

    zcrx_flow_init(flows, &zcrx_flow_dpdk, vf->port_id);
    zcrx_rss_configure(vf, &spread);
    reta_size = (spread.rxmode.mq_mode == RTE_ETH_MQ_RX_RSS
                 ? vf->info.reta_size : 0);
    if (vf->no_flows
        || !zcrx_flow_wants_queue(flows->driver, vf->port_id, n_queues,
                                  vf->info.max_rx_queues, reta_size)) {
        /* With more queue pairs it would not, either. */
        vf->no_flows |= n_queues == 1;
        return;
    }
    if (rte_eth_dev_configure(vf->port_id, n_queues + 1,
                              n_tx_queues(vf, n_queues),
                              reta_size ? &spread : conf)) {
        /* As it was, which it could be. */
        rte_eth_dev_configure(vf->port_id, n_queues, n_queues, conf);
    } else {
        vf->rss |= reta_size > 0;
        flows->has_queue = true;
        flows->queue_id = n_queues;
        flows->needs_fence = !reta_size;
    }
}

/* Sets the queue up, if 'vf' has it, before 'vf' is started.  Returns NULL or
 * an error. */
char *
zcrx_vf_set_up_flow_queue(struct zcrx_vf *vf)
{
    uint16_t n_rxd = zcrx_vf_rx_descriptors(vf, N_FLOW_RXD, N_FLOW_RXD);
    struct rte_mempool *old = vf->flow_mp;
    int node = zcrx_vf_socket_id(vf);
    int ret = 0;

    if (!vf->flows.has_queue) {
        return NULL;
    }
    if (!old || vf->flow_room < vf->max_frame) {
        /* Some drivers use no more than a multiple of this. */
        uint32_t room = ROUND_UP(vf->max_frame, 1024);
        char name[RTE_MEMPOOL_NAMESIZE];

        room = MIN(room, UINT16_MAX - RTE_PKTMBUF_HEADROOM);
        zcrx_vf_name_mempool(name);
        vf->flow_mp = rte_pktmbuf_pool_create(name, n_rxd + N_FLOW_SPARE, 0, 0,
                                              RTE_PKTMBUF_HEADROOM + room,
                                              node);
        if (!vf->flow_mp) {
            vf->flow_mp = old;
            return xasprintf("%s: VF '%s': not enough memory for its queue of "
                             "the slow path", vf->owner, vf->devargs);
        }
        vf->flow_room = room;
    }
    if (n_tx_queues(vf, vf->n_queues) > vf->n_queues) {
        ret = rte_eth_tx_queue_setup(vf->port_id, vf->n_queues, vf->n_txd,
                                     node, NULL);
    }
    if (!ret) {
        ret = rte_eth_rx_queue_setup(vf->port_id, vf->flows.queue_id, n_rxd,
                                     node, NULL, vf->flow_mp);
    }
    if (old != vf->flow_mp) {
        rte_mempool_free(old);  /* The queue pointed to it until now. */
    }
    return ret ? xasprintf("%s: VF '%s': setting up the queue of the slow "
                           "path failed (%s)", vf->owner, vf->devargs,
                           ovs_strerror(-ret)) : NULL;
}

/* Keeps all frames out of the queue, if 'vf', which has just been started, has
 * it, that no rule sends there.  Returns false if that cannot be done, after
 * which 'vf' must be configured anew, and does without the queue. */
bool
zcrx_vf_start_flow_queue(struct zcrx_vf *vf)
{
    uint16_t queues[ZCRX_MAX_QUEUE_PAIRS];
    struct rte_mbuf *m;

    if (!vf->flows.has_queue) {
        return true;
    }
    for (uint16_t i = 0; i < vf->n_queues; i++) {
        queues[i] = i;
    }
    if (!(vf->flows.needs_fence ? zcrx_flow_fence(&vf->flows)
          : zcrx_rss_spread(vf, queues, vf->n_queues))) {
        vf->no_flows = true;
        vf->must_configure = true;
        return false;
    }
    /* What came until now came to a VF that is about to start. */
    for (int i = 0; i < N_FLOW_RXD; i++) {
        if (!rte_eth_rx_burst(vf->port_id, vf->flows.queue_id, &m, 1)) {
            break;
        }
        rte_pktmbuf_free(m);
    }
    return true;
}
