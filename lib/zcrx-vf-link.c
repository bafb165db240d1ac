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

#include <errno.h>
#include <rte_alarm.h>

#include "connectivity.h"
#include "openvswitch/vlog.h"
#include "seq.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(zcrx_vf_link);

/* How long to wait for DPDK's interrupt thread before a device is closed, in
 * milliseconds. */
#define FLUSH_TIMEOUT 500

/* Returns true if 'vf' was removed or reset since it was attached.  Any
 * thread. */
bool
zcrx_vf_is_lost(const struct zcrx_vf *vf)
{
    return __atomic_load_n(vf->lost, __ATOMIC_RELAXED);
}

/* Marks a VF as lost, unless it is and 'how' is nothing worse. */
static void
set_lost(enum zcrx_vf_loss *lost, enum zcrx_vf_loss how)
{
    enum zcrx_vf_loss none = ZCRX_VF_NOT_LOST;

    if (how == ZCRX_VF_REMOVED) {
        __atomic_store_n(lost, how, __ATOMIC_RELAXED);
    } else {
        __atomic_compare_exchange_n(lost, &none, how, false, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED);
    }
}

/* Forgets that 'vf' was reset, if it was not removed as well: it was
 * configured when that happened, and is good for use now.  Some drivers have
 * the PF reset their VF to get more queues. */
void
zcrx_vf_forgive_reset(struct zcrx_vf *vf)
{
    enum zcrx_vf_loss reset = ZCRX_VF_RESET;

    __atomic_compare_exchange_n(vf->lost, &reset, ZCRX_VF_NOT_LOST, false,
                                __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/* What a VF must be attached again for.  A reset by the PF takes the driver's
 * queues away, too. */
static const enum rte_eth_event_type fatal_events[] = {
    RTE_ETH_EVENT_INTR_RMV,
    RTE_ETH_EVENT_INTR_RESET,
};

/* DPDK's interrupt thread, in which the device must not be closed. */
static int
handle_fatal_event(uint16_t port_id OVS_UNUSED, enum rte_eth_event_type type,
                   void *lost, void *ret_param OVS_UNUSED)
{
    set_lost(lost, (type == RTE_ETH_EVENT_INTR_RESET
                    ? ZCRX_VF_RESET : ZCRX_VF_REMOVED));
    /* Wakes the main thread. */
    seq_change(connectivity_seq_get());
    return 0;
}

/* Begins to listen for events that make 'vf', which is attached, a lost
 * one. */
void
zcrx_vf_watch(struct zcrx_vf *vf)
{
    for (size_t i = 0; i < ARRAY_SIZE(fatal_events); i++) {
        rte_eth_dev_callback_register(vf->port_id, fatal_events[i],
                                      handle_fatal_event, vf->lost);
    }
}

static void
set_true(void *flag)
{
    __atomic_store_n((bool *) flag, true, __ATOMIC_RELEASE);
}

/* Waits until DPDK's interrupt thread has done what drivers have left for it
 * to do, which is in order of time, but no longer than FLUSH_TIMEOUT.  Some
 * find out that their device is gone, leave work on it to that thread and do
 * not cancel it when they are closed. */
static void
flush_alarms(const struct zcrx_vf *vf)
{
    long long int deadline = time_msec() + FLUSH_TIMEOUT;
    bool done = false;

    if (rte_eal_alarm_set(1, set_true, &done)) {
        return;
    }
    while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE)) {
        if (time_msec() > deadline) {
            VLOG_WARN("%s: DPDK's interrupt thread is busy for %d ms, closing "
                      "VF '%s' all the same", vf->owner, FLUSH_TIMEOUT,
                      vf->devargs);
            break;
        }
        rte_delay_us_sleep(100);
    }
    /* After this, nobody writes to 'done'. */
    rte_eal_alarm_cancel(set_true, &done);
}

/* Undoes zcrx_vf_watch(), before the device is closed.  When it returns, no
 * other thread uses the device because of an event.  Not to be called by
 * DPDK's interrupt thread.
 *
 * A thread for which no RCU callback waits stays so: it sleeps as DPDK does,
 * since xnanosleep() would have them wait from then on. */
void
zcrx_vf_unwatch(struct zcrx_vf *vf)
{
    for (size_t i = 0; i < ARRAY_SIZE(fatal_events); i++) {
        while (rte_eth_dev_callback_unregister(vf->port_id, fatal_events[i],
                                               handle_fatal_event, vf->lost)
               == -EAGAIN) {
            rte_delay_us_sleep(1000);
        }
    }
    if (zcrx_vf_is_lost(vf)) {
        flush_alarms(vf);
    }
}

/* Asks for the state of the VF's link and remembers it.  Returns true if the
 * VF is started and its link is up.  Finds out, too, if the VF is lost.
 *
 * Asking may make a driver of a device that is gone complain, or leave work on
 * another thread, so this is not for calling all the time. */
bool
zcrx_vf_link_is_up(struct zcrx_vf *vf)
{
    struct rte_eth_link *link = &vf->link;

    if (!zcrx_vf_is_attached(vf) || !vf->started || zcrx_vf_is_lost(vf)
        || rte_eth_link_get_nowait(vf->port_id, link)) {
        memset(link, 0, sizeof *link);
        return false;
    }
    if (link->link_status != RTE_ETH_LINK_UP
        && (vf->dies_with_link || rte_eth_dev_is_removed(vf->port_id))) {
        set_lost(vf->lost, ZCRX_VF_REMOVED);
    }
    return link->link_status == RTE_ETH_LINK_UP;
}

/* Returns the VF's link speed as a NETDEV_F_* bit, or 0, as it was when
 * zcrx_vf_link_is_up() was last called. */
enum netdev_features
zcrx_vf_features(const struct zcrx_vf *vf)
{
    const struct rte_eth_link link = vf->link;

    if (!zcrx_vf_is_attached(vf) || !vf->started) {
        return 0;
    }
    if (link.link_duplex != RTE_ETH_LINK_FULL_DUPLEX) {
        return (link.link_speed == RTE_ETH_SPEED_NUM_10M ? NETDEV_F_10MB_HD
                : link.link_speed == RTE_ETH_SPEED_NUM_100M ? NETDEV_F_100MB_HD
                : link.link_speed == RTE_ETH_SPEED_NUM_1G ? NETDEV_F_1GB_HD
                : NETDEV_F_OTHER);
    }
    switch (link.link_speed) {
    case RTE_ETH_SPEED_NUM_10M:
        return NETDEV_F_10MB_FD;
    case RTE_ETH_SPEED_NUM_100M:
        return NETDEV_F_100MB_FD;
    case RTE_ETH_SPEED_NUM_1G:
        return NETDEV_F_1GB_FD;
    case RTE_ETH_SPEED_NUM_10G:
        return NETDEV_F_10GB_FD;
    case RTE_ETH_SPEED_NUM_40G:
        return NETDEV_F_40GB_FD;
    case RTE_ETH_SPEED_NUM_100G:
        return NETDEV_F_100GB_FD;
    default:
        return NETDEV_F_OTHER;
    }
}
