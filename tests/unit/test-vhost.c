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


/* The end of a session while the library's reader is busy with the end of the
 * hypervisor.  The order in which the threads take the library's locks is
 * played, as is what the session takes of Open vSwitch:
 *
 *      reader                         main thread
 *      ------                         -----------
 *      the socket is closed           the session is ended
 *      AT_NOTE: wants to note         wants to remove the note, which is not
 *      that it is to connect anew     there yet
 *      GO_ON: notes it          <---  wants to look for connections
 *      DONE                     --->  finds none and frees everything
 *
 * Then nobody may try to connect any more. */

#include <config.h>

#include "zcrx-vhost.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include <rte_vhost.h>
#include <linux/virtio_net.h>

#include "eal.h"
#include "openvswitch/thread.h"
#include "timeval.h"
#include "util.h"

#define GET_FEATURES 1
#define GET_VRING_BASE 11
#define PATH "vhost.sock"       /* Of the session that ends. */
#define OTHER_PATH "none.sock"  /* Of one that nobody serves. */

enum step { START, AT_NOTE, GO_ON, NOTED, DONE };
static int step;

/* The lock of the notes, which is the first one that the thread takes that
 * connects anew. */
static pthread_mutex_t *note_mutex;

/* Attempts of that thread to connect to the two sockets. */
static unsigned int n_attempts, n_other_attempts;

static enum step
get_step(void)
{
    return __atomic_load_n(&step, __ATOMIC_ACQUIRE);
}

static void
set_step(enum step new)
{
    __atomic_store_n(&step, new, __ATOMIC_RELEASE);
}

static void
wait_for_step(enum step wanted)
{
    while (get_step() < wanted) {
        usleep(100);
    }
}

/* Returns whether this is the vhost library's thread with 'part' in its name.
 * Later versions have other names, of which these are parts, too. */
#define EVENTS "vhost-ev"
#define RECONNECT "reco"
static bool
is_thread(const char *part)
{
    char own[16];

    return (!pthread_getname_np(pthread_self(), own, sizeof own)
            && strstr(own, part));
}

/* The functions of the C library that the vhost library calls. */

int
pthread_mutex_lock(pthread_mutex_t *mutex)
{
    static int (*lock)(pthread_mutex_t *);
    static bool past_note;      /* Main thread. */
    bool main_thread = syscall(SYS_gettid) == getpid();

    if (!lock) {
        *(void **) &lock = dlsym(RTLD_NEXT, "pthread_mutex_lock");
    }
    if (!note_mutex && is_thread(RECONNECT)) {
        note_mutex = mutex;
    }
    if (main_thread && past_note && get_step() == AT_NOTE) {
        set_step(GO_ON);
        wait_for_step(DONE);
    } else if (main_thread) {
        past_note = mutex == note_mutex;
    } else if (is_thread(EVENTS)) {
        switch (get_step()) {
        case START:
            if (mutex == note_mutex) {
                set_step(AT_NOTE);
                wait_for_step(GO_ON);
            }
            break;
        case GO_ON:             /* That of the list of connections. */
            set_step(NOTED);
            break;
        case NOTED:             /* It has gone back to its loop. */
            set_step(DONE);
            break;
        case AT_NOTE:
        case DONE:
        default:
            break;
        }
    }
    return lock(mutex);
}

int
connect(int fd, const struct sockaddr *address, socklen_t len)
{
    static int (*next)(int, const struct sockaddr *, socklen_t);
    const char *path = ((const struct sockaddr_un *) address)->sun_path;

    if (!next) {
        *(void **) &next = dlsym(RTLD_NEXT, "connect");
    }
    if (is_thread(RECONNECT)) {
        __atomic_add_fetch(strcmp(path, PATH) ? &n_other_attempts
                           : &n_attempts, 1, __ATOMIC_RELEASE);
    }
    return next(fd, address, len);
}

/* Between two attempts. */
unsigned int
sleep(unsigned int seconds OVS_UNUSED)
{
    usleep(1000);
    return 0;
}

/* What the session takes of Open vSwitch. */

unsigned int
get_page_size(void)
{
    return 4096;
}

long long int
time_msec(void)
{
    return 0;
}

/* The main thread waits for the reader. */
void
xnanosleep(uint64_t nanoseconds OVS_UNUSED)
{
    if (get_step() == AT_NOTE) {
        set_step(GO_ON);
    }
    usleep(100);
}

static const struct zcrx_vhost_ops no_ops;

static void
test_end(void)
{
    /* Request, flags, length; and with an answer of eight bytes. */
    const uint32_t message[3] = { GET_FEATURES, 1, 0 };
    char answer[sizeof message + sizeof(uint64_t)];
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct zcrx_vhost vhost, other;
    unsigned int n_before, n;
    int server, peer;

    /* Starts the thread that connects anew, too. */
    CHECK(!zcrx_vhost_register(&other, "zc1", OTHER_PATH, 0, &no_ops));
    while (!__atomic_load_n(&n_other_attempts, __ATOMIC_ACQUIRE)) {
        usleep(100);
    }

    unlink(PATH);
    strcpy(address.sun_path, PATH);
    server = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(server >= 0 && !bind(server, (struct sockaddr *) &address,
                               sizeof address) && !listen(server, 1));
    CHECK(!zcrx_vhost_register(&vhost, "zc0", PATH, 0, &no_ops));
    peer = accept(server, NULL, NULL);
    CHECK(peer >= 0);
    CHECK(write(peer, message, sizeof message) == sizeof message);
    CHECK(recv(peer, answer, sizeof answer, MSG_WAITALL) == sizeof answer);
    close(server);
    unlink(PATH);

    close(peer);
    wait_for_step(AT_NOTE);
    zcrx_vhost_unregister(&vhost, "test");
    CHECK(get_step() == DONE);

    /* It goes through all notes.  That it went to this one before the end was
     * its right. */
    n_before = __atomic_load_n(&n_attempts, __ATOMIC_ACQUIRE);
    n = __atomic_load_n(&n_other_attempts, __ATOMIC_ACQUIRE);
    while (__atomic_load_n(&n_other_attempts, __ATOMIC_ACQUIRE) < n + 3) {
        usleep(100);
    }
    n = __atomic_load_n(&n_attempts, __ATOMIC_ACQUIRE);
    zcrx_vhost_unregister(&other, "test");
    CHECK_EQ(n, n_before);
}

/* Virtqueues whose positions the hypervisor was told. */
static uint64_t virtqueues_told;

static void
told(struct zcrx_vhost *vhost OVS_UNUSED, uint16_t virtqueue)
{
    CHECK(virtqueue < 64);
    __atomic_or_fetch(&virtqueues_told, UINT64_C(1) << virtqueue,
                      __ATOMIC_RELEASE);
}

/* The library says at the first such message that the device is no more. */
static void
test_told(void)
{
    static const struct zcrx_vhost_ops ops = { .told = told };
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct zcrx_vhost vhost;
    int server, peer;

    unlink(PATH);
    strcpy(address.sun_path, PATH);
    server = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(server >= 0 && !bind(server, (struct sockaddr *) &address,
                               sizeof address) && !listen(server, 1));
    CHECK(!zcrx_vhost_register(&vhost, "zc0", PATH, 0, &ops));
    peer = accept(server, NULL, NULL);
    CHECK(peer >= 0);
    /* First before there is a device, of whose end nothing is known; the last
     * virtqueue is none. */
    for (uint32_t i = 0; i < 9; i++) {
        const uint32_t virtqueue = i < 8 ? i % 4 : UINT32_MAX;
        const uint32_t message[5] = {
            GET_VRING_BASE, 1, 2 * sizeof(uint32_t), virtqueue, 0
        };
        char answer[sizeof message];

        vhost.has_run = i >= 4;
        CHECK(write(peer, message, sizeof message) == sizeof message);
        if (i < 8) {
            CHECK(recv(peer, answer, sizeof answer, MSG_WAITALL)
                  == sizeof answer);
            CHECK_EQ(__atomic_load_n(&virtqueues_told, __ATOMIC_ACQUIRE),
                     i < 4 ? 0 : (UINT64_C(2) << (i - 4)) - 1);
        } else {
            CHECK(recv(peer, answer, sizeof answer, MSG_WAITALL) <= 0);
        }
    }
    close(server);
    unlink(PATH);
    close(peer);
    zcrx_vhost_unregister(&vhost, "test");
    CHECK_EQ(virtqueues_told, 15);
}

/* A guest may use what it is offered without asking for more: by GSO alone, a
 * driver from before virtio 1.0 has all kinds of segmentation left to the
 * device, so that HOST_TSO4 and HOST_TSO6 could not say which. */
static void
test_features(void)
{
    const uint64_t offloads = (1ULL << VIRTIO_NET_F_CSUM
                               | 1ULL << VIRTIO_NET_F_HOST_TSO4
                               | 1ULL << VIRTIO_NET_F_HOST_TSO6);

    for (int all = 0; all < 2; all++) {
        struct zcrx_vhost vhost;
        uint64_t features;

        CHECK(!zcrx_vhost_register(&vhost, "zc0", OTHER_PATH,
                                   all ? offloads : 0, &no_ops));
        CHECK(!rte_vhost_driver_get_features(OTHER_PATH, &features));
        CHECK_EQ(features & offloads, all ? offloads : 0);
        CHECK(!(features & 1ULL << VIRTIO_NET_F_GSO));
        zcrx_vhost_unregister(&vhost, "test");
    }
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "each virtqueue is told", test_told },
        { "the end of a session, and of its hypervisor", test_end },
        { "features that are offered", test_features },
    };

    start_dpdk();
    return run_cases(cases, N_ELEMENTS(cases));
}
