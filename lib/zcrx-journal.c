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

#include "zcrx-journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dirs.h"
#include "openvswitch/vlog.h"
#include "util.h"
#include "zcrx-compat.h"
#include "zcrx-vhost.h"

VLOG_DEFINE_THIS_MODULE(zcrx_journal);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

/* From the place of one virtqueue to the next: a multiple of any page size.
 * What is not used of it takes no memory. */
#define PLACE_SIZE (256 * 1024)

BUILD_ASSERT_DECL(sizeof(struct zcrx_vring_journal)
                  + ZCRX_VRING_MAX_SIZE * sizeof(struct zcrx_taken)
                  <= PLACE_SIZE);

static off_t
place_of(uint16_t virtqueue)
{
    return (off_t) virtqueue * PLACE_SIZE;
}

/* Opens the file of 'port'.  Returns a descriptor or a negative number. */
static int
open_file(const char *port, int flags)
{
    char *path = xasprintf("%s/dpdkzcrx-%s.journal", ovs_rundir(), port);
    int fd;

    for (char *p = path + strlen(ovs_rundir()) + 1; *p; p++) {
        if (*p == '/') {
            *p = '_';
        }
    }
    fd = open(path, flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno != ENOENT) {
        VLOG_WARN_RL(&rl, "%s: %s", path, ovs_strerror(errno));
    }
    free(path);
    return fd;
}

/* Maps the journal of 'virtqueue', of 'size' entries, in 'fd'.  Returns NULL
 * if that cannot be. */
static struct zcrx_vring_journal *
map(const char *port, int fd, uint16_t virtqueue, uint16_t size)
{
    size_t len = zcrx_vring_journal_size(size);
    void *p = MAP_FAILED;
    int error;

    /* To touch what there is no room for kills the process. */
    error = posix_fallocate(fd, place_of(virtqueue), len);
    if (!error) {
        p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                 place_of(virtqueue));
        error = p == MAP_FAILED ? errno : 0;
    }
    if (error) {
        VLOG_WARN_RL(&rl, "%s: no journal for virtqueue %"PRIu16": %s", port,
                     virtqueue, ovs_strerror(error));
        return NULL;
    }
    return p;
}

/* Gives the virtqueues of 'queue_pair' of 'guest', which are set up, their
 * journals, if they have none.  Without, which is logged, all goes well as
 * long as the daemon is not killed.  Main thread. */
void
zcrx_journal_map(const char *port, struct zcrx_guest *guest,
                 uint16_t queue_pair)
{
    struct zcrx_vring_config *rx = &guest->pairs[queue_pair].rx;
    struct zcrx_vring_config *tx = &guest->pairs[queue_pair].tx;
    int fd;

    if (rx->journal && tx->journal) {
        return;
    }
    fd = open_file(port, O_CREAT);
    if (fd >= 0) {
        if (!rx->journal) {
            rx->journal = map(port, fd, queue_pair * 2, rx->size);
        }
        if (!tx->journal) {
            tx->journal = map(port, fd, queue_pair * 2 + 1, tx->size);
        }
        close(fd);
    }
}

static void
unmap(struct zcrx_vring_config *config)
{
    if (config->journal) {
        munmap(config->journal, zcrx_vring_journal_size(config->size));
        config->journal = NULL;
    }
}

/* Undoes zcrx_journal_map() for all of 'guest', whose virtqueues are out of
 * use.  What the journals say stays. */
void
zcrx_journal_unmap(struct zcrx_guest *guest)
{
    for (uint16_t i = 0; i < guest->n_queue_pairs; i++) {
        unmap(&guest->pairs[i].rx);
        unmap(&guest->pairs[i].tx);
    }
}

/* Makes the journal of 'virtqueue' void, as the hypervisor knows from now on
 * where to go on.  The virtqueue is out of use.  vhost thread. */
void
zcrx_journal_forget(const char *port, uint16_t virtqueue)
{
    static const uint16_t no_size;
    int fd = open_file(port, 0);

    if (fd >= 0) {
        off_t pos = (place_of(virtqueue)
                     + offsetof(struct zcrx_vring_journal, size));

        if (pwrite(fd, &no_size, sizeof no_size, pos) != sizeof no_size) {
            VLOG_WARN_RL(&rl, "%s: journal of virtqueue %"PRIu16" stays: %s",
                         port, virtqueue, ovs_strerror(errno));
        }
        close(fd);
    }
}
