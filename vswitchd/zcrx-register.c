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

#include <stdio.h>
#include <rte_version.h>

#include "netdev-dpdk.h"
#include "netdev-dpdkzcrx.h"
#include "openvswitch/vlog.h"

VLOG_DEFINE_THIS_MODULE(zcrx_register);

/* The linker's --wrap=netdev_dpdk_register leads here what Open vSwitch calls
 * as soon as DPDK's EAL runs, with the name of the wrapped function, and gives
 * the function itself the other one. */
void __wrap_netdev_dpdk_register(const struct smap *);
void __real_netdev_dpdk_register(const struct smap *);

void
__wrap_netdev_dpdk_register(const struct smap *ovs_other_config)
{
    __real_netdev_dpdk_register(ovs_other_config);
    netdev_dpdkzcrx_register();
    VLOG_INFO("dpdkzcrx %s, with %s", ZCRX_VERSION, rte_version());
}

/* In the same way, what "ovs-vswitchd --version" ends with comes here. */
void __wrap_print_dpdk_version(void);
void __real_print_dpdk_version(void);

void
__wrap_print_dpdk_version(void)
{
    __real_print_dpdk_version();
    printf("dpdkzcrx %s\n", ZCRX_VERSION);
}
