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

#include "zcrx-pair-private.h"

#include <inttypes.h>
#include <rte_malloc.h>

#include "hash.h"
#include "util.h"
#include "zcrx-pair-capture.h"
#include "zcrx-pair-slow.h"
#include "zcrx-start.h"
#include "zcrx-stop.h"

/* What the user has to say to a pair. */

const char *
zcrx_mode_to_string(enum zcrx_mode mode)
{
    return (mode == ZCRX_MODE_COPY ? "copy"
            : mode == ZCRX_MODE_ZERO_COPY ? "zero-copy"
            : "auto");
}

/* Stores in '*mode' the mode that 's' names.  Returns false if there is
 * none. */
bool
zcrx_mode_from_string(const char *s, enum zcrx_mode *mode)
{
    for (*mode = ZCRX_MODE_AUTO; *mode <= ZCRX_MODE_COPY; (*mode)++) {
        if (!strcmp(s, zcrx_mode_to_string(*mode))) {
            return true;
        }
    }
    return false;
}

void
zcrx_pair_config_destroy(struct zcrx_pair_config *config)
{
    free(config->devargs);
    free(config->path);
    free(config->slow_path);
    memset(config, 0, sizeof *config);
}

/* Frees the queues of 'pair', whose counts it keeps.  With the mutex, while
 * OVS neither polls nor sends.  Main thread. */
void
zcrx_pair_free_queues(struct zcrx_pair *pair)
{
    for (uint16_t i = 0; i < pair->n_queues; i++) {
        zcrx_pair_destroy_slow(pair, i);
        /* This counts what is left in it. */
        zcrx_queue_destroy(&pair->queues[i]);
        zcrx_stats_accumulate(&pair->past, &pair->queues[i].stats);
    }
    rte_free(pair->queues);
    pair->queues = NULL;
    pair->n_queues = 0;
}

/* Makes the VF that 'config' names the pair's. */
static char *
set_vf(struct zcrx_pair *pair, const struct zcrx_pair_config *config)
{
    const struct zcrx_pair_config *old = &pair->config;
    struct zcrx_vf *vf = &pair->vf;
    char *error = NULL;

    if (!nullable_string_is_equal(config->devargs, old->devargs)) {
        zcrx_pair_stop_for_change(pair, "dpdk-devargs changed");
        zcrx_unmap_memory(pair);
        zcrx_detach_vf(pair);
        pair->vf_lost = (zcrx_vf_is_stopping(config->devargs)
                         ? "does not stop" : NULL);
    } else if (!memcmp(&config->vf, &old->vf, sizeof old->vf)
               && config->mode == old->mode
               && config->has_mac == old->has_mac
               && (!config->has_mac
                   || eth_addr_equals(config->mac, old->mac))) {
        return NULL;
    }
    zcrx_pair_stop_for_change(pair, "options changed");
    if (pair->vf_lost) {
        return NULL;            /* It is looked for, and then set up. */
    }
    if (!zcrx_vf_is_attached(vf)) {
        error = zcrx_vf_attach(vf, config->devargs);
    }
    if (!error) {
        error = zcrx_vf_check(vf, &config->vf);
    }
    if (!error) {
        error = zcrx_vf_configure(vf, &config->vf);
    }
    if (!error && config->has_mac) {
        error = zcrx_vf_set_mac(vf, &config->mac);
    }
    return error;
}

/* The mode is that of the option, unless it was set by zcrx_pair_set_mode()
 * since the option changed. */
static void
choose_mode(struct zcrx_pair *pair, struct zcrx_pair_config *config)
{
    if (pair->mode_is_set && config->mode == pair->option_mode) {
        config->mode = pair->config.mode;
    } else {
        pair->mode_is_set = false;
        pair->option_mode = config->mode;
    }
}

/* Makes 'mode' the mode of the pair, whatever the option says, until the
 * option changes.  Returns the mode so far.  Main thread. */
enum zcrx_mode
zcrx_pair_set_mode(struct zcrx_pair *pair, enum zcrx_mode mode)
{
    enum zcrx_mode old_mode;

    ovs_mutex_lock(&pair->mutex);
    old_mode = pair->config.mode;
    pair->mode_is_set = mode != pair->option_mode;
    if (mode != old_mode) {
        zcrx_pair_stop_for_change(pair,
                                  "zcrx-mode changed by dpdkzcrx/set-mode");
        pair->config.mode = mode;
        pair->changed(pair);
    }
    ovs_mutex_unlock(&pair->mutex);
    return old_mode;
}

/* Makes the pair what 'config' says, which it takes over in any case.  Returns
 * NULL or an error, after which the pair is of no use until this succeeds.  A
 * change of the number of queues takes effect with zcrx_pair_reconfigure(),
 * until which the pair does not start.  Main thread. */
char *
zcrx_pair_set_config(struct zcrx_pair *pair, struct zcrx_pair_config *config)
{
    char *error;

    if (!pair->face) {
        pair->face = zcrx_face_join(pair->name, pair);
        pair->has_wire_face = zcrx_face_has_wire(pair->face);
    }
    if (pair->config.path && strcmp(pair->config.path, config->path)) {
        zcrx_vhost_unregister(&pair->vhost, "vhost-server-path changed");
    }

    ovs_mutex_lock(&pair->mutex);
    choose_mode(pair, config);
    config->vf.mtu = (pair->config.vf.mtu ? pair->config.vf.mtu
                      : RTE_ETHER_MTU);
    error = set_vf(pair, config);
    zcrx_pair_set_slow(pair, &config->steer, config->guest_tx_ovs);
    pair->may_start = !error && pair->n_queues == config->vf.n_queues;
    zcrx_pair_config_destroy(&pair->config);
    pair->config = *config;
    memset(config, 0, sizeof *config);
    if (pair->vf_lost) {
        zcrx_pair_set_lost(pair, pair->vf_lost);
    }
    ovs_mutex_unlock(&pair->mutex);

    return error ? error : zcrx_pair_update_session(pair);
}

/* Makes 'mtu' the VF's MTU, in bytes.  Returns NULL or an error, in which case
 * the MTU stays what it was.  Main thread. */
char *
zcrx_pair_set_mtu(struct zcrx_pair *pair, uint16_t mtu)
{
    struct zcrx_vf_config config;
    char *error = NULL;

    ovs_mutex_lock(&pair->mutex);
    config = pair->config.vf;
    config.mtu = mtu;
    if (mtu != pair->config.vf.mtu) {
        /* Where stopping took closing the VF, it comes back as it was. */
        if (pair->vf.devargs) {
            error = zcrx_vf_check_mtu(&pair->vf, mtu);
        }
        if (!error) {
            zcrx_pair_stop_for_change(pair, "MTU changed");
            if (zcrx_vf_is_attached(&pair->vf)) {
                error = zcrx_vf_configure(&pair->vf, &config);
            }
        }
        if (!error) {
            pair->config.vf.mtu = mtu;
        }
    }
    ovs_mutex_unlock(&pair->mutex);
    return error;
}

/* Gives the pair as many queues as its configuration says.  OVS neither polls
 * nor sends meanwhile.  Returns NULL or an error.  Main thread. */
char *
zcrx_pair_reconfigure(struct zcrx_pair *pair)
{
    uint16_t n = pair->config.vf.n_queues;
    char *error = NULL;

    if (n == pair->n_queues) {
        return NULL;
    }
    ovs_mutex_lock(&pair->mutex);
    zcrx_pair_stop_for_change(pair, "number of queues changed");
    zcrx_pair_free_queues(pair);
    pair->queues = rte_zmalloc_socket("zcrx_queues", n * sizeof *pair->queues,
                                      RTE_CACHE_LINE_SIZE,
                                      zcrx_vf_socket_id(&pair->vf));
    for (uint16_t i = 0; pair->queues && i < n && !error; i++) {
        char name[RTE_RING_NAMESIZE];
        int ret;

        snprintf(name, sizeof name, "zcrx-%08x-%"PRIu16,
                 hash_string(pair->name, 0), i);
        ret = zcrx_queue_init(&pair->queues[i], name,
                              zcrx_vf_socket_id(&pair->vf),
                              zcrx_pair_free_frame);
        if (!ret) {
            ret = zcrx_pair_init_slow(pair, i);
        }
        if (pair->capture) {
            pair->queues[i].capture = &pair->capture->capture;
        }
        if (ret) {
            error = xasprintf("%s: queue %"PRIu16": %s", pair->name, i,
                              ovs_strerror(ret));
        }
        pair->n_queues++;
    }
    if (!pair->queues) {
        error = xasprintf("%s: not enough memory for queues", pair->name);
    }
    pair->may_start = !error;
    ovs_mutex_unlock(&pair->mutex);
    return error;
}
