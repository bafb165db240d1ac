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

#include "zcrx-config.h"

#include <inttypes.h>

#include "openvswitch/vlog.h"
#include "packets.h"
#include "smap.h"
#include "util.h"
#include "zcrx-pair.h"

VLOG_DEFINE_THIS_MODULE(zcrx_config);

/* Stores option 'key' in '*value', or leaves it if there is no such option.
 * Returns NULL or an error. */
char *
zcrx_config_count(const char *port, const struct smap *args, const char *key,
                  unsigned int max, uint16_t *value)
{
    const char *s = smap_get(args, key);
    unsigned int n;

    if (s && (!str_to_uint(s, 10, &n) || !n || n > max)) {
        return xasprintf("%s: %s: '%s' is not a number from 1 to %u",
                         port, key, s, max);
    }
    if (s) {
        *value = n;
    }
    return NULL;
}

static char *
parse_required(const char *port, const struct smap *args,
               const char *key, const char *example, char **value)
{
    const char *s = smap_get(args, key);

    if (!s || !*s) {
        return xasprintf("%s: %s: the option is missing; set for example "
                         "options:%s=%s", port, key, key,
                         example);
    }
    *value = xstrdup(s);
    return NULL;
}

static char *
parse_mode(const char *port, const struct smap *args,
           enum zcrx_mode *mode)
{
    const char *s = smap_get_def(args, "zcrx-mode", "auto");

    return (zcrx_mode_from_string(s, mode) ? NULL
            : xasprintf("%s: zcrx-mode: '%s' is not one of auto, zero-copy "
                        "and copy", port, s));
}

static char *
parse_mac(const char *port, const struct smap *args,
          struct zcrx_pair_config *config)
{
    const char *s = smap_get(args, "dpdk-vf-mac");

    if (!s) {
        return NULL;
    }
    config->has_mac = true;
    if (!eth_addr_from_string(s, &config->mac)
        || eth_addr_is_multicast(config->mac)
        || eth_addr_is_zero(config->mac)) {
        return xasprintf("%s: dpdk-vf-mac: '%s' is not the Ethernet address "
                         "of one device, such as 52:54:00:12:34:56",
                         port, s);
    }
    return NULL;
}

static char *
parse_slow_path(const char *port, const struct smap *args,
                struct zcrx_pair_config *config)
{
    const char *guest_tx = smap_get_def(args, "guest-tx", "vf");
    char *problem;
    char *error;

    if (strcmp(guest_tx, "vf") && strcmp(guest_tx, "ovs")) {
        return xasprintf("%s: guest-tx: '%s' is not one of vf and ovs",
                         port, guest_tx);
    }
    config->guest_tx_ovs = !strcmp(guest_tx, "ovs");
    config->slow_path = xstrdup(smap_get_def(args, "slow-path", "none"));
    problem = zcrx_steer_parse(&config->steer, config->slow_path);
    error = (problem ? xasprintf("%s: slow-path: %s",
                                 port, problem) : NULL);
    free(problem);
    return error;
}

/* Warns about those of 'args' that are no option of port 'port', or have no
 * effect on it. */
void
zcrx_config_warn(const char *port, const struct smap *args)
{
    static const char *known[] = {
        "dpdk-devargs", "vhost-server-path", "n_rxq", "n_rxq_desc",
        "n_txq_desc", "dpdk-vf-mac", "zcrx-mode", "slow-path", "guest-tx",
        "wire-of",
    };
    bool wire = smap_get(args, "wire-of") != NULL;
    const struct smap_node *node;

    SMAP_FOR_EACH (node, args) {
        size_t i;

        for (i = 0; i < ARRAY_SIZE(known); i++) {
            if (!strcmp(node->key, known[i])) {
                break;
            }
        }
        if (i >= ARRAY_SIZE(known)) {
            VLOG_WARN("%s: %s: there is no such option (its value is '%s')",
                      port, node->key, node->value);
        } else if (wire && strcmp(node->key, "wire-of")
                   && strcmp(node->key, "n_rxq")) {
            VLOG_WARN("%s: %s: has no effect on a wire face, set it on '%s'",
                      port, node->key,
                      smap_get(args, "wire-of"));
        }
    }
}

/* Makes '*config', which the caller must destroy, what the options 'args' of
 * port 'port' say.  Returns NULL or an error. */
char *
zcrx_config_parse(const char *port, const struct smap *args,
             struct zcrx_pair_config *config)
{
    char *error;

    memset(config, 0, sizeof *config);
    config->vf.n_queues = 1;
    error = parse_required(port, args, "dpdk-devargs", "0000:03:10.1",
                           &config->devargs);
    if (!error) {
        error = parse_required(port, args, "vhost-server-path",
                               "/run/vm0.sock", &config->path);
    }
    if (!error) {
        error = zcrx_config_count(port, args, "n_rxq",
                                  ZCRX_MAX_QUEUE_PAIRS, &config->vf.n_queues);
    }
    if (!error) {
        error = zcrx_config_count(port, args, "n_rxq_desc",
                                  ZCRX_VRING_MAX_SIZE, &config->vf.n_rxd);
    }
    if (!error) {
        error = zcrx_config_count(port, args, "n_txq_desc",
                                  ZCRX_VRING_MAX_SIZE, &config->vf.n_txd);
    }
    if (!error) {
        error = parse_mac(port, args, config);
    }
    if (!error) {
        error = parse_mode(port, args, &config->mode);
    }
    if (!error) {
        error = parse_slow_path(port, args, config);
    }
    return error;
}
