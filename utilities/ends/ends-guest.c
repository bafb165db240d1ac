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

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>

#define HUGEPAGE_SIZE (2u << 20)

/* VERSION_1, protocol features, mergeable buffers: as drivers have them. */
#define FEATURES (UINT64_C(1) << 32 | 1 << 30 | 1 << 15)

/* Makes 'guest' one that waits for a back end at 'path'. */
void
ends_guest_init(struct ends_guest *guest, const char *path,
                uint16_t ring_size, uint32_t buffer_size, bool huge)
{
    size_t len = (size_t) ring_size * buffer_size;
    const size_t sizes[] = {
        HUGEPAGE_SIZE, (len + HUGEPAGE_SIZE - 1) & -(size_t) HUGEPAGE_SIZE,
    };

    if (!frontend_init(&guest->fe, sizes, huge)) {
        ends_die("no memory for the guest: %s", strerror(errno));
    }
    guest->ring_size = ring_size;
    guest->buffer_size = buffer_size;
    guest->listener = frontend_listen(path);
    if (guest->listener < 0
        || fcntl(guest->listener, F_SETFL, O_NONBLOCK)) {
        ends_die("%s: %s", path, strerror(errno));
    }
}

/* Sets the session on 'guest->fe.sock' up, and makes all buffers available.
 * Returns false if the back end has hung up. */
static bool
set_up(struct ends_guest *guest)
{
    struct frontend *fe = &guest->fe;
    struct vring_avail *avail = fe->vqs[0].parts[1];

    if (!frontend_negotiate(fe, FEATURES)
        || !frontend_set_up(fe, guest->ring_size)) {
        return false;
    }
    guest->used = 0;
    avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
    for (uint16_t i = 0; i < guest->ring_size; i++) {
        const struct vring_desc desc = {
            .addr = fe->gpa[1] + (uint64_t) i * guest->buffer_size,
            .len = guest->buffer_size,
            .flags = VRING_DESC_F_WRITE,
        };

        frontend_offer(&fe->vqs[0], i, desc);
    }
    return true;
}

/* Begins a session if a back end has come, and ends it if that is gone. */
void
ends_guest_run(struct ends_guest *guest)
{
    struct frontend *fe = &guest->fe;
    char c;

    if (fe->sock < 0) {
        fe->sock = accept4(guest->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fe->sock < 0 || set_up(guest)) {
            return;
        }
    } else if (recv(fe->sock, &c, sizeof c, MSG_PEEK | MSG_DONTWAIT) < 0
               && errno == EAGAIN) {
        return;
    }
    close(fe->sock);
    fe->sock = -1;
}
