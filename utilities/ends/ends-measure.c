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

#include "ends.h"

#include <string.h>
#include <arpa/inet.h>

#include "simnic-util.h"

/* Frames that the device writes before it looks at the guest's ring. */
#define BURST 32

/* Frames on their way in a closed loop: enough to keep all busy, and fewer
 * than the least of the rings has entries, so that none is dropped. */
#define WINDOW 256

/* If more time than this is between two looks, in ns, the CPU did something
 * else meanwhile. */
#define AWAY 20000

/* How often to look for messages, and how long to wait for frames that do not
 * come, in ns. */
#define SERVICE_INTERVAL 1000000
#define PATIENCE 1000000000

/* Where a frame lies in a buffer, and its number in the frame (see
 * simnic-frame.h). */
#define HDR_LEN 12
#define NUMBER_OFFSET 46

/* How often there were which values: exact below 256, then with 7 bits. */
#define HIST_BITS 7
#define HIST_SIZE ((64 - HIST_BITS + 1) << HIST_BITS)

struct hist {
    uint64_t total;
    uint32_t n[HIST_SIZE];
};

static void
hist_add(struct hist *h, uint64_t value)
{
    int shift = 63 - __builtin_clzll(value | 1 << HIST_BITS) - HIST_BITS;

    h->n[((uint64_t) shift << HIST_BITS) + (value >> shift)]++;
    h->total++;
}

/* Returns the value that so many of a million are not above. */
static double
hist_quantile(const struct hist *h, uint64_t ppm)
{
    uint64_t rank = (h->total * ppm + 999999) / 1000000;
    uint64_t sum = 0;
    uint32_t i = 0;
    int shift;

    if (!h->total) {
        return 0;
    }
    while ((sum += h->n[i]) < rank) {
        i++;
    }
    shift = i >> HIST_BITS ? (i >> HIST_BITS) - 1 : 0;
    return (((uint64_t) i - ((uint64_t) shift << HIST_BITS)) << shift)
           + ((UINT64_C(1) << shift) - 1) / 2.;
}

/* A measurement. */
struct run {
    struct ends *e;
    struct ends_result *result;
    struct hist latency;
    struct hist looks;          /* Times between two of them. */
    uint64_t last_look;         /* In ns, as all of these. */
    uint64_t away;
    uint64_t next_service;
};

/* Does what is to be done about the sessions. */
void
ends_service(struct ends *e)
{
    simnic_run(e->sn);
    ends_guest_run(&e->guest);
    if (simnic_violation(e->sn)) {
        ends_die("simnic: %s", simnic_violation(e->sn));
    }
}

/* Makes frames of 'size' bytes, when none is on its way. */
void
ends_set_size(struct ends *e, const char *size)
{
    const char *error = simnic_source_set_sizes(&e->source, size);

    if (error) {
        ends_die("%s", error);
    }
    simnic_source_prepare(&e->source, ENDS_N_NUMBERS);
    e->next = 0;
}

/* Has the device write up to 'n' frames, as far as it has descriptors. */
static void
deliver(struct ends *e, unsigned int n)
{
    uint64_t first = e->source.n_sent;
    struct simnic_pair_state pair;

    simnic_deliver(e->sn, 0, n);
    simnic_get_pair(e->sn, 0, &pair);
    for (uint64_t i = first; i < e->source.n_sent; i++) {
        e->published[i % ENDS_N_NUMBERS] = pair.published;
    }
    e->outstanding += e->source.n_sent - first;
}

/* Takes the frame in buffer 'id' of the guest, which was seen at 'now'. */
static void
take(struct run *run, uint32_t id, uint64_t now, bool watched)
{
    struct ends *e = run->e;
    const uint8_t *buffer = e->guest.fe.mem[1] + id * e->guest.buffer_size;
    uint32_t number, lost;

    memcpy(&number, buffer + HDR_LEN + NUMBER_OFFSET, sizeof number);
    number = ntohl(number) % ENDS_N_NUMBERS;
    lost = (number - e->next) % ENDS_N_NUMBERS;
    if (lost >= e->outstanding) {
        return;                 /* It was given up. */
    }
    e->next = (number + 1) % ENDS_N_NUMBERS;
    e->outstanding -= lost + 1;
    run->result->drops += lost;
    run->result->received++;
    if (watched) {
        hist_add(&run->latency, now - e->published[number]);
    }
}

/* Has the guest look at its ring, take what has come, and return the
 * buffers. */
static void
look(struct run *run)
{
    struct ends_guest *guest = &run->e->guest;
    struct frontend_vq *vq = &guest->fe.vqs[0];
    struct vring_avail *avail = vq->parts[1];
    const struct vring_used *used = vq->parts[2];
    uint16_t idx = __atomic_load_n(&used->idx, __ATOMIC_ACQUIRE);
    uint64_t now = simnic_now();
    uint64_t elapsed = now - run->last_look;
    uint16_t mask = guest->ring_size - 1;
    bool watched = elapsed <= AWAY;

    if (watched) {
        hist_add(&run->looks, elapsed);
    } else {
        run->away += elapsed;
    }
    run->last_look = now;
    if (guest->used != idx) {
        do {
            uint32_t id = used->ring[guest->used++ & mask].id & mask;

            take(run, id, now, watched);
            avail->ring[vq->avail++ & mask] = id;
        } while (guest->used != idx);
        __atomic_store_n(&avail->idx, vq->avail, __ATOMIC_RELEASE);
    }
    if (now >= run->next_service) {
        run->next_service = now + SERVICE_INTERVAL;
        ends_service(run->e);
    }
}

static void
begin(struct run *run, struct ends *e, struct ends_result *result)
{
    memset(run, 0, sizeof *run);
    memset(result, 0, sizeof *result);
    run->e = e;
    run->result = result;
    run->last_look = simnic_now();
    result->sent = e->source.n_sent;
}

/* Waits for the frames that are still on their way, and sums up. */
static void
finish(struct run *run, uint64_t ns)
{
    struct ends_result *result = run->result;
    struct ends *e = run->e;
    uint64_t received = result->received;
    uint64_t deadline = run->last_look + PATIENCE;

    result->seconds = ns / 1e9;
    result->away = run->away / 1e9;
    result->sent = e->source.n_sent - result->sent;
    while (e->outstanding && run->last_look < deadline) {
        look(run);
        if (result->received != received) {
            received = result->received;
            deadline = run->last_look + PATIENCE;
        }
    }
    result->drops += e->outstanding;
    e->next = e->source.n_sent % ENDS_N_NUMBERS;
    e->outstanding = 0;
    result->watched = run->latency.total;
    result->p50 = hist_quantile(&run->latency, 500000);
    result->p99 = hist_quantile(&run->latency, 990000);
    result->p999 = hist_quantile(&run->latency, 999000);
    result->look_p99 = hist_quantile(&run->looks, 990000);
}

/* Moves frames for 'seconds' as fast as they arrive: there is always the same
 * number of them on their way. */
void
ends_closed_loop(struct ends *e, double seconds, struct ends_result *result)
{
    uint64_t duration = seconds * 1e9;
    static struct run run;
    uint64_t start;

    simnic_source_set_rate(&e->source, SIMNIC_UNLIMITED, simnic_now());
    begin(&run, e, result);
    start = run.last_look;
    while (run.last_look - start < duration) {
        if (WINDOW - e->outstanding >= BURST) {
            deliver(e, BURST);
        }
        look(&run);
    }
    finish(&run, run.last_look - start);
}

/* Has 'rate' frames per second come from the wire for 'seconds', at equal
 * distances, whether they arrive or not.  While the CPU does other work, time
 * stands still for the wire. */
void
ends_open_loop(struct ends *e, double seconds, double rate,
               struct ends_result *result)
{
    uint64_t duration = seconds * 1e9;
    static struct run run;
    uint64_t n = 0;
    uint64_t start;

    simnic_source_set_rate(&e->source, rate, simnic_now());
    begin(&run, e, result);
    start = run.last_look;
    for (;;) {
        uint64_t ns = run.last_look - start - run.away;
        uint64_t due = ns * rate / 1e9 - n;

        if (run.last_look - start >= duration) {
            break;
        }
        if (due) {
            due = due < BURST ? due : BURST;
            deliver(e, due);
            n += due;
        }
        look(&run);
    }
    finish(&run, run.last_look - start);
}
