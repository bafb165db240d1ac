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

#ifndef ZCRX_VHOST_H
#define ZCRX_VHOST_H 1

/* The vhost-user session of a port: the client side of a socket whose server
 * is the guest's hypervisor.  DPDK's vhost library speaks the protocol and
 * maps the guest's memory; the frames do not pass through it.
 *
 *      register              new_device
 *     ----------> waiting ---------------> up
 *                    ^                   /  ^
 *                    | destroy_device   /   |  message handled
 *                    +-----------------+    v
 *                                         quiet  (a control message is being
 *                                                 handled)
 *
 * Whatever a control message may change is out of use while the library
 * handles it: 'quiesce' is called before, 'resume' after it, and 'down' when
 * the guest is gone.  'enable' is called when a virtqueue of 'queue_pair' has
 * become usable or has ceased to be, which changes nothing else; 'told', when
 * the hypervisor gets to know the position of a virtqueue, from which it lets
 * it go on later.  They are called in the vhost library's thread, which holds
 * locks of its own: they must not call rte_vhost_vring_call() and the like,
 * and must not wait for a thread that might. */

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/list.h"
#include "zcrx-gpa.h"
#include "zcrx-vring.h"

/* Queue pairs that a guest may have at most. */
#define ZCRX_MAX_QUEUE_PAIRS 64

struct zcrx_vhost;

/* How much has to stop for a control message. */
enum zcrx_quiesce {
    ZCRX_QUIESCE_NONE,          /* The message changes nothing in use. */
    ZCRX_QUIESCE_PAUSE,         /* The rings must not be touched. */
    ZCRX_QUIESCE_STOP,          /* Nor may the guest's memory. */
};

struct zcrx_vhost_ops {
    void (*quiesce)(struct zcrx_vhost *, enum zcrx_quiesce, const char *why);
    void (*resume)(struct zcrx_vhost *);
    void (*enable)(struct zcrx_vhost *, uint16_t queue_pair);
    void (*told)(struct zcrx_vhost *, uint16_t virtqueue);
    void (*announce)(struct zcrx_vhost *, const uint8_t mac[6]);
    void (*down)(struct zcrx_vhost *, const char *why);
};

struct zcrx_vhost {
    struct ovs_list node;       /* In the list of sessions. */
    const struct zcrx_vhost_ops *ops;
    char *path;                 /* Of the socket. */
    uint64_t offloads;          /* Features of the VF that are offered. */
    const char *ending;         /* Why this side ends the session, or NULL. */
    int vid;                    /* DPDK's device id, -1 while waiting. */
    bool has_run;               /* There was a device on this connection. */
    enum zcrx_quiesce quiesced; /* By a message that is being handled. */
    bool enabled[2 * ZCRX_MAX_QUEUE_PAIRS]; /* Virtqueues, by the guest. */
};

/* One guest, as far as it is set up. */
struct zcrx_guest {
    uint64_t features;          /* Negotiated, VIRTIO_F_* and such. */
    struct zcrx_gpa_map map;
    struct zcrx_log log;        /* For all virtqueues. */
    uint16_t n_queue_pairs;
    struct {
        bool set_up;            /* 'rx' and 'tx' are valid. */
        bool enabled;           /* By the guest. */
        struct zcrx_vring_config rx; /* The guest receives. */
        struct zcrx_vring_config tx; /* The guest transmits. */
    } pairs[ZCRX_MAX_QUEUE_PAIRS];
};

char *zcrx_vhost_register(struct zcrx_vhost *, const char *owner,
                          const char *path, uint64_t offloads,
                          const struct zcrx_vhost_ops *);
void zcrx_vhost_unregister(struct zcrx_vhost *, const char *why);

const char *zcrx_vhost_read_guest(const struct zcrx_vhost *,
                                  struct zcrx_guest *);
void zcrx_vhost_read_queue_pair(const struct zcrx_vhost *,
                                struct zcrx_guest *, uint16_t queue_pair);
void zcrx_vhost_release_guest(struct zcrx_guest *);
int zcrx_vhost_callfd(const struct zcrx_vhost *, uint16_t virtqueue);
void zcrx_vhost_set_position(const struct zcrx_vhost *, uint16_t queue_pair,
                             const struct zcrx_vring_config *rx,
                             const struct zcrx_vring_config *tx);

#endif /* zcrx-vhost.h */
