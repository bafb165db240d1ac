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

/* What unit programs that are not linked with Open vSwitch take of it, as far
 * as all of them are content with the same. */

#include <config.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "connectivity.h"
#include "dp-packet.h"
#include "openvswitch/thread.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"

/* A program may have a time of its own. */
long long int __attribute__((weak))
time_msec(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* And locks that it looks at. */
void __attribute__((weak))
ovs_mutex_lock_at(const struct ovs_mutex *mutex OVS_UNUSED,
                  const char *where OVS_UNUSED)
    OVS_NO_THREAD_SAFETY_ANALYSIS
{
}

void __attribute__((weak))
ovs_mutex_unlock(const struct ovs_mutex *mutex OVS_UNUSED)
    OVS_NO_THREAD_SAFETY_ANALYSIS
{
}

/* Nobody counts the packets that are freed. */
void
dp_packet_uninit(struct dp_packet *packet OVS_UNUSED)
{
}

void
free_cacheline(void *p OVS_UNUSED)
{
}

void
free_dpdk_buf(struct dp_packet *packet OVS_UNUSED)
{
}

void
free_afxdp_buf(struct dp_packet *packet OVS_UNUSED)
{
}

struct seq *
connectivity_seq_get(void)
{
    return NULL;
}

void
vlog(const struct vlog_module *module OVS_UNUSED,
     enum vlog_level level OVS_UNUSED, const char *format OVS_UNUSED, ...)
{
}

void
vlog_rate_limit(const struct vlog_module *module OVS_UNUSED,
                enum vlog_level level OVS_UNUSED,
                struct vlog_rate_limit *rl OVS_UNUSED,
                const char *format OVS_UNUSED, ...)
{
}

void
vlog_insert_module(struct ovs_list *list OVS_UNUSED)
{
}

void
ovs_assert_failure(const char *where, const char *function OVS_UNUSED,
                   const char *condition)
{
    fprintf(stderr, "%s: %s\n", where, condition);
    abort();
}

const char *
ovs_strerror(int error OVS_UNUSED)
{
    return "";
}

void *
xcalloc(size_t n, size_t size)
{
    void *p = calloc(n, size);

    CHECK(p);
    return p;
}

void *
xzalloc(size_t size)
{
    return xcalloc(1, size);
}

char *
xstrdup(const char *s)
{
    char *copy = strdup(s);

    CHECK(copy);
    return copy;
}

char *
xasprintf(const char *format, ...)
{
    va_list args;
    char *s;

    va_start(args, format);
    CHECK(vasprintf(&s, format, args) >= 0);
    va_end(args);
    return s;
}
