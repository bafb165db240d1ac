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

#ifndef ZCRX_FUZZ_H
#define ZCRX_FUZZ_H 1

/* What the fuzzers share: reading the input, and saying what is wrong. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* A condition that must hold whatever the guest does. */
#define ORACLE(CONDITION)                                                   \
    do {                                                                    \
        if (!(CONDITION)) {                                                 \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__,    \
                    #CONDITION);                                            \
            abort();                                                        \
        }                                                                   \
    } while (0)

struct fuzz_input {
    const uint8_t *data;
    size_t left;
};

/* These return 0 when there is nothing left. */
static inline uint8_t
fuzz_u8(struct fuzz_input *in)
{
    if (!in->left) {
        return 0;
    }
    in->left--;
    return *in->data++;
}

static inline uint16_t
fuzz_u16(struct fuzz_input *in)
{
    uint16_t low = fuzz_u8(in);

    return low | fuzz_u8(in) << 8;
}

static inline uint32_t
fuzz_u32(struct fuzz_input *in)
{
    uint32_t low = fuzz_u16(in);

    return low | (uint32_t) fuzz_u16(in) << 16;
}

static inline uint64_t
fuzz_u64(struct fuzz_input *in)
{
    uint64_t low = fuzz_u32(in);

    return low | (uint64_t) fuzz_u32(in) << 32;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif /* fuzz.h */
