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

#ifndef SIMNIC_CONTROL_H
#define SIMNIC_CONTROL_H 1

/* The socket through which a running simnic is told what to do: a packet holds
 * a command, the packet that comes back the answer. */

#include <poll.h>
#include "simnic-command.h"

struct simnic_control {
    char *path;
    int listenfd;
    int fd;                     /* Of the one client at a time. */
};

char *simnic_control_init(struct simnic_control *, const char *path);
void simnic_control_destroy(struct simnic_control *);
int simnic_control_fds(const struct simnic_control *, struct pollfd *);
void simnic_control_run(struct simnic_control *, struct simnic_program *);

char *simnic_control_ask(const char *path, const char *command,
                         char **answer);

#endif /* simnic-control.h */
