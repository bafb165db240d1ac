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

#include "simnic-util.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void *
must(void *p)
{
    if (!p) {
        abort();
    }
    return p;
}

void *
simnic_zalloc(size_t n, size_t size)
{
    return must(calloc(n ? n : 1, size));
}

void *
simnic_realloc(void *p, size_t size)
{
    return must(realloc(p, size));
}

char *
simnic_strdup(const char *s)
{
    return must(strdup(s));
}

char *
simnic_format(const char *format, ...)
{
    va_list args;
    char *s;

    va_start(args, format);
    if (vasprintf(&s, format, args) < 0) {
        s = NULL;
    }
    va_end(args);
    return must(s);
}
