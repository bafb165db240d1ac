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

/* A guest that goes on writing to buffers which it has given away.
 *
 *     rewrite SOCKET SECONDS
 *
 * Listens on SOCKET for the port, which is the client.  Offers buffers in both
 * directions, and all the time changes the source addresses of the frames in
 * all of them, between 02:00:00:00:00:01 and 02:00:00:00:00:02, wherever these
 * buffers may be.  Prints how many came back, in each direction. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "frontend.h"

#define REGION_SIZE (1 << 20)
#define BUF_LEN 2048
#define N_BUFS 128              /* Of each virtqueue. */
#define HEADER 12
#define FRAME 60

static struct frontend fe;

static void
die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static uint8_t *
source(unsigned int i)
{
    return fe.mem[1] + i * BUF_LEN + HEADER + 6;
}

static void
offer(unsigned int vq, uint16_t i)
{
    frontend_offer(&fe.vqs[vq], i, (struct vring_desc) {
        .addr = fe.gpa[1] + (vq * N_BUFS + i) * BUF_LEN,
        .len = vq ? HEADER + FRAME : BUF_LEN,
        .flags = vq ? 0 : VRING_DESC_F_WRITE,
    });
}

int
main(int argc, char *argv[])
{
    static const size_t sizes[FRONTEND_N_REGIONS] = { REGION_SIZE,
                                                      REGION_SIZE };
    unsigned int n[2] = { 0, 0 };
    uint64_t end;
    int fd;

    if (argc != 3 || !frontend_init(&fe, sizes, false)) {
        die("rewrite");
    }
    fd = frontend_listen(argv[1]);
    fe.sock = accept(fd, NULL, NULL);
    /* VERSION_1 and the protocol features. */
    if (fe.sock < 0
        || !frontend_negotiate(&fe, UINT64_C(1) << 32 | UINT64_C(1) << 30)
        || !frontend_set_up(&fe, N_BUFS)) {
        die("set-up");
    }
    for (unsigned int i = 0; i < 2 * N_BUFS; i++) {
        memcpy(source(i) - 6, "\x02\0\0\0\0\x03\x02\0\0\0\0\x01\x88\xb5", 14);
        offer(i / N_BUFS, i % N_BUFS);
    }
    end = frontend_now() + strtoul(argv[2], NULL, 10) * 1000;
    while (frontend_now() < end) {
        for (unsigned int i = 0; i < 2 * N_BUFS; i++) {
            static const uint8_t tail[2] = { 1, 2 };

            memcpy(source(i), "\x02\0\0\0", 5);
            *(volatile uint8_t *) (source(i) + 5) = tail[frontend_rnd(2)];
        }
        for (unsigned int vq = 0; vq < 2; vq++) {
            uint32_t len;
            uint16_t id;

            while (frontend_collect(&fe.vqs[vq], &id, &len)) {
                offer(vq, id);
                n[vq]++;
            }
        }
    }
    printf("%u %u\n", n[0], n[1]);
    return 0;
}
