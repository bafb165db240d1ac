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

/* A fuzzer for matching frames to slow-path classes: the input is a frame.
 * The quick look at it must agree with the long one, which is had by making
 * the filters let everything through, and no byte beyond the frame may be
 * read. */

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "zcrx-steer.h"

static void
fill(struct zcrx_steer_filter *filter)
{
    memset(filter, 0xff, sizeof *filter);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const lists[] = {
        "arp,nd,dhcp,dhcpv6,lldp,lacp,bfd,metadata,udp-dst=53,tcp-dst=80",
        "mcast,ethertype=0x8100,ip-dst=10.0.0.0/7,ip-dst=2000::/3",
        "tcp-dst=80",
        "nd",
        "ip-dst=0.0.0.0/0",
    };
    uint8_t *frame = malloc(size ? size : 1);

    if (!frame) {
        return 0;
    }
    memcpy(frame, data, size);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct zcrx_steer steer, slow;
        int class;

        ORACLE(!zcrx_steer_parse(&steer, lists[i]));
        slow = steer;
        slow.any_group = slow.any_l3 = slow.any_nd = true;
        fill(&slow.ethertypes);
        fill(&slow.ipv4);
        fill(&slow.ipv6);
        fill(&slow.ports[0]);
        fill(&slow.ports[1]);
        class = zcrx_steer_classify(&steer, frame, size);
        ORACLE(class == zcrx_steer_classify(&slow, frame, size));
        ORACLE(class >= ZCRX_STEER_NONE && class < steer.n_classes);
    }
    free(frame);
    return 0;
}
