#! /usr/bin/python3
#
# Copyright (c) 2026 The dpdkzcrx authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at:
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Drives simnic by hand: sets up a receive ring, gives it one buffer, and
breaks a rule, or keeps all of them.

What it prints says how that ended: "refused" if the device hung up, otherwise
"accepted".
"""

import argparse
import ctypes
import mmap
import os
import select
import signal
import socket
import struct
import sys

RING_SIZE = 8
PAGE = mmap.PAGESIZE
BUFFER_LEN = 2048

# Offsets in the memory.
DESC, AVAIL, USED, BUFFER = 0, PAGE, 2 * PAGE, 3 * PAGE
MEMORY_LEN = 5 * PAGE

VERSION_1 = 1 << 32
PROTOCOL_FEATURES = 1 << 30

(GET_FEATURES, SET_FEATURES, SET_OWNER, SET_VRING_NUM, SET_VRING_ADDR,
 SET_VRING_BASE, GET_VRING_BASE, SET_VRING_KICK,
 SET_VRING_ENABLE) = (1, 2, 3, 8, 9, 10, 11, 12, 18)

F_NEXT, F_WRITE, F_INDIRECT = 1, 2, 4

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int,
                      ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


class Refused(Exception):
    pass


def map_memory(fd, length, prot=mmap.PROT_READ | mmap.PROT_WRITE):
    flags = (mmap.MAP_SHARED if fd >= 0
             else mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return libc.mmap(None, length, prot, flags, fd, 0)


def new_file(length):
    fd = os.memfd_create("driver")
    os.ftruncate(fd, length)
    return fd


class Driver(object):
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.memory = map_memory(new_file(MEMORY_LEN), MEMORY_LEN)
        self.kick = os.eventfd(0, os.EFD_NONBLOCK)

    def send(self, request, payload=b"", fds=()):
        header = struct.pack("<III", request, 1, len(payload))
        try:
            socket.send_fds(self.sock, [header + payload], list(fds))
        except (BrokenPipeError, ConnectionResetError):
            raise Refused()

    def ask(self, request, payload=b""):
        self.send(request, payload)
        try:
            answer = self.sock.recv(12)
        except ConnectionResetError:
            raise Refused()
        if len(answer) < 12:
            raise Refused()
        return self.sock.recv(struct.unpack("<III", answer)[2])

    def write(self, offset, data):
        ctypes.memmove(self.memory + offset, data, len(data))

    def read(self, offset, length):
        return ctypes.string_at(self.memory + offset, length)

    def describe(self, i, addr, length, flags=F_WRITE, next_=0):
        self.write(DESC + 16 * i, struct.pack("<QIHH", addr, length, flags,
                                              next_))

    def offer(self, index, head=0):
        self.write(AVAIL + 4, struct.pack("<H", head))
        self.write(AVAIL + 2, struct.pack("<H", index))

    def start(self, rings=None, number=RING_SIZE):
        rings = rings or self.memory
        features, = struct.unpack("<Q", self.ask(GET_FEATURES))
        self.send(SET_OWNER)
        self.send(SET_FEATURES,
                  struct.pack("<Q", features & (VERSION_1
                                                | PROTOCOL_FEATURES)))
        self.send(SET_VRING_NUM, struct.pack("<II", 0, number))
        self.send(SET_VRING_BASE, struct.pack("<II", 0, 0))
        self.send(SET_VRING_ADDR,
                  struct.pack("<IIQQQQ", 0, 0, rings + DESC, rings + USED,
                              rings + AVAIL, 0))
        self.send(SET_VRING_KICK, struct.pack("<Q", 0), [self.kick])
        self.send(SET_VRING_ENABLE, struct.pack("<II", 0, 1))

    def notify(self):
        os.eventfd_write(self.kick, 1)

    def stop(self):
        self.ask(GET_VRING_BASE, struct.pack("<II", 0, 0))

    def n_used(self):
        return struct.unpack("<H", self.read(USED + 2, 2))[0]

    def settle(self):
        """Returns after the device has looked at its rings."""
        for _ in range(3):
            self.ask(GET_FEATURES)

    def is_refused(self, timeout=0):
        ready, _, _ = select.select([self.sock], [], [], timeout)
        if not ready:
            return False
        try:
            return not self.sock.recv(1)
        except ConnectionResetError:
            return True

    def wait(self):
        """Waits until something has come of it."""
        while not self.n_used():
            if self.is_refused(0.01):
                raise Refused()


def legal(driver):
    driver.describe(0, driver.memory + BUFFER, BUFFER_LEN)
    driver.start()
    driver.offer(1)
    driver.notify()
    driver.wait()


def bad_address(driver, addr, length=BUFFER_LEN):
    driver.describe(0, addr, length)
    driver.start()
    driver.offer(1)
    driver.notify()
    driver.wait()


def unmapped(driver):
    addr = map_memory(-1, PAGE)
    libc.munmap(addr, PAGE)
    bad_address(driver, addr)


def private(driver):
    bad_address(driver, map_memory(-1, PAGE))


def read_only(driver):
    bad_address(driver, map_memory(new_file(PAGE), PAGE, mmap.PROT_READ))


def beyond_end(driver):
    bad_address(driver, driver.memory + MEMORY_LEN - BUFFER_LEN,
                BUFFER_LEN + 1)


def wraps(driver):
    bad_address(driver, 2 ** 64 - 16)


def revoked(driver):
    """Takes away memory that the device has a descriptor for."""
    addr = map_memory(new_file(PAGE), PAGE)
    driver.describe(0, addr, BUFFER_LEN)
    driver.start()
    driver.offer(1)
    driver.settle()
    libc.munmap(addr, PAGE)
    driver.notify()
    driver.wait()


def replaced(driver):
    """Puts other memory where the device has a descriptor for some."""
    addr = map_memory(new_file(PAGE), PAGE)
    driver.describe(0, addr, BUFFER_LEN)
    driver.start()
    driver.offer(1)
    driver.settle()
    libc.mmap(addr, PAGE, mmap.PROT_READ | mmap.PROT_WRITE,
              mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x10, -1, 0)
    driver.notify()
    driver.wait()


def ring_revoked(driver):
    """Takes away the ring itself."""
    driver.describe(0, driver.memory + BUFFER, BUFFER_LEN)
    driver.start()
    driver.settle()
    libc.munmap(driver.memory, MEMORY_LEN)
    while not driver.is_refused(0.01):
        pass
    raise Refused()


def ring_unmapped(driver):
    addr = map_memory(-1, MEMORY_LEN)
    driver.start(rings=addr)
    driver.wait()


def direction(driver):
    driver.describe(0, driver.memory + BUFFER, BUFFER_LEN, 0)
    driver.start()
    driver.offer(1)
    driver.notify()
    driver.wait()


def indirect(driver):
    driver.describe(0, driver.memory + BUFFER, 16, F_INDIRECT | F_WRITE)
    driver.start()
    driver.offer(1)
    driver.notify()
    driver.wait()


def loop(driver):
    driver.describe(0, driver.memory + BUFFER, 64, F_NEXT | F_WRITE)
    driver.start()
    driver.offer(1)
    driver.notify()
    driver.wait()


def head(driver):
    driver.start()
    driver.offer(1, RING_SIZE)
    driver.notify()
    driver.wait()


def index(driver):
    driver.start()
    driver.offer(RING_SIZE + 1)
    driver.notify()
    driver.wait()


def size(driver):
    driver.start(number=RING_SIZE - 1)
    driver.wait()


def stopped(driver):
    """Takes memory away after having told the device to stop."""
    addr = map_memory(new_file(PAGE), PAGE)
    driver.describe(0, addr, BUFFER_LEN)
    driver.start()
    driver.offer(1)
    driver.settle()
    driver.stop()
    libc.munmap(addr, PAGE)
    driver.settle()


def killed(driver):
    """Ends without a word."""
    driver.describe(0, driver.memory + BUFFER, BUFFER_LEN)
    driver.start()
    driver.offer(1)
    driver.settle()
    os.kill(os.getpid(), signal.SIGKILL)


CASES = (legal, unmapped, private, read_only, beyond_end, wraps, revoked,
         replaced, ring_revoked, ring_unmapped, direction, indirect, loop,
         head, index, size, stopped, killed)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("socket")
    parser.add_argument("case", choices=[case.__name__ for case in CASES])
    args = parser.parse_args()
    driver = Driver(args.socket)
    try:
        globals()[args.case](driver)
        print("accepted")
    except Refused:
        print("refused")
    return 0


if __name__ == "__main__":
    sys.exit(main())
