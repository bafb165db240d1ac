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

#include "zcrx-vhost.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <rte_vhost.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "openvswitch/thread.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"
#include "zcrx-vhost-memory.h"

VLOG_DEFINE_THIS_MODULE(zcrx_vhost);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

/* Features that the VF must be good for. */
#define OFFLOAD_FEATURES                        \
    ((1ULL << VIRTIO_NET_F_CSUM)                \
     | (1ULL << VIRTIO_NET_F_GUEST_CSUM)        \
     | (1ULL << VIRTIO_NET_F_HOST_TSO4)         \
     | (1ULL << VIRTIO_NET_F_HOST_TSO6))

/* Features of DPDK's vhost library that ring sync does not serve (yet, or
 * ever).  What is left is what a guest is offered.
 *
 * VIRTIO_F_IN_ORDER is among them, as a buffer that the VF has is overtaken by
 * frames from OVS, and by others when the VF gives it back without a frame:
 * when it drops one, or stops (Virtio 1.2 2.7.9, 2.8.8).
 *
 * VIRTIO_NET_F_GSO stands for segmentation of all kinds (Virtio 1.2 5.1.3.2):
 * a legacy driver that has it, with VIRTIO_NET_F_CSUM, leaves that to the
 * device whatever the HOST_ features say, and VFs without TSO cannot. */
#define UNSERVED_FEATURES                       \
    ((1ULL << VIRTIO_F_IN_ORDER)                \
     | (1ULL << VIRTIO_F_ACCESS_PLATFORM)       \
     | OFFLOAD_FEATURES                         \
     | (1ULL << VIRTIO_NET_F_GSO)               \
     | (1ULL << VIRTIO_NET_F_GUEST_TSO4)        \
     | (1ULL << VIRTIO_NET_F_GUEST_TSO6)        \
     | (1ULL << VIRTIO_NET_F_GUEST_ECN)         \
     | (1ULL << VIRTIO_NET_F_GUEST_UFO)         \
     | (1ULL << VIRTIO_NET_F_HOST_ECN)          \
     | (1ULL << VIRTIO_NET_F_HOST_UFO))

/* These come with memory. */
#define SET_MEM_TABLE 5
#define SET_LOG_BASE 6

/* Its answer is the position of a virtqueue. */
#define GET_VRING_BASE 11

/* The guest has moved here, and the network has to know. */
#define SEND_RARP 19

/* A flag of a message. */
#define NEED_REPLY (1u << 3)

/* Requests of a protocol feature that is not served. */
#define GET_INFLIGHT_FD 31
#define SET_INFLIGHT_FD 32

#define SERVED_PROTOCOL_FEATURES                        \
    ((1ULL << VHOST_USER_PROTOCOL_F_MQ)                 \
     | (1ULL << VHOST_USER_PROTOCOL_F_LOG_SHMFD)        \
     | (1ULL << VHOST_USER_PROTOCOL_F_RARP)             \
     | (1ULL << VHOST_USER_PROTOCOL_F_REPLY_ACK)        \
     | (1ULL << VHOST_USER_PROTOCOL_F_NET_MTU)          \
     | (1ULL << VHOST_USER_PROTOCOL_F_STATUS))

/* Requests of the vhost-user protocol, by their numbers in its specification,
 * that need ring sync to keep away. */
static const struct {
    uint32_t request;
    enum zcrx_quiesce quiesce;
    const char *name;
} messages[] = {
    { 2, ZCRX_QUIESCE_STOP, "SET_FEATURES" },
    { 4, ZCRX_QUIESCE_STOP, "RESET_OWNER" },
    { SET_MEM_TABLE, ZCRX_QUIESCE_STOP, "SET_MEM_TABLE" },
    { SET_LOG_BASE, ZCRX_QUIESCE_STOP, "SET_LOG_BASE" },
    { 8, ZCRX_QUIESCE_STOP, "SET_VRING_NUM" },
    { 9, ZCRX_QUIESCE_STOP, "SET_VRING_ADDR" },
    { 10, ZCRX_QUIESCE_STOP, "SET_VRING_BASE" },
    { GET_VRING_BASE, ZCRX_QUIESCE_STOP, "GET_VRING_BASE" },
    { 12, ZCRX_QUIESCE_STOP, "SET_VRING_KICK" },
    { 13, ZCRX_QUIESCE_PAUSE, "SET_VRING_CALL" },
    { 39, ZCRX_QUIESCE_STOP, "SET_STATUS" },
};

/* How long the library's reader may be busy before a session is ended all the
 * same, in milliseconds. */
#define READER_TIMEOUT 1000

/* The library's only thread that reads from sockets, as the kernel knows it,
 * or 0 if it has not read anything yet. */
static pid_t reader;

/* The vhost library's callbacks know a session by the path of its socket
 * only. */
static struct ovs_mutex sessions_mutex = OVS_MUTEX_INITIALIZER;
static struct ovs_list sessions OVS_GUARDED_BY(sessions_mutex)
    = OVS_LIST_INITIALIZER(&sessions);

/* Returns the session on socket 'path'.  It stays as long as the library may
 * call back for it. */
static struct zcrx_vhost *
find_session(const char *path)
{
    struct zcrx_vhost *found = NULL;
    struct zcrx_vhost *vhost;

    ovs_mutex_lock(&sessions_mutex);
    LIST_FOR_EACH (vhost, node, &sessions) {
        if (!strcmp(vhost->path, path)) {
            found = vhost;
            break;
        }
    }
    ovs_mutex_unlock(&sessions_mutex);
    return found;
}

static struct zcrx_vhost *
session_of(int vid)
{
    char path[PATH_MAX];

    return (rte_vhost_get_ifname(vid, path, sizeof path)
            ? NULL : find_session(path));
}

/* Makes 'msg', which is about memory for inflight descriptors, one about a
 * page for no virtqueue.  The library handles such messages though it does not
 * offer that, and then writes to the front end's memory without a look at
 * whether there is enough of it, or forgets to close the file. */
static void
disarm_inflight(void *msg)
{
    static const struct {
        uint64_t mmap_size, mmap_offset;
        uint16_t num_queues, queue_size;
    } __attribute__((__packed__)) none = { .mmap_size = 4096 };

    memcpy((char *) msg + 3 * sizeof(uint32_t), &none, sizeof none);
}

/* Makes 'msg', which says where a log of the guest's pages is, one that the
 * library refuses, if the log does not begin where its file does.  No front
 * end does that, and the library would go wrong by as much, beyond what it has
 * mapped. */
static void
disarm_log(void *msg)
{
    uint32_t *words = msg;
    uint64_t offset;

    memcpy(&offset, &words[5], sizeof offset);
    if (offset) {
        words[2] = 0;           /* The length. */
    }
}

static enum rte_vhost_msg_result
before_message(int vid, void *msg)
{
    struct zcrx_vhost *vhost = session_of(vid);
    /* Request, flags, length, and the beginning of the payload. */
    uint32_t words[5];
    uint32_t request;

    __atomic_store_n(&reader, (pid_t) syscall(SYS_gettid), __ATOMIC_RELAXED);
    memcpy(words, msg, sizeof words);
    request = words[0];
    if (request == GET_INFLIGHT_FD || request == SET_INFLIGHT_FD) {
        disarm_inflight(msg);
    } else if (request == SET_LOG_BASE) {
        disarm_log(msg);
    }
    if (vhost && vhost->vid == vid) {
        for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
            if (messages[i].request == request) {
                vhost->quiesced = MAX(vhost->quiesced, messages[i].quiesce);
                vhost->ops->quiesce(vhost, vhost->quiesced, messages[i].name);
            }
        }
        if (request == SEND_RARP) {
            vhost->ops->announce(vhost, (const uint8_t *) &words[3]);
        }
    }
    /* At the first of several the library says that the device is no more.
     * Who comes back to a daemon that was killed may ask before there is one,
     * and is told nothing that is true: the journal knows better. */
    if (vhost && request == GET_VRING_BASE && vhost->has_run
        && words[3] < ARRAY_SIZE(vhost->enabled)) {
        vhost->ops->told(vhost, words[3]);
    }
    return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

/* Not called if the library refused the message: the session then stays quiet
 * until the next one.
 *
 * A session that came with memory which is not there ends before the library
 * looks at that memory, unless it has virtqueues there already. */
static enum rte_vhost_msg_result
after_message(int vid, void *msg)
{
    struct zcrx_vhost *vhost = session_of(vid);
    uint32_t words[2];
    const char *error = NULL;

    memcpy(words, msg, sizeof words);
    if (words[0] == SET_MEM_TABLE) {
        error = zcrx_vhost_check_memory(vid);
    } else if (words[0] == SET_LOG_BASE) {
        error = zcrx_vhost_check_log(vid);
    }
    if (error) {
        VLOG_WARN_RL(&rl, "%s: %s", vhost ? vhost->path : "?", error);
        /* It ends if no answer is wanted. */
        words[1] &= ~NEED_REPLY;
        memcpy(msg, words, sizeof words);
        return RTE_VHOST_MSG_RESULT_ERR;
    }
    if (vhost && vhost->vid == vid && vhost->quiesced) {
        vhost->quiesced = ZCRX_QUIESCE_NONE;
        vhost->ops->resume(vhost);
    }
    return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

static const struct rte_vhost_user_extern_ops message_ops = {
    .pre_msg_handle = before_message,
    .post_msg_handle = after_message,
};

static int
new_connection(int vid)
{
    struct zcrx_vhost *vhost = session_of(vid);

    if (!vhost) {
        return -1;
    }
    memset(vhost->enabled, 0, sizeof vhost->enabled);
    vhost->has_run = false;
    return rte_vhost_extern_callback_register(vid, &message_ops, NULL);
}

static int
new_device(int vid)
{
    struct zcrx_vhost *vhost = session_of(vid);

    if (!vhost) {
        return -1;
    }
    vhost->vid = vid;
    vhost->has_run = true;
    vhost->quiesced = ZCRX_QUIESCE_NONE;
    vhost->ops->resume(vhost);
    return 0;
}

static void
destroy_device(int vid)
{
    struct zcrx_vhost *vhost = session_of(vid);

    if (vhost && vhost->vid == vid) {
        vhost->ops->down(vhost, vhost->ending ? vhost->ending
                         : "guest disconnected or stopped its device");
        vhost->vid = -1;
        vhost->quiesced = ZCRX_QUIESCE_NONE;
    }
}

/* A virtqueue became usable, or ceased to be.  While a message is being
 * handled that has more effects, the library may tell so twice, and the last
 * time after the message. */
static int
vring_state_changed(int vid, uint16_t queue_id, int enable)
{
    struct zcrx_vhost *vhost = session_of(vid);

    if (!vhost || queue_id >= ARRAY_SIZE(vhost->enabled)) {
        return -1;
    }
    vhost->enabled[queue_id] = enable;
    if (vhost->vid == vid && !vhost->quiesced) {
        vhost->ops->enable(vhost, queue_id / 2);
    }
    return 0;
}

static const struct rte_vhost_device_ops device_ops = {
    .new_device = new_device,
    .destroy_device = destroy_device,
    .vring_state_changed = vring_state_changed,
    .new_connection = new_connection,
};

/* Starts a session on the socket at 'path' for the port named 'owner'.  The
 * server need not be there yet.  The guest is offered those of the features
 * that depend on the VF that are in 'offloads'.  Returns NULL or an error.
 * Main thread. */
char *
zcrx_vhost_register(struct zcrx_vhost *vhost, const char *owner,
                    const char *path, uint64_t offloads,
                    const struct zcrx_vhost_ops *ops)
{
    /* The library takes what is longer, and cuts it off. */
    size_t max_len = sizeof ((struct sockaddr_un *) NULL)->sun_path - 1;
    char *error;

    if (strlen(path) > max_len) {
        return xasprintf("%s: vhost-server-path: '%s' is longer than the "
                         "%"PRIuSIZE" bytes that the path of a socket can "
                         "have", owner, path, max_len);
    }
    /* The library would register a path twice, and then take one for the
     * other.  Disabling no feature succeeds if the path is known to it. */
    if (!rte_vhost_driver_disable_features(path, 0)) {
        return xasprintf("%s: vhost-server-path: '%s' is used by another "
                         "port; each port needs a socket of its own", owner,
                         path);
    }
    if (rte_vhost_driver_register(path, RTE_VHOST_USER_CLIENT)) {
        return xasprintf("%s: vhost-server-path: DPDK's vhost library does "
                         "not take '%s'", owner, path);
    }

    vhost->ops = ops;
    vhost->path = xstrdup(path);
    vhost->offloads = offloads;
    vhost->ending = NULL;
    vhost->vid = -1;
    vhost->quiesced = ZCRX_QUIESCE_NONE;
    ovs_mutex_lock(&sessions_mutex);
    ovs_list_push_back(&sessions, &vhost->node);
    ovs_mutex_unlock(&sessions_mutex);

    if (rte_vhost_driver_callback_register(path, &device_ops)
        || rte_vhost_driver_disable_features(path,
                                             UNSERVED_FEATURES & ~offloads)
        || rte_vhost_driver_set_protocol_features(path,
                                                  SERVED_PROTOCOL_FEATURES)
        || rte_vhost_driver_start(path)) {
        error = xasprintf("%s: vhost-server-path: DPDK's vhost library does "
                          "not take '%s'", owner, path);
        zcrx_vhost_unregister(vhost, error);
        return error;
    }
    return NULL;
}

/* Returns true if the thread 'tid' of this process waits for one of several
 * file descriptors, and if there is no telling.  The library's reader does so
 * with poll(), or in later versions with epoll_wait(). */
static bool
is_polling(pid_t tid)
{
    static const long int calls[] = {
#ifdef SYS_poll
        SYS_poll,
#endif
#ifdef SYS_epoll_wait
        SYS_epoll_wait,
#endif
        SYS_ppoll, SYS_epoll_pwait,
    };
    char path[64];
    FILE *stream;
    long int call;
    int n;

    snprintf(path, sizeof path, "/proc/self/task/%ld/syscall", (long int) tid);
    stream = fopen(path, "r");
    if (!stream) {
        return true;
    }
    /* "running" is no number. */
    n = fscanf(stream, "%ld", &call);
    fclose(stream);
    for (size_t i = 0; n == 1 && i < ARRAY_SIZE(calls); i++) {
        if (call == calls[i]) {
            return true;
        }
    }
    return false;
}

/* Waits until the library's reader has handled what there is to read.
 *
 * When it finds that a hypervisor is gone, it makes a note to connect anew.
 * rte_vhost_driver_unregister(), if it is under way, may look for that note
 * just before it is made, and free what it refers to.  Some time later another
 * thread of the library crashes. */
static void
wait_for_reader(void)
{
    pid_t tid = __atomic_load_n(&reader, __ATOMIC_RELAXED);
    long long int deadline = time_msec() + READER_TIMEOUT;

    while (tid && !is_polling(tid) && time_msec() < deadline) {
        xnanosleep(100 * 1000);
    }
}

/* Ends the session because of 'why': 'down' is called if there is a guest, and
 * nothing after that.  The caller must not hold a lock that the operations
 * take.  Main thread. */
void
zcrx_vhost_unregister(struct zcrx_vhost *vhost, const char *why)
{
    if (!vhost->path) {
        return;
    }
    wait_for_reader();
    vhost->ending = why;
    rte_vhost_driver_unregister(vhost->path);

    ovs_mutex_lock(&sessions_mutex);
    ovs_list_remove(&vhost->node);
    ovs_mutex_unlock(&sessions_mutex);
    free(vhost->path);
    vhost->path = NULL;
}

/* Returns where 'p', which points into the vhost library's mapping of 'mem',
 * is in the mapping of 'guest', or NULL if it is not. */
static void *
translate(const struct rte_vhost_memory *mem, const struct zcrx_guest *guest,
          const void *p)
{
    for (uint32_t i = 0; i < mem->nregions; i++) {
        const struct rte_vhost_mem_region *r = &mem->regions[i];
        uint64_t offset = (uintptr_t) p - r->host_user_addr;
        const struct zcrx_gpa_region *region;

        if (offset < r->size) {
            region = zcrx_gpa_find(&guest->map, r->guest_phys_addr, r->size);
            return region ? (void *) (region->hva + offset) : NULL;
        }
    }
    return NULL;
}

/* Returns the descriptor by which to notify the guest of what happened in
 * 'virtqueue', or a negative number.  It is nonblocking, and stays the vhost
 * library's.  vhost thread. */
int
zcrx_vhost_callfd(const struct zcrx_vhost *vhost, uint16_t virtqueue)
{
    struct rte_vhost_vring vring;
    int flags;

    if (rte_vhost_get_vhost_vring(vhost->vid, virtqueue, &vring)
        || vring.callfd < 0) {
        return -1;
    }
    /* A full counter, or something else than an eventfd, must not make a PMD
     * thread wait. */
    flags = fcntl(vring.callfd, F_GETFL);
    if (flags < 0 || fcntl(vring.callfd, F_SETFL, flags | O_NONBLOCK) < 0) {
        return -1;
    }
    return vring.callfd;
}

/* Stores in '*config' how 'virtqueue' of 'guest' is set up, whose memory the
 * library has in 'mem'.  Returns false if it is not. */
static bool
read_vring(const struct zcrx_vhost *vhost, uint16_t virtqueue,
           const struct rte_vhost_memory *mem, const struct zcrx_guest *guest,
           struct zcrx_vring_config *config)
{
    uint64_t features = guest->features;
    struct rte_vhost_vring vring;

    if (rte_vhost_get_vhost_vring(vhost->vid, virtqueue, &vring)
        || !vring.desc || !vring.avail || !vring.used || !vring.size
        || rte_vhost_get_vring_base(vhost->vid, virtqueue,
                                    &config->last_avail,
                                    &config->last_used)) {
        return false;
    }
    /* The library has the parts of a packed ring in the same places. */
    config->packed = features & (1ULL << VIRTIO_F_RING_PACKED);
    config->desc = translate(mem, guest, vring.desc);
    config->avail = translate(mem, guest, vring.avail);
    config->used = translate(mem, guest, vring.used);
    config->size = vring.size;
    config->callfd = zcrx_vhost_callfd(vhost, virtqueue);
    config->rx = !(virtqueue % 2);
    config->version_1 = features & (1ULL << VIRTIO_F_VERSION_1);
    config->mergeable = features & (1ULL << VIRTIO_NET_F_MRG_RXBUF);
    config->event_idx = features & (1ULL << VIRTIO_RING_F_EVENT_IDX);
    config->indirect = features & (1ULL << VIRTIO_RING_F_INDIRECT_DESC);
    config->log = guest->log;
    config->error = zcrx_vring_check(config, &guest->map);
    return true;
}

/* Reads how 'queue_pair' of the guest of 'vhost' is set up into '*guest',
 * unless that is known already, and whether the guest has enabled it.  vhost
 * thread. */
void
zcrx_vhost_read_queue_pair(const struct zcrx_vhost *vhost,
                           struct zcrx_guest *guest, uint16_t queue_pair)
{
    uint16_t rx = queue_pair * 2, tx = rx + 1;
    struct rte_vhost_memory *mem = NULL;

    if (queue_pair >= ZCRX_MAX_QUEUE_PAIRS) {
        return;
    }
    if (!guest->pairs[queue_pair].set_up
        && !rte_vhost_get_mem_table(vhost->vid, &mem)) {
        guest->pairs[queue_pair].set_up
            = (read_vring(vhost, rx, mem, guest, &guest->pairs[queue_pair].rx)
               && read_vring(vhost, tx, mem, guest,
                             &guest->pairs[queue_pair].tx));
        free(mem);
    }
    guest->pairs[queue_pair].enabled = (vhost->enabled[rx]
                                        && vhost->enabled[tx]);
    guest->n_queue_pairs = MAX(guest->n_queue_pairs, queue_pair + 1);
}

/* Reads how the guest of 'vhost' is set up into '*guest', which must be
 * released with zcrx_vhost_release_guest(), also on error.  Returns NULL or
 * what is wrong, a constant.  vhost thread. */
const char *
zcrx_vhost_read_guest(const struct zcrx_vhost *vhost,
                      struct zcrx_guest *guest)
{
    struct rte_vhost_memory *mem = NULL;
    uint64_t log_base;
    const char *error;
    uint16_t n;

    memset(guest, 0, sizeof *guest);
    if (rte_vhost_get_negotiated_features(vhost->vid, &guest->features)) {
        return "guest has not negotiated features";
    }
    if (guest->features & 1ULL << VHOST_F_LOG_ALL
        && !rte_vhost_get_log_base(vhost->vid, &log_base, &guest->log.size)) {
        guest->log.base = (uint8_t *) (uintptr_t) log_base;
    }
    if (rte_vhost_get_mem_table(vhost->vid, &mem)) {
        return "guest has no memory table";
    }
    error = zcrx_vhost_map_memory(mem, &guest->map);
    free(mem);
    if (error) {
        return error;
    }
    n = MIN(rte_vhost_get_vring_num(vhost->vid) / 2, ZCRX_MAX_QUEUE_PAIRS);
    for (uint16_t i = 0; i < n; i++) {
        zcrx_vhost_read_queue_pair(vhost, guest, i);
    }
    return n ? NULL : "guest has no queue pair";
}

/* Undoes zcrx_vhost_read_guest().  The VF must not use guest memory. */
void
zcrx_vhost_release_guest(struct zcrx_guest *guest)
{
    zcrx_gpa_map_destroy(&guest->map);
    memset(guest->pairs, 0, sizeof guest->pairs);
    guest->n_queue_pairs = 0;
}

/* Tells the vhost library how far the virtqueues of 'queue_pair' have got, so
 * that it gives the right answer when it is asked. */
void
zcrx_vhost_set_position(const struct zcrx_vhost *vhost, uint16_t queue_pair,
                        const struct zcrx_vring_config *rx,
                        const struct zcrx_vring_config *tx)
{
    if (vhost->vid >= 0) {
        rte_vhost_set_vring_base(vhost->vid, queue_pair * 2,
                                 rx->last_avail, rx->last_used);
        rte_vhost_set_vring_base(vhost->vid, queue_pair * 2 + 1,
                                 tx->last_avail, tx->last_used);
    }
}
