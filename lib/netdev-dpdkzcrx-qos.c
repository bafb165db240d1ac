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

#include "netdev-dpdkzcrx-qos.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <rte_cycles.h>
#include <rte_meter.h>
#include <rte_spinlock.h>

#include "dp-packet.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "smap.h"
#include "util.h"
#include "zcrx-stats.h"

VLOG_DEFINE_THIS_MODULE(netdev_dpdkzcrx_qos);

/* The burst of ingress policing by default, in kbit (ovs-vswitchd.conf.db(5),
 * "ingress_policing_burst"). */
#define DEFAULT_BURST 8000

/* Bytes in a kbit. */
#define KBIT 125

/* Lets frames pass at a rate of 'cir' bytes a second, and 'cbs' bytes at
 * once.  The Ethernet header does not count, as in OVS's own policers. */
struct zcrx_policer {
    struct rte_meter_srtcm_params params;
    struct rte_meter_srtcm_profile profile;
    rte_spinlock_t lock;        /* For PMD threads. */
    struct rte_meter_srtcm meter; /* With 'lock'. */
};

/* Stores a policer in '*policerp', or NULL if both 'cir' and 'cbs' are 0.
 * Returns 0 or a positive errno value. */
static int
create_policer(uint64_t cir, uint64_t cbs, struct zcrx_policer **policerp)
{
    struct zcrx_policer *policer;
    int error;

    *policerp = NULL;
    if (!cir && !cbs) {
        return 0;
    }
    policer = xzalloc(sizeof *policer);
    policer->params.cir = cir;
    policer->params.cbs = cbs;
    rte_spinlock_init(&policer->lock);
    error = -rte_meter_srtcm_profile_config(&policer->profile,
                                            &policer->params);
    if (!error) {
        error = -rte_meter_srtcm_config(&policer->meter, &policer->profile);
    }
    if (error) {
        free(policer);
        return error;
    }
    *policerp = policer;
    return 0;
}

/* Returns true if 'policer', which may be NULL, is what create_policer() would
 * make. */
static bool
is_equal(const struct zcrx_policer *policer, uint64_t cir, uint64_t cbs)
{
    return (policer
            ? policer->params.cir == cir && policer->params.cbs == cbs
            : !cir && !cbs);
}

/* Makes the policer of 'qos' in direction 'dir' what create_policer() makes,
 * unless it is.  Returns 0 or a positive errno value; there is none then. */
static int
set_policer(struct zcrx_qos *qos, enum zcrx_qos_dir dir, uint64_t cir,
            uint64_t cbs)
{
    struct zcrx_policer *old, *new;
    int error;

    old = ovsrcu_get_protected(struct zcrx_policer *, &qos->policers[dir]);
    if (is_equal(old, cir, cbs)) {
        return 0;
    }
    error = create_policer(cir, cbs, &new);
    ovsrcu_set(&qos->policers[dir], new);
    ovsrcu_postpone(free, old);
    return error;
}

/* Takes the frames that exceed what 'policer' lets pass out of 'batch', frees
 * them, and adds how many they are to '*counter', which is shared. */
static void
police(struct zcrx_policer *policer, struct dp_packet_batch *batch,
       uint64_t *counter)
{
    size_t size = dp_packet_batch_size(batch);
    struct dp_packet *packet;
    uint64_t now;
    size_t i;

    /* A time before that of another thread that had the lock meanwhile would
     * let the meter fill its bucket. */
    rte_spinlock_lock(&policer->lock);
    now = rte_rdtsc();
    DP_PACKET_BATCH_REFILL_FOR_EACH (i, size, packet, batch) {
        uint32_t len = dp_packet_size(packet);

        len -= MIN(len, ETH_HEADER_LEN);
        if (rte_meter_srtcm_color_blind_check(&policer->meter,
                                              &policer->profile, now, len)
            == RTE_COLOR_GREEN) {
            dp_packet_batch_add(batch, packet);
        } else {
            dp_packet_delete(packet);
        }
    }
    rte_spinlock_unlock(&policer->lock);
    zcrx_stats_add_shared(counter, size - dp_packet_batch_size(batch));
}

/* Warns of 'problem', which it takes, unless that was said before; NULL is for
 * none. */
static void
warn_of_problem(struct zcrx_qos *qos, enum zcrx_qos_dir dir, char *problem)
{
    if (problem && !nullable_string_is_equal(problem, qos->problems[dir])) {
        VLOG_WARN("%s", problem);
    }
    free(qos->problems[dir]);
    qos->problems[dir] = problem;
}

/* Returns that 'option' of port 'name' has no effect on some frames. */
static char *
bypassed(const char *name, const char *option)
{
    return xasprintf("%s: %s: needs a pair all of whose frames in that "
                     "direction pass through OVS, with slow-path=all and both "
                     "faces; for those that do, use a meter", name, option);
}

/* Prepares 'qos', which is zeroed, with no policer. */
void
zcrx_qos_init(struct zcrx_qos *qos)
{
    for (int dir = 0; dir < ZCRX_QOS_N_DIRS; dir++) {
        ovsrcu_init(&qos->policers[dir], NULL);
    }
}

/* Frees what 'qos' owns.  OVS neither polls nor sends any more. */
void
zcrx_qos_destroy(struct zcrx_qos *qos)
{
    for (int dir = 0; dir < ZCRX_QOS_N_DIRS; dir++) {
        free(ovsrcu_get_protected(struct zcrx_policer *,
                                  &qos->policers[dir]));
        free(qos->problems[dir]);
    }
}

/* Limits what OVS receives from port 'name', as the members of the Interface's
 * row ask for: 'kbits_rate' kbit/s with bursts of 'kbits_burst' kbit, or of a
 * default length if that is 0; no limit if 'kbits_rate' is 0.  'sees_all' says
 * whether all frames of that direction pass through OVS.  Returns 0 or a
 * positive errno value, with a warning, and then there is no limit.  Main
 * thread. */
int
zcrx_qos_set_ingress(struct zcrx_qos *qos, const char *name, bool sees_all,
                     uint32_t kbits_rate, uint32_t kbits_burst,
                     uint32_t kpkts_rate)
{
    uint64_t burst = kbits_burst ? kbits_burst : DEFAULT_BURST;
    char *problem = NULL;
    int error = 0;

    if (kpkts_rate) {
        problem = xasprintf("%s: ingress_policing_kpkts_rate: not supported; "
                            "use a meter", name);
        error = EOPNOTSUPP;
    } else if (kbits_rate && !sees_all) {
        problem = bypassed(name, "ingress_policing_rate");
        error = EOPNOTSUPP;
    }
    warn_of_problem(qos, ZCRX_QOS_INGRESS, problem);
    if (error || !kbits_rate) {
        set_policer(qos, ZCRX_QOS_INGRESS, 0, 0);
        return error;
    }
    return set_policer(qos, ZCRX_QOS_INGRESS, (uint64_t) kbits_rate * KBIT,
                       burst * KBIT);
}

/* Limits what OVS sends to port 'name', as the Port's QoS of that 'type' asks
 * for: "cir" of 'details' is in bytes per second, "cbs" in bytes.  No limit if
 * 'type' is "".  'sees_all' says whether all frames of that direction pass
 * through OVS.  Returns 0 or a positive errno value, with a warning, and then
 * there is no limit.  Main thread. */
int
zcrx_qos_set_egress(struct zcrx_qos *qos, const char *name, bool sees_all,
                    const char *type, const struct smap *details)
{
    uint64_t cir = 0;
    uint64_t cbs = 0;
    char *problem = NULL;
    int error = 0;

    if (!*type) {
        /* No limit. */
    } else if (strcmp(type, ZCRX_QOS_TYPE)) {
        problem = xasprintf("%s: qos: type '%s' is not supported, only "
                            "'"ZCRX_QOS_TYPE"'; use a meter", name, type);
        error = EOPNOTSUPP;
    } else if (!sees_all) {
        problem = bypassed(name, "qos");
        error = EOPNOTSUPP;
    } else {
        cir = smap_get_ullong(details, "cir", 0);
        cbs = smap_get_ullong(details, "cbs", 0);
        if (!cir || !cbs) {
            error = EINVAL;
            problem = xasprintf("Failed to set QoS type %s on port %s: %s: "
                                "cir and cbs must be numbers above 0", type,
                                name, ovs_strerror(error));
        }
    }
    warn_of_problem(qos, ZCRX_QOS_EGRESS, problem);
    if (error) {
        set_policer(qos, ZCRX_QOS_EGRESS, 0, 0);
        return error;
    }
    return set_policer(qos, ZCRX_QOS_EGRESS, cir, cbs);
}

/* Returns the type of QoS that limits what OVS sends, "" if none does, and
 * adds its settings to 'details'.  Main thread. */
const char *
zcrx_qos_get_egress(const struct zcrx_qos *qos, struct smap *details)
{
    const struct zcrx_policer *policer;

    policer = ovsrcu_get_protected(struct zcrx_policer *,
                                   &qos->policers[ZCRX_QOS_EGRESS]);
    if (!policer) {
        return "";
    }
    smap_add_format(details, "cir", "%"PRIu64, policer->params.cir);
    smap_add_format(details, "cbs", "%"PRIu64, policer->params.cbs);
    return ZCRX_QOS_TYPE;
}

/* Takes what exceeds the limit in direction 'dir' out of 'batch', and adds
 * how many frames that is to '*counter', which is shared.  Any thread that may
 * receive from the port, or send to it. */
void
zcrx_qos_police(const struct zcrx_qos *qos, enum zcrx_qos_dir dir,
                struct dp_packet_batch *batch, uint64_t *counter)
{
    struct zcrx_policer *policer = ovsrcu_get(struct zcrx_policer *,
                                              &qos->policers[dir]);

    if (OVS_UNLIKELY(policer)) {
        police(policer, batch, counter);
    }
}
