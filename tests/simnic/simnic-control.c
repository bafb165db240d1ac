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

#include "simnic-control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "simnic-util.h"

#define MAX_COMMAND 4096
#define MAX_ANSWER 65536

static char *
socket_error(const char *path)
{
    return simnic_format("%s: %s", path, strerror(errno));
}

/* Makes a socket with the address 'path' in '*un'.  Returns it, or a negative
 * number with 'errno' set. */
static int
make_socket(const char *path, int flags, struct sockaddr_un *un)
{
    *un = (struct sockaddr_un) { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof un->sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(un->sun_path, path);
    return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);
}

/* Listens for commands on 'path', or on nothing if that is NULL.  Returns NULL
 * or an error, the caller's to free. */
char *
simnic_control_init(struct simnic_control *control, const char *path)
{
    struct sockaddr_un un;

    control->path = NULL;
    control->listenfd = control->fd = -1;
    if (!path) {
        return NULL;
    }
    control->listenfd = make_socket(path, SOCK_NONBLOCK, &un);
    if (control->listenfd < 0) {
        return socket_error(path);
    }
    unlink(path);
    if (bind(control->listenfd, (struct sockaddr *) &un, sizeof un)
        || listen(control->listenfd, 8)) {
        return socket_error(path);
    }
    control->path = simnic_strdup(path);
    return NULL;
}

void
simnic_control_destroy(struct simnic_control *control)
{
    if (control->fd >= 0) {
        close(control->fd);
    }
    if (control->path) {
        close(control->listenfd);
        unlink(control->path);
        free(control->path);
    }
}

/* Stores in 'fds', which has room for one, what to wait for before
 * simnic_control_run() has something to do.  Returns how many there are. */
int
simnic_control_fds(const struct simnic_control *control, struct pollfd *fds)
{
    int fd = control->fd >= 0 ? control->fd : control->listenfd;

    fds->fd = fd;
    fds->events = POLLIN;
    return fd >= 0;
}

/* Carries out a command if there is one. */
void
simnic_control_run(struct simnic_control *control,
                   struct simnic_program *program)
{
    char command[MAX_COMMAND];
    ssize_t n;

    if (control->listenfd < 0) {
        return;
    }
    if (control->fd < 0) {
        control->fd = accept4(control->listenfd, NULL, NULL,
                              SOCK_CLOEXEC | SOCK_NONBLOCK);
    }
    if (control->fd < 0) {
        return;
    }
    n = recv(control->fd, command, sizeof command - 1, 0);
    if (n > 0) {
        char *answer;

        command[n] = '\0';
        answer = simnic_command(program, command);
        if (send(control->fd, answer, strlen(answer), MSG_NOSIGNAL) < 0) {
            n = 0;
        }
        free(answer);
    }
    if (!n || (n < 0 && errno != EAGAIN)) {
        close(control->fd);
        control->fd = -1;
    }
}

/* Has the simnic at 'path' carry out 'command' and stores its answer in
 * '*answer'.  Returns NULL or an error.  Both are the caller's to free. */
char *
simnic_control_ask(const char *path, const char *command, char **answer)
{
    char *error = NULL;
    struct sockaddr_un un;
    ssize_t n = 0;
    int fd;

    *answer = simnic_zalloc(1, MAX_ANSWER);
    fd = make_socket(path, 0, &un);
    if (fd < 0 || connect(fd, (struct sockaddr *) &un, sizeof un)
        || send(fd, command, strlen(command), MSG_NOSIGNAL) < 0
        || (n = recv(fd, *answer, MAX_ANSWER - 1, 0)) < 0) {
        error = socket_error(path);
    } else if (!n) {
        errno = ECONNRESET;
        error = socket_error(path);
    }
    if (fd >= 0) {
        close(fd);
    }
    return error;
}
