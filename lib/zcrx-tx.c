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

#include "zcrx-tx.h"

#include <string.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <linux/virtio_net.h>

#include "zcrx-capture.h"
#include "zcrx-sync.h"

/* Shorter frames, which no Ethernet has, make some VFs be taken for malicious,
 * and cut off. */
#define MIN_FRAME 17

/* A thread's cache of mbufs is for a burst, and DPDK lets it become half as
 * large again. */
#define CACHE_SIZE ZCRX_BURST
#define MAX_CACHED (CACHE_SIZE * 3 / 2)

/* Creates the mempool 'name' for one queue pair or several that send frames of
 * up to 'max_segs' mbufs with room for 'seg_size' bytes each, by a VF that
 * holds up to 'n_txd' mbufs for each, and may hold them until it gets others.
 *
 * A PMD thread that a queue pair has left keeps mbufs in its cache.  There are
 * so many that there is a burst for each queue pair even when 'n_threads',
 * which must be all that there can be, have such a cache.
 *
 * Returns the mempool, which is the caller's, or NULL if there is not enough
 * memory.  Main thread. */
struct rte_mempool *
zcrx_tx_create_pool(const char *name, unsigned int n_queues,
                    unsigned int n_txd, unsigned int max_segs,
                    unsigned int seg_size, unsigned int n_threads,
                    int socket_id)
{
    unsigned int n = (n_queues * (n_txd + (3 + max_segs) * ZCRX_BURST)
                      + n_threads * MAX_CACHED);

    return rte_pktmbuf_pool_create(name, n, CACHE_SIZE, 0,
                                   RTE_PKTMBUF_HEADROOM + seg_size,
                                   socket_id);
}

/* Copies the frame that 'chain' is at, of up to 'max' bytes, into 'm',
 * followed by further mbufs as needed.  Returns NULL if successful, otherwise
 * the counter of the reason why the frame must be dropped; 'm' is still the
 * caller's in either case. */
static uint64_t *
copy_out(struct zcrx_queue *q, struct zcrx_chain *chain, uint32_t max,
         struct rte_mbuf *m)
{
    struct rte_mbuf *tail = m;

    for (;;) {
        uint32_t room = rte_pktmbuf_tailroom(tail);
        uint32_t n = zcrx_chain_read(chain,
                                     rte_pktmbuf_mtod(tail, void *), room);

        tail->data_len = n;
        m->pkt_len += n;
        if (m->pkt_len > max) {
            return &q->stats.tx_dropped_length;
        }
        if (n < room || !zcrx_chain_more(chain)) {
            break;
        }
        tail->next = rte_pktmbuf_alloc(q->tx_mp);
        if (!tail->next) {
            return &q->stats.tx_dropped_no_mbuf;
        }
        tail = tail->next;
        m->nb_segs++;
    }
    if (m->pkt_len < RTE_ETHER_HDR_LEN) {
        return &q->stats.tx_dropped_length;
    }
    if (m->pkt_len < MIN_FRAME) {
        memset(rte_pktmbuf_mtod_offset(m, void *, m->pkt_len), 0,
               MIN_FRAME - m->pkt_len);
        m->pkt_len = m->data_len = MIN_FRAME;
    }
    return NULL;
}

/* Copies the frame that 'chain' is at into 'm', and has the VF do what 'hdr'
 * asks for.  Returns as copy_out() does. */
static uint64_t *
copy_out_offloaded(struct zcrx_queue *q, struct zcrx_chain *chain,
                   const struct virtio_net_hdr_v1 *hdr, struct rte_mbuf *m)
{
    const struct zcrx_tx_offload *o = &q->vf.offload.tx;
    bool tso = (hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE
                && (o->tso4 || o->tso6));
    uint64_t *drop;

    drop = copy_out(q, chain, tso ? ZCRX_MAX_TSO_FRAME : o->max_frame, m);
    return (drop || zcrx_offload_request(o, hdr, m)
            ? drop : &q->stats.tx_dropped_offload);
}

/* Reads the header and the frame of 'head' into 'm'.  Returns as copy_out()
 * does. */
static uint64_t *
read_frame(struct zcrx_queue *q, const struct zcrx_head *head,
           struct rte_mbuf *m)
{
    struct virtio_net_hdr_v1 hdr = { .flags = 0 };
    struct zcrx_chain chain;
    uint64_t *drop;

    zcrx_chain_init(&chain, &q->tx, head);
    if (zcrx_chain_read(&chain, &hdr, q->tx.hdr_len) < q->tx.hdr_len) {
        drop = &q->stats.tx_dropped_length;
    } else if (zcrx_offload_is_requested(&hdr)) {
        drop = copy_out_offloaded(q, &chain, &hdr, m);
    } else {
        drop = copy_out(q, &chain, q->vf.offload.tx.max_frame, m);
    }
    /* Of a frame whose chain is broken, there is only a part. */
    return q->tx.error ? &q->stats.tx_dropped_guest_error : drop;
}

/* Has the VF's driver prepare the 'n' frames in 'mbufs', some of which ask for
 * something.  Drops those with which it cannot do that, and returns how many
 * are left. */
static uint16_t
prepare_frames(struct zcrx_queue *q, struct rte_mbuf **mbufs, uint16_t n)
{
    uint16_t done = 0;

    for (;;) {
        done += rte_eth_tx_prepare(q->vf.port_id, q->vf.queue_id,
                                   &mbufs[done], n - done);
        if (done == n) {
            return n;
        }
        zcrx_stats_add(&q->stats.tx_dropped_offload, 1);
        rte_pktmbuf_free(mbufs[done]);
        n--;
        memmove(&mbufs[done], &mbufs[done + 1], (n - done) * sizeof *mbufs);
    }
}

/* Gives the 'n' frames in 'mbufs' to the VF, which drops what it has no room
 * for, as a switch does. */
static void
send_frames(struct zcrx_queue *q, struct rte_mbuf **mbufs, uint16_t n)
{
    uint32_t lens[ZCRX_BURST];
    uint64_t bytes = 0;
    uint16_t n_sent;

    for (uint16_t i = 0; i < n; i++) {
        lens[i] = mbufs[i]->pkt_len;
    }
    if (unlikely(q->capture != NULL)) {
        zcrx_capture_frames(q->capture, q->vf.queue_id, mbufs, n,
                            ZCRX_OUTBOUND);
    }
    n_sent = rte_eth_tx_burst(q->vf.port_id, q->vf.queue_id, mbufs, n);
    for (uint16_t i = 0; i < n_sent; i++) {
        bytes += lens[i];
    }
    zcrx_stats_add(&q->stats.wire_tx_frames, n_sent);
    zcrx_stats_add(&q->stats.wire_tx_bytes, bytes);
    if (n_sent < n) {
        zcrx_stats_add(&q->stats.tx_dropped_vf_full, n - n_sent);
        rte_pktmbuf_free_bulk(&mbufs[n_sent], n - n_sent);
    }
}

/* Moves up to a burst of frames from the guest to the VF.  Returns how many
 * frames the guest sent. */
unsigned int
zcrx_tx_relay(struct zcrx_queue *q)
{
    struct rte_mbuf *mbufs[ZCRX_BURST];
    struct zcrx_head heads[ZCRX_BURST];
    struct zcrx_used used[ZCRX_BURST];
    uint16_t n_frames = 0;
    uint64_t flags = 0;         /* Of all frames. */
    uint64_t bytes = 0;
    uint16_t n;

    if (unlikely(q->slow.n_stash)) {
        return 0;               /* OVS has not taken all of the last burst. */
    }
    n = zcrx_vring_take(&q->tx, heads, ZCRX_BURST);
    if (!n) {
        return 0;
    }
    if (rte_pktmbuf_alloc_bulk(q->tx_mp, mbufs, n)) {
        /* Other queue pairs of the VF have them for the moment. */
        zcrx_vring_untake(&q->tx, heads, n);
        return 0;
    }

    for (uint16_t i = 0; i < n; i++) {
        struct rte_mbuf *m = mbufs[i];
        uint64_t *drop = read_frame(q, &heads[i], m);

        bytes += m->pkt_len;
        if (drop) {
            zcrx_stats_add(drop, 1);
            rte_pktmbuf_free(m);
        } else {
            flags |= m->ol_flags;
            mbufs[n_frames++] = m;
        }
        used[i].id = heads[i].id;
        used[i].len = 0;
    }
    if (unlikely(q->slow.from_guest)) {
        n_frames = zcrx_slow_from_guest(q, mbufs, n_frames);
    }
    if (flags) {
        n_frames = prepare_frames(q, mbufs, n_frames);
    }
    if (n_frames) {
        send_frames(q, mbufs, n_frames);
    }
    zcrx_vring_publish(&q->tx, used, n);
    zcrx_stats_add(&q->stats.guest_tx_frames, n);
    zcrx_stats_add(&q->stats.guest_tx_bytes, bytes);
    return n;
}
