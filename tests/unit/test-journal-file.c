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

/* The file of a port's journals, on a file system with little room. */

#include <config.h>

#include "zcrx-journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "dirs.h"
#include "util.h"
#include "zcrx-vhost.h"

static char dir[] = "/tmp/test-journal-file.XXXXXX";
static unsigned int room;       /* Journals that there is room for. */

int
posix_fallocate(int fd, off_t start, off_t len)
{
    if (!room) {
        return ENOSPC;
    }
    room--;
    CHECK(!ftruncate(fd, start + len));
    return 0;
}

const char *
ovs_rundir(void)
{
    return dir;
}

static void
test_no_room(void)
{
    struct zcrx_guest guest;
    struct zcrx_vring_config *rx = &guest.pairs[0].rx;
    struct zcrx_vring_config *tx = &guest.pairs[0].tx;
    struct zcrx_vring_journal *journal;
    char *path;

    memset(&guest, 0, sizeof guest);
    guest.n_queue_pairs = 1;
    rx->size = tx->size = 256;
    CHECK(mkdtemp(dir));
    path = xasprintf("%s/dpdkzcrx-port.journal", dir);

    zcrx_journal_map("port", &guest, 0);
    CHECK(!rx->journal && !tx->journal);

    /* What is mapped stays as it is, however often the port tries. */
    room = 1;
    zcrx_journal_map("port", &guest, 0);
    journal = rx->journal;
    CHECK(journal && !tx->journal);
    room = 1;
    zcrx_journal_map("port", &guest, 0);
    CHECK(rx->journal == journal && tx->journal);
    zcrx_journal_unmap(&guest);
    CHECK(!rx->journal && !tx->journal);

    CHECK(!unlink(path));
    CHECK(!rmdir(dir));
    free(path);
}

int
main(void)
{
    static const struct test_case cases[] = {
        { "no room", test_no_room },
    };

    return run_cases(cases, N_ELEMENTS(cases));
}
