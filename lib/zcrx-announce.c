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

#include "zcrx-announce.h"

#include <rte_arp.h>
#include <rte_ethdev.h>

#include "openvswitch/vlog.h"
#include "packets.h"
#include "zcrx-pair.h"

VLOG_DEFINE_THIS_MODULE(zcrx_announce);

/* Has the VF send a RARP request from the guest's MAC address, from which
 * switches learn, if it has been asked to, and 'pair' runs with the link up.
 * QEMU does not ask for a guest that announces itself.
 *
 * The caller holds the pair's mutex.  Any thread but a PMD thread. */
void
zcrx_announce(struct zcrx_pair *pair)
{
    struct zcrx_queue *q = pair->queues;
    struct rte_ether_addr mac;
    struct rte_mbuf *m;

    if (!pair->must_announce || pair->state != ZCRX_PAIR_RUNNING
        || pair->paused || !q->running || !zcrx_vf_link_is_up(&pair->vf)) {
        return;
    }
    memcpy(&mac, &pair->announced, sizeof mac);
    m = rte_net_make_rarp_packet(pair->tx_mp, &mac);
    if (m) {
        const uint32_t len = (sizeof(struct rte_ether_hdr)
                              + sizeof(struct rte_arp_hdr));
        uint16_t sent;
        bool held;

        /* DPDK leaves its padding as the mbuf's last frame had it. */
        memset(rte_pktmbuf_mtod_offset(m, void *, len), 0, m->data_len - len);
        held = zcrx_gate_hold(&q->gate);
        sent = rte_eth_tx_burst(q->vf.port_id, q->vf.queue_id, &m, 1);
        zcrx_gate_release(&q->gate, held);
        pair->must_announce = !sent;
        if (!sent) {
            rte_pktmbuf_free(m);
        }
    }
    if (!pair->must_announce) {
        VLOG_INFO("%s: announced guest "ETH_ADDR_FMT" to the network",
                  pair->name, ETH_ADDR_ARGS(pair->announced));
    }
}
