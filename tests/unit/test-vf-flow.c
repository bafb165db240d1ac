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

/* The receive queue for what a VF matches of the slow path: which queues the
 * VF is given, and how other frames are kept out of that one.  The ethdev is
 * played here. */

#include <config.h>

#include "zcrx-vf.h"

#include <errno.h>
#include <rte_mbuf.h>

#include "check.h"
#include "hash.h"
#include "util.h"
#include "zcrx-rss.h"

#define PORT 3

static struct zcrx_vf vf;
static struct rte_mempool pool;

/* The device. */
static struct {
    uint16_t max_tx;            /* Transmit queues. */
    bool equal;                 /* As many of both kinds. */
    bool no_rules;
    int n_rules_max;            /* That it makes, one after the other. */
} device;
static uint16_t n_rx, n_tx;     /* As configured. */
static unsigned int rx_set_up, tx_set_up; /* A bit for each queue. */
static int n_made, n_rules, n_asked;

int
rte_eth_dev_configure(uint16_t port_id, uint16_t n_rx_, uint16_t n_tx_,
                      const struct rte_eth_conf *conf)
{
    CHECK(port_id == PORT && conf);
    if (n_tx_ > device.max_tx || (device.equal && n_rx_ != n_tx_)) {
        return -EINVAL;
    }
    n_rx = n_rx_;
    n_tx = n_tx_;
    return 0;
}

uint16_t
zcrx_vf_rx_descriptors(const struct zcrx_vf *vf_ OVS_UNUSED, uint16_t wanted,
                       uint16_t ring_size OVS_UNUSED)
{
    return wanted;
}

int
zcrx_vf_socket_id(const struct zcrx_vf *vf_ OVS_UNUSED)
{
    return 0;
}

/* It has no table. */
void
zcrx_rss_configure(const struct zcrx_vf *vf_ OVS_UNUSED,
                   struct rte_eth_conf *conf OVS_UNUSED)
{
}

bool
zcrx_rss_spread(const struct zcrx_vf *vf_ OVS_UNUSED,
                const uint16_t *queues OVS_UNUSED, uint16_t n OVS_UNUSED)
{
    return false;
}

uint32_t
hash_bytes(const void *p OVS_UNUSED, size_t n OVS_UNUSED, uint32_t basis)
{
    return basis;
}

int
rte_eth_rx_queue_setup(uint16_t port_id, uint16_t queue_id, uint16_t n_rxd,
                       unsigned int socket_id OVS_UNUSED,
                       const struct rte_eth_rxconf *conf OVS_UNUSED,
                       struct rte_mempool *mp)
{
    CHECK(port_id == PORT && queue_id < n_rx && n_rxd && mp == &pool);
    rx_set_up |= 1u << queue_id;
    return 0;
}

int
rte_eth_tx_queue_setup(uint16_t port_id, uint16_t queue_id, uint16_t n_txd,
                       unsigned int socket_id OVS_UNUSED,
                       const struct rte_eth_txconf *conf OVS_UNUSED)
{
    CHECK(port_id == PORT && queue_id < n_tx && n_txd);
    tx_set_up |= 1u << queue_id;
    return 0;
}

struct rte_mempool *
rte_pktmbuf_pool_create(const char *name, unsigned int n,
                        unsigned int cache_size OVS_UNUSED,
                        uint16_t priv_size OVS_UNUSED, uint16_t room,
                        int socket_id OVS_UNUSED)
{
    CHECK(name && n && room > vf.max_frame);
    return &pool;
}

void
rte_mempool_free(struct rte_mempool *mp OVS_UNUSED)
{
}

int
rte_flow_validate(uint16_t port_id, const struct rte_flow_attr *attr,
                  const struct rte_flow_item items[] OVS_UNUSED,
                  const struct rte_flow_action actions[] OVS_UNUSED,
                  struct rte_flow_error *error OVS_UNUSED)
{
    CHECK(port_id == PORT && attr->ingress);
    n_asked++;
    return device.no_rules ? -ENOSYS : 0;
}

struct rte_flow *
rte_flow_create(uint16_t port_id, const struct rte_flow_attr *attr,
                const struct rte_flow_item items[] OVS_UNUSED,
                const struct rte_flow_action actions[] OVS_UNUSED,
                struct rte_flow_error *error OVS_UNUSED)
{
    CHECK(port_id == PORT && attr->ingress);
    if (n_made == device.n_rules_max) {
        return NULL;
    }
    n_made++;
    n_rules++;
    return (struct rte_flow *) &n_rules;
}

int
rte_flow_destroy(uint16_t port_id, struct rte_flow *rule,
                 struct rte_flow_error *error OVS_UNUSED)
{
    CHECK(port_id == PORT && rule);
    n_rules--;
    return 0;
}

static uint16_t
receive_none(void *queue OVS_UNUSED, struct rte_mbuf **mbufs OVS_UNUSED,
             uint16_t n OVS_UNUSED)
{
    return 0;
}

/* Configures a VF without a redirection table, but with as many queues as
 * 'device' has and one queue pair. */
static void
configure(void)
{
    static const struct rte_eth_conf conf;
    static void *queues[4];

    memset(&vf, 0, sizeof vf);
    vf.owner = CONST_CAST(char *, "zc0");
    vf.devargs = CONST_CAST(char *, "played");
    vf.port_id = PORT;
    vf.info.max_rx_queues = 4;
    vf.info.max_tx_queues = device.max_tx;
    vf.max_frame = 1518;
    vf.n_queues = 1;
    vf.n_txd = 64;
    rx_set_up = tx_set_up = 0;
    n_made = n_rules = n_asked = 0;
    rte_eth_fp_ops[PORT].rx_pkt_burst = receive_none;
    rte_eth_fp_ops[PORT].rxq.data = queues;
    CHECK(!rte_eth_dev_configure(PORT, 1, 1, &conf));
    zcrx_vf_add_flow_queue(&vf, CONST_CAST(struct rte_eth_conf *, &conf), 1);
}

static void
set_device(uint16_t max_tx, bool equal, bool no_rules, int n_rules_max)
{
    device.max_tx = max_tx;
    device.equal = equal;
    device.no_rules = no_rules;
    device.n_rules_max = n_rules_max;
}

/* As DPDK's net_tap: as many transmit as receive queues, and no table. */
static void
test_equal(void)
{
    set_device(4, true, false, 2);
    configure();
    CHECK(vf.flows.has_queue && vf.flows.needs_fence);
    CHECK_EQ(vf.flows.queue_id, 1);
    CHECK(n_rx == 2 && n_tx == 2);
    CHECK_EQ(n_rules, 0);
    CHECK(!zcrx_vf_set_up_flow_queue(&vf));
    CHECK(rx_set_up == 1u << 1 && tx_set_up == 1u << 1);
    CHECK(zcrx_vf_start_flow_queue(&vf));
    CHECK(n_rules == 1 && vf.flows.fence);
}

/* No transmit queue is left: some devices can do without, others not. */
static void
test_few(void)
{
    set_device(1, false, false, 2);
    configure();
    CHECK(vf.flows.has_queue && n_rx == 2 && n_tx == 1);
    CHECK(!zcrx_vf_set_up_flow_queue(&vf));
    CHECK(rx_set_up == 1u << 1 && !tx_set_up);

    set_device(1, true, false, 2);
    configure();
    CHECK(!vf.flows.has_queue && n_rx == 1 && n_tx == 1);
    CHECK(!zcrx_vf_set_up_flow_queue(&vf));
    CHECK(!rx_set_up && !tx_set_up);
    CHECK(zcrx_vf_start_flow_queue(&vf));
}

/* A driver without rules is asked once. */
static void
test_no_rules(void)
{
    struct rte_eth_conf conf = { .rxmode.mtu = 0 };

    set_device(4, true, true, 0);
    configure();
    CHECK(!vf.flows.has_queue && n_rx == 1 && n_tx == 1);
    CHECK_EQ(n_asked, 1);
    zcrx_vf_add_flow_queue(&vf, &conf, 1);
    CHECK_EQ(n_asked, 1);
}

/* The rule that keeps other frames out can be made at first and not when it
 * counts: the VF does without the queue. */
static void
test_no_fence(void)
{
    struct rte_eth_conf conf = { .rxmode.mtu = 0 };

    set_device(4, true, false, 1);
    configure();
    CHECK(vf.flows.has_queue);
    CHECK(!zcrx_vf_start_flow_queue(&vf));
    CHECK(vf.must_configure);
    CHECK(!rte_eth_dev_configure(PORT, 1, 1, &conf));
    zcrx_vf_add_flow_queue(&vf, &conf, 1);
    CHECK(!vf.flows.has_queue && n_rx == 1 && n_tx == 1);
    CHECK(zcrx_vf_start_flow_queue(&vf));
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "as many queues of both kinds", test_equal },
        { "few transmit queues", test_few },
        { "no rules", test_no_rules },
        { "other frames are not kept out", test_no_fence },
    };

    return run_cases(cases, N_ELEMENTS(cases));
}
