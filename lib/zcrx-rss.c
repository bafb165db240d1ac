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

#include "zcrx-rss.h"

#include <inttypes.h>
#include <rte_ethdev.h>

#include "openvswitch/vlog.h"
#include "util.h"
#include "zcrx-vf.h"

VLOG_DEFINE_THIS_MODULE(zcrx_rss);

/* A table, as DPDK has it: in groups. */
struct table {
    struct rte_eth_rss_reta_entry64 *groups;
    size_t n_groups;
    uint16_t size;              /* Entries. */
};

/* Makes 'table' one for 'vf', with all entries to be read or written, and
 * returns true if 'vf' has a table. */
static bool
table_init(struct table *table, const struct zcrx_vf *vf)
{
    table->size = vf->info.reta_size;
    if (!vf->rss || !vf->started || !table->size) {
        return false;
    }
    table->n_groups = DIV_ROUND_UP(table->size, RTE_ETH_RETA_GROUP_SIZE);
    table->groups = xcalloc(table->n_groups, sizeof *table->groups);
    for (size_t i = 0; i < table->n_groups; i++) {
        table->groups[i].mask = UINT64_MAX;
    }
    return true;
}

static uint16_t *
table_entry(struct table *table, uint16_t i)
{
    return &table->groups[i / RTE_ETH_RETA_GROUP_SIZE]
                .reta[i % RTE_ETH_RETA_GROUP_SIZE];
}

/* Makes 'conf' spread the frames that 'vf' receives over its queues, if it
 * can. */
void
zcrx_rss_configure(const struct zcrx_vf *vf, struct rte_eth_conf *conf)
{
    uint64_t types = ((RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP)
                      & vf->info.flow_type_rss_offloads);

    if (types) {
        conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        conf->rx_adv_conf.rss_conf.rss_hf = types;
    }
}

/* Counts in '*n' the entries of the redirection table of 'vf' that lead to
 * 'queue', as the device has them.  Returns false if it has no table, or none
 * that it shows. */
bool
zcrx_rss_count(const struct zcrx_vf *vf, uint16_t queue, uint16_t *n)
{
    struct table table;
    bool ok;

    *n = 0;
    if (!table_init(&table, vf)) {
        return false;
    }
    ok = !rte_eth_dev_rss_reta_query(vf->port_id, table.groups, table.size);
    for (uint16_t i = 0; ok && i < table.size; i++) {
        *n += *table_entry(&table, i) == queue;
    }
    free(table.groups);
    return ok;
}

/* Returns true if a queue of 'vf', which is started, can be kept from getting
 * frames while others get some.  A driver that takes frames from somewhere
 * when it is asked for them can, unless that is a place for each queue. */
bool
zcrx_rss_can_leave_out(const struct zcrx_vf *vf)
{
    uint16_t n;

    return ((vf->no_ring && !vf->all_queues)
            || zcrx_rss_count(vf, 0, &n));
}

/* Makes 'vf', which is started, spread the frames that it receives over the
 * 'n' queues in 'queues', at least one, and no other.  Returns false if it
 * does not do that, which is no matter if these are all of its queues. */
bool
zcrx_rss_spread(const struct zcrx_vf *vf, const uint16_t *queues, uint16_t n)
{
    struct table table;
    int ret;

    if (!table_init(&table, vf)) {
        return vf->no_ring;
    }
    for (uint16_t i = 0; i < table.size; i++) {
        *table_entry(&table, i) = queues[i % n];
    }
    ret = rte_eth_dev_rss_reta_update(vf->port_id, table.groups, table.size);
    if (ret) {
        VLOG_DBG("%s: VF '%s' does not take a redirection table of %"PRIu16
                 " entries (%s)", vf->owner, vf->devargs, table.size,
                 ovs_strerror(-ret));
    }
    free(table.groups);
    return !ret || vf->no_ring;
}
