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

/* Sends to another such program, and looks whether all that comes from there
 * is as it was sent.
 *
 *     stream [--listen] ADDRESS STATUS
 *
 * Datagrams are numbered, and their numbers say how long they are and what is
 * in them; they come without a checksum of UDP, so that nobody drops those
 * that were altered.  Each byte of a connection is known by its place.  One of
 * the two programs listens for the connection.
 *
 * What was counted is kept in the file STATUS, as JSON.  On SIGUSR1, begins to
 * look anew for the longest time without a datagram. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define UDP_PORT 7000
#define TCP_PORT 7001

/* The largest that needs no fragments. */
#define MAX_DATAGRAM 1472

/* Milliseconds between two datagrams, and how many bytes the connection gets
 * with each. */
#define INTERVAL 2
#define CHUNK 4096

/* Milliseconds between two updates of the status. */
#define STATUS_INTERVAL 100

static uint64_t udp_sent, udp_received, udp_altered, udp_next, udp_late;
static uint64_t tcp_sent, tcp_received, tcp_altered;
static uint64_t last_datagram, longest_gap;
static volatile sig_atomic_t restart;

static void __attribute__((__noreturn__))
fail(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

/* Milliseconds. */
static uint64_t
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * UINT64_C(1000) + t.tv_nsec / 1000000;
}

/* Returns a number that depends on each bit of 'x' (the end of
 * MurmurHash3). */
static uint64_t
mix(uint64_t x)
{
    x ^= x >> 33;
    x *= UINT64_C(0xff51afd7ed558ccd);
    x ^= x >> 33;
    x *= UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ x >> 33;
}

/* Compares the 'len' bytes at 'p' with those at 'offset' of stream 'stream',
 * or makes them the same if 'write' is true.  Returns whether they are. */
static bool
match(uint8_t *p, uint64_t stream, uint64_t offset, size_t len, bool write)
{
    uint64_t word = 0;

    for (size_t i = 0; i < len; i++) {
        uint64_t at = offset + i;

        if (!i || !(at % 8)) {
            word = mix(stream << 40 ^ at / 8);
        }
        if (write) {
            p[i] = word >> at % 8 * 8;
        } else if (p[i] != (uint8_t) (word >> at % 8 * 8)) {
            return false;
        }
    }
    return true;
}

/* Returns the length of datagram 'n'. */
static size_t
datagram_len(uint64_t n)
{
    return sizeof n + mix(n) % (MAX_DATAGRAM - sizeof n + 1);
}

static int
open_udp(struct in_addr peer)
{
    struct sockaddr_in sin = { .sin_family = AF_INET,
                               .sin_port = htons(UDP_PORT) };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    int on = 1;

    if (fd < 0 || bind(fd, (struct sockaddr *) &sin, sizeof sin)) {
        fail("UDP");
    }
    sin.sin_addr = peer;
    if (connect(fd, (struct sockaddr *) &sin, sizeof sin)
        || setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &on, sizeof on)) {
        fail("UDP");
    }
    return fd;
}

/* Waits for the other program. */
static int
open_tcp(struct in_addr peer, bool must_listen)
{
    struct sockaddr_in sin = { .sin_family = AF_INET,
                               .sin_port = htons(TCP_PORT) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1;

    if (fd < 0) {
        fail("TCP");
    }
    if (must_listen) {
        int listener = fd;

        if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on)
            || bind(listener, (struct sockaddr *) &sin, sizeof sin)
            || listen(listener, 1)) {
            fail("TCP");
        }
        fd = accept(listener, NULL, NULL);
        close(listener);
        if (fd < 0) {
            fail("TCP");
        }
    } else {
        sin.sin_addr = peer;
        while (connect(fd, (struct sockaddr *) &sin, sizeof sin)) {
            poll(NULL, 0, 100);
        }
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void
send_some(int udp, int tcp)
{
    static uint8_t buffer[MAX_DATAGRAM > CHUNK ? MAX_DATAGRAM : CHUNK];
    size_t len = datagram_len(udp_sent);
    ssize_t n;

    memcpy(buffer, &udp_sent, sizeof udp_sent);
    match(buffer + sizeof udp_sent, udp_sent + 1, 0, len - sizeof udp_sent,
          true);
    if (send(udp, buffer, len, 0) == len) {
        udp_sent++;
    }
    match(buffer, 0, tcp_sent, CHUNK, true);
    n = send(tcp, buffer, CHUNK, MSG_NOSIGNAL);
    if (n > 0) {
        tcp_sent += n;
    } else if (!n || (errno != EAGAIN && errno != EINTR)) {
        fail("TCP");
    }
}

static void
receive_datagrams(int udp)
{
    uint8_t buffer[MAX_DATAGRAM + 1];
    ssize_t len;

    while ((len = recv(udp, buffer, sizeof buffer, 0)) >= 0) {
        uint64_t t = now();
        uint64_t number;

        if (last_datagram && t - last_datagram > longest_gap) {
            longest_gap = t - last_datagram;
        }
        last_datagram = t;
        memcpy(&number, buffer, sizeof number);
        udp_received++;
        if (len < sizeof number || len != datagram_len(number)
            || !match(buffer + sizeof number, number + 1, 0,
                      len - sizeof number, false)) {
            udp_altered++;
        } else if (number < udp_next) {
            udp_late++;
        } else {
            udp_next = number + 1;
        }
    }
}

static void
receive_bytes(int tcp)
{
    uint8_t buffer[65536];
    ssize_t len;

    while ((len = recv(tcp, buffer, sizeof buffer, 0)) > 0) {
        tcp_altered += !match(buffer, 0, tcp_received, len, false);
        tcp_received += len;
    }
    if (!len || (errno != EAGAIN && errno != EINTR)) {
        fail("TCP");
    }
}

/* Always writes the same number of bytes, so that a reader sees a whole
 * object. */
static void
write_status(int fd)
{
    char line[512];
    int n = snprintf(line, sizeof line,
                     "{\"udp_sent\": %"PRIu64", \"udp_received\": %"PRIu64", "
                     "\"udp_altered\": %"PRIu64", \"udp_next\": %"PRIu64", "
                     "\"udp_late\": %"PRIu64", \"tcp_sent\": %"PRIu64", "
                     "\"tcp_received\": %"PRIu64", \"tcp_altered\": %"PRIu64
                     ", \"gap\": %"PRIu64"}", udp_sent, udp_received,
                     udp_altered, udp_next, udp_late, tcp_sent, tcp_received,
                     tcp_altered, longest_gap);

    memset(line + n, ' ', sizeof line - 1 - n);
    line[sizeof line - 1] = '\n';
    if (pwrite(fd, line, sizeof line, 0) != sizeof line) {
        fail("status");
    }
}

static void
on_signal(int number)
{
    (void) number;
    restart = 1;
}

int
main(int argc, char *argv[])
{
    bool must_listen = argc > 1 && !strcmp(argv[1], "--listen");
    uint64_t next_send = 0, next_status = 0;
    int udp, tcp, status;
    struct in_addr peer;

    argv += must_listen;
    argc -= must_listen;
    if (argc != 3 || !inet_aton(argv[1], &peer)) {
        fprintf(stderr, "usage: stream [--listen] ADDRESS STATUS\n");
        return EXIT_FAILURE;
    }
    signal(SIGUSR1, on_signal);
    status = open(argv[2], O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (status < 0) {
        fail(argv[2]);
    }
    udp = open_udp(peer);
    tcp = open_tcp(peer, must_listen);
    for (;;) {
        struct pollfd fds[] = {
            { .fd = udp, .events = POLLIN },
            { .fd = tcp, .events = POLLIN },
        };

        poll(fds, 2, INTERVAL);
        if (restart) {
            restart = 0;
            longest_gap = 0;
            last_datagram = 0;
        }
        receive_datagrams(udp);
        receive_bytes(tcp);
        if (now() >= next_send) {
            next_send = now() + INTERVAL;
            send_some(udp, tcp);
        }
        if (now() >= next_status) {
            next_status = now() + STATUS_INTERVAL;
            write_status(status);
        }
    }
}
