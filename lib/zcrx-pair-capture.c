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

#include "zcrx-pair-capture.h"

#include <inttypes.h>

#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "util.h"
#include "zcrx-pair.h"

VLOG_DEFINE_THIS_MODULE(zcrx_capture);

/* How often copies are written, in milliseconds. */
#define WRITE_INTERVAL 10

/* Makes 'capture', which may be NULL, that of all queue pairs of 'pair'. */
static void
set_capture(struct zcrx_pair *pair, struct zcrx_capture *capture)
{
    for (uint16_t i = 0; i < pair->n_queues; i++) {
        struct zcrx_queue *q = &pair->queues[i];
        bool held = zcrx_gate_hold(&q->gate);

        q->capture = capture;
        zcrx_gate_release(&q->gate, held);
    }
}

/* Begins to write the next 'n' frames that pass straight across to 'path'.
 * Returns NULL or an error, without the port's name. */
char *
zcrx_pair_capture_start(struct zcrx_pair *pair, const char *path, uint32_t n)
{
    struct zcrx_pair_capture *c;
    int error;

    if (pair->capture) {
        return xasprintf("there is a capture to %s already",
                         pair->capture->path);
    }
    if (!zcrx_vf_is_attached(&pair->vf)) {
        return xstrdup("there is no VF");
    }
    c = xzalloc(sizeof *c);
    error = zcrx_capture_open(&c->capture, path, pair->name,
                              zcrx_vf_socket_id(&pair->vf), n);
    if (error) {
        free(c);
        return xasprintf("%s: %s", path, ovs_strerror(error));
    }
    c->path = xstrdup(path);
    c->n = n;
    ovs_mutex_lock(&pair->mutex);
    pair->capture = c;
    set_capture(pair, &c->capture);
    ovs_mutex_unlock(&pair->mutex);
    return NULL;
}

/* Ends the capture of 'pair', if there is any: writes what was copied and
 * says, in the log and among the events, how many frames there are.  'error'
 * is a positive errno value if writing failed, or 0. */
static void
end(struct zcrx_pair *pair, int error)
{
    struct zcrx_pair_capture *c = pair->capture;
    char *what;

    if (!c) {
        return;
    }
    ovs_mutex_lock(&pair->mutex);
    set_capture(pair, NULL);
    pair->capture = NULL;
    ovs_mutex_unlock(&pair->mutex);

    if (!error) {
        error = zcrx_capture_write(&c->capture);
    }
    what = xasprintf("%s: %"PRIu64" frames, %"PRIu64" missed%s%s", c->path,
                     c->capture.written, c->capture.missed,
                     error ? ", " : "", error ? ovs_strerror(error) : "");
    VLOG_INFO("%s: captured to %s", pair->name, what);
    ovs_mutex_lock(&pair->mutex);
    zcrx_events_add(&pair->events, "captured", what);
    ovs_mutex_unlock(&pair->mutex);
    zcrx_capture_close(&c->capture);
    free(what);
    free(c->path);
    free(c);
}

void
zcrx_pair_capture_stop(struct zcrx_pair *pair)
{
    end(pair, 0);
}

/* Writes what has been copied, and ends the capture when it is complete. */
void
zcrx_pair_capture_run(struct zcrx_pair *pair)
{
    if (pair->capture) {
        struct zcrx_capture *capture = &pair->capture->capture;
        int error = zcrx_capture_write(capture);

        if (error || zcrx_capture_is_complete(capture)) {
            end(pair, error);
        }
    }
}

/* Arranges for the main thread to call zcrx_pair_capture_run() when that is
 * due. */
void
zcrx_pair_capture_wait(const struct zcrx_pair *pair)
{
    if (pair->capture) {
        poll_timer_wait(WRITE_INTERVAL);
    }
}
