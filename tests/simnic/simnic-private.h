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

#ifndef SIMNIC_PRIVATE_H
#define SIMNIC_PRIVATE_H 1

/* What the files that implement the device share. */

#include <pthread.h>

#include "simnic.h"
#include "simnic-ring.h"
#include "simnic-util.h"

struct simnic_pair {
    struct simnic_ring rx;      /* To the driver. */
    struct simnic_ring tx;      /* From the driver. */

    /* Buffers that were fetched for receiving, a circular queue of
     * 'rx.size'. */
    struct simnic_buffer *posted;
    uint32_t posted_head;
    uint32_t n_posted;

    /* The driver is ready for frames: it has notified the device of the first
     * buffers, which were seen at 'seen', in ns. */
    bool ready;
    uint64_t seen;

    uint64_t published;         /* As in struct simnic_pair_state. */

    struct simnic_pair_stats stats;
};

struct simnic {
    pthread_mutex_t mutex;      /* Messages against the data path. */
    struct simnic_config config;
    struct simnic_pair *pairs;  /* 'config.max_pairs' of them. */
    struct simnic_pair **active; /* Those that receive. */
    unsigned int n_active;

    /* Something is wrong with what the driver gave the device: nothing moves
     * until it is clear whether a rule was broken. */
    bool halted;
    bool broken;                /* It was, for good. */
    char violation[256];

    /* The session. */
    char *path;
    bool connects;              /* It is the client. */
    bool cable_out;             /* Neither accepts nor connects. */
    int listenfd;
    int fd;
    uint64_t retry_at;          /* For the client, in ns. */
    uint64_t features;          /* Negotiated. */
    uint64_t protocol_features;
    uint8_t status;
    bool in_message;            /* One is being handled. */
    bool stopping;              /* A ring is to stop some time... */
    unsigned int stopping_vq;   /* ...this one... */
    uint64_t stopping_since;    /* ...since then, in ns. */

    /* Late writes that are still to come. */
    struct simnic_late {
        uint64_t due;
        uint64_t addr;
        uint32_t len;
    } *late;
    size_t n_late;

    uint64_t next_check;        /* When memory is checked again, in ns. */
    uint32_t tx_next_number;    /* Expected. */
    struct simnic_faults faults;
    struct simnic_stats stats;
};

static inline bool
simnic_has_feature(const struct simnic *sn, unsigned int bit)
{
    return sn->features >> bit & 1;
}

/* Returns the 'i'-th of the buffers that 'pair' has for receiving, or the
 * place for another one. */
static inline struct simnic_buffer *
simnic_posted(struct simnic_pair *pair, uint32_t i)
{
    return &pair->posted[(pair->posted_head + i) % pair->rx.size];
}

/* simnic-session.c. */
bool simnic_session_run(struct simnic *);
void simnic_session_destroy(struct simnic *);

/* simnic-device.c. */
void simnic_halt(struct simnic *, const struct simnic_ring *,
                 const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool simnic_is_sound(struct simnic *, const struct simnic_ring *);
void *simnic_translate(struct simnic *, const struct simnic_ring *,
                       const struct simnic_seg *);
void simnic_pair_start(struct simnic *, unsigned int vq);
uint16_t simnic_pair_stop(struct simnic *, unsigned int vq);

/* simnic-data.c. */
void simnic_fetch_posted(struct simnic *, struct simnic_pair *);
unsigned int simnic_receive(struct simnic *, struct simnic_pair *only,
                            unsigned int n);
unsigned int simnic_transmit(struct simnic *, struct simnic_pair *,
                             uint64_t now);

#endif /* simnic-private.h */
