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

#ifndef ZCRX_PAIR_H
#define ZCRX_PAIR_H 1

/* One VF paired with one guest, and their life together.
 *
 *                    guest set up              VF started
 *     no-guest -------------------> ready ------------------> running
 *       ^  ^                        |   ^                        |  |
 *       |  |  guest gone or changing|   |  VF or options change  |  |
 *       |  +------------------------+   +------------------------+  |
 *       |                                                           |
 *       |    guest gone or changing                                 |
 *       +---------------------------- broken <----------------------+
 *                                           guest broke all virtqueues
 *
 * (From running, too, the pair goes to no-guest when the guest is gone or
 * changing.)
 *
 * When the VF is lost, or does not stop when it has to, the pair goes to
 * no-guest from any state: it ends the session with the guest, which is how a
 * back end tells its guest that the link is down, and begins another one when
 * the VF is back.
 *
 * Starting is done by the main thread, as it may take long.  Stopping is done
 * by whoever has reason to, and is complete when it returns: then neither the
 * VF nor a PMD thread touches the guest's memory.  (If the VF does not stop,
 * then what it touches is a mapping of that memory that stays until it has
 * stopped, and nobody uses for anything else; see zcrx-stop.c.) */

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/thread.h"
#include "openvswitch/types.h"
#include "zcrx-events.h"
#include "zcrx-face.h"
#include "zcrx-sync.h"
#include "zcrx-vf.h"
#include "zcrx-vhost.h"

enum zcrx_mode {
    ZCRX_MODE_AUTO,             /* Zero-copy, but for buffers that cannot. */
    ZCRX_MODE_ZERO_COPY,        /* Zero-copy or nothing. */
    ZCRX_MODE_COPY,             /* Always copy. */
};

const char *zcrx_mode_to_string(enum zcrx_mode);
bool zcrx_mode_from_string(const char *, enum zcrx_mode *);

enum zcrx_pair_state {
    ZCRX_PAIR_NO_GUEST,
    ZCRX_PAIR_READY,
    ZCRX_PAIR_RUNNING,
    ZCRX_PAIR_BROKEN,
};

const char *zcrx_pair_state_to_string(enum zcrx_pair_state);

/* What the user asked for. */
struct zcrx_pair_config {
    char *devargs;
    char *path;
    struct zcrx_vf_config vf;
    enum zcrx_mode mode;
    bool has_mac;
    struct eth_addr mac;
    char *slow_path;
    struct zcrx_steer steer;    /* That, parsed. */
    bool guest_tx_ovs;
};

struct zcrx_pair_capture;

struct zcrx_pair {
    struct zcrx_vhost vhost;    /* First, see zcrx_pair_cast(). */
    const char *name;           /* Of the port. */
    void (*changed)(struct zcrx_pair *); /* Link or status changed. */

    /* The PMD threads' part.  Replaced only while OVS keeps them away. */
    struct zcrx_queue *queues;
    uint16_t n_queues;          /* As OVS polls. */

    /* All that follows, and the control plane's side of 'queues'. */
    struct ovs_mutex mutex;
    struct zcrx_pair_config config;
    enum zcrx_mode option_mode; /* As the option says... */
    bool mode_is_set;           /* ...but 'config' has another one. */
    struct zcrx_vf vf;
    struct zcrx_guest guest;
    enum zcrx_pair_state state;
    char *why;                  /* Why it is not running, or NULL. */
    bool mapped;                /* Guest memory, for the VF. */
    const char *vf_lost;        /* What happened to the VF, if it cannot be
                                 * used; then there is no session, either.
                                 * NULL if it can be. */
    bool end_session;           /* The main thread is to end it, as the guest
                                 * was given up. */
    bool paused;                /* For a control message: PMD threads are kept
                                 * out, and the VF is not started. */
    bool link_up;               /* When last looked at. */
    long long int check_link_at; /* When to look again. */
    const char *why_copy;       /* zcrx_pair_why_copy() when last looked. */
    bool need_bounce;           /* Buffers that do not qualify were seen. */
    bool may_start;             /* 'queues' fits 'config'. */
    bool must_announce;         /* The guest, by this address. */
    struct eth_addr announced;
    long long int grace_until;  /* See GUEST_GRACE; monotonic,
                                 * milliseconds. */
    long long int retry_at;     /* Not to be started before this. */
    uint16_t n_active;          /* Queues in use while running; any thread
                                 * may look. */
    uint16_t n_rxd;             /* The VF's descriptors while running. */
    struct rte_mempool *tx_mp;
    bool vf_has_pools;          /* VF queues may point to those of 'queues'. */
    struct zcrx_pool **retired; /* 'n_retired' pools that VF queues may still
                                 * point to, but take nothing from. */
    size_t n_retired;
    struct zcrx_stats past;     /* Of queues that are no more. */
    struct zcrx_events events;
    struct zcrx_pair_capture *capture; /* NULL if there is none. */

    /* The slow path, see zcrx-pair-slow.h. */
    struct zcrx_face *face;
    struct zcrx_steer *steer;   /* What the queues point to. */
    struct zcrx_steer *wire_steer; /* That, but for what the VF matches. */
    bool stale_flows;           /* The VF goes on matching something that it
                                 * should not. */
    bool has_wire_face;
    struct zcrx_slow_counts past_slow; /* Of queues that are no more. */
};

void zcrx_pair_init(struct zcrx_pair *, const char *name,
                    void (*changed)(struct zcrx_pair *));
void zcrx_pair_destroy(struct zcrx_pair *);

void zcrx_pair_config_destroy(struct zcrx_pair_config *);
char *zcrx_pair_set_config(struct zcrx_pair *, struct zcrx_pair_config *);
enum zcrx_mode zcrx_pair_set_mode(struct zcrx_pair *, enum zcrx_mode);
char *zcrx_pair_set_mtu(struct zcrx_pair *, uint16_t mtu);
char *zcrx_pair_reconfigure(struct zcrx_pair *);

void zcrx_pair_run(struct zcrx_pair *);
void zcrx_pair_wait(struct zcrx_pair *);

/* Returns how many queues are in use, 0 if the pair does not run.  Any
 * thread. */
static inline uint16_t
zcrx_pair_n_active(const struct zcrx_pair *pair)
{
    return __atomic_load_n(&pair->n_active, __ATOMIC_RELAXED);
}

/* Returns the queue for frames that OVS sends on its queue 'qid': one by which
 * they can reach the guest, if there is any.  There is at least one queue.
 * Any thread. */
static inline struct zcrx_queue *
zcrx_pair_queue_to_guest(const struct zcrx_pair *pair, uint16_t qid)
{
    uint16_t first = qid % pair->n_queues;
    uint16_t i = first;

    while (!zcrx_queue_in_use(&pair->queues[i])
           || __atomic_load_n(&pair->queues[i].rx.error, __ATOMIC_RELAXED)) {
        i = i + 1 < pair->n_queues ? i + 1 : 0;
        if (i == first) {
            break;
        }
    }
    return &pair->queues[i];
}

bool zcrx_pair_carrier(struct zcrx_pair *);
void zcrx_pair_get_stats(struct zcrx_pair *, struct zcrx_stats *);
const char *zcrx_pair_why_copy(const struct zcrx_pair *);

#endif /* zcrx-pair.h */
