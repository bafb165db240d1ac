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

#include "frontend.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#define HEADER_SIZE 12

/* How long the back end has for an answer, and how often to do something else
 * meanwhile, in milliseconds. */
#define PATIENCE 60000
#define IDLE_INTERVAL 1

#define PACKED_AVAIL (1 << VRING_PACKED_DESC_F_AVAIL)
#define PACKED_USED (1 << VRING_PACKED_DESC_F_USED)

/* Where regions lie, for the guest and for the back end's protocol.  There is
 * a hole between them for the guest, and none in the front end. */
static const uint64_t gpas[FRONTEND_MAX_REGIONS] = { 0x200000, 0x40000000,
                                                     0x80000000 };

/* Returns the time, in milliseconds, from some moment on. */
uint64_t
frontend_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * UINT64_C(1000) + t.tv_nsec / 1000000;
}

static uint64_t random_state = 1;

/* Makes 'seed' what frontend_rnd() depends on. */
void
frontend_seed(uint64_t seed)
{
    random_state = seed * 2 + 1;
}

/* Returns a random number less than 'n'. */
uint32_t
frontend_rnd(uint32_t n)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (random_state * UINT64_C(0x2545f4914f6cdd1d) >> 32) % n;
}

static uint64_t
uva(const struct frontend *fe, int region)
{
    uint64_t addr = UINT64_C(0x7f0000000000);

    for (int i = 0; i < region; i++) {
        addr += fe->size[i];
    }
    return addr;
}

/* Gives the guest a further region of 'size' bytes, of which the back end does
 * not know yet, in 2 MB hugepages if 'huge'.  Returns false, with errno, if
 * there is no memory. */
bool
frontend_plug(struct frontend *fe, size_t size, bool huge)
{
    int i = fe->n_regions;

    fe->gpa[i] = gpas[i];
    fe->size[i] = size;
    fe->fds[i] = memfd_create("frontend", huge ? MFD_HUGETLB : 0);
    if (fe->fds[i] < 0 || ftruncate(fe->fds[i], size)) {
        return false;
    }
    fe->mem[i] = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
                      fe->fds[i], 0);
    if (fe->mem[i] == MAP_FAILED) {
        return false;
    }
    fe->n_regions++;
    return true;
}

/* Takes the last region away. */
void
frontend_unplug(struct frontend *fe)
{
    int i = --fe->n_regions;

    munmap(fe->mem[i], fe->size[i]);
    close(fe->fds[i]);
}

/* Makes 'fe' one whose regions have 'sizes', in 2 MB hugepages if 'huge'.
 * Returns false, with errno, if there is no memory. */
bool
frontend_init(struct frontend *fe, const size_t sizes[FRONTEND_N_REGIONS],
              bool huge)
{
    memset(fe, 0, sizeof *fe);
    fe->sock = -1;
    for (int i = 0; i < FRONTEND_N_REGIONS; i++) {
        if (!frontend_plug(fe, sizes[i], huge)) {
            return false;
        }
    }
    fe->n_vqs = 2;
    for (int i = 0; i < FRONTEND_MAX_VQS; i++) {
        struct frontend_vq *vq = &fe->vqs[i];

        vq->kick = eventfd(0, EFD_NONBLOCK);
        vq->call = eventfd(0, EFD_NONBLOCK);
        for (int j = 0; j < 3; j++) {
            vq->pos[j] = (i * 3 + j) * FRONTEND_RING_SPACE;
            vq->parts[j] = fe->mem[0] + vq->pos[j];
        }
    }
    return true;
}

/* Takes all memory and the virtqueues away.  The session is the caller's. */
void
frontend_destroy(struct frontend *fe)
{
    while (fe->n_regions) {
        frontend_unplug(fe);
    }
    for (int i = 0; i < FRONTEND_MAX_VQS; i++) {
        close(fe->vqs[i].kick);
        close(fe->vqs[i].call);
    }
}

/* Returns a socket on which back ends may connect to 'path', or -1 with
 * errno. */
int
frontend_listen(const char *path)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(sun.sun_path, sizeof sun.sun_path, "%s", path);
    unlink(path);
    if (fd >= 0 && !bind(fd, (struct sockaddr *) &sun, sizeof sun)
        && !listen(fd, 1)) {
        return fd;
    }
    return -1;
}

/* Sends 'm' with the 'n' descriptors in 'fds'. */
bool
frontend_send(struct frontend *fe, struct frontend_message *m, const int *fds,
              unsigned int n)
{
    struct iovec iov = { m, HEADER_SIZE + m->size };
    union {
        struct cmsghdr align;
        char buf[CMSG_SPACE(8 * sizeof(int))];
    } control = { .buf = { 0 } };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    m->flags = 1;
    if (n) {
        struct cmsghdr *c;

        msg.msg_control = control.buf;
        msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n * sizeof(int));
    }
    return sendmsg(fe->sock, &msg, MSG_NOSIGNAL) == (ssize_t) iov.iov_len;
}

/* Sends a number, and 'fd' unless it is negative. */
bool
frontend_send_u64(struct frontend *fe, enum frontend_request request,
                  uint64_t u64, int fd)
{
    struct frontend_message m = { .request = request, .size = 8, .u64 = u64 };

    return frontend_send(fe, &m, &fd, fd >= 0);
}

bool
frontend_send_state(struct frontend *fe, enum frontend_request request,
                    uint32_t index, uint32_t num)
{
    struct frontend_message m = { .request = request, .size = 8,
                                  .state = { index, num } };

    return frontend_send(fe, &m, NULL, 0);
}

/* Says where the parts of virtqueue 'vq' begin, in bytes from the beginning of
 * the first region. */
bool
frontend_send_addr(struct frontend *fe, int vq, uint64_t desc, uint64_t avail,
                   uint64_t used)
{
    uint64_t base = uva(fe, 0);
    struct frontend_message m = {
        .request = SET_VRING_ADDR,
        .size = sizeof m.addr,
        .addr = { .index = vq, .desc = base + desc, .avail = base + avail,
                  .used = base + used },
    };

    return frontend_send(fe, &m, NULL, 0);
}

/* Waits for the answer to what was sent last.  A back end that has none ends
 * the program. */
static bool
get_reply(struct frontend *fe, struct frontend_message *m)
{
    struct pollfd p = { .fd = fe->sock, .events = POLLIN };
    int waited = 0;

    while (poll(&p, 1, IDLE_INTERVAL) <= 0) {
        waited += IDLE_INTERVAL;
        if (waited > PATIENCE) {
            fprintf(stderr, "the vhost-user back end does not answer\n");
            exit(EXIT_FAILURE);
        }
        if (fe->idle) {
            fe->idle(fe->aux);
        }
    }
    return (recv(fe->sock, m, HEADER_SIZE, MSG_WAITALL) == HEADER_SIZE
            && m->size <= sizeof *m - HEADER_SIZE
            /* To receive nothing takes until there is something. */
            && (!m->size
                || recv(fe->sock, (char *) m + HEADER_SIZE, m->size,
                        MSG_WAITALL) == (ssize_t) m->size));
}

/* Asks for a number. */
bool
frontend_ask(struct frontend *fe, enum frontend_request request,
             uint64_t *answer)
{
    struct frontend_message m = { .request = request };

    if (!frontend_send(fe, &m, NULL, 0) || !get_reply(fe, &m)) {
        return false;
    }
    *answer = m.u64;
    return true;
}

/* Makes 'm' the message that says where the guest's memory is. */
void
frontend_describe_memory(const struct frontend *fe, struct frontend_message *m)
{
    *m = (struct frontend_message) {
        .request = SET_MEM_TABLE,
        .size = 8 + fe->n_regions * sizeof(struct frontend_region),
        .mem.n = fe->n_regions,
    };
    for (int i = 0; i < fe->n_regions; i++) {
        m->mem.regions[i] = (struct frontend_region) {
            fe->gpa[i], fe->size[i], uva(fe, i), 0
        };
    }
}

bool
frontend_send_memory(struct frontend *fe)
{
    struct frontend_message m;

    frontend_describe_memory(fe, &m);
    return frontend_send(fe, &m, fe->fds, fe->n_regions);
}

/* Begins a session with the back end on 'fe->sock'.  Of 'wanted', as far as
 * the back end offers them, are the features; protocol features are none. */
bool
frontend_negotiate(struct frontend *fe, uint64_t wanted)
{
    uint64_t features, ignored;

    if (!frontend_send_u64(fe, SET_OWNER, 0, -1)
        || !frontend_ask(fe, GET_FEATURES, &features)
        || !frontend_ask(fe, GET_PROTOCOL_FEATURES, &ignored)) {
        return false;
    }
    features &= wanted;
    fe->features = features;
    fe->packed = features >> 34 & 1;
    return (frontend_send_u64(fe, SET_PROTOCOL_FEATURES, 0, -1)
            && frontend_send_u64(fe, SET_FEATURES, features, -1)
            && frontend_send_memory(fe));
}

/* Makes 'vq' an empty virtqueue with 'size' entries that starts at 'start'. */
static void
init_vq(struct frontend_vq *vq, bool packed, uint16_t size, uint16_t start)
{
    vq->packed = packed;
    vq->size = size;
    vq->avail = start;
    vq->wrap = true;
    vq->used = start;
    vq->used_wrap = true;
    if (packed) {
        struct vring_packed_desc *descs = vq->parts[0];

        /* As if these had been used. */
        for (uint16_t i = 0; i < start; i++) {
            descs[i].flags = PACKED_AVAIL | PACKED_USED;
        }
    } else {
        ((struct vring_avail *) vq->parts[1])->idx = start;
        ((struct vring_used *) vq->parts[2])->idx = start;
    }
}

/* Tells the back end of all virtqueues, which are as the driver has left them,
 * and lets it go on at 'bases', positions as the protocol has them. */
bool
frontend_attach(struct frontend *fe, const uint32_t *bases)
{
    for (unsigned int i = 0; i < fe->n_vqs; i++) {
        struct frontend_vq *vq = &fe->vqs[i];

        if (!frontend_send_state(fe, SET_VRING_NUM, i, vq->size)
            || !frontend_send_state(fe, SET_VRING_BASE, i, bases[i])
            || !frontend_send_addr(fe, i, vq->pos[0], vq->pos[1], vq->pos[2])
            || !frontend_send_u64(fe, SET_VRING_CALL, i, vq->call)
            || !frontend_send_u64(fe, SET_VRING_KICK, i, vq->kick)
            || !frontend_send_state(fe, SET_VRING_ENABLE, i, 1)) {
            return false;
        }
    }
    return true;
}

/* Sets all virtqueues up, empty, with 'size' entries. */
bool
frontend_set_up(struct frontend *fe, uint16_t size)
{
    uint32_t bases[FRONTEND_MAX_VQS];
    uint16_t wrap = 1 << 15;
    uint32_t base = (fe->packed
                     ? (wrap | fe->start) * UINT32_C(0x10001) : fe->start);

    for (int i = 0; i < fe->n_regions; i++) {
        memset(fe->mem[i], 0, fe->size[i]);
    }
    for (unsigned int i = 0; i < fe->n_vqs; i++) {
        struct frontend_vq *vq = &fe->vqs[i];

        init_vq(vq, fe->packed, size, fe->start);
        bases[i] = base;
    }
    return frontend_attach(fe, bases);
}

/* Stops virtqueue 'vq', and stores in '*base' how far it has got. */
bool
frontend_get_base(struct frontend *fe, uint32_t vq, uint32_t *base)
{
    struct frontend_message m = { .request = GET_VRING_BASE, .size = 8,
                                  .state = { vq, 0 } };

    if (!frontend_send(fe, &m, NULL, 0) || !get_reply(fe, &m)) {
        return false;
    }
    *base = m.state.num;
    return true;
}

/* Has the back end note in the 'size' bytes of 'fd' which pages it writes to.
 * When this returns, it does. */
bool
frontend_start_log(struct frontend *fe, int fd, uint64_t size)
{
    struct frontend_message m = { .request = SET_LOG_BASE, .size = 16,
                                  .log = { size, 0 } };
    uint64_t ignored;

    return (frontend_send(fe, &m, &fd, 1) && get_reply(fe, &m)
            && frontend_send_u64(fe, SET_FEATURES,
                                 fe->features | UINT64_C(1) << 26, -1)
            && frontend_ask(fe, GET_FEATURES, &ignored));
}

/* Stops all virtqueues. */
bool
frontend_stop(struct frontend *fe)
{
    uint32_t base;

    for (unsigned int i = 0; i < fe->n_vqs; i++) {
        if (!frontend_get_base(fe, i, &base)) {
            return false;
        }
        fe->vqs[i].base = base;
    }
    return true;
}

/* Has the back end announce the guest as 52:54:00:00:00:'n'. */
bool
frontend_announce(struct frontend *fe, uint8_t n)
{
    const uint8_t mac[8] = { 0x52, 0x54, 0, 0, 0, n };
    uint64_t word;

    memcpy(&word, mac, sizeof word);
    return frontend_send_u64(fe, SEND_RARP, word, -1);
}

/* Returns true if the device has yet to use as many buffers of 'vq' as fit
 * in. */
bool
frontend_is_full(const struct frontend_vq *vq)
{
    return (vq->packed
            ? vq->avail == vq->used && vq->wrap != vq->used_wrap
            : (uint16_t) (vq->avail - vq->used) == vq->size);
}

/* Writes descriptor 'id' of 'vq', if it has that one, and makes it
 * available. */
void
frontend_offer(struct frontend_vq *vq, uint16_t id, struct vring_desc desc)
{
    if (vq->packed) {
        struct vring_packed_desc *d = vq->parts[0];

        d += vq->avail;
        d->addr = desc.addr;
        d->len = desc.len;
        d->id = id;
        desc.flags &= ~(PACKED_AVAIL | PACKED_USED);
        __atomic_store_n(&d->flags,
                         desc.flags | (vq->wrap ? PACKED_AVAIL : PACKED_USED),
                         __ATOMIC_RELEASE);
        if (++vq->avail == vq->size) {
            vq->avail = 0;
            vq->wrap = !vq->wrap;
        }
    } else {
        struct vring_desc *descs = vq->parts[0];
        struct vring_avail *avail = vq->parts[1];

        if (id < vq->size) {
            descs[id] = desc;
        }
        avail->ring[vq->avail++ % vq->size] = id;
        __atomic_store_n(&avail->idx, vq->avail, __ATOMIC_RELEASE);
    }
}

/* Stores in '*id' and '*len' the next buffer that the device has used, if
 * there is one.  Each buffer of a packed virtqueue is one descriptor. */
bool
frontend_collect(struct frontend_vq *vq, uint16_t *id, uint32_t *len)
{
    if (vq->packed) {
        const struct vring_packed_desc *d = vq->parts[0];
        uint16_t wanted = vq->used_wrap ? PACKED_AVAIL | PACKED_USED : 0;

        d += vq->used;
        if ((__atomic_load_n(&d->flags, __ATOMIC_ACQUIRE)
             & (PACKED_AVAIL | PACKED_USED)) != wanted) {
            return false;
        }
        *id = d->id;
        *len = d->len;
        if (++vq->used == vq->size) {
            vq->used = 0;
            vq->used_wrap = !vq->used_wrap;
        }
    } else {
        const struct vring_used *used = vq->parts[2];

        if (__atomic_load_n(&used->idx, __ATOMIC_ACQUIRE) == vq->used) {
            return false;
        }
        *id = used->ring[vq->used % vq->size].id;
        *len = used->ring[vq->used++ % vq->size].len;
    }
    return true;
}
