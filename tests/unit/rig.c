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

#include "rig.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <sys/eventfd.h>
#include <linux/virtio_net.h>

struct rig rig;
bool rig_packed;

/* Runs the cases with either kind of virtqueue. */
int
rig_run_cases(const struct test_case *cases, size_t n)
{
    for (int i = 0; i < 2; i++) {
        rig_packed = i;
        printf("%s virtqueues:\n", rig_packed ? "packed" : "split");
        run_cases(cases, n);
    }
    return EXIT_SUCCESS;
}

/* Frees a frame that OVS sent. */
static void
free_injected(struct rte_mbuf *m)
{
    rig.n_freed++;
    rte_pktmbuf_free(m);
}

static void
set_up_guest(void)
{
    const struct rig_config *c = &rig.config;
    struct guest_vq *vqs[] = { &rig.rx, &rig.tx };
    uint16_t size = c->ring_size ? c->ring_size : 256;

    rig.slot_size = (c->max_frame > 2000 ? 2 * RIG_MAX_FRAME : 4096) + 128;
    guest_init(&rig.guest, 3 * size * rig.slot_size);
    rig.slots = calloc(2 * size, sizeof *rig.slots);
    CHECK(rig.slots);
    for (unsigned int i = 0; i < 2 * size; i++) {
        rig.slots[rig.n_slots++] = i;
    }
    guest_alloc(&rig.guest, GUEST_FAR, 2 * size * rig.slot_size);

    for (int i = 0; i < 2; i++) {
        struct zcrx_vring_config *config = &vqs[i]->config;

        if (rig_packed) {
            guest_vq_init_packed(vqs[i], &rig.guest, size, size / 2, i == 0);
        } else {
            guest_vq_init(vqs[i], &rig.guest, size, 65500, i == 0);
        }
        config->version_1 = !c->legacy;
        config->mergeable = c->mergeable;
        config->indirect = c->indirect;
        config->event_idx = c->event_idx;
        config->callfd = eventfd(0, EFD_NONBLOCK);
        CHECK(config->callfd >= 0);
    }
    rig.rx_eventfd = rig.rx.config.callfd;
    rig.tx_eventfd = rig.tx.config.callfd;
}

static void
start_vf(void)
{
    const struct rte_eth_conf conf = { .rxmode.mq_mode = RTE_ETH_MQ_RX_NONE };

    struct rte_mempool *flow_mp = rig.config.flow_mp;

    CHECK(!rte_eth_dev_configure(rig.port, flow_mp ? 2 : 1, 1, &conf));
    CHECK(!flow_mp || !rte_eth_rx_queue_setup(rig.port, 1, 64, SOCKET_ID_ANY,
                                              NULL, flow_mp));
    CHECK(!rte_eth_rx_queue_setup(rig.port, 0, 64, SOCKET_ID_ANY, NULL,
                                  rig.queue.pool->mp));
    CHECK(!rte_eth_tx_queue_setup(rig.port, 0, 64, SOCKET_ID_ANY, NULL));
    CHECK(!rte_eth_dev_start(rig.port));
}

static uint32_t
max_frame(void)
{
    return rig.config.max_frame ? rig.config.max_frame : 1514;
}

/* Sets up what a guest that comes or goes on makes necessary, as zcrx_start()
 * does. */
static void
start_queue(void)
{
    const struct zcrx_pool_config config = {
        .name = "test-rig",
        .socket_id = SOCKET_ID_ANY,
        .vq = &rig.queue.rx,
        .max_frame = max_frame(),
        .n_bounce = rig.config.n_bounce,
        .bounce_below = 1,
        .copy = rig.config.copy,
    };
    struct zcrx_queue *q = &rig.queue;

    CHECK(!zcrx_vring_init(&q->rx, &rig.rx.config, &rig.guest.map));
    CHECK(!zcrx_vring_init(&q->tx, &rig.tx.config, &rig.guest.map));
    q->pool = zcrx_pool_create(&config);
    CHECK(q->pool);
    start_vf();
    zcrx_queue_start(q);
}

static struct rte_mempool *
create_mempool(const char *name, unsigned int n)
{
    struct rte_mempool *mp;

    mp = rte_pktmbuf_pool_create(name, n, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
                                 SOCKET_ID_ANY);
    CHECK(mp);
    return mp;
}

/* Sets everything up as 'config' says, up to where the PMD thread takes
 * over. */
void
rig_start(const struct rig_config *config)
{
    struct zcrx_queue *q = &rig.queue;
    char name[32];

    memset(&rig, 0, sizeof rig);
    rig.config = *config;
    rig.config.legacy &= !rig_packed;
    CHECK(!zcrx_queue_init(q, "test-rig", SOCKET_ID_ANY, free_injected));
    set_up_guest();
    rig.ovs_mp = create_mempool("test-rig-ovs", 2 * ZCRX_INJECT_SIZE);
    q->tx_mp = create_mempool("test-rig-tx", (config->n_tx_mbufs
                                              ? config->n_tx_mbufs : 512));

    CHECK(!rte_dev_probe(config->devargs));
    snprintf(name, sizeof name, "%.*s", (int) strcspn(config->devargs, ","),
             config->devargs);
    CHECK(!rte_eth_dev_get_port_by_name(name, &rig.port));
    q->vf.port_id = rig.port;
    q->vf.offload = rig.config.offload;
    q->vf.offload.tx.max_frame = max_frame();
    q->vf.no_ring = true;
    q->vf.chains = config->chains;
    start_queue();
}

#define ZCRX_COUNTER(NAME) + rig.queue.stats.NAME
uint64_t
rig_copied(void)
{
    return 0 ZCRX_COPY_REASONS;
}

uint64_t
rig_dropped(void)
{
    return 0 ZCRX_WIRE_DROP_REASONS;
}

uint64_t
rig_tx_dropped(void)
{
    return 0 ZCRX_GUEST_DROP_REASONS;
}

static uint64_t
inject_dropped(void)
{
    return 0 ZCRX_INJECT_DROP_REASONS;
}
#undef ZCRX_COUNTER

/* Checks that every frame is counted once, wherever it went. */
static void
check_counts(void)
{
    const struct zcrx_queue *q = &rig.queue;
    const struct zcrx_stats *s = &q->stats;

    CHECK_EQ(s->wire_rx_frames, (s->zero_copy_frames + rig_copied()
                                 + rig_dropped() + s->slow_wire_frames
                                 + (q->pending_tail - q->pending_head)));
    CHECK_EQ(s->to_guest_frames, (s->zero_copy_frames + rig_copied()
                                  + s->injected_frames));
    CHECK_EQ(s->guest_tx_frames, (s->wire_tx_frames + rig_tx_dropped()
                                  + s->slow_guest_frames));
    if (!rig.config.flow_mp && !s->tx_dropped_offload) {
        CHECK_EQ(rig.n_passed, (s->wire_rx_frames + s->guest_tx_frames
                                - s->slow_wire_frames - s->slow_guest_frames
                                - s->dropped_slow_face_full
                                - s->dropped_slow_no_memory
                                - s->tx_dropped_slow_no_memory));
    }
    CHECK_EQ(rig.n_accepted, (s->injected_frames + inject_dropped()
                              + rte_ring_count(q->injected)));
    CHECK_EQ(rig.n_freed, rig.n_accepted - rte_ring_count(q->injected));
}

/* Lets the PMD thread have a turn. */
unsigned int
rig_poll(void)
{
    unsigned int n = zcrx_queue_poll(&rig.queue);

    CHECK(n <= 3 * ZCRX_BURST);
    rig.n_passed += n ? rig.queue.n_passed : 0;
    check_counts();
    return n;
}

/* Checks that all buffers of 'vq' are available or used, in its order. */
static void
check_stopped(const struct zcrx_vring *vq, const struct guest_vq *gq)
{
    uint16_t last_avail, last_used;

    CHECK_EQ(vq->n_outstanding, 0);
    zcrx_vring_get_position(vq, &last_avail, &last_used);
    CHECK_EQ(last_avail, last_used);
    if (!gq->packed) {
        CHECK_EQ(gq->used->idx, last_used);
    }
}

/* Stops the queue pair as zcrx_stop() does, and checks that every buffer is
 * the guest's again. */
void
rig_stop(void)
{
    struct zcrx_queue *q = &rig.queue;

    zcrx_gate_close(&q->gate);
    zcrx_queue_harvest(q);
    zcrx_queue_recall(q);
    CHECK(!rte_eth_dev_stop(rig.port));
    CHECK_EQ(zcrx_pool_n_out(q->pool), 0);
    zcrx_queue_stop(q);
    check_counts();
    CHECK_EQ(q->pool->n_bounce_free, rig.config.n_bounce);
    CHECK_EQ(rte_mempool_in_use_count(q->tx_mp), 0);
    CHECK_EQ(rte_ring_count(q->injected), 0);

    check_stopped(&q->rx, &rig.rx);
    check_stopped(&q->tx, &rig.tx);
}

/* What is left of rig_stop() when all is well. */
static void
free_queue(void)
{
    struct zcrx_queue *q = &rig.queue;

    zcrx_pool_destroy(q->pool);
    zcrx_vring_destroy(&q->rx);
    zcrx_vring_destroy(&q->tx);
}

/* Starts again where rig_stop() left off. */
void
rig_resume(void)
{
    zcrx_vring_get_position(&rig.queue.rx, &rig.rx.config.last_avail,
                            &rig.rx.config.last_used);
    zcrx_vring_get_position(&rig.queue.tx, &rig.tx.config.last_avail,
                            &rig.tx.config.last_used);
    free_queue();
    start_queue();
    check_counts();
}

/* Frees everything. */
void
rig_destroy(void)
{
    struct zcrx_queue *q = &rig.queue;
    struct rte_eth_dev_info info;

    CHECK(!rte_eth_dev_info_get(rig.port, &info));
    CHECK(!rte_eth_dev_close(rig.port));
    CHECK(!rte_dev_remove(info.device));
    zcrx_queue_destroy(q);
    CHECK_EQ(rig.n_freed, rig.n_accepted);
    CHECK_EQ(rte_mempool_in_use_count(rig.ovs_mp), 0);
    free_queue();
    rte_mempool_free(q->tx_mp);
    rte_mempool_free(rig.ovs_mp);
    close(rig.rx_eventfd);
    close(rig.tx_eventfd);
    guest_vq_destroy(&rig.rx);
    guest_vq_destroy(&rig.tx);
    guest_destroy(&rig.guest);
    free(rig.slots);
}

/* Lays a buffer for a frame of 'room' bytes out in 'pieces'.  Returns the
 * number of pieces. */
static unsigned int
lay_out(enum rig_kind kind, unsigned int slot, uint32_t room,
        struct guest_piece *pieces)
{
    uint32_t hdr_len = rig.config.legacy ? 10 : 12;
    uint64_t gpa = (rig.guest.gpa[kind == RIG_NO_DMA ? GUEST_NO_DMA
                                  : GUEST_FAR]
                    + 32 + (uint64_t) slot * rig.slot_size);
    uint32_t lens[3] = { hdr_len, room, 0 };
    unsigned int n = 2;

    CHECK(hdr_len + room + 3 * 16 <= rig.slot_size);
    switch (kind) {
    case RIG_ONE:
    case RIG_NO_DMA:
        lens[0] += room;
        n = 1;
        break;
    case RIG_PAGES:
        lens[0] = hdr_len + room / 3;
        lens[1] = room / 3;
        lens[2] = room - 2 * (room / 3);
        n = 3;
        break;
    case RIG_SPLIT_HEADER:
        lens[0] = 4;
        lens[1] = hdr_len - 4 + room;
        break;
    case RIG_OWN_HEADER:
    case RIG_INDIRECT:
    case RIG_N_KINDS:
    default:
        break;
    }
    for (unsigned int i = 0; i < n; i++) {
        pieces[i].gpa = gpa;
        pieces[i].len = lens[i];
        gpa += lens[i] + 16;
    }
    return n;
}

/* The guest: makes a receive buffer with 'room' for a frame available.
 * Returns false if it has no descriptors left. */
bool
rig_post(enum rig_kind kind, uint32_t room)
{
    struct guest_piece pieces[3];
    unsigned int slot, n;
    uint16_t head;

    if (!rig.n_slots) {
        return false;
    }
    slot = rig.slots[rig.n_slots - 1];
    n = lay_out(kind, slot, room, pieces);
    if (rig.rx.n_free < (kind == RIG_INDIRECT ? 1 : n)) {
        return false;
    }
    rig.n_slots--;
    head = guest_describe(&rig.rx, pieces, n,
                          kind == RIG_INDIRECT ? GUEST_INDIRECT
                          : GUEST_DIRECT);
    rig.rx.bufs[head].slot = slot;
    guest_offer(&rig.rx, head);
    return true;
}

void
rig_post_all(enum rig_kind kind, uint32_t room)
{
    while (rig_post(kind, room)) {
        continue;
    }
}

/* The guest: reads a frame that it received into 'frame', of RIG_MAX_FRAME
 * bytes.  Returns its length, or 0 if there is none.  Buffers that were
 * returned without one are passed over. */
uint32_t
rig_receive(uint8_t *frame)
{
    uint32_t hdr_len = rig.config.legacy ? 10 : 12;
    struct virtio_net_hdr_v1 hdr = { .num_buffers = 1 };
    uint32_t total = 0;
    uint16_t n = 1;

    for (uint16_t i = 0; i < n; i++) {
        uint32_t skip = i ? 0 : hdr_len;
        struct guest_buf *buf;
        uint32_t len;

        buf = guest_collect(&rig.rx, &len);
        if (!i && !buf) {
            return 0;
        }
        CHECK(buf);
        rig.slots[rig.n_slots++] = buf->slot;
        if (!i) {
            if (!len) {
                return rig_receive(frame);
            }
            CHECK(len > hdr_len);
            guest_buf_read(&rig.guest, buf, 0, &hdr, hdr_len);
            CHECK(rig.config.offload.rx_csum || !hdr.flags);
            rig.hdr_flags = hdr.flags;
            CHECK(!hdr.gso_type && !hdr.hdr_len
                  && !hdr.gso_size && !hdr.csum_start && !hdr.csum_offset);
            n = hdr.num_buffers;
            CHECK(n == 1 || (rig.config.mergeable && n <= ZCRX_MAX_MERGE));
        }
        CHECK(total + len - skip <= RIG_MAX_FRAME);
        guest_buf_read(&rig.guest, buf, skip, frame + total, len - skip);
        total += len - skip;
    }
    return total;
}

/* The guest: receives what there is and checks that it is what comes next in
 * the capture that rig_write_capture() wrote.  Returns the number of
 * frames. */
unsigned int
rig_receive_all(void)
{
    static uint8_t expected[RIG_MAX_FRAME], frame[RIG_MAX_FRAME];
    unsigned int n;

    for (n = 0;; n++) {
        uint32_t len = rig_receive(frame);

        if (!len) {
            return n;
        }
        CHECK_EQ(len, rig_make_frame(rig.rx_seq, expected));
        CHECK(!memcmp(frame, expected, len));
        rig.rx_seq++;
    }
}

/* OVS: sends the frame that is 'seq'th in a capture to the guest.  Returns
 * false if the queue does not take it. */
bool
rig_inject(uint32_t seq)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(rig.ovs_mp);

    CHECK(m);
    m->pkt_len = rig_make_frame(seq, rte_pktmbuf_mtod(m, void *));
    m->data_len = m->pkt_len;
    if (!zcrx_queue_inject(&rig.queue, m)) {
        rte_pktmbuf_free(m);
        return false;
    }
    rig.n_accepted++;
    return true;
}

/* The guest: sends a frame, in one piece or, if its length is odd, in three,
 * with the header 'hdr' or, if that is NULL, an empty one.  Returns false if
 * it cannot. */
bool
rig_send(const void *hdr, const uint8_t *frame, uint32_t len)
{
    static const uint8_t no_hdr[12];
    uint32_t hdr_len = rig.config.legacy ? 10 : 12;
    struct guest_piece pieces[3];
    unsigned int slot, n;
    uint16_t head;

    if (!rig.n_slots || rig.tx.n_free < 3) {
        return false;
    }
    slot = rig.slots[--rig.n_slots];
    n = lay_out(len % 2 ? RIG_PAGES : RIG_ONE, slot, len, pieces);
    head = guest_describe(&rig.tx, pieces, n, GUEST_DIRECT);
    rig.tx.bufs[head].slot = slot;
    guest_write(&rig.guest, pieces[0].gpa, hdr ? hdr : no_hdr, hdr_len);
    pieces[0].gpa += hdr_len;
    pieces[0].len -= hdr_len;
    for (unsigned int i = 0; i < n; i++) {
        guest_write(&rig.guest, pieces[i].gpa, frame, pieces[i].len);
        frame += pieces[i].len;
    }
    guest_offer(&rig.tx, head);
    return true;
}

/* The guest: takes back the buffers of frames that were sent.  Returns how
 * many. */
unsigned int
rig_reclaim(void)
{
    unsigned int n;

    for (n = 0;; n++) {
        struct guest_buf *buf;
        uint32_t len;

        buf = guest_collect(&rig.tx, &len);
        if (!buf) {
            return n;
        }
        CHECK_EQ(len, 0);       /* Nothing was written there. */
        rig.slots[rig.n_slots++] = buf->slot;
    }
}

/* Returns how often the guest was notified since this was last asked. */
uint64_t
rig_read_eventfd(int fd)
{
    uint64_t value;

    if (read(fd, &value, sizeof value) < 0) {
        CHECK(errno == EAGAIN);
        return 0;
    }
    return value;
}

/* Makes the frame that is 'seq'th in a capture: all lengths, and bytes that
 * are not the same anywhere else.  Returns its length. */
uint32_t
rig_make_frame(uint32_t seq, uint8_t *frame)
{
    uint32_t len = 60 + seq * 7919 % 1455;
    uint64_t state = seq + 1;

    for (uint32_t i = 0; i < len; i++) {
        frame[i] = next_random(&state, 256);
    }
    return len;
}

/* The formats of a capture and of a frame in it. */
struct capture_header {
    uint32_t magic;
    uint16_t major, minor;
    uint32_t zone, accuracy, max_len, link_type;
};

struct capture_frame {
    uint32_t seconds, microseconds, len, full_len;
};

/* Writes a capture with 'n' frames. */
void
rig_write_capture(const char *name, uint32_t n)
{
    const struct capture_header header = {
        .magic = 0xa1b2c3d4,
        .major = 2,
        .minor = 4,
        .max_len = 65535,
        .link_type = 1,
    };
    FILE *stream = fopen(name, "w");

    CHECK(stream);
    CHECK(fwrite(&header, sizeof header, 1, stream) == 1);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t frame[2048];
        uint32_t len = rig_make_frame(i, frame);
        const struct capture_frame f = { .len = len, .full_len = len };

        CHECK(fwrite(&f, sizeof f, 1, stream) == 1);
        CHECK(fwrite(frame, len, 1, stream) == 1);
    }
    CHECK(!fclose(stream));
}

/* Checks that a capture has the frames that rig_write_capture() would have
 * written.  Returns how many there are. */
uint32_t
rig_check_capture(const char *name)
{
    FILE *stream = fopen(name, "r");
    struct capture_header header;
    struct capture_frame f;
    uint32_t n;

    CHECK(stream);
    CHECK(fread(&header, sizeof header, 1, stream) == 1);
    for (n = 0; fread(&f, sizeof f, 1, stream) == 1; n++) {
        uint8_t frame[2048], expected[2048];

        CHECK_EQ(f.len, rig_make_frame(n, expected));
        CHECK(fread(frame, f.len, 1, stream) == 1);
        CHECK(!memcmp(frame, expected, f.len));
    }
    CHECK(feof(stream));
    fclose(stream);
    return n;
}
