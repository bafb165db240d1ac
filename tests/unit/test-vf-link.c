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
#include <rte_bus.h>
#include <rte_vect.h>
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
static int configure_error;
static bool fires_reset, fires_removal; /* While it is configured. */
static const char *driver_name;
static uint16_t rx_buf_size;

/* Of the registers that drivers may use, in bits. */
static uint16_t simd, simd_at_start;
static bool is_simd_forced;     /* By the user. */

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

static void
fire(enum rte_eth_event_type type)
{
    for (size_t i = 0; i < n_watched; i++) {
        if (watched[i].type == type) {
            watched[i].fn(3, type, watched[i].arg, NULL);
        }
    }
}

int
rte_eth_dev_configure(uint16_t port_id, uint16_t n_rxq, uint16_t n_txq,
                      const struct rte_eth_conf *conf)
{
    CHECK(port_id == 3 && n_rxq && n_rxq == n_txq && conf);
    if (fires_reset) {
        fire(RTE_ETH_EVENT_INTR_RESET);
    }
    if (fires_removal) {
        fire(RTE_ETH_EVENT_INTR_RMV);
    }
    return configure_error;
}

int
rte_eth_iterator_init(struct rte_dev_iterator *iterator OVS_UNUSED,
                      const char *devargs OVS_UNUSED)
{
    return 0;
}

uint16_t
rte_eth_iterator_next(struct rte_dev_iterator *iterator OVS_UNUSED)
{
    return 3;
}

void
rte_eth_iterator_cleanup(struct rte_dev_iterator *iterator OVS_UNUSED)
{
}

int
rte_eth_dev_is_valid_port(uint16_t port_id)
{
    return port_id == 3;
}

int
rte_eth_dev_owner_get(const uint16_t port_id OVS_UNUSED,
                      struct rte_eth_dev_owner *owner OVS_UNUSED)
{
    return -ENODEV;
}

int
rte_eth_dev_owner_new(uint64_t *id)
{
    *id = 1;
    return 0;
}

int
rte_eth_dev_owner_set(const uint16_t port_id,
                      const struct rte_eth_dev_owner *owner)
{
    CHECK(port_id == 3 && owner->id == 1 && !strcmp(owner->name, "zc0"));
    return 0;
}

int
rte_eth_dev_info_get(uint16_t port_id, struct rte_eth_dev_info *info)
{
    static uint32_t dev_flags;

    CHECK(port_id == 3);
    memset(info, 0, sizeof *info);
    info->driver_name = driver_name;
    info->dev_flags = &dev_flags;
    return 0;
}

const struct rte_bus *
rte_dev_bus(const struct rte_device *device OVS_UNUSED)
{
    return NULL;
}

const char *
rte_bus_name(const struct rte_bus *bus OVS_UNUSED)
{
    return "pci";
}

int
rte_eth_rx_queue_setup(uint16_t port_id, uint16_t queue OVS_UNUSED,
                       uint16_t n_rxd OVS_UNUSED, unsigned int node OVS_UNUSED,
                       const struct rte_eth_rxconf *conf OVS_UNUSED,
                       struct rte_mempool *mp OVS_UNUSED)
{
    CHECK(port_id == 3);
    return 0;
}

int
rte_eth_tx_queue_setup(uint16_t port_id, uint16_t queue OVS_UNUSED,
                       uint16_t n_txd OVS_UNUSED, unsigned int node OVS_UNUSED,
                       const struct rte_eth_txconf *conf OVS_UNUSED)
{
    CHECK(port_id == 3);
    return 0;
}

int
rte_eth_rx_queue_info_get(uint16_t port_id, uint16_t queue OVS_UNUSED,
                          struct rte_eth_rxq_info *info)
{
    CHECK(port_id == 3);
    memset(info, 0, sizeof *info);
    info->rx_buf_size = rx_buf_size;
    return 0;
}

uint16_t
rte_vect_get_max_simd_bitwidth(void)
{
    return simd;
}

int
rte_vect_set_max_simd_bitwidth(uint16_t bits)
{
    if (is_simd_forced) {
        return -EPERM;
    }
    simd = bits;
    return 0;
}

int
rte_eth_dev_start(uint16_t port_id)
{
    CHECK(port_id == 3);
    simd_at_start = simd;
    return 0;
}

int
rte_eth_dev_set_mtu(uint16_t port_id, uint16_t mtu OVS_UNUSED)
{
    CHECK(port_id == 3);
    return 0;
}

int
rte_eth_dev_adjust_nb_rx_tx_desc(uint16_t port_id,
                                 uint16_t *n_rxd OVS_UNUSED,
                                 uint16_t *n_txd OVS_UNUSED)
{
    CHECK(port_id == 3);
    return 0;
}

int
rte_eth_promiscuous_enable(uint16_t port_id)
{
    CHECK(port_id == 3);
    return 0;
}

int
rte_eth_allmulticast_enable(uint16_t port_id)
{
    CHECK(port_id == 3);
    return 0;
}

int
rte_eth_dev_socket_id(uint16_t port_id)
{
    CHECK(port_id == 3);
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

struct ovs_mutex zcrx_vf_devices_mutex;

bool
zcrx_vf_detach(struct zcrx_vf *vf_ OVS_UNUSED,
               struct zcrx_vf_load *load OVS_UNUSED)
{
    return true;
}

bool
zcrx_vf_is_stopping(const char *devargs OVS_UNUSED)
{
    return false;
}

void
ovs_strlcpy(char *to, const char *from, size_t size)
{
    snprintf(to, size, "%s", from);
}

/* RCU callbacks would wait for the thread from then on. */
void
xnanosleep(uint64_t ns OVS_UNUSED)
{
    CHECK(false);
}

void
rte_delay_us_sleep(unsigned int us)
{
    usleep(us);
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
    static enum zcrx_vf_loss lost;

    lost = ZCRX_VF_NOT_LOST;
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

/* A driver has its device reset to configure it. */
static void
test_reset_by_driver(void)
{
    const struct zcrx_vf_config config = { .n_queues = 1, .mtu = 1500 };
    static const struct {
        int error;              /* Of configuring. */
        bool was_reset;         /* Before. */
        bool reset, removed;    /* Meanwhile. */
        bool lost;              /* In the end. */
    } runs[] = {
        { .reset = true },
        { .was_reset = true, .lost = true },
        { .was_reset = true, .reset = true, .lost = true },
        { .removed = true, .lost = true },
        { .reset = true, .removed = true, .lost = true },
        { .error = -EIO, .reset = true, .lost = true },
        { .error = -EIO },
    };

    for (size_t i = 0; i < N_ELEMENTS(runs); i++) {
        static uint32_t dev_flags;
        char *error;

        set_up();
        vf.info.dev_flags = &dev_flags;
        zcrx_vf_watch(&vf);
        if (runs[i].was_reset) {
            fire(RTE_ETH_EVENT_INTR_RESET);
        }
        configure_error = runs[i].error;
        fires_reset = runs[i].reset;
        fires_removal = runs[i].removed;
        error = zcrx_vf_configure(&vf, &config);
        CHECK(!error == !runs[i].error);
        free(error);
        CHECK_EQ(zcrx_vf_is_lost(&vf), runs[i].lost);
        zcrx_vf_unwatch(&vf);
    }
}

/* What drivers are like that do not tell. */
static void
test_drivers(void)
{
    static const struct {
        const char *name;
        bool copies;
        bool refuses_3;         /* Queue pairs. */
        uint32_t max_frame;     /* That is written. */
        uint16_t simd;
    } drivers[] = {
        { "net_iavf", false, false, 1518, 128 },
        { "net_ixgbe_vf", false, true, 2048, 512 },
        { "net_e1000_igb_vf", false, false, 1518, 512 },
        { "mlx5_pci", true, false, 1518, 512 },
        { "net_ena", true, false, 1518, 512 },
        { "net_enic", false, false, 1518, 512 },
    };

    for (size_t i = 0; i < N_ELEMENTS(drivers); i++) {
        struct zcrx_vf_config config = { .n_queues = 3, .mtu = 1500 };
        char *error;

        driver_name = drivers[i].name;
        check_what = driver_name;
        configure_error = 0;
        fires_reset = fires_removal = false;
        zcrx_vf_init(&vf, "zc0");
        CHECK(!zcrx_vf_attach(&vf, "0000:03:10.1"));
        CHECK_EQ(vf.copies != NULL, drivers[i].copies);

        error = zcrx_vf_configure(&vf, &config);
        CHECK_EQ(error != NULL, drivers[i].refuses_3);
        free(error);
        config.n_queues = 4;
        CHECK(!zcrx_vf_configure(&vf, &config));
        CHECK_EQ(vf.max_frame, drivers[i].max_frame);
        CHECK_EQ(vf.max_tx_frame, 1518);

        simd = 512;
        CHECK(!zcrx_vf_start(&vf));
        CHECK_EQ(simd_at_start, drivers[i].simd);
        CHECK_EQ(simd, 512);
        is_simd_forced = true;
        error = zcrx_vf_start(&vf);
        CHECK_EQ(error != NULL, drivers[i].simd == 128);
        free(error);
        simd = 128;
        CHECK(!zcrx_vf_start(&vf));
        is_simd_forced = false;

        zcrx_vf_unwatch(&vf);
        vf.port_id = RTE_MAX_ETHPORTS;
        zcrx_vf_destroy(&vf);
    }
}

/* A driver that would divide long frames among buffers. */
static void
test_buffers(void)
{
    struct rte_mempool *pools[] = { NULL };
    char *error;

    set_up();
    vf.n_queues = 1;
    vf.mtu = 3000;
    rx_buf_size = 0;            /* It does not say. */
    CHECK(!zcrx_vf_set_up_queues(&vf, pools, 128));
    rx_buf_size = 3072;
    CHECK(!zcrx_vf_set_up_queues(&vf, pools, 128));
    rx_buf_size = 2048;
    error = zcrx_vf_set_up_queues(&vf, pools, 128);
    CHECK(error && strstr(error, "2048") && strstr(error, "3000"));
    free(error);
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
        { "a reset by its driver", test_reset_by_driver },
        { "drivers", test_drivers },
        { "sizes of buffers", test_buffers },
        { "a busy interrupt thread", test_busy_thread },
        { "link", test_link },
    };

    return run_cases(cases, N_ELEMENTS(cases));
}
