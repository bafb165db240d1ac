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
#include <inttypes.h>
#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_kvargs.h>
#include <rte_mbuf.h>
#include <rte_memory.h>
#include <rte_vect.h>

#include "openvswitch/vlog.h"
#include "util.h"
#include "zcrx-rss.h"
#include "zcrx-sync.h"

VLOG_DEFINE_THIS_MODULE(zcrx_vf);

/* Room for a frame in one transmit mbuf, in bytes.  Longer frames take
 * several, where the VF can. */
#define TX_SEG_SIZE 2048

#define DEFAULT_TXD 512

/* Drivers that need something special.  What matters is not their name but
 * what they do, which they have no means to tell. */
static const struct vf_quirk {
    const char *prefix;         /* Of the driver's name. */
    bool chains;
    bool all_queues;            /* The kernel spreads frames over them. */
    bool writes_header;
    bool no_tso;                /* It does not send full-sized segments. */
    bool power_of_2;            /* That many queue pairs, or none. */
    bool rounds_up;             /* It writes up to a multiple of 1,024 bytes
                                 * of a frame: the limit is the PF's. */
    uint16_t max_simd;          /* With wider registers, it does not bear that
                                 * there are no mbufs.  0 for any. */
    const char *copies;         /* Why it cannot receive into guest memory,
                                 * or NULL. */
    const char *unusable;       /* Why not, NULL if it is usable. */
} quirks[] = {
    { .prefix = "net_pcap", .chains = true },
    { .prefix = "net_tap", .all_queues = true, .no_tso = true },
    { .prefix = "net_virtio", .writes_header = true },
    { .prefix = "net_ixgbe_vf", .power_of_2 = true, .rounds_up = true },
    { .prefix = "net_iavf", .max_simd = RTE_VECT_SIMD_128 },
    /* As of DPDK 25.11, its receive queues find the keys of buffers by the
     * chunks of the mempool, to which guest memory does not belong. */
    { .prefix = "mlx5_", .copies = "the VF's driver receives into the memory "
      "of its mempools only" },
    { .prefix = "net_ena", .copies = "the VF chooses where in a buffer frames "
      "begin" },
    { .prefix = "net_af_xdp", .unusable = "it receives into its own mempool's "
      "memory only, not into guest memory" },
    { .prefix = "net_ring", .unusable = "it receives mbufs of somebody "
      "else's" },
    { .prefix = "net_bonding", .unusable = "its members take buffers of one "
      "pool without an order" },
};

/* Returns what is special about 'driver', which may be nothing. */
static const struct vf_quirk *
find_quirk(const char *driver)
{
    static const struct vf_quirk none;

    for (size_t i = 0; i < ARRAY_SIZE(quirks); i++) {
        if (!strncmp(driver, quirks[i].prefix, strlen(quirks[i].prefix))) {
            return &quirks[i];
        }
    }
    return &none;
}

/* Makes 'vf' a detached VF for the port named 'owner'. */
void
zcrx_vf_init(struct zcrx_vf *vf, const char *owner)
{
    memset(vf, 0, sizeof *vf);
    vf->owner = xstrdup(owner);
    vf->port_id = RTE_MAX_ETHPORTS;
    vf->lost = xzalloc(sizeof *vf->lost);
}

/* Frees what 'vf', which is detached, owns. */
void
zcrx_vf_destroy(struct zcrx_vf *vf)
{
    ovs_assert(!zcrx_vf_is_attached(vf));
    rte_mempool_free(vf->parking);
    rte_mempool_free(vf->flow_mp);
    free(vf->devargs);
    free(vf->owner);
    free(vf->lost);
}

bool
zcrx_vf_is_attached(const struct zcrx_vf *vf)
{
    return vf->port_id != RTE_MAX_ETHPORTS;
}

DEFINE_EXTERN_PER_THREAD_DATA(zcrx_vf_lookup, false);

static uint16_t
port_by_devargs(const char *devargs)
    OVS_REQUIRES(zcrx_vf_devices_mutex)
{
    struct rte_dev_iterator iterator;
    uint16_t port_id;

    *zcrx_vf_lookup_get() = true;
    RTE_ETH_FOREACH_MATCHING_DEV (port_id, devargs, &iterator) {
        rte_eth_iterator_cleanup(&iterator);
        break;
    }
    *zcrx_vf_lookup_get() = false;
    return port_id;
}

/* Makes the DPDK device 'port_id' this port's, so that no other can have it.
 * Ports of other types do not say what they own, but a device that is started
 * cannot be configured. */
static char *
take_ownership(struct zcrx_vf *vf, uint16_t port_id)
{
    const struct rte_eth_conf conf = { .rxmode.mtu = 0 };
    struct rte_eth_dev_owner owner;

    if (!rte_eth_dev_owner_get(port_id, &owner)
        && owner.id != RTE_ETH_DEV_NO_OWNER) {
        return xasprintf("%s: dpdk-devargs: device '%s' already belongs to "
                         "'%s'; each port needs a device of its own",
                         vf->owner, vf->devargs, owner.name);
    }
    if (!vf->probed
        && rte_eth_dev_configure(port_id, 1, 1, &conf) == -EBUSY) {
        return xasprintf("%s: dpdk-devargs: device '%s' is in use by another "
                         "port; each port needs a device of its own",
                         vf->owner, vf->devargs);
    }
    if (rte_eth_dev_owner_new(&owner.id)) {
        return xasprintf("%s: dpdk-devargs: device '%s' cannot be owned",
                         vf->owner, vf->devargs);
    }
    ovs_strlcpy(owner.name, vf->owner, sizeof owner.name);
    if (rte_eth_dev_owner_set(port_id, &owner)) {
        return xasprintf("%s: dpdk-devargs: device '%s' cannot be owned",
                         vf->owner, vf->devargs);
    }
    return NULL;
}

/* Returns the number that 'key' has in 'args', or 'def' if it is not there. */
static unsigned int
get_number(const struct rte_kvargs *args, const char *key, unsigned int def)
{
    const char *value = rte_kvargs_get(args, key);

    return value ? strtoul(value, NULL, 0) : def;
}

/* Finds out about DPDK's virtio driver what it does not tell: its vectorized
 * receive path for split rings uses all of the ring, and does not come back
 * from starting before it has got that many mbufs.  As the client of a device
 * in another process, it does not connect again. */
static char *
read_virtio_args(struct zcrx_vf *vf)
{
    const char *args = strchr(vf->devargs, ',');
    struct rte_kvargs *kvargs = args ? rte_kvargs_parse(args + 1, NULL) : NULL;
    char *error = NULL;

    vf->fixed_rxd = 0;
    vf->dies_with_link = (vf->uses_cpu && kvargs
                          && !get_number(kvargs, "server", 0));
    if (kvargs && get_number(kvargs, "vectorized", 0)
        && !get_number(kvargs, "packed_vq", 0)) {
        if (vf->uses_cpu) {
            vf->fixed_rxd = get_number(kvargs, "queue_size", 256);
        } else {
            error = xasprintf("%s: dpdk-devargs: device '%s' cannot be used "
                              "with 'vectorized=1', as its driver may wait "
                              "for buffers of the guest for ever",
                              vf->owner, vf->devargs);
        }
    }
    rte_kvargs_free(kvargs);
    return error;
}

/* Reads what the driver of 'vf' says about itself. */
static char *
read_info(struct zcrx_vf *vf)
{
    const struct vf_quirk *quirk;
    const char *bus;

    if (rte_eth_dev_info_get(vf->port_id, &vf->info)) {
        return xasprintf("%s: dpdk-devargs: device '%s' does not describe "
                         "itself", vf->owner, vf->devargs);
    }
    quirk = find_quirk(vf->info.driver_name);
    if (quirk->unusable) {
        return xasprintf("%s: dpdk-devargs: device '%s' has driver %s, which "
                         "cannot be used: %s", vf->owner, vf->devargs,
                         vf->info.driver_name, quirk->unusable);
    }
    bus = rte_bus_name(rte_dev_bus(vf->info.device));
    vf->uses_cpu = !strcmp(bus, "vdev");
    vf->dies_with_link = false;
    vf->chains = quirk->chains;
    vf->all_queues = quirk->all_queues;
    vf->writes_header = quirk->writes_header;
    vf->no_tso = quirk->no_tso;
    vf->copies = quirk->copies;
    vf->power_of_2 = quirk->power_of_2;
    vf->rounds_up = quirk->rounds_up;
    vf->max_simd = quirk->max_simd;
    /* A driver that has a ring has limits to its length; one that does not say
     * has none. */
    vf->no_ring = (vf->uses_cpu
                   && !vf->writes_header
                   && !vf->info.rx_desc_lim.nb_min
                   && vf->info.rx_desc_lim.nb_max == UINT16_MAX);
    return vf->writes_header ? read_virtio_args(vf) : NULL;
}

/* Stores in '*port_id' the DPDK device that 'devargs' names, which is looked
 * for, with '*probed' set to true, if DPDK does not have it yet.  Returns 0 or
 * a positive errno value. */
static int
find_device(const char *devargs, uint16_t *port_id, bool *probed)
{
    int ret = 0;

    *probed = false;
    ovs_mutex_lock(&zcrx_vf_devices_mutex);
    *port_id = port_by_devargs(devargs);
    if (!rte_eth_dev_is_valid_port(*port_id)) {
        ret = rte_dev_probe(devargs);
        *probed = !ret;
        if (!ret) {
            *port_id = port_by_devargs(devargs);
        }
    }
    ovs_mutex_unlock(&zcrx_vf_devices_mutex);
    return ret ? -ret : rte_eth_dev_is_valid_port(*port_id) ? 0 : ENODEV;
}

/* Attaches the device that 'devargs' names to 'vf', which is detached.
 * Returns NULL or an error. */
char *
zcrx_vf_attach(struct zcrx_vf *vf, const char *devargs)
{
    uint16_t port_id;
    char *error;
    int ret;

    if (zcrx_vf_is_stopping(devargs)) {
        return xasprintf("%s: dpdk-devargs: device '%s' was told to stop and "
                         "has not done so yet", vf->owner, devargs);
    }
    free(vf->devargs);
    vf->devargs = xstrdup(devargs);
    vf->no_flows = false;
    ret = find_device(devargs, &port_id, &vf->probed);
    if (ret) {
        error = xasprintf("%s: dpdk-devargs: no DPDK device '%s': it does not "
                          "exist, has no driver that DPDK knows, or is not "
                          "bound to one such as vfio-pci (%s)", vf->owner,
                          devargs, ovs_strerror(ret));
        goto error;
    }
    error = take_ownership(vf, port_id);
    if (error) {
        goto error;
    }
    vf->port_id = port_id;
    *vf->lost = ZCRX_VF_NOT_LOST;
    zcrx_vf_watch(vf);
    error = read_info(vf);
    if (error) {
        zcrx_vf_detach(vf, NULL);
        return error;
    }
    VLOG_INFO("%s: VF '%s' is DPDK port %"PRIu16" with driver %s", vf->owner,
              devargs, port_id, vf->info.driver_name);
    return NULL;

error:
    free(vf->devargs);
    vf->devargs = NULL;
    return error;
}

/* Returns NULL if 'vf' can do what 'config' asks, otherwise an error. */
char *
zcrx_vf_check(const struct zcrx_vf *vf, const struct zcrx_vf_config *config)
{
    const struct rte_eth_dev_info *info = &vf->info;
    uint16_t max_queues = MIN(info->max_rx_queues, info->max_tx_queues);
    const struct rte_eth_desc_lim *lims[] = { &info->rx_desc_lim,
                                              &info->tx_desc_lim };
    const uint16_t wanted[] = { config->n_rxd, config->n_txd };
    const char *names[] = { "n_rxq_desc", "n_txq_desc" };

    if (config->n_queues > max_queues) {
        return xasprintf("%s: n_rxq: %"PRIu16" is more than the %"PRIu16" "
                         "queue pairs that device '%s' has", vf->owner,
                         config->n_queues, max_queues, vf->devargs);
    }
    for (size_t i = 0; i < ARRAY_SIZE(lims); i++) {
        if (wanted[i] && (wanted[i] > lims[i]->nb_max
                          || wanted[i] < lims[i]->nb_min
                          || wanted[i] % MAX(lims[i]->nb_align, 1))) {
            return xasprintf("%s: %s: %"PRIu16" is not a number of "
                             "descriptors that device '%s' can have, which "
                             "is a multiple of %d from %"PRIu16" to %"PRIu16,
                             vf->owner, names[i], wanted[i], vf->devargs,
                             MAX(lims[i]->nb_align, 1), lims[i]->nb_min,
                             lims[i]->nb_max);
        }
    }
    return NULL;
}

/* Returns NULL if 'vf', which is or was attached, can have an MTU of 'mtu'
 * bytes, otherwise an error.  Drivers may refuse others, too. */
char *
zcrx_vf_check_mtu(const struct zcrx_vf *vf, uint16_t mtu)
{
    const struct rte_eth_dev_info *info = &vf->info;

    return (mtu > info->max_mtu
            ? xasprintf("%s: mtu_request: %"PRIu16" is more than the %"PRIu16
                        " bytes that device '%s' can have", vf->owner, mtu,
                        info->max_mtu, vf->devargs)
            : mtu < info->min_mtu
            ? xasprintf("%s: mtu_request: %"PRIu16" is less than the %"PRIu16
                        " bytes that device '%s' must have", vf->owner, mtu,
                        info->min_mtu, vf->devargs)
            : NULL);
}

/* Returns the bytes that the VF adds to the MTU for the longest frame that it
 * delivers, without the checksum, which is stripped. */
static uint32_t
frame_overhead(const struct rte_eth_dev_info *info)
{
    uint32_t overhead = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;

    if (info->max_mtu != UINT16_MAX && info->max_rx_pktlen > info->max_mtu
        && info->max_rx_pktlen - info->max_mtu > overhead) {
        overhead = info->max_rx_pktlen - info->max_mtu;
    }
    /* Drivers that count no VLAN tag let one pass all the same. */
    if (overhead < RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN
                   + RTE_VLAN_HLEN) {
        overhead += RTE_VLAN_HLEN;
    }
    return overhead - RTE_ETHER_CRC_LEN;
}

/* Returns the virtio-net features that 'vf', which is attached, is good for
 * (see zcrx_offload_features()).  'copied' says whether all frames that it
 * receives are copied to the guest. */
uint64_t
zcrx_vf_offloads(const struct zcrx_vf *vf, bool copied)
{
    uint64_t features = zcrx_offload_features(&vf->info);

    /* A driver that verifies checksums by CPU reads the lengths in a frame
     * more than once, and one that finds a virtio-net header in front of it
     * relies on that: neither must happen where the guest can write.  What is
     * more, the latter hands over frames whose checksum is still to be
     * computed. */
    if (vf->writes_header || (vf->uses_cpu && !copied)) {
        features &= ~(UINT64_C(1) << VIRTIO_NET_F_GUEST_CSUM);
    }
    if (vf->no_tso) {
        features &= ~(UINT64_C(1) << VIRTIO_NET_F_HOST_TSO4
                      | UINT64_C(1) << VIRTIO_NET_F_HOST_TSO6);
    }
    return features;
}

static char *
configure(struct zcrx_vf *vf, const struct zcrx_vf_config *config)
{
    struct rte_eth_conf conf = { .rxmode.mtu = config->mtu };
    uint16_t n_rxd = config->n_rxd;
    uint32_t tx_seg_size;
    int ret;

    /* What DPDK refuses has undone what it took before. */
    vf->must_configure = true;
    if (vf->power_of_2 && !rte_is_power_of_2(config->n_queues)) {
        return xasprintf("%s: n_rxq: device '%s' can have 1, 2, 4 and so on "
                         "queue pairs, but not %"PRIu16, vf->owner,
                         vf->devargs, config->n_queues);
    }
    if (config->n_queues > 1) {
        zcrx_rss_configure(vf, &conf);
    }
    zcrx_offload_configure(&vf->info, config->features, &conf);
    tx_seg_size = (conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_TCP_TSO
                   ? ZCRX_TSO_SEG_SIZE : TX_SEG_SIZE);
    if (vf->info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) {
        conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
    } else {
        tx_seg_size = MAX(TX_SEG_SIZE, config->mtu + 64);
    }

    conf.intr_conf.rmv = !!(*vf->info.dev_flags & RTE_ETH_DEV_INTR_RMV);
    ret = rte_eth_dev_configure(vf->port_id, config->n_queues,
                                config->n_queues, &conf);
    if (ret) {
        char *error = zcrx_vf_check_mtu(vf, config->mtu);

        return (error ? error
                : xasprintf("%s: dpdk-devargs: device '%s' cannot be "
                            "configured with %"PRIu16" queue pairs and an MTU "
                            "of %"PRIu16" (%s)", vf->owner, vf->devargs,
                            config->n_queues, config->mtu,
                            ovs_strerror(-ret)));
    }
    vf->rss = conf.rxmode.mq_mode == RTE_ETH_MQ_RX_RSS;
    zcrx_vf_add_flow_queue(vf, &conf, config->n_queues);
    /* Not all drivers look at the MTU above, and not all have this. */
    rte_eth_dev_set_mtu(vf->port_id, config->mtu);

    vf->n_txd = config->n_txd ? config->n_txd : DEFAULT_TXD;
    rte_eth_dev_adjust_nb_rx_tx_desc(vf->port_id, &n_rxd, &vf->n_txd);
    vf->n_queues = config->n_queues;
    vf->must_configure = false;
    vf->mtu = config->mtu;
    vf->features = config->features;
    vf->tx_seg_size = tx_seg_size;
    vf->max_tx_frame = config->mtu + frame_overhead(&vf->info);
    vf->max_frame = (vf->rounds_up ? ROUND_UP(vf->max_tx_frame, 1024)
                     : vf->max_tx_frame);
    return NULL;
}

/* Configures 'vf', which is attached and stopped.  Returns NULL or an error,
 * after which 'vf' has to be configured before it can be started. */
char *
zcrx_vf_configure(struct zcrx_vf *vf, const struct zcrx_vf_config *config)
{
    bool was_lost = zcrx_vf_is_lost(vf);
    char *error = configure(vf, config);

    if (!error && !was_lost) {
        zcrx_vf_forgive_reset(vf);
    }
    return error;
}

/* Returns how many receive descriptors each queue is to have for a guest whose
 * virtqueues have 'ring_size' entries, if the user asked for 'wanted' or, if
 * that is 0, did not ask. */
uint16_t
zcrx_vf_rx_descriptors(const struct zcrx_vf *vf, uint16_t wanted,
                       uint16_t ring_size)
{
    uint16_t n_txd = vf->n_txd;
    uint16_t n_rxd;

    if (vf->no_ring) {
        /* It would keep what it gets, and out of order. */
        return 1;
    }
    if (vf->fixed_rxd) {
        return vf->fixed_rxd;
    }
    /* Half of the guest's buffers: the other half is on its way to and from
     * the guest, and there for drivers that refill many at a time. */
    n_rxd = wanted ? wanted : MAX(ring_size / 2, 1);
    rte_eth_dev_adjust_nb_rx_tx_desc(vf->port_id, &n_rxd, &n_txd);
    return n_rxd;
}

static char *
start_error(const struct zcrx_vf *vf, const char *what, int ret)
{
    return xasprintf("%s: VF '%s': %s failed (%s)", vf->owner, vf->devargs,
                     what, ovs_strerror(-ret));
}

/* Drivers that divide frames among buffers, as they were not asked to, would
 * have all long ones dropped. */
static char *
check_buffers(const struct zcrx_vf *vf, uint16_t queue_id)
{
    struct rte_eth_rxq_info info;

    /* Most do not say. */
    if (rte_eth_rx_queue_info_get(vf->port_id, queue_id, &info)
        || !info.rx_buf_size
        || info.rx_buf_size >= vf->mtu + RTE_ETHER_HDR_LEN) {
        return NULL;
    }
    return xasprintf("%s: VF '%s': receives %"PRIu16" bytes of a frame in one "
                     "buffer, which is not enough for an MTU of %"PRIu16,
                     vf->owner, vf->devargs, info.rx_buf_size, vf->mtu);
}

/* Sets up the queues of 'vf', which is configured: each with 'n_rxd' receive
 * descriptors that it fills from the pool of the same index.  Returns NULL,
 * and then the queues point to no pools but these, or an error; buffers may be
 * out in either case. */
char *
zcrx_vf_set_up_queues(struct zcrx_vf *vf, struct rte_mempool **pools,
                      uint16_t n_rxd)
{
    int node = zcrx_vf_socket_id(vf);
    char *error;
    int ret;

    for (uint16_t i = 0; i < vf->n_queues; i++) {
        ret = rte_eth_tx_queue_setup(vf->port_id, i, vf->n_txd, node, NULL);
        if (ret) {
            return start_error(vf, "setting up a transmit queue", ret);
        }
        ret = rte_eth_rx_queue_setup(vf->port_id, i, n_rxd, node, NULL,
                                     pools[i]);
        if (ret) {
            return start_error(vf, "setting up a receive queue", ret);
        }
        error = check_buffers(vf, i);
        if (error) {
            return error;
        }
    }
    return NULL;
}

/* Starts the device, whose driver chooses its code meanwhile.  Returns 0 or a
 * negative errno value. */
static int
start_device(struct zcrx_vf *vf)
{
    uint16_t simd = rte_vect_get_max_simd_bitwidth();
    int ret;

    if (!vf->max_simd || simd <= vf->max_simd) {
        return rte_eth_dev_start(vf->port_id);
    }
    ret = rte_vect_set_max_simd_bitwidth(vf->max_simd);
    if (ret) {
        VLOG_ERR("%s: VF '%s' needs --force-max-simd-bitwidth=%"PRIu16" or "
                 "less, or none, in other_config:dpdk-extra", vf->owner,
                 vf->devargs, vf->max_simd);
        return ret;
    }
    ret = rte_eth_dev_start(vf->port_id);
    rte_vect_set_max_simd_bitwidth(simd);
    return ret;
}

/* Starts 'vf', whose queues are set up.  Returns NULL or an error; buffers may
 * be out in either case. */
char *
zcrx_vf_start(struct zcrx_vf *vf)
{
    char *error;
    int ret;

    error = zcrx_vf_set_up_flow_queue(vf);
    if (error) {
        return error;
    }
    ret = start_device(vf);
    if (ret) {
        return start_error(vf, "starting", ret);
    }
    vf->started = true;
    if (!zcrx_vf_start_flow_queue(vf)) {
        return start_error(vf, "keeping frames out of the slow path's queue",
                           -ENOTSUP);
    }
    /* As for type=dpdk: the guest decides what it wants to see. */
    rte_eth_promiscuous_enable(vf->port_id);
    rte_eth_allmulticast_enable(vf->port_id);
    return NULL;
}

/* Programs 'mac' on 'vf'.  Returns NULL or an error. */
char *
zcrx_vf_set_mac(struct zcrx_vf *vf, const struct eth_addr *mac)
{
    struct rte_ether_addr ea;
    int ret;

    memcpy(ea.addr_bytes, mac->ea, sizeof ea.addr_bytes);
    ret = rte_eth_dev_default_mac_addr_set(vf->port_id, &ea);
    if (ret) {
        return xasprintf("%s: dpdk-vf-mac: device '%s' does not take "
                         ETH_ADDR_FMT" (%s)", vf->owner, vf->devargs,
                         ETH_ADDR_ARGS(*mac), ovs_strerror(-ret));
    }
    return NULL;
}

/* Stores the VF's Ethernet address in '*mac'; while it is detached, the one
 * that it had when last asked.  Returns 0 or a positive errno value. */
int
zcrx_vf_get_mac(struct zcrx_vf *vf, struct eth_addr *mac)
{
    struct rte_ether_addr ea;

    if (zcrx_vf_is_attached(vf) && !rte_eth_macaddr_get(vf->port_id, &ea)) {
        memcpy(vf->mac.ea, ea.addr_bytes, sizeof vf->mac.ea);
    } else if (eth_addr_is_zero(vf->mac)) {
        return ENODEV;
    }
    *mac = vf->mac;
    return 0;
}

/* Returns the NUMA node of the VF, or SOCKET_ID_ANY. */
int
zcrx_vf_socket_id(const struct zcrx_vf *vf)
{
    return (zcrx_vf_is_attached(vf) ? rte_eth_dev_socket_id(vf->port_id)
            : SOCKET_ID_ANY);
}

/* Returns the device for which the guest's memory has to be mapped, or NULL if
 * there is none: it moves data by CPU, or is gone. */
struct rte_device *
zcrx_vf_dma_device(const struct zcrx_vf *vf)
{
    return (zcrx_vf_is_attached(vf) && !vf->uses_cpu ? vf->info.device : NULL);
}

/* Describes queue 'queue_id' for ring sync in '*qvf'. */
void
zcrx_vf_describe_queue(const struct zcrx_vf *vf, uint16_t queue_id,
                       struct zcrx_queue_vf *qvf)
{
    qvf->port_id = vf->port_id;
    qvf->queue_id = queue_id;
    qvf->no_ring = vf->no_ring;
    qvf->chains = vf->chains;
    zcrx_offload_init(&qvf->offload, &vf->info, vf->features,
                      vf->max_tx_frame);
}
