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

#include "zcrx-capture.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <rte_cycles.h>

/* The file has the blocks of draft-ietf-opsawg-pcapng that are needed: a
 * section header, an interface, and an enhanced packet block for each frame.
 * (DPDK 22.11's librte_pcapng does not know ports that have an owner, as those
 * of Open vSwitch do.) */
#define BLOCK_SECTION 0x0a0d0d0a
#define BLOCK_INTERFACE 1
#define BLOCK_PACKET 6
#define BYTE_ORDER_MAGIC 0x1a2b3c4d
#define LINKTYPE_ETHERNET 1
#define OPTION_PACKET_FLAGS 2
#define OPTION_PACKET_QUEUE 6
#define OPTION_INTERFACE_NAME 2
#define OPTION_INTERFACE_TSRESOL 9
#define NANOSECONDS 9           /* Of 10^-n seconds. */

/* An ordinary frame fits into one mbuf; a longer one takes several. */
#define MBUF_ROOM 2048

#define WRITE_BURST 32

/* Private area of a copy: a multiple of 8 bytes. */
struct copy_priv {
    uint64_t tsc;               /* When the frame passed. */
    uint32_t direction;
    uint32_t queue_id;
};

struct section_block {
    uint32_t type, len, magic;
    uint16_t major, minor;
    int64_t section_len;
    uint32_t len_again;
} __attribute__((packed));

struct interface_block {
    uint32_t type, len;
    uint16_t link_type, reserved;
    uint32_t snap_len;
    uint16_t tsresol_option, tsresol_len;
    uint8_t tsresol, tsresol_pad[3];
    uint16_t name_option, name_len;
    char name[16];
    uint32_t end_of_options;
    uint32_t len_again;
} __attribute__((packed));

struct packet_head {
    uint32_t type, len, interface, time_high, time_low, captured, original;
};

struct packet_tail {
    uint16_t flags_option, flags_len;
    uint32_t flags;
    uint16_t queue_option, queue_len;
    uint32_t queue;
    uint32_t end_of_options;
    uint32_t len_again;
};

static void
write_header(FILE *file, const char *port)
{
    struct section_block section = {
        .type = BLOCK_SECTION, .len = sizeof section,
        .magic = BYTE_ORDER_MAGIC, .major = 1, .section_len = -1,
        .len_again = sizeof section,
    };
    struct interface_block interface = {
        .type = BLOCK_INTERFACE, .len = sizeof interface,
        .link_type = LINKTYPE_ETHERNET,
        .tsresol_option = OPTION_INTERFACE_TSRESOL, .tsresol_len = 1,
        .tsresol = NANOSECONDS,
        .name_option = OPTION_INTERFACE_NAME,
        .name_len = sizeof interface.name,
        .len_again = sizeof interface,
    };

    snprintf(interface.name, sizeof interface.name, "%s", port);
    fwrite(&section, sizeof section, 1, file);
    fwrite(&interface, sizeof interface, 1, file);
}

/* Makes '*capture', which is zeroed, one of 'n' frames of 'port', to be
 * written to 'path', a file that must not exist.  Returns 0 or a positive
 * errno value.  Main thread. */
int
zcrx_capture_open(struct zcrx_capture *capture, const char *path,
                  const char *port, int socket_id, uint32_t n)
{
    uint32_t room = RTE_MIN(RTE_MAX(n, (uint32_t) WRITE_BURST),
                            (uint32_t) ZCRX_CAPTURE_ROOM);
    char name[RTE_RING_NAMESIZE];
    struct timespec now;
    /* What guests send is for nobody else. */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0) {
        return errno;
    }
    capture->left = n;
    capture->file = fdopen(fd, "wb");
    if (!capture->file) {
        close(fd);
    } else {
        snprintf(name, sizeof name, "zcrx-cap-%"PRIxPTR, (uintptr_t) capture);
        capture->mp = rte_pktmbuf_pool_create(name, room, 0,
                                              sizeof(struct copy_priv),
                                              RTE_PKTMBUF_HEADROOM + MBUF_ROOM,
                                              socket_id);
        capture->ring = rte_ring_create(name, rte_align32pow2(room + 1),
                                        socket_id, RING_F_SC_DEQ);
    }
    if (!capture->file || !capture->mp || !capture->ring) {
        zcrx_capture_close(capture);
        unlink(path);
        return ENOMEM;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    capture->tsc = rte_rdtsc();
    capture->ns = now.tv_sec * NS_PER_S + now.tv_nsec;
    write_header(capture->file, port);
    return 0;
}

/* Undoes zcrx_capture_open().  No queue pair refers to 'capture' any more.
 * What was not written is lost.  Main thread. */
void
zcrx_capture_close(struct zcrx_capture *capture)
{
    void *m;

    while (capture->ring && !rte_ring_dequeue(capture->ring, &m)) {
        rte_pktmbuf_free(m);
    }
    rte_ring_free(capture->ring);
    rte_mempool_free(capture->mp);
    if (capture->file) {
        fclose(capture->file);
    }
}

static void
write_frame(struct zcrx_capture *capture, struct rte_mbuf *m)
{
    const struct copy_priv *priv = rte_mbuf_to_priv(m);
    uint64_t ns = capture->ns + ((double) (priv->tsc - capture->tsc)
                                 * NS_PER_S / rte_get_tsc_hz());
    uint32_t pad = -m->pkt_len & 3;
    uint32_t len = (sizeof(struct packet_head) + m->pkt_len + pad
                    + sizeof(struct packet_tail));
    const struct packet_head head = {
        .type = BLOCK_PACKET, .len = len, .time_high = ns >> 32,
        .time_low = ns, .captured = m->pkt_len, .original = m->pkt_len,
    };
    const struct packet_tail tail = {
        .flags_option = OPTION_PACKET_FLAGS, .flags_len = sizeof tail.flags,
        .flags = priv->direction,
        .queue_option = OPTION_PACKET_QUEUE, .queue_len = sizeof tail.queue,
        .queue = priv->queue_id,
        .len_again = len,
    };

    fwrite(&head, sizeof head, 1, capture->file);
    for (const struct rte_mbuf *seg = m; seg; seg = seg->next) {
        fwrite(rte_pktmbuf_mtod(seg, const void *), 1, seg->data_len,
               capture->file);
    }
    fwrite("\0\0", 1, pad, capture->file);
    fwrite(&tail, sizeof tail, 1, capture->file);
}

/* Writes to the file what waits for that.  Returns 0 or a positive errno
 * value.  Main thread. */
int
zcrx_capture_write(struct zcrx_capture *capture)
{
    struct rte_mbuf *mbufs[WRITE_BURST];
    unsigned int n;

    do {
        n = rte_ring_dequeue_burst(capture->ring, (void **) mbufs, WRITE_BURST,
                                   NULL);
        for (unsigned int i = 0; i < n; i++) {
            write_frame(capture, mbufs[i]);
        }
        capture->written += n;
        rte_pktmbuf_free_bulk(mbufs, n);
    } while (n);
    errno = 0;
    return (fflush(capture->file) || ferror(capture->file)
            ? (errno ? errno : EIO) : 0);
}

/* Returns true if 'm' can be copied.  In the guest's memory, that is not so
 * for what a driver says is outside of the buffer or in several. */
static bool
is_plain(const struct rte_mbuf *m, enum zcrx_direction direction)
{
    return (direction == ZCRX_OUTBOUND
            || (m->nb_segs == 1
                && (uint32_t) m->data_off + m->data_len <= m->buf_len));
}

/* Copies the 'n' frames in 'mbufs', which pass through the VF's queue
 * 'queue_id', as far as they are wanted and there is room.  PMD thread. */
void
zcrx_capture_frames(struct zcrx_capture *capture, uint16_t queue_id,
                    struct rte_mbuf **mbufs, uint16_t n,
                    enum zcrx_direction direction)
{
    uint64_t now = rte_rdtsc();

    for (uint16_t i = 0; i < n && !zcrx_capture_is_complete(capture); i++) {
        struct rte_mbuf *m = NULL;

        if (__atomic_fetch_sub(&capture->left, 1, __ATOMIC_RELAXED) > 0) {
            if (is_plain(mbufs[i], direction)) {
                m = rte_pktmbuf_copy(mbufs[i], capture->mp, 0, UINT32_MAX);
            }
            if (m) {
                struct copy_priv *priv = rte_mbuf_to_priv(m);

                priv->tsc = now;
                priv->direction = direction;
                priv->queue_id = queue_id;
                if (!rte_ring_mp_enqueue(capture->ring, m)) {
                    continue;
                }
                rte_pktmbuf_free(m);
            }
            __atomic_fetch_add(&capture->missed, 1, __ATOMIC_RELAXED);
        }
        __atomic_fetch_add(&capture->left, 1, __ATOMIC_RELAXED);
    }
}
