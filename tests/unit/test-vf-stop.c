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

/* Stopping a VF, with the device played, and of Open vSwitch what that takes:
 * how far it goes for the buffers, and what is kept if it gets none. */

#include <config.h>

#include "zcrx-vf.h"

#include <pthread.h>
#include <rte_dev.h>
#include <rte_mbuf.h>
#include <unistd.h>

#include "check.h"
#include "hash.h"
#include "openvswitch/thread.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "seq.h"
#include "timeval.h"
#include "util.h"

#define DEVARGS "net_fake0"
#define N_OUT 100

/* Steps of stopping, as letters. */
#define STOP_QUEUE 'q'
#define STOP 's'
#define SET_UP_RX 'r'
#define SET_UP_TX 't'
#define CLOSE 'c'
#define REMOVE 'x'
#define NEVER '-'

static struct zcrx_vf vf;

/* The device. */
static char steps[32];          /* That it was made to go. */
static uint32_t n_out;          /* Buffers that it has. */
static char gives_back;         /* With this step. */
static char hangs;              /* In this step, until 'released'. */
static bool released;
static bool release_with_thread; /* When the next thread is there. */
static bool stopping_queue;     /* In its driver. */
static int queue_error = -ENOTSUP, stop_error; /* That it tells. */

/* What it uses.  'owner' and the device may be two threads. */
static struct zcrx_vf_load load;
static unsigned int n_destroyed;
static unsigned int n_wakes;    /* Of the main thread. */

/* DPDK's lists of devices, by the only thread that gives one up. */
static bool devices_locked;

static void
go(char step)
{
    size_t n = strlen(steps);

    CHECK(n < sizeof steps - 1);
    steps[n] = step;
    while (step == hangs
           && !__atomic_load_n(&released, __ATOMIC_ACQUIRE)) {
        usleep(1000);
    }
    if (step == gives_back) {
        __atomic_store_n(&n_out, 0, __ATOMIC_RELEASE);
    }
}

static void
release(void)
{
    __atomic_store_n(&released, true, __ATOMIC_RELEASE);
}

int
rte_eth_dev_rx_queue_stop(uint16_t port_id, uint16_t queue)
{
    CHECK(port_id == 3 && !queue);
    CHECK(!__atomic_exchange_n(&stopping_queue, true, __ATOMIC_ACQ_REL));
    go(STOP_QUEUE);
    __atomic_store_n(&stopping_queue, false, __ATOMIC_RELEASE);
    return queue_error;
}

int
rte_eth_dev_stop(uint16_t port_id)
{
    CHECK(port_id == 3
          && !__atomic_load_n(&stopping_queue, __ATOMIC_ACQUIRE));
    go(STOP);
    return stop_error;
}

int
rte_eth_rx_queue_setup(uint16_t port_id, uint16_t queue, uint16_t n_rxd,
                       unsigned int node OVS_UNUSED,
                       const struct rte_eth_rxconf *conf,
                       struct rte_mempool *mp)
{
    CHECK(port_id == 3 && !queue && n_rxd && !conf && mp);
    go(SET_UP_RX);
    return 0;
}

int
rte_eth_tx_queue_setup(uint16_t port_id, uint16_t queue, uint16_t n_txd,
                       unsigned int node OVS_UNUSED,
                       const struct rte_eth_txconf *conf)
{
    CHECK(port_id == 3 && !queue && n_txd == 512 && !conf);
    go(SET_UP_TX);
    return 0;
}

int
rte_eth_dev_close(uint16_t port_id)
{
    CHECK(port_id == 3 && !devices_locked);
    go(CLOSE);
    return 0;
}

int
rte_dev_remove(struct rte_device *device OVS_UNUSED)
{
    CHECK(devices_locked);
    go(REMOVE);
    return 0;
}

int
rte_eth_dev_owner_get(const uint16_t port_id OVS_UNUSED,
                      struct rte_eth_dev_owner *owner OVS_UNUSED)
{
    return -ENODEV;
}

int
rte_eth_dev_owner_unset(const uint16_t port_id OVS_UNUSED,
                        const uint64_t id OVS_UNUSED)
{
    return 0;
}

struct rte_mempool *
rte_pktmbuf_pool_create(const char *name OVS_UNUSED, unsigned int n OVS_UNUSED,
                        unsigned int cache_size OVS_UNUSED,
                        uint16_t priv_size OVS_UNUSED,
                        uint16_t room OVS_UNUSED, int node OVS_UNUSED)
{
    static char pool;

    return (struct rte_mempool *) (void *) &pool;
}

/* The other parts of a VF. */

void
zcrx_vf_init(struct zcrx_vf *new, const char *owner)
{
    memset(new, 0, sizeof *new);
    new->owner = xstrdup(owner);
    new->port_id = RTE_MAX_ETHPORTS;
    new->lost = xzalloc(sizeof *new->lost);
}

void
zcrx_vf_destroy(struct zcrx_vf *old)
{
    CHECK(!zcrx_vf_is_attached(old));
    free(old->devargs);
    free(old->owner);
    free(old->lost);
}

bool
zcrx_vf_is_attached(const struct zcrx_vf *vf_)
{
    return vf_->port_id != RTE_MAX_ETHPORTS;
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

void
zcrx_vf_unwatch(struct zcrx_vf *vf_ OVS_UNUSED)
{
}

/* Open vSwitch. */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void
ovs_mutex_lock_at(const struct ovs_mutex *m, const char *where OVS_UNUSED)
    OVS_NO_THREAD_SAFETY_ANALYSIS
{
    if (m == &zcrx_vf_devices_mutex) {
        devices_locked = true;
    } else {
        pthread_mutex_lock(&mutex);
    }
}

void
ovs_mutex_unlock(const struct ovs_mutex *m)
    OVS_NO_THREAD_SAFETY_ANALYSIS
{
    if (m == &zcrx_vf_devices_mutex) {
        devices_locked = false;
    } else {
        pthread_mutex_unlock(&mutex);
    }
}

pthread_t
ovs_thread_create(const char *name OVS_UNUSED, void *(*run)(void *),
                  void *arg)
{
    pthread_t thread;

    CHECK(!pthread_create(&thread, NULL, run, arg));
    if (release_with_thread) {
        release();
    }
    return thread;
}

void
xpthread_join(pthread_t thread, void **result)
{
    CHECK(!pthread_join(thread, result));
}

void
ovsrcu_quiesce_start(void)
{
}

void
seq_change(struct seq *seq OVS_UNUSED)
{
    __atomic_add_fetch(&n_wakes, 1, __ATOMIC_RELEASE);
}

uint32_t
hash_bytes(const void *p OVS_UNUSED, size_t n OVS_UNUSED, uint32_t basis)
{
    return basis;
}

/* The cases. */

static uint32_t
count_out(const struct zcrx_vf_load *l)
{
    CHECK(l == &load);
    return __atomic_load_n(&n_out, __ATOMIC_ACQUIRE);
}

static void
destroy(struct zcrx_vf_load *l)
{
    CHECK(l == &load && !n_out);
    __atomic_add_fetch(&n_destroyed, 1, __ATOMIC_RELEASE);
}

/* Makes a started VF that has buffers and gives them back with the step
 * 'gives_back_'. */
static void
set_up(char gives_back_)
{
    zcrx_vf_init(&vf, "zc0");
    vf.devargs = xstrdup(DEVARGS);
    vf.port_id = 3;
    vf.started = true;
    vf.n_queues = 1;
    vf.n_txd = 512;
    memset(steps, 0, sizeof steps);
    n_out = N_OUT;
    gives_back = gives_back_;
    hangs = 0;
    released = release_with_thread = false;
    n_destroyed = n_wakes = 0;
    zcrx_vf_load_init(&load, count_out, destroy);
}

/* The owner of the load has done with it, and with the VF. */
static void
tear_down(void)
{
    CHECK(!n_destroyed);
    zcrx_vf_load_unref(&load);
    vf.port_id = RTE_MAX_ETHPORTS;
    zcrx_vf_destroy(&vf);
}

static void
test_escalation(void)
{
    static const struct {
        char gives_back;
        const char *steps;
        bool stopped, closed;
    } cases[] = {
        { STOP_QUEUE, "qs", true, false },
        { STOP, "qs", true, false },
        { SET_UP_RX, "qsrt", true, false },
        { SET_UP_TX, "qsrt", true, false },
        { CLOSE, "qsrtcx", true, true },
        { REMOVE, "qsrtcx", true, true },
        { NEVER, "qsrtcx", false, true },
    };

    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        set_up(cases[i].gives_back);
        check_what = cases[i].steps;
        CHECK_EQ(zcrx_vf_stop(&vf, &load, false), cases[i].stopped);
        CHECK(!strcmp(steps, cases[i].steps));
        CHECK(zcrx_vf_is_attached(&vf) == !cases[i].closed && !vf.started);
        CHECK(!zcrx_vf_is_stopping(DEVARGS));
        tear_down();
        /* What the device may be using stays. */
        CHECK_EQ(n_destroyed, cases[i].stopped);
    }
}

static void
test_close(void)
{
    set_up(STOP);
    CHECK(zcrx_vf_detach(&vf, &load));
    CHECK(!strcmp(steps, "qscx"));
    CHECK(!zcrx_vf_is_attached(&vf) && !vf.devargs);
    CHECK(zcrx_vf_detach(&vf, &load));
    CHECK(zcrx_vf_stop(&vf, &load, false));
    CHECK(!strcmp(steps, "qscx"));
    tear_down();
    CHECK_EQ(n_destroyed, 1);

    /* One that gives all back, but was told by the device that it does not
     * stop. */
    for (int i = 0; i < 2; i++) {
        set_up(STOP);
        queue_error = i ? -EIO : 0;
        stop_error = i ? 0 : -EIO;
        CHECK(zcrx_vf_stop(&vf, &load, false));
        CHECK(!strcmp(steps, "qscx") && !zcrx_vf_is_attached(&vf));
        queue_error = -ENOTSUP;
        stop_error = 0;
        tear_down();
    }

    /* One that is stopped and has nothing is left alone. */
    set_up(STOP);
    vf.started = false;
    n_out = 0;
    CHECK(zcrx_vf_stop(&vf, &load, false));
    CHECK(zcrx_vf_stop(&vf, NULL, false));
    CHECK(!steps[0]);
    CHECK(zcrx_vf_detach(&vf, NULL));
    CHECK(!strcmp(steps, "cx"));
    tear_down();
}

/* Waits until the device has stopped that nobody waits for. */
static void
wait_for_wake(void)
{
    while (!__atomic_load_n(&n_wakes, __ATOMIC_ACQUIRE)) {
        usleep(1000);
    }
}

/* The device takes longer than anybody waits, in each step. */
static void
test_hang(void)
{
    static const struct {
        char hangs, gives_back;
    } cases[] = { { STOP, STOP }, { CLOSE, NEVER } };

    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        long long int start = time_msec();

        set_up(cases[i].gives_back);
        hangs = cases[i].hangs;
        CHECK(!zcrx_vf_stop(&vf, &load, false));
        CHECK(time_msec() - start >= 2000);
        CHECK(!zcrx_vf_is_attached(&vf) && !vf.devargs);
        CHECK(!strcmp(vf.owner, "zc0"));
        CHECK(zcrx_vf_is_stopping(DEVARGS));
        CHECK(!zcrx_vf_is_stopping("net_fake1"));

        /* The port is removed meanwhile. */
        tear_down();
        CHECK_EQ(n_destroyed, 0);
        release();
        wait_for_wake();
        CHECK(!zcrx_vf_is_stopping(DEVARGS));
        CHECK(strchr(steps, CLOSE) && strchr(steps, REMOVE));
        CHECK_EQ(n_destroyed, cases[i].gives_back != NEVER);
    }
}

static void
test_queue(void)
{
    long long int start = time_msec();

    /* Whether it can do that or not. */
    set_up(STOP_QUEUE);
    CHECK(zcrx_vf_stop_queue(&vf, 0));
    CHECK(!strcmp(steps, "q") && !n_out && vf.started);
    n_out = N_OUT;
    gives_back = NEVER;
    CHECK(zcrx_vf_stop_queue(&vf, 0));
    CHECK(!strcmp(steps, "qq") && n_out == N_OUT);
    gives_back = STOP;
    CHECK(zcrx_vf_stop(&vf, &load, false));
    CHECK(!strcmp(steps, "qqqs"));
    tear_down();

    /* It is late.  The device is stopped when it has done that, and not
     * before. */
    set_up(STOP_QUEUE);
    hangs = STOP_QUEUE;
    CHECK(!zcrx_vf_stop_queue(&vf, 0));
    CHECK(time_msec() - start >= 500 && !strcmp(steps, "q"));
    release_with_thread = true;
    CHECK(zcrx_vf_stop(&vf, &load, false));
    CHECK(!strcmp(steps, "qqs") && zcrx_vf_is_attached(&vf) && !vf.started);
    tear_down();
    CHECK_EQ(n_destroyed, 1);

    /* The same, and all that helps is to close it. */
    set_up(CLOSE);
    hangs = STOP_QUEUE;
    CHECK(!zcrx_vf_stop_queue(&vf, 0));
    release();
    CHECK(zcrx_vf_stop(&vf, &load, false));
    CHECK(!strcmp(steps, "qqsrtcx") && !zcrx_vf_is_attached(&vf));
    tear_down();
    CHECK_EQ(n_destroyed, 1);
}

/* It does not come back while anybody waits for the device, either, and gives
 * nothing back. */
static void
test_queue_hangs(void)
{
    long long int start = time_msec();

    set_up(NEVER);
    hangs = STOP_QUEUE;
    CHECK(!zcrx_vf_stop_queue(&vf, 0));
    CHECK(!zcrx_vf_stop(&vf, &load, false));
    CHECK(time_msec() - start >= 2500);
    CHECK(!zcrx_vf_is_attached(&vf) && zcrx_vf_is_stopping(DEVARGS));
    CHECK(!strcmp(steps, "q"));
    tear_down();
    release();
    wait_for_wake();
    CHECK(!zcrx_vf_is_stopping(DEVARGS));
    CHECK(!strcmp(steps, "qqsrtcx"));
    CHECK_EQ(n_destroyed, 0);
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "a queue", test_queue },
        { "a queue that hangs", test_queue_hangs },
        { "escalation", test_escalation },
        { "closing", test_close },
        { "a device that hangs", test_hang },
    };

    return run_cases(cases, N_ELEMENTS(cases));
}
