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

#ifndef ZCRX_TEST_CHECK_H
#define ZCRX_TEST_CHECK_H 1

/* What the unit programs share: each is a list of cases, that print a line
 * when they pass, and ends with status 1 where the first check fails. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* What a case is at, if it goes through several of the same kind.  Weak, so
 * that all files of a program have the same one. */
extern const char *check_what;
__attribute__((__weak__)) const char *check_what = "";

#define CHECK(CONDITION)                                                    \
    do {                                                                    \
        if (!(CONDITION)) {                                                 \
            fflush(stdout);                                                 \
            fprintf(stderr, "%s:%d: %s %s\n", __FILE__, __LINE__,           \
                    #CONDITION, check_what);                                \
            exit(EXIT_FAILURE);                                             \
        }                                                                   \
    } while (0)

/* For numbers, so that a failure shows them. */
#define CHECK_EQ(A, B)                                                      \
    do {                                                                    \
        unsigned long long int a__ = (A);                                   \
        unsigned long long int b__ = (B);                                   \
                                                                            \
        if (a__ != b__) {                                                   \
            fflush(stdout);                                                 \
            fprintf(stderr, "%s:%d: %s is %llu, %s is %llu %s\n",           \
                    __FILE__, __LINE__, #A, a__, #B, b__, check_what);      \
            exit(EXIT_FAILURE);                                             \
        }                                                                   \
    } while (0)

#define N_ELEMENTS(ARRAY) (sizeof (ARRAY) / sizeof (ARRAY)[0])

struct test_case {
    const char *name;
    void (*run)(void);
};

static inline int
run_cases(const struct test_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        check_what = "";
        cases[i].run();
        printf("ok %s\n", cases[i].name);
        fflush(stdout);
    }
    return EXIT_SUCCESS;
}

/* Returns the next of a sequence of numbers from 0 to 'n' - 1 that look
 * random and are the same in each run that begins with the same '*state', not
 * 0 (Marsaglia's xorshift64*). */
static inline uint32_t
next_random(uint64_t *state, uint32_t n)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (*state * UINT64_C(0x2545f4914f6cdd1d) >> 32) % n;
}

#endif /* check.h */
