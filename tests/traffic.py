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

"""Makes, counts, awaits and compares captures of test traffic.

Captures are classic pcap files, in either byte order and with microseconds or
nanoseconds, which is what DPDK's net_pcap driver reads and writes.
"""

import argparse
import bisect
import collections
import json
import random
import struct
import sys
import time

MIN_FRAME = 60
MAX_FRAME = 1514

# The number of the frame is stamped into the low bytes of the source MAC
# address and, as a word and its complement, into the last bytes of the
# payload.  Neither changes a checksum: the first is covered by none and the
# second always adds up to the same one's complement sum.
STAMP_TAIL = struct.Struct(">II")

PCAP_HEADER = 24
PCAP_RECORD = 16
PCAP_MAGICS = {
    b"\xd4\xc3\xb2\xa1": "<",
    b"\xa1\xb2\xc3\xd4": ">",
    b"\x4d\x3c\xb2\xa1": "<",
    b"\xa1\xb2\x3c\x4d": ">",
}
ETHERNET = 1


class TrafficError(Exception):
    pass


class Kind(object):
    """One kind of frame: its headers and the room for a payload.

    'build' returns the headers as a scapy packet, 'sender' is the offset of a
    further copy of the source MAC address (in ARP), if there is one.
    """
    def __init__(self, name, build, min_size, sender=None):
        self.name = name
        self.build = build
        self.min_size = min_size
        self.sender = sender


def frame_kinds():
    # Scapy takes a moment to import and only 'make' needs it.
    from scapy.layers.inet import ICMP, IP, TCP, UDP
    from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
    from scapy.layers.l2 import ARP, Dot1Q, Ether

    def ether(dst="52:54:00:00:00:01"):
        return Ether(dst=dst, src="02:00:00:00:00:00")

    def ip():
        return IP(src="192.0.2.1", dst="198.51.100.2", id=0x2026)

    def ip6():
        return IPv6(src="2001:db8::1", dst="2001:db8:1::2")

    def arp():
        return ARP(hwsrc="02:00:00:00:00:00", psrc="192.0.2.1",
                   pdst="192.0.2.2")

    def udp():
        return UDP(sport=1024, dport=9)

    def tcp():
        return TCP(sport=1024, dport=9, seq=1, ack=1, flags="PA")

    def vlan():
        return Dot1Q(vlan=42, prio=3)

    def kind(name, build, sender=None):
        return Kind(name, build, len(build()) + STAMP_TAIL.size, sender)

    broadcast = "ff:ff:ff:ff:ff:ff"
    return [
        kind("arp", lambda: ether(broadcast) / arp(), 22),
        kind("ipv4-icmp", lambda: ether() / ip() / ICMP()),
        kind("ipv4-tcp", lambda: ether() / ip() / tcp()),
        kind("ipv4-udp", lambda: ether() / ip() / udp()),
        kind("ipv6-icmp", lambda: ether("33:33:00:00:00:02") / ip6()
             / ICMPv6EchoRequest()),
        kind("ipv6-tcp", lambda: ether() / ip6() / tcp()),
        kind("ipv6-udp", lambda: ether() / ip6() / udp()),
        kind("vlan-arp", lambda: ether(broadcast) / vlan() / arp(), 26),
        kind("vlan-ipv4-udp", lambda: ether() / vlan() / ip() / udp()),
        kind("vlan-ipv6-tcp", lambda: ether() / vlan() / ip6() / tcp()),
    ]


def make_frames(n_frames, seed, templates=None):
    """Yields 'n_frames' frames.  All kinds take turns, and so do all lengths
    in an order that 'seed' shuffles.  ARP is always padded to the minimum,
    which is the only length that it has on a wire.

    Most of the time goes into one template for each kind and length: several
    calls can share them in a dictionary 'templates'."""
    from scapy.packet import Raw

    rand = random.Random(seed)
    kinds = frame_kinds()
    lengths = list(range(MIN_FRAME, MAX_FRAME + 1))
    rand.shuffle(lengths)
    noise = rand.randbytes(2 * MAX_FRAME)

    def template(kind, length):
        payload = length - kind.min_size
        start = rand.randrange(MAX_FRAME)
        data = (noise[start:start + payload] + STAMP_TAIL.pack(0, 0xffffffff))
        return bytes(kind.build() / Raw(data))

    if templates is None:
        templates = {}
    next_length = 0
    for number in range(n_frames):
        kind = kinds[number % len(kinds)]
        if kind.sender is not None:
            length = MIN_FRAME
        else:
            length = lengths[next_length % len(lengths)]
            next_length += 1
            # Short frames have no room for the headers of some kinds.
            if length < kind.min_size:
                kind = kinds[3]
        frame = templates.get((kind.name, length))
        if frame is None:
            frame = templates[(kind.name, length)] = template(kind, length)
        frame = bytearray(frame)
        mac = bytes((2, seed & 0xff)) + struct.pack(">I", number)
        frame[6:12] = mac
        if kind.sender is not None:
            frame[kind.sender:kind.sender + 6] = mac
        STAMP_TAIL.pack_into(frame, len(frame) - STAMP_TAIL.size,
                             number, number ^ 0xffffffff)
        yield frame


def write_capture(path, frames):
    n_frames = n_bytes = 0
    record = struct.Struct("<IIII")
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535,
                            ETHERNET))
        for frame in frames:
            size = len(frame)
            f.write(record.pack(n_frames // 1000000, n_frames % 1000000,
                                size, size))
            f.write(frame)
            n_frames += 1
            n_bytes += size
    return n_frames, n_bytes


class Capture(object):
    """Reads a capture that may still be written to: each call of 'read'
    returns the frames that were completed since the last one."""
    def __init__(self, path):
        self.path = path
        self.file = None
        self.rest = b""
        self.record = None
        self.n_frames = 0

    def _open(self):
        try:
            f = open(self.path, "rb")
        except FileNotFoundError:
            return False
        header = f.read(PCAP_HEADER)
        if len(header) < PCAP_HEADER:
            f.close()
            return False
        order = PCAP_MAGICS.get(header[:4])
        if not order:
            raise TrafficError("%s: not a pcap file" % self.path)
        if struct.unpack_from(order + "I", header, 20)[0] != ETHERNET:
            raise TrafficError("%s: not a capture of Ethernet frames"
                               % self.path)
        self.file = f
        self.record = struct.Struct(order + "II")
        return True

    def read(self):
        if not self.file and not self._open():
            return []
        data = self.rest + self.file.read()
        unpack = self.record.unpack_from
        frames = []
        offset = 0
        while offset + PCAP_RECORD <= len(data):
            captured, length = unpack(data, offset + 8)
            end = offset + PCAP_RECORD + captured
            if end > len(data):
                break
            if captured != length:
                raise TrafficError("%s: frame %d was cut from %d to %d bytes"
                                   % (self.path, self.n_frames + len(frames),
                                      length, captured))
            frames.append(data[offset + PCAP_RECORD:end])
            offset = end
        self.rest = data[offset:]
        self.n_frames += len(frames)
        return frames

    def read_all(self):
        frames = self.read()
        if not self.file:
            raise TrafficError("%s: no capture" % self.path)
        if self.rest:
            raise TrafficError("%s: ends in the middle of a frame"
                               % self.path)
        return frames


def longest_increasing(numbers):
    """Returns the length of the longest increasing subsequence."""
    tails = []
    for number in numbers:
        at = bisect.bisect_left(tails, number)
        tails[at:at + 1] = [number]
    return len(tails)


def compare_frames(sent, received):
    """Compares two lists of frames and counts the differences.

    Each frame of 'received' is one of 'sent' (possibly reordered), a further
    copy of one (duplicated), an altered version of one that is missing
    otherwise (it has the same source MAC address, which numbers the frames),
    or an extra one."""
    places = collections.defaultdict(collections.deque)
    for i, frame in enumerate(sent):
        places[frame].append(i)

    order = []
    unknown = []
    duplicated = 0
    for frame in received:
        place = places.get(frame)
        if place is None:
            unknown.append(frame)
        elif place:
            order.append(place.popleft())
        else:
            duplicated += 1

    missing = collections.Counter()
    for frame, place in places.items():
        missing[frame[6:12]] += len(place)
    altered = 0
    for frame in unknown:
        if missing[frame[6:12]] > 0:
            missing[frame[6:12]] -= 1
            altered += 1

    return {"sent": len(sent),
            "received": len(received),
            "identical": len(order),
            "missing": sum(missing.values()),
            "extra": len(unknown) - altered,
            "altered": altered,
            "reordered": len(order) - longest_increasing(order),
            "duplicated": duplicated}


def differences(result):
    """Returns how many differences 'result' of compare_frames() has."""
    return sum(result[what] for what in ("missing", "extra", "altered",
                                         "reordered", "duplicated"))


def describe_result(result):
    return ", ".join("%s %d" % item for item in result.items())


def compare(args):
    result = compare_frames(Capture(args.sent).read_all(),
                            Capture(args.received).read_all())
    print(json.dumps(result) if args.json else describe_result(result))
    return 1 if differences(result) else 0


def make(args):
    n_frames, n_bytes = write_capture(args.file,
                                      make_frames(args.frames, args.seed))
    print("%s: %d frames, %d bytes" % (args.file, n_frames, n_bytes))
    return 0


def kind_of(frame):
    """Names the protocols of 'frame' as far as the kinds that 'make' makes
    differ."""
    name = ""
    at = 12
    if frame[at:at + 2] == b"\x81\x00":
        name = "vlan-"
        at += 4
    ethertype = frame[at:at + 2]
    if ethertype == b"\x08\x06":
        return name + "arp"
    protocols = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp"}
    if ethertype == b"\x08\x00":
        return name + "ipv4-" + protocols.get(frame[at + 11], "other")
    if ethertype == b"\x86\xdd":
        return name + "ipv6-" + protocols.get(frame[at + 8], "other")
    return name + "other"


def describe(args):
    frames = Capture(args.file).read_all()
    lengths = [len(frame) for frame in frames]
    print("frames %d" % len(frames))
    print("bytes %d" % sum(lengths))
    if frames:
        print("lengths %d to %d, %d different"
              % (min(lengths), max(lengths), len(set(lengths))))
    kinds = collections.Counter(kind_of(frame) for frame in frames)
    for name in sorted(kinds):
        print("%s %d" % (name, kinds[name]))
    return 0


def count(args):
    capture = Capture(args.file)
    capture.read()
    print(capture.n_frames)
    return 0


def wait(args):
    """Waits until the capture has as many frames as asked for.  It gives up
    only when nothing more has come for a while, so that a slow machine is not
    a failure."""
    capture = Capture(args.file)
    last_frame = time.monotonic()
    while True:
        if capture.read():
            last_frame = time.monotonic()
            if args.progress:
                print(capture.n_frames, flush=True)
        if capture.n_frames >= args.frames:
            return 0
        if time.monotonic() - last_frame > args.idle:
            print("%s: %d of %d frames, none for %d s"
                  % (args.file, capture.n_frames, args.frames, args.idle),
                  file=sys.stderr)
            return 1
        time.sleep(0.05)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)

    verb = verbs.add_parser(
        "make", help="make a capture of ARP, IPv4, IPv6, TCP, UDP and VLAN "
        "frames of %d to %d bytes" % (MIN_FRAME, MAX_FRAME))
    verb.add_argument("--frames", type=int, default=100000)
    verb.add_argument("--seed", type=int, default=0,
                      help="another seed makes other frames")
    verb.add_argument("file")
    verb.set_defaults(run=make)

    verb = verbs.add_parser(
        "compare", help="compare frames byte for byte and in order; "
        "the exit status is 0 if all are the same")
    verb.add_argument("--json", action="store_true")
    verb.add_argument("sent")
    verb.add_argument("received")
    verb.set_defaults(run=compare)

    verb = verbs.add_parser("describe", help="show what a capture has")
    verb.add_argument("file")
    verb.set_defaults(run=describe)

    verb = verbs.add_parser("count", help="print the number of frames")
    verb.add_argument("file")
    verb.set_defaults(run=count)

    verb = verbs.add_parser(
        "wait", help="wait until a capture that is being written has so "
        "many frames")
    verb.add_argument("--frames", type=int, required=True)
    verb.add_argument("--idle", type=float, default=120, metavar="SECONDS",
                      help="give up when no frame comes for this long")
    verb.add_argument("--progress", action="store_true",
                      help="print the number of frames as it grows")
    verb.add_argument("file")
    verb.set_defaults(run=wait)

    args = parser.parse_args()
    try:
        return args.run(args)
    except (OSError, TrafficError) as error:
        print("%s: %s" % (parser.prog, error), file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
