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

/* What a VF reports: that it was removed or reset, and its link.  The ethdev,
 * DPDK's alarms and what Open vSwitch gives are played here. */

#include <config.h>

#include "zcrx-vf.h"

#include <errno.h>
#include <rte_alarm.h>
#include <unistd.h>

#include "check.h"
#include "seq.h"
#include "timeval.h"
#include "util.h"

#define MAX_WATCHED 4

static struct zcrx_vf vf;
static unsigned int n_wakes;    /* Of the main thread. */

/* The device. */
static struct {
    enum rte_eth_event_type type;
    rte_eth_dev_cb_fn fn;
    void *arg;
    unsigned int n_busy;        /* Times that it is being called. */
} watched[MAX_WATCHED];
static size_t n_watched;
static struct rte_eth_link device_link;
static int link_error;
static bool is_removed;

/* DPDK's interrupt thread. */
static rte_eal_alarm_callback alarm_fn;
static void *alarm_arg;
static bool is_busy;
static unsigned int n_alarms, n_cancelled;

int
rte_eth_dev_callback_register(uint16_t port_id, enum rte_eth_event_type type,
                              rte_eth_dev_cb_fn fn, void *arg)
{
    CHECK(port_id == 3 && n_watched < MAX_WATCHED);
    watched[n_watched].type = type;
    watched[n_watched].fn = fn;
    watched[n_watched].arg = arg;
    watched[n_watched++].n_busy = 0;
    return 0;
}

int
rte_eth_dev_callback_unregister(uint16_t port_id,
                                enum rte_eth_event_type type,
                                rte_eth_dev_cb_fn fn, void *arg)
{
    CHECK(port_id == 3);
    for (size_t i = 0; i < n_watched; i++) {
        if (watched[i].type == type) {
            CHECK(watched[i].fn == fn && watched[i].arg == arg);
            if (watched[i].n_busy) {
                watched[i].n_busy--;
                return -EAGAIN;
            }
            watched[i] = watched[--n_watched];
            return 0;
        }
    }
    return 0;
}

int
rte_eth_link_get_nowait(uint16_t port_id, struct rte_eth_link *link)
{
    CHECK(port_id == 3);
    *link = device_link;
    return link_error;
}

int
rte_eth_dev_is_removed(uint16_t port_id)
{
    CHECK(port_id == 3);
    return is_removed;
}

/* The alarm comes when it is looked for. */
int
rte_eal_alarm_set(uint64_t us OVS_UNUSED, rte_eal_alarm_callback fn,
                  void *arg)
{
    alarm_fn = fn;
    alarm_arg = arg;
    n_alarms++;
    if (!is_busy) {
        fn(arg);
    }
    return 0;
}

int
rte_eal_alarm_cancel(rte_eal_alarm_callback fn, void *arg)
{
    CHECK(fn == alarm_fn && arg == alarm_arg);
    n_cancelled++;
    return 0;
}

/* Other parts of a VF, and Open vSwitch. */

bool
zcrx_vf_is_attached(const struct zcrx_vf *vf_)
{
    return vf_->port_id != RTE_MAX_ETHPORTS;
}

void
xnanosleep(uint64_t ns)
{
    usleep(ns / 1000);
}

void
seq_change(struct seq *seq OVS_UNUSED)
{
    n_wakes++;
}

/* The cases. */

static void
set_up(void)
{
    static bool lost;

    lost = false;
    memset(&vf, 0, sizeof vf);
    vf.port_id = 3;
    vf.started = true;
    vf.lost = &lost;
    memset(&device_link, 0, sizeof device_link);
    device_link.link_status = RTE_ETH_LINK_UP;
    device_link.link_duplex = RTE_ETH_LINK_FULL_DUPLEX;
    device_link.link_speed = RTE_ETH_SPEED_NUM_10G;
    link_error = 0;
    is_removed = is_busy = false;
    n_wakes = n_alarms = n_cancelled = 0;
}

/* The device was removed, or the PF has reset it. */
static void
test_fatal_events(void)
{
    static const enum rte_eth_event_type types[] = {
        RTE_ETH_EVENT_INTR_RMV, RTE_ETH_EVENT_INTR_RESET,
    };

    for (size_t i = 0; i < N_ELEMENTS(types); i++) {
        size_t j = 0;

        set_up();
        zcrx_vf_watch(&vf);
        CHECK_EQ(n_watched, 2);
        CHECK(!zcrx_vf_is_lost(&vf) && zcrx_vf_link_is_up(&vf));
        while (watched[j].type != types[i]) {
            CHECK(++j < n_watched);
        }
        watched[j].fn(3, types[i], watched[j].arg, NULL);
        CHECK_EQ(n_wakes, 1);
        CHECK(zcrx_vf_is_lost(&vf) && !zcrx_vf_link_is_up(&vf));
        CHECK_EQ(vf.link.link_speed, 0);

        /* The event is still being handled, and work left to that thread. */
        watched[0].n_busy = watched[1].n_busy = 2;
        zcrx_vf_unwatch(&vf);
        CHECK(!n_watched && n_alarms == 1 && n_cancelled == 1);
    }
}

/* What the interrupt thread does takes long. */
static void
test_busy_thread(void)
{
    long long int start = time_msec();

    set_up();
    zcrx_vf_watch(&vf);
    watched[0].fn(3, watched[0].type, watched[0].arg, NULL);
    is_busy = true;
    zcrx_vf_unwatch(&vf);
    CHECK(time_msec() - start >= 500);
    CHECK(!n_watched && n_alarms == 1 && n_cancelled == 1);

    /* There is nothing to wait for if the device is there. */
    set_up();
    zcrx_vf_watch(&vf);
    zcrx_vf_unwatch(&vf);
    CHECK(!n_watched && !n_alarms);
}

static void
test_link(void)
{
    set_up();
    CHECK(zcrx_vf_link_is_up(&vf));
    CHECK_EQ(zcrx_vf_features(&vf), NETDEV_F_10GB_FD);
    device_link.link_status = RTE_ETH_LINK_DOWN;
    CHECK(!zcrx_vf_link_is_up(&vf) && !zcrx_vf_is_lost(&vf));
    device_link.link_status = RTE_ETH_LINK_UP;
    CHECK(zcrx_vf_link_is_up(&vf));
    link_error = -EIO;
    CHECK(!zcrx_vf_link_is_up(&vf) && !zcrx_vf_is_lost(&vf));

    /* Nobody was told that it is gone. */
    set_up();
    device_link.link_status = RTE_ETH_LINK_DOWN;
    is_removed = true;
    CHECK(!zcrx_vf_link_is_up(&vf) && zcrx_vf_is_lost(&vf));
    set_up();
    device_link.link_status = RTE_ETH_LINK_DOWN;
    vf.dies_with_link = true;
    CHECK(!zcrx_vf_link_is_up(&vf) && zcrx_vf_is_lost(&vf));

    set_up();
    vf.started = false;
    CHECK(!zcrx_vf_link_is_up(&vf) && !zcrx_vf_features(&vf));
    vf.port_id = RTE_MAX_ETHPORTS;
    CHECK(!zcrx_vf_link_is_up(&vf) && !zcrx_vf_features(&vf));
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "removal and reset", test_fatal_events },
        { "a busy interrupt thread", test_busy_thread },
        { "link", test_link },
    };

    return run_cases(cases, N_ELEMENTS(cases));
}
