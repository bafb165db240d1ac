/* Copyright (c) 2026 The dpdkzcrx authors.
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

#include <rte_ethdev.h>

#include "zcrx-vf.h"

/* The linker's --wrap leads here what asks DPDK for devices that match what a
 * user wrote.  Ports of type dpdk and "netdev-dpdk/detach" know of each other
 * only what they use; what belongs to a port of type dpdkzcrx, or to a device
 * made of several, does not exist for them: they would reconfigure or remove
 * it while it is in use. */
__typeof__(rte_eth_iterator_next) __wrap_rte_eth_iterator_next;
__typeof__(rte_eth_iterator_next) __real_rte_eth_iterator_next;

static bool
is_hidden(uint16_t port_id)
{
    struct rte_eth_dev_owner owner;

    return (!*zcrx_vf_lookup_get() && rte_eth_dev_is_valid_port(port_id)
            && !rte_eth_dev_owner_get(port_id, &owner)
            && owner.id != RTE_ETH_DEV_NO_OWNER);
}

uint16_t
__wrap_rte_eth_iterator_next(struct rte_dev_iterator *iterator)
{
    uint16_t port_id;

    do {
        port_id = __real_rte_eth_iterator_next(iterator);
    } while (is_hidden(port_id));
    return port_id;
}
