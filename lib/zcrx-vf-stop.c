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

#include <pthread.h>
#include <rte_dev.h>
#include <rte_mbuf.h>

#include "connectivity.h"
#include "openvswitch/list.h"
#include "openvswitch/thread.h"
#include "openvswitch/vlog.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "seq.h"
#include "timeval.h"
#include "util.h"

/* Stopping a VF.
 *
 * What "stop" means differs between drivers, so a VF is stopped by one means
 * after the other, from the gentlest to the last, until all buffers are back:
 *
 *     stop queues, stop device ---> set queues up again ---> close device
 *
 * A driver may wait for its device for any length of time, and nobody can
 * interrupt it.  It is called in a thread of its own, therefore, and who wants
 * the VF to stop waits for that thread, but not for ever.  If it does not end
 * in time, then the device, and all that the device may still be using, is
 * left to that thread.
 *
 * One queue is stopped likewise, while the others go on.  If that takes too
 * long, the VF has to be stopped, too: the thread that does this begins by
 * waiting for the one that stops the queue, as a driver is not to be asked to
 * stop a device while it is stopping a queue of it. */

VLOG_DEFINE_THIS_MODULE(zcrx_vf_stop);

/* How long a VF may take to stop, in milliseconds. */
#define STOP_TIMEOUT 2000

/* How long one of its queues may take, in milliseconds. */
#define QUEUE_STOP_TIMEOUT 500

/* Receive descriptors for which the parking pool has mbufs. */
#define N_PARKING 64

/* A VF that is being stopped. */
struct stop {
    struct ovs_list node;       /* In 'stops'. */
    struct zcrx_vf vf;          /* The thread's until it is done. */
    struct zcrx_vf_load *load;
    bool close;                 /* The device, in any case. */
    bool done;                  /* Guarded by 'stops_mutex'. */
    bool abandoned;             /* Nobody waits.  Guarded by 'stops_mutex'. */
};

/* A queue that is being stopped. */
struct queue_stop {
    uint16_t port_id;
    uint16_t queue_id;
};

struct ovs_mutex zcrx_vf_devices_mutex = OVS_MUTEX_INITIALIZER;

static struct ovs_mutex stops_mutex = OVS_MUTEX_INITIALIZER;
static struct ovs_list stops OVS_GUARDED_BY(stops_mutex)
    = OVS_LIST_INITIALIZER(&stops);

/* Makes 'load', which is the caller's to zcrx_vf_load_unref(). */
void
zcrx_vf_load_init(struct zcrx_vf_load *load,
                  uint32_t (*n_out)(const struct zcrx_vf_load *),
                  void (*destroy)(struct zcrx_vf_load *))
{
    ovs_refcount_init(&load->ref_cnt);
    load->n_out = n_out;
    load->destroy = destroy;
}

/* Gives up a reference to 'load', which may be NULL.  Any thread. */
void
zcrx_vf_load_unref(struct zcrx_vf_load *load)
{
    if (load && ovs_refcount_unref(&load->ref_cnt) == 1) {
        load->destroy(load);
    }
}

/* Returns how many buffers have not come back. */
static uint32_t
count_out(const struct zcrx_vf_load *load)
{
    return load ? load->n_out(load) : 0;
}

/* Replaces the guests' buffers in stopped receive queues by host buffers:
 * drivers which keep their mbufs while they are stopped release them when the
 * queue is set up again. */
static void
park_queues(struct zcrx_vf *vf)
{
    int node = zcrx_vf_socket_id(vf);

    if (!vf->parking) {
        char name[RTE_MEMPOOL_NAMESIZE];

        zcrx_vf_name_mempool(name);
        vf->parking = rte_pktmbuf_pool_create(name, N_PARKING, 0, 0,
                                              RTE_MBUF_DEFAULT_BUF_SIZE, node);
        if (!vf->parking) {
            return;
        }
    }
    for (uint16_t i = 0; i < vf->n_queues; i++) {
        uint16_t n_rxd = zcrx_vf_rx_descriptors(vf, N_PARKING / vf->n_queues,
                                                N_PARKING);

        rte_eth_rx_queue_setup(vf->port_id, i, n_rxd, node, NULL, vf->parking);
        rte_eth_tx_queue_setup(vf->port_id, i, vf->n_txd, node, NULL);
    }
}

/* Returns true if the driver has not been refused anything by its device: one
 * that was may have given buffers back that the device still has. */
static bool
stop_device(struct zcrx_vf *vf)
{
    bool ok = true;
    int ret;

    zcrx_flow_clear(&vf->flows);
    /* Not all drivers can do this. */
    for (uint16_t i = 0; i < vf->n_queues; i++) {
        ret = rte_eth_dev_rx_queue_stop(vf->port_id, i);
        ok = ok && (!ret || ret == -ENOTSUP);
    }
    ret = rte_eth_dev_stop(vf->port_id);
    if (ret) {
        VLOG_WARN("%s: VF '%s' does not stop (%s)", vf->owner, vf->devargs,
                  ovs_strerror(-ret));
    }
    vf->started = false;
    return ok && !ret;
}

/* Closes the device.  It gives back whatever it has. */
static void
close_device(struct zcrx_vf *vf)
{
    struct rte_eth_dev_owner owner;
    int ret;

    zcrx_vf_unwatch(vf);
    if (!rte_eth_dev_owner_get(vf->port_id, &owner)) {
        rte_eth_dev_owner_unset(vf->port_id, owner.id);
    }
    rte_eth_dev_close(vf->port_id);
    ovs_mutex_lock(&zcrx_vf_devices_mutex);
    ret = rte_dev_remove(vf->info.device);
    ovs_mutex_unlock(&zcrx_vf_devices_mutex);
    if (ret) {
        VLOG_WARN("%s: VF '%s' could not be removed from DPDK", vf->owner,
                  vf->devargs);
    }
    vf->port_id = RTE_MAX_ETHPORTS;
    vf->n_queues = 0;
    zcrx_flow_init(&vf->flows, &zcrx_flow_dpdk, vf->port_id);
}

/* Goes from the gentlest means to the last one. */
static void
escalate(struct stop *stop)
{
    struct zcrx_vf *vf = &stop->vf;

    if (vf->queue_stopping) {
        xpthread_join(vf->queue_stopper, NULL);
        vf->queue_stopping = false;
    }
    if (vf->started && !stop_device(vf)) {
        stop->close = true;
    }
    if (!stop->close && count_out(stop->load)) {
        park_queues(vf);
    }
    if (!stop->close && count_out(stop->load)) {
        VLOG_DBG("%s: VF '%s' keeps buffers when stopped, closing it",
                 vf->owner, vf->devargs);
        stop->close = true;
    }
    if (stop->close) {
        close_device(vf);
    }
}

/* Returns true if all that the VF had is back.  Otherwise, what it may still
 * use must stay for ever. */
static bool
is_proven(const struct stop *stop)
{
    uint32_t n = count_out(stop->load);

    if (n) {
        VLOG_ERR("%s: VF '%s' did not give %"PRIu32" buffers back, not even "
                 "when it was closed", stop->vf.owner, stop->vf.devargs, n);
    }
    return !n;
}

/* Ends 'stop', for which nobody waits any more.  The port that had the VF may
 * be gone. */
static void
end_abandoned(struct stop *stop)
{
    struct zcrx_vf *vf = &stop->vf;

    if (zcrx_vf_is_attached(vf)) {
        close_device(vf);
    }
    VLOG_INFO("%s: VF '%s' has stopped at last", vf->owner, vf->devargs);
    if (is_proven(stop)) {
        zcrx_vf_load_unref(stop->load);
    }

    /* From now on, the device may be attached again. */
    ovs_mutex_lock(&stops_mutex);
    ovs_list_remove(&stop->node);
    ovs_mutex_unlock(&stops_mutex);
    zcrx_vf_destroy(vf);
    free(stop);
    seq_change(connectivity_seq_get());
}

static void *
stop_thread(void *stop_)
{
    struct stop *stop = stop_;
    bool abandoned;

    /* Nobody's updates wait for a driver. */
    ovsrcu_quiesce_start();
    escalate(stop);

    ovs_mutex_lock(&stops_mutex);
    stop->done = true;
    abandoned = stop->abandoned;
    ovs_mutex_unlock(&stops_mutex);
    if (abandoned) {
        end_abandoned(stop);
    }
    return NULL;
}

/* Joins 'thread', unless that takes more than 'timeout' milliseconds.  Returns
 * true if successful. */
static bool
join_in_time(pthread_t thread, int timeout)
{
    long long int deadline = time_msec() + timeout;
    struct timespec ts = {
        .tv_sec = deadline / 1000,
        .tv_nsec = deadline % 1000 * 1000 * 1000,
    };

    return !pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &ts);
}

/* Waits until 'thread', which works on 'stop', is done.  Returns false if that
 * takes too long. */
static bool
wait_for_thread(pthread_t thread, struct stop *stop)
{
    bool done;

    if (join_in_time(thread, STOP_TIMEOUT)) {
        return true;
    }
    ovs_mutex_lock(&stops_mutex);
    done = stop->done;
    stop->abandoned = !done;
    ovs_mutex_unlock(&stops_mutex);
    if (done) {
        xpthread_join(thread, NULL);
    } else {
        pthread_detach(thread);
    }
    return done;
}

/* Makes the VF stop using 'load', which may be NULL, and closes it if 'close'
 * is true or if that is what it takes.  Takes two seconds at most.
 *
 * Returns true if it is certain that 'vf' does not use 'load' any more.
 * Otherwise, 'vf' becomes a detached one, the device is left to itself, and
 * what it may be using stays until it has stopped, or for ever: the caller
 * must not free what is in 'load', but only give up its reference.
 *
 * Any thread but a PMD thread and DPDK's interrupt thread. */
bool
zcrx_vf_stop(struct zcrx_vf *vf, struct zcrx_vf_load *load, bool close)
{
    char *owner, *devargs;
    struct stop *stop;
    pthread_t thread;
    bool ok;

    if (!zcrx_vf_is_attached(vf)
        || (!close && !vf->started && !count_out(load))) {
        return true;
    }

    /* These may go with 'vf'. */
    owner = xstrdup(vf->owner);
    devargs = xstrdup(vf->devargs);
    stop = xzalloc(sizeof *stop);
    stop->vf = *vf;
    stop->load = load;
    stop->close = close;
    if (load) {
        ovs_refcount_ref(&load->ref_cnt);
    }
    ovs_mutex_lock(&stops_mutex);
    ovs_list_push_back(&stops, &stop->node);
    ovs_mutex_unlock(&stops_mutex);

    thread = ovs_thread_create("zcrx_stop", stop_thread, stop);
    ok = wait_for_thread(thread, stop);
    if (!ok) {
        VLOG_ERR("%s: VF '%s' does not stop; the memory that it may be "
                 "writing to stays mapped until it does", owner, devargs);
        zcrx_vf_init(vf, owner);
    } else {
        ovs_mutex_lock(&stops_mutex);
        ovs_list_remove(&stop->node);
        ovs_mutex_unlock(&stops_mutex);
        ok = is_proven(stop);
        if (ok) {
            zcrx_vf_load_unref(load);
        }
        *vf = stop->vf;
        free(stop);
    }
    free(owner);
    free(devargs);
    return ok;
}

static void *
queue_stop_thread(void *stop_)
{
    struct queue_stop *stop = stop_;

    ovsrcu_quiesce_start();
    rte_eth_dev_rx_queue_stop(stop->port_id, stop->queue_id);
    free(stop);
    return NULL;
}

/* Makes the driver of 'vf', which is started, stop receive queue 'queue_id',
 * which nobody polls, while other queues go on.  Takes half a second at most.
 *
 * Returns true if the driver has done that, or cannot: whether the queue's
 * buffers are back is for the caller to find out.  Otherwise, the driver still
 * tries, and the caller's next call for 'vf' must be one to zcrx_vf_stop(),
 * which waits for that.
 *
 * Any thread but a PMD thread and DPDK's interrupt thread. */
bool
zcrx_vf_stop_queue(struct zcrx_vf *vf, uint16_t queue_id)
{
    struct queue_stop *stop = xzalloc(sizeof *stop);

    stop->port_id = vf->port_id;
    stop->queue_id = queue_id;
    vf->queue_stopper = ovs_thread_create("zcrx_stop_rxq",
                                          queue_stop_thread, stop);
    vf->queue_stopping = !join_in_time(vf->queue_stopper, QUEUE_STOP_TIMEOUT);
    if (vf->queue_stopping) {
        VLOG_WARN("%s: VF '%s' does not stop its receive queue %"PRIu16", so "
                  "it is stopped", vf->owner, vf->devargs, queue_id);
    }
    return !vf->queue_stopping;
}

/* Returns true if the device that 'devargs' names was told to stop, and has
 * not done so yet.  Any thread. */
bool
zcrx_vf_is_stopping(const char *devargs)
{
    struct stop *stop;
    bool found = false;

    ovs_mutex_lock(&stops_mutex);
    LIST_FOR_EACH (stop, node, &stops) {
        found |= !strcmp(stop->vf.devargs, devargs);
    }
    ovs_mutex_unlock(&stops_mutex);
    return found;
}

/* Gives the device up.  'load' is what its queues may still refer to, or NULL.
 * Returns as zcrx_vf_stop() does. */
bool
zcrx_vf_detach(struct zcrx_vf *vf, struct zcrx_vf_load *load)
{
    bool ok = zcrx_vf_stop(vf, load, true);

    *vf->lost = ZCRX_VF_NOT_LOST;
    free(vf->devargs);
    vf->devargs = NULL;
    return ok;
}
