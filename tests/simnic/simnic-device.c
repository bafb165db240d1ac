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

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/virtio_net.h>

/* How long a driver that has posted buffers has for notifying the device, in
 * ns. */
#define READY_GRACE 100000000

/* Notes that something is wrong, and keeps everything from moving until
 * resolve() has found out whether a rule was broken. */
void
simnic_halt(struct simnic *sn, const struct simnic_ring *ring,
            const char *format, ...)
{
    const char *reason = simnic_memory_error(sn->config.memory);
    struct simnic_pair *pair = sn->pairs;
    char what[128];
    va_list args;

    if (sn->halted) {
        return;
    }
    sn->halted = true;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    while (ring != &pair->rx && ring != &pair->tx) {
        pair++;
    }
    snprintf(sn->violation, sizeof sn->violation,
             "queue pair %td, %s: %s%s%s", pair - sn->pairs,
             ring->rx ? "receiving" : "transmitting", what,
             reason ? ": " : "", reason ? reason : "");
}

/* Finds out who is to blame for what simnic_halt() noted: not a driver that
 * has told the device to stop meanwhile, or that has hung up, nor one whose
 * process is about to end, as its memory goes before its sockets do. */
static void
resolve(struct simnic *sn)
{
    if (sn->halted && !sn->broken) {
        if (sn->in_message || simnic_session_run(sn)
            || simnic_memory_is_ending(sn->config.memory)) {
            sn->halted = false;
        } else {
            sn->broken = true;
        }
    }
}

/* Returns false if something is wrong with 'ring'. */
bool
simnic_is_sound(struct simnic *sn, const struct simnic_ring *ring)
{
    if (ring->error) {
        simnic_halt(sn, ring, "%s", ring->error);
    }
    return !ring->error;
}

/* Translates what the driver gave.  Returns NULL if the device may not touch
 * it. */
void *
simnic_translate(struct simnic *sn, const struct simnic_ring *ring,
                 const struct simnic_seg *seg)
{
    void *p = simnic_memory_translate(sn->config.memory, seg->addr, seg->len);

    if (!p) {
        simnic_halt(sn, ring, "bad address 0x%"PRIx64", %"PRIu32" bytes",
                    seg->addr, seg->len);
    }
    return p;
}

/* Starts virtqueue 'vq'. */
void
simnic_pair_start(struct simnic *sn, unsigned int vq)
{
    struct simnic_pair *pair = &sn->pairs[vq / 2];
    struct simnic_ring *ring = vq % 2 ? &pair->tx : &pair->rx;
    bool packed = simnic_has_feature(sn, VIRTIO_F_RING_PACKED);

    simnic_memory_begin(sn->config.memory);
    simnic_ring_start(ring, packed);
    if (!simnic_is_sound(sn, ring)) {
        sn->broken = !simnic_memory_is_ending(sn->config.memory);
    } else if (ring == &pair->rx) {
        free(pair->posted);
        pair->posted = simnic_zalloc(ring->size, sizeof *pair->posted);
        pair->posted_head = pair->n_posted = 0;
        pair->ready = false;
        pair->seen = 0;
    }
}

/* Notes the posted buffers of 'pair', which is being stopped, for late
 * writes. */
static void
plan_late_writes(struct simnic *sn, struct simnic_pair *pair)
{
    uint64_t due = simnic_now() + sn->faults.late;

    sn->late = simnic_realloc(sn->late, (sn->n_late + pair->n_posted + 1)
                                        * sizeof *sn->late);
    for (uint32_t i = 0; i < pair->n_posted; i++) {
        const struct simnic_seg *seg = &simnic_posted(pair, i)->segs[0];

        sn->late[sn->n_late++] = (struct simnic_late) {
            .due = due, .addr = seg->addr, .len = seg->len,
        };
    }
}

/* Stops virtqueue 'vq' and returns its base. */
uint16_t
simnic_pair_stop(struct simnic *sn, unsigned int vq)
{
    struct simnic_pair *pair = &sn->pairs[vq / 2];
    struct simnic_ring *ring = vq % 2 ? &pair->tx : &pair->rx;

    if (ring->running && ring == &pair->rx) {
        sn->stats.stops++;
        if (sn->faults.late) {
            plan_late_writes(sn, pair);
        }
        pair->n_posted = 0;
        pair->ready = false;
    }
    return simnic_ring_stop(ring);
}

/* Writes to buffers that are no longer the device's. */
static void
write_late(struct simnic *sn, uint64_t now)
{
    size_t i = 0;

    while (i < sn->n_late) {
        struct simnic_late *late = &sn->late[i];
        void *p;

        if (late->due > now) {
            i++;
            continue;
        }
        p = simnic_memory_remember(sn->config.memory, late->addr, late->len);
        if (p) {
            memset(p, 0xee, late->len);
            sn->stats.late_writes++;
        } else {
            sn->stats.late_misses++;
        }
        *late = sn->late[--sn->n_late];
    }
}

/* Looks whether the device may still touch all that it was given. */
static void
check_memory(struct simnic *sn, struct simnic_pair *pair)
{
    struct simnic_ring *rings[] = { &pair->rx, &pair->tx };

    for (unsigned int i = 0; i < 2; i++) {
        if (rings[i]->running) {
            simnic_ring_check(rings[i]);
            simnic_is_sound(sn, rings[i]);
        }
    }
    for (uint32_t i = 0; i < pair->n_posted && !sn->halted; i++) {
        const struct simnic_buffer *buffer = simnic_posted(pair, i);

        for (uint16_t j = 0; j < buffer->n_segs; j++) {
            simnic_translate(sn, &pair->rx, &buffer->segs[j]);
        }
    }
}

/* Returns true if the driver is ready for frames.  A driver may throw away
 * what comes before it has notified the device of its first buffers.  One that
 * goes on after the device was away has done so before. */
static bool
is_ready(struct simnic_pair *pair, uint64_t now)
{
    uint64_t n;

    if (!pair->ready && pair->n_posted) {
        if (!pair->seen) {
            pair->seen = now;
        }
        pair->ready = (read(pair->rx.kickfd, &n, sizeof n) == sizeof n
                       || now >= pair->seen + READY_GRACE);
    }
    return pair->ready;
}

/* Finds the queue pairs that receive, and fetches their buffers. */
static void
find_active(struct simnic *sn, uint64_t now)
{
    sn->n_active = 0;
    for (unsigned int i = 0; i < sn->config.max_pairs && !sn->halted; i++) {
        struct simnic_pair *pair = &sn->pairs[i];

        if (pair->rx.running && pair->rx.enabled) {
            simnic_fetch_posted(sn, pair);
            if (is_ready(pair, now)) {
                sn->active[sn->n_active++] = pair;
            }
        }
    }
}

/* Prepares for moving frames at 'now'. */
static void
prepare(struct simnic *sn, uint64_t now)
{
    bool check = now >= sn->next_check;

    if (check) {
        simnic_memory_begin(sn->config.memory);
        sn->next_check = now + sn->config.check_interval;
        sn->stats.checks++;
    }
    find_active(sn, now);
    for (unsigned int i = 0; i < sn->config.max_pairs && check; i++) {
        check_memory(sn, &sn->pairs[i]);
    }
    if (sn->n_late) {
        write_late(sn, now);
    }
}

/* Makes completions that are due visible to the driver. */
static void
flush(struct simnic *sn)
{
    uint64_t now = simnic_now();

    for (unsigned int i = 0; i < sn->n_active && !sn->halted; i++) {
        struct simnic_ring *ring = &sn->active[i]->rx;

        if (ring->n_staged) {
            if (simnic_ring_flush(ring, now, sn->config.clean)) {
                sn->active[i]->published = now;
            }
            simnic_is_sound(sn, ring);
        }
    }
}

/* simnic_step() for whoever has the mutex. */
static unsigned int
step(struct simnic *sn)
{
    struct simnic_source *source = sn->config.source;
    uint64_t now = simnic_now();
    unsigned int n = 0;
    uint64_t due;

    if (sn->broken) {
        return 0;
    }
    prepare(sn, now);
    due = simnic_source_due(source, now);
    if (due && sn->n_active) {
        n += simnic_receive(sn, NULL, due < SIMNIC_BURST ? due : SIMNIC_BURST);
    } else if (due) {
        /* With nowhere to go, time does not count. */
        simnic_source_set_rate(source, source->rate, now);
    }
    flush(sn);
    for (unsigned int i = 0; i < sn->config.max_pairs && !sn->halted; i++) {
        if (sn->pairs[i].tx.running && sn->pairs[i].tx.enabled) {
            n += simnic_transmit(sn, &sn->pairs[i], now);
        }
    }
    resolve(sn);
    return n;
}

/* Moves up to a burst of frames in each direction of each queue pair.  Returns
 * how many. */
unsigned int
simnic_step(struct simnic *sn)
{
    unsigned int n;

    pthread_mutex_lock(&sn->mutex);
    n = step(sn);
    pthread_mutex_unlock(&sn->mutex);
    return n;
}

/* Delivers the next 'n' frames of the source, whatever its limits, to queue
 * pair 'pair'.  Returns how many it had descriptors for. */
unsigned int
simnic_deliver(struct simnic *sn, uint16_t pair, unsigned int n)
{
    unsigned int done = 0;

    pthread_mutex_lock(&sn->mutex);
    if (!sn->broken) {
        prepare(sn, simnic_now());
        if (sn->pairs[pair].ready && sn->pairs[pair].rx.enabled) {
            done = simnic_receive(sn, &sn->pairs[pair], n);
            flush(sn);
        }
        resolve(sn);
    }
    pthread_mutex_unlock(&sn->mutex);
    return done;
}

/* Returns the features that a device can offer. */
uint64_t
simnic_all_features(void)
{
    return (UINT64_C(1) << VIRTIO_NET_F_CSUM
            | UINT64_C(1) << VIRTIO_NET_F_GUEST_CSUM
            | UINT64_C(1) << VIRTIO_NET_F_HOST_TSO4
            | UINT64_C(1) << VIRTIO_NET_F_HOST_TSO6
            | UINT64_C(1) << VIRTIO_NET_F_MRG_RXBUF
            | UINT64_C(1) << VIRTIO_NET_F_MQ
            | UINT64_C(1) << VIRTIO_F_VERSION_1
            | UINT64_C(1) << VIRTIO_F_RING_PACKED
            | UINT64_C(1) << VIRTIO_F_IN_ORDER);
}

/* Returns a new device as 'config' says, which needs simnic_listen() or
 * simnic_connect() next.  The caller owns it; the memory and the source stay
 * the caller's. */
struct simnic *
simnic_create(const struct simnic_config *config)
{
    struct simnic *sn = simnic_zalloc(1, sizeof *sn);

    pthread_mutex_init(&sn->mutex, NULL);
    sn->config = *config;
    sn->listenfd = sn->fd = -1;
    sn->pairs = simnic_zalloc(config->max_pairs, sizeof *sn->pairs);
    sn->active = simnic_zalloc(config->max_pairs, sizeof *sn->active);
    for (unsigned int i = 0; i < config->max_pairs; i++) {
        simnic_ring_init(&sn->pairs[i].rx, config->memory, true);
        simnic_ring_init(&sn->pairs[i].tx, config->memory, false);
    }
    return sn;
}

/* Ends the session of 'sn' and frees it. */
void
simnic_destroy(struct simnic *sn)
{
    simnic_session_destroy(sn);
    for (unsigned int i = 0; i < sn->config.max_pairs; i++) {
        simnic_ring_destroy(&sn->pairs[i].rx);
        simnic_ring_destroy(&sn->pairs[i].tx);
        free(sn->pairs[i].posted);
    }
    free(sn->late);
    free(sn->active);
    free(sn->pairs);
    pthread_mutex_destroy(&sn->mutex);
    free(sn);
}

/* Returns which rule the driver broke, NULL if none.  The device has stopped
 * then. */
const char *
simnic_violation(const struct simnic *sn)
{
    return sn->broken ? sn->violation : NULL;
}

bool
simnic_is_connected(const struct simnic *sn)
{
    return sn->fd >= 0;
}

/* Returns the features that were negotiated. */
uint64_t
simnic_features(const struct simnic *sn)
{
    return sn->features;
}

/* Returns what is to go wrong, the caller's to change between steps. */
struct simnic_faults *
simnic_faults(struct simnic *sn)
{
    return &sn->faults;
}

const struct simnic_stats *
simnic_stats(const struct simnic *sn)
{
    return &sn->stats;
}

/* Stores what queue pair 'pair' is like in '*state'. */
void
simnic_get_pair(const struct simnic *sn, uint16_t i,
                struct simnic_pair_state *state)
{
    const struct simnic_pair *pair = &sn->pairs[i];

    state->running = pair->ready && pair->rx.enabled;
    state->packed = pair->rx.packed;
    state->size = pair->rx.size;
    state->posted = pair->n_posted;
    state->published = pair->published;
    state->stats = pair->stats;
}

/* Makes what the device writes leave the CPU's caches, or not. */
void
simnic_set_clean(struct simnic *sn, bool clean)
{
    sn->config.clean = clean;
}
