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

#include "simnic-private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <linux/vhost_types.h>
#include <linux/virtio_net.h>

/* The vhost-user protocol, as far as DPDK's virtio-user speaks it as a front
 * end. */

enum vhost_user_request {
    GET_FEATURES = 1,
    SET_FEATURES = 2,
    SET_OWNER = 3,
    RESET_OWNER = 4,
    SET_MEM_TABLE = 5,
    SET_VRING_NUM = 8,
    SET_VRING_ADDR = 9,
    SET_VRING_BASE = 10,
    GET_VRING_BASE = 11,
    SET_VRING_KICK = 12,
    SET_VRING_CALL = 13,
    SET_VRING_ERR = 14,
    GET_PROTOCOL_FEATURES = 15,
    SET_PROTOCOL_FEATURES = 16,
    GET_QUEUE_NUM = 17,
    SET_VRING_ENABLE = 18,
    SET_STATUS = 39,
    GET_STATUS = 40,
};

#define VERSION 1
#define FLAG_REPLY (1 << 2)
#define FLAG_NEED_REPLY (1 << 3)

#define F_PROTOCOL_FEATURES (UINT64_C(1) << 30)

#define PROTOCOL_FEATURES (UINT64_C(1) << 0      /* MQ. */              \
                           | UINT64_C(1) << 3    /* REPLY_ACK. */       \
                           | UINT64_C(1) << 16)  /* STATUS. */

#define MAX_FDS 8
#define NO_FD (1 << 8)          /* In the index of a descriptor. */

/* How often a client tries to connect, in ns. */
#define RETRY_INTERVAL 50000000

struct message {
    uint32_t request;
    uint32_t flags;
    uint32_t size;              /* Of 'payload'. */
    union {
        uint64_t u64;
        struct vhost_vring_state state;
        struct vhost_vring_addr addr;
        uint8_t bytes[512];
    } payload;
} __attribute__((packed));

#define HEADER_LEN offsetof(struct message, payload)

static struct simnic_ring *
find_ring(struct simnic *sn, unsigned int vq)
{
    struct simnic_pair *pair = &sn->pairs[vq / 2];

    return (vq >= 2u * sn->config.max_pairs ? NULL
            : vq % 2 ? &pair->tx : &pair->rx);
}

static void
reset_rings(struct simnic *sn)
{
    for (unsigned int vq = 0; vq < 2u * sn->config.max_pairs; vq++) {
        struct simnic_ring *ring = find_ring(sn, vq);

        simnic_pair_stop(sn, vq);
        simnic_ring_destroy(ring);
        simnic_ring_init(ring, sn->config.memory, !(vq % 2));
    }
}

/* Ends the session: nothing that the driver gave is the device's any more. */
static void
hang_up(struct simnic *sn)
{
    if (sn->fd >= 0) {
        close(sn->fd);
        sn->fd = -1;
        sn->stopping = false;
        reset_rings(sn);
        simnic_memory_detach(sn->config.memory, !sn->n_late);
        sn->features = 0;
        sn->protocol_features = 0;
        sn->status = 0;
    }
}

/* Begins a session on 'fd'. */
static void
begin(struct simnic *sn, int fd)
{
    struct ucred cred;
    socklen_t len = sizeof cred;

    sn->fd = fd;
    sn->stats.connections++;
    if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len)) {
        simnic_memory_attach(sn->config.memory, cred.pid);
    }
}

/* Receives a message if there is one, and the descriptors with it, the number
 * of which is stored in '*n_fds'.  Returns its length, 0 at the end of the
 * session, -1 if there is none. */
static ssize_t
receive_message(struct simnic *sn, struct message *m, int *fds, int *n_fds)
{
    char control[CMSG_SPACE(MAX_FDS * sizeof(int))];
    struct iovec iov = { .iov_base = m, .iov_len = HEADER_LEN };
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof control,
    };
    struct cmsghdr *c;
    ssize_t n;

    *n_fds = 0;
    n = recvmsg(sn->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0) {
        return errno == EAGAIN || errno == EINTR ? -1 : 0;
    }
    for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
            *n_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            memcpy(fds, CMSG_DATA(c), *n_fds * sizeof(int));
        }
    }
    if (n == HEADER_LEN && m->size <= sizeof m->payload
        && (!m->size || recv(sn->fd, &m->payload, m->size, MSG_WAITALL)
                        == m->size)) {
        return n;
    }
    return 0;
}

/* Answers with 'm'.  That the driver has gone meanwhile is no error. */
static bool
reply(struct simnic *sn, struct message *m, uint32_t size)
{
    ssize_t len = HEADER_LEN + size;

    m->flags = VERSION | FLAG_REPLY;
    m->size = size;
    return send(sn->fd, m, len, MSG_NOSIGNAL) == len || errno == EPIPE;
}

static bool
reply_u64(struct simnic *sn, struct message *m, uint64_t value)
{
    m->payload.u64 = value;
    return reply(sn, m, sizeof m->payload.u64);
}

/* Stops the ring that 'm' asks to stop. */
static bool
stop_vring(struct simnic *sn, struct message *m)
{
    m->payload.state.num = simnic_pair_stop(sn, m->payload.state.index);
    return reply(sn, m, sizeof m->payload.state);
}

/* Stops the ring that a message has asked to stop, if the device is in the
 * mood for that by now; until then everything goes on as before.  Returns
 * false if nothing has changed. */
static bool
run_delayed_stop(struct simnic *sn)
{
    struct message m = {
        .request = GET_VRING_BASE,
        .payload.state.index = sn->stopping_vq,
    };
    char byte;

    if (!recv(sn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT)) {
        hang_up(sn);
        return true;
    }
    if (simnic_now() - sn->stopping_since < sn->faults.stop_delay) {
        return false;
    }
    sn->stopping = false;
    stop_vring(sn, &m);
    return true;
}

/* Takes the descriptor in 'fds' for the ring in 'm'. */
static bool
set_fd(struct simnic *sn, const struct message *m, int *fds, int n_fds)
{
    struct simnic_ring *ring = find_ring(sn, m->payload.u64 & 0xff);
    int *fd;

    if (!ring || m->request == SET_VRING_ERR) {
        return ring;
    }
    fd = m->request == SET_VRING_KICK ? &ring->kickfd : &ring->callfd;
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
    if (!(m->payload.u64 & NO_FD) && n_fds == 1) {
        *fd = fds[0];
        fds[0] = -1;
        fcntl(*fd, F_SETFL, fcntl(*fd, F_GETFL) | O_NONBLOCK);
    }
    return true;
}

/* Handles a message about one ring.  Returns false if it makes no sense. */
static bool
handle_vring(struct simnic *sn, struct message *m, int *fds, int n_fds)
{
    unsigned int vq = m->payload.state.index;
    struct simnic_ring *ring;

    switch (m->request) {
    case SET_VRING_KICK:
        if (!set_fd(sn, m, fds, n_fds)) {
            return false;
        }
        vq = m->payload.u64 & 0xff;
        ring = find_ring(sn, vq);
        if (!ring->running && ring->has_addrs) {
            simnic_pair_start(sn, vq);
        }
        return true;
    case SET_VRING_CALL:
    case SET_VRING_ERR:
        return set_fd(sn, m, fds, n_fds);
    default:
        break;
    }

    ring = find_ring(sn, vq);
    if (!ring || m->size < sizeof m->payload.state) {
        return false;
    }
    switch (m->request) {
    case SET_VRING_NUM:
        ring->size = m->payload.state.num;
        return !ring->running;
    case SET_VRING_BASE:
        ring->base = m->payload.state.num;
        return !ring->running;
    case SET_VRING_ADDR:
        if (m->size < sizeof m->payload.addr) {
            return false;
        }
        ring->desc_addr = m->payload.addr.desc_user_addr;
        ring->avail_addr = m->payload.addr.avail_user_addr;
        ring->used_addr = m->payload.addr.used_user_addr;
        ring->has_addrs = true;
        return !ring->running;
    case SET_VRING_ENABLE:
        ring->enabled = m->payload.state.num;
        return true;
    case GET_VRING_BASE:
        if (ring->running && ring->rx && sn->faults.stop_delay) {
            sn->stopping = true;
            sn->stopping_vq = vq;
            sn->stopping_since = simnic_now();
            return true;
        }
        return stop_vring(sn, m);
    default:
        return false;
    }
}

/* Handles a message.  Returns false if it makes no sense. */
static bool
handle_message(struct simnic *sn, struct message *m, int *fds, int n_fds)
{
    switch (m->request) {
    case GET_FEATURES:
        return reply_u64(sn, m, sn->config.features | F_PROTOCOL_FEATURES);
    case SET_FEATURES:
        sn->features = m->payload.u64 & ~F_PROTOCOL_FEATURES;
        return !(sn->features & ~sn->config.features);
    case GET_PROTOCOL_FEATURES:
        return reply_u64(sn, m, PROTOCOL_FEATURES);
    case SET_PROTOCOL_FEATURES:
        sn->protocol_features = m->payload.u64;
        return !(sn->protocol_features & ~PROTOCOL_FEATURES);
    case GET_QUEUE_NUM:
        return reply_u64(sn, m, sn->config.max_pairs);
    case SET_STATUS:
        sn->status = m->payload.u64;
        return true;
    case GET_STATUS:
        return reply_u64(sn, m, sn->status);
    case SET_OWNER:
        return true;
    case SET_MEM_TABLE:
        /* The device goes by what the process has mapped. */
        return true;
    case RESET_OWNER:
        reset_rings(sn);
        return true;
    case SET_VRING_NUM:
    case SET_VRING_ADDR:
    case SET_VRING_BASE:
    case GET_VRING_BASE:
    case SET_VRING_KICK:
    case SET_VRING_CALL:
    case SET_VRING_ERR:
    case SET_VRING_ENABLE:
        return handle_vring(sn, m, fds, n_fds);
    default:
        return false;
    }
}

/* Receives and handles one message.  Returns false if there was none. */
static bool
run_message(struct simnic *sn)
{
    struct message m;
    int fds[MAX_FDS];
    int n_fds;
    ssize_t n;

    n = receive_message(sn, &m, fds, &n_fds);
    if (n < 0) {
        return false;
    }
    if (n) {
        uint32_t request = m.request;

        sn->in_message = true;
        if (!handle_message(sn, &m, fds, n_fds)) {
            snprintf(sn->violation, sizeof sn->violation,
                     "vhost-user message %"PRIu32" makes no sense", request);
            sn->halted = sn->broken = true;
        } else if (m.flags & FLAG_NEED_REPLY) {
            reply_u64(sn, &m, 0);
        }
        sn->in_message = false;
    }
    for (int i = 0; i < n_fds; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    if (!n || sn->broken) {
        hang_up(sn);
    }
    return true;
}

/* Handles what the driver has sent.  Returns true if there was anything. */
bool
simnic_session_run(struct simnic *sn)
{
    bool any = false;

    while (sn->fd >= 0
           && (sn->stopping ? run_delayed_stop(sn) : run_message(sn))) {
        any = true;
    }
    return any;
}

static struct sockaddr_un
make_address(const char *path)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };

    snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    return un;
}

/* Lets drivers connect to 'path'.  Returns NULL or an error, the caller's to
 * free. */
char *
simnic_listen(struct simnic *sn, const char *path)
{
    struct sockaddr_un un = make_address(path);

    if (strlen(path) >= sizeof un.sun_path) {
        return simnic_strdup("the name of the socket is too long");
    }
    sn->path = simnic_strdup(path);
    sn->listenfd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                          0);
    unlink(path);
    if (bind(sn->listenfd, (struct sockaddr *) &un, sizeof un)
        || listen(sn->listenfd, 1)) {
        return simnic_format("%s: %s", path, strerror(errno));
    }
    return NULL;
}

/* Makes the device connect to the driver at 'path', again and again. */
void
simnic_connect(struct simnic *sn, const char *path)
{
    sn->path = simnic_strdup(path);
    sn->connects = true;
}

/* Pulls the cable, or puts it in again.  Without it there is no session, which
 * is how the driver sees that its link is down. */
void
simnic_plug(struct simnic *sn, bool in)
{
    pthread_mutex_lock(&sn->mutex);
    sn->cable_out = !in;
    if (!in) {
        hang_up(sn);
    }
    pthread_mutex_unlock(&sn->mutex);
}

/* Begins a session if that is possible. */
static void
try_connect(struct simnic *sn)
{
    struct sockaddr_un un = make_address(sn->path);
    int fd;

    if (!sn->connects) {
        fd = accept4(sn->listenfd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            begin(sn, fd);
        }
    } else if (simnic_now() >= sn->retry_at) {
        sn->retry_at = simnic_now() + RETRY_INTERVAL;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0
            && !connect(fd, (struct sockaddr *) &un, sizeof un)) {
            begin(sn, fd);
        } else if (fd >= 0) {
            close(fd);
        }
    }
}

/* Handles what there is to do about the session.  Does not block, unless a
 * fault asks for it. */
void
simnic_run(struct simnic *sn)
{
    pthread_mutex_lock(&sn->mutex);
    if (!sn->broken) {
        if (sn->fd < 0 && !sn->cable_out) {
            try_connect(sn);
        }
        simnic_session_run(sn);
    }
    pthread_mutex_unlock(&sn->mutex);
}

/* Stores in 'fds', which has room for two, what to wait for before
 * simnic_run() has something to do.  Returns how many there are. */
int
simnic_fds(struct simnic *sn, struct pollfd *fds)
{
    int n = 0;

    pthread_mutex_lock(&sn->mutex);
    if (sn->fd >= 0) {
        fds[n++] = (struct pollfd) { .fd = sn->fd, .events = POLLIN };
    } else if (!sn->connects && !sn->cable_out) {
        fds[n++] = (struct pollfd) { .fd = sn->listenfd, .events = POLLIN };
    }
    pthread_mutex_unlock(&sn->mutex);
    return n;
}

/* Ends the session for good. */
void
simnic_session_destroy(struct simnic *sn)
{
    hang_up(sn);
    if (sn->listenfd >= 0) {
        close(sn->listenfd);
        unlink(sn->path);
    }
    free(sn->path);
}
