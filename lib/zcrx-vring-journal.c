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

/* What survives a process that is killed.
 *
 * The next buffer to take and the next used entry are not all there is to the
 * state of a virtqueue: where frames from elsewhere overtook those from the
 * wire, buffers that the VF has lie between others that were used since, and
 * no position describes what is available.  A packed ring does not even have
 * its positions in the guest's memory.  So that no buffer is used twice or
 * lost, all of this is kept where another process finds it: in a journal, that
 * is, memory of a file.  It is not a copy of the state, but where the state
 * is, except for the positions:
 *
 *     take:      mark buffers, move 'avail' behind them
 *     put back:  move 'avail' before buffers, unmark them
 *     publish:   make buffers visible to the guest, unmark them, move 'used'
 *
 * so that whenever it ends
 *
 *   - buffers that are marked, and available from 'avail' on, are not taken;
 *   - buffers that are visible from 'used' on are used, whether they are
 *     marked or not.  In a split ring the guest's memory tells which ones; in
 *     a packed ring the guest may have written over them, and they are in
 *     'burst'.
 *
 * What is left are the buffers that were outstanding.  (The vhost-user
 * protocol has an area for buffers in flight,
 * VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD, but QEMU has none for network
 * devices.)
 *
 * A journal may be about another guest, or the guest may have reset its driver
 * when nobody was there to see it.  It counts only if it fits what is in the
 * guest's memory: in a packed ring there is a mark in the device's event
 * structure, in a field without a meaning while the device wants no
 * notification (Virtio 1.2 2.8.14), and drivers clear that. */

#include "zcrx-vring.h"
#include "zcrx-vring-private.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Returns the bytes that the journal of a virtqueue of 'size' entries has.  It
 * must be aligned as malloc() aligns and be zeros when it is new. */
size_t
zcrx_vring_journal_size(uint16_t size)
{
    return (sizeof(struct zcrx_vring_journal)
            + size * sizeof(struct zcrx_taken));
}

/* Returns a number that is not 0 and that no earlier journal had. */
static uint16_t
new_mark(uint16_t old)
{
    struct timespec now;
    uint16_t mark;

    clock_gettime(CLOCK_MONOTONIC, &now);
    mark = now.tv_nsec / 16 ^ now.tv_sec;
    return mark && mark != old ? mark : old % UINT16_MAX + 1;
}

/* Makes the journal one of a virtqueue of which nothing is outstanding. */
static void
start_journal(struct zcrx_vring *vq, const struct zcrx_vring_config *config)
{
    struct zcrx_vring_journal *j = vq->journal;
    uint16_t mark = new_mark(j->mark);

    j->size = 0;
    zcrx_journal_barrier();
    memset(vq->taken, 0, vq->size * sizeof *vq->taken);
    if (config->packed && vq->persistent) {
        j->mark = mark;
        __atomic_store_n(&vq->device_event->off_wrap, mark, __ATOMIC_RELAXED);
        if (vq->log.base) {
            zcrx_vring_note(vq, vq->device_event, sizeof *vq->device_event);
        }
    }
    j->packed = config->packed;
    zcrx_journal_avail(vq, config->last_avail);
    zcrx_journal_used(vq, config->last_used, 0);
    j->size = vq->size;
}

/* Gives 'vq', which is set up as 'config' says, its journal.  If it is that of
 * a process that was killed, makes the buffers available again that were
 * outstanding then.  Returns false if there is no memory. */
bool
zcrx_vring_journal_open(struct zcrx_vring *vq,
                        const struct zcrx_vring_config *config)
{
    struct zcrx_vring_journal *j = config->journal;
    struct zcrx_vring fresh;

    vq->persistent = j != NULL;
    if (!j) {
        /* Not xcalloc(): nothing here knows Open vSwitch. */
        j = calloc(1, zcrx_vring_journal_size(config->size));
        if (!j) {
            return false;
        }
    }
    vq->journal = j;
    vq->taken = j->taken;

    fresh = *vq;
    if (j->size != config->size || j->packed != config->packed
        || !vq->ops->restore(vq)) {
        *vq = fresh;
        start_journal(vq, config);
        return true;
    }
    zcrx_vring_put_back_all(vq);
    /* What was published last, nobody may have told the guest. */
    zcrx_vring_interrupt(vq);
    return true;
}
