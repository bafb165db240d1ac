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

"""What is tried of the slow path on a VF whose driver knows rte_flow, see
host.py: that the VF matches classes, and software does not."""

import re
import socket
import struct
import threading
import time

import host
import linux
from linux_cases import expect, wait_until

# Two Ethertypes that are for experiments (IEEE 802), and others.
SLOW_TYPE, OTHER_TYPE = 0x88b5, 0x88b6
LLDP, IPV4, IPV6 = 0x88cc, 0x0800, 0x86dd

LLDP_MAC = "01:80:c2:00:00:0e"
ADDRESSES = {IPV4: b"\x0a\x01\x01\x02", IPV6: b"\xfd" + bytes(14) + b"\x02"}


class Sender(object):
    """Sends frames to the guest from the wire's side."""
    def __init__(self, rig):
        self.guest_mac = rig.guest_mac
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind((rig.wire_device, 0))
        self.n = 0

    def close(self):
        self.socket.close()

    def send(self, ethertype, payload=b"", to=None, tag=b""):
        self.socket.send(
            bytes.fromhex((to or self.guest_mac).replace(":", ""))
            + b"\x02\0\0\0\0\x99" + tag + struct.pack("!H", ethertype)
            + payload.ljust(60, b"\0"))
        self.n += 1
        # A guest that is emulated is slow.
        time.sleep(0.005)


def udp(port):
    """Returns an IPv4 packet for a UDP port."""
    return (struct.pack("!BxHxxxxBBxx", 0x45, 60, 64, 17) + b"\x0a\x01\x01\x01"
            + ADDRESSES[IPV4] + struct.pack("!HHHxx", 9, port, 40))


def neighbor_solicitation():
    return (struct.pack("!IHBB", 6 << 28, 24, 58, 255) + bytes(16)
            + ADDRESSES[IPV6] + struct.pack("!B7x", 135) + ADDRESSES[IPV6])


N_FRAMES = 20

# Classes of the slow path, where they are matched if the VF is a tap, and
# arguments of Sender.send() for a frame of each.
TAG = struct.pack("!HH", 0x8100, linux.VLAN)
CLASSES = {
    "arp": ("vf", (0x0806, )),
    "lldp": ("vf", (LLDP, b"", LLDP_MAC)),
    "ethertype=%#x" % SLOW_TYPE: ("vf", (SLOW_TYPE, )),
    "ethertype=0x8809": ("vf", (0x8809, b"", None, TAG)),
    "udp-dst=4789": ("vf", (IPV4, udp(4789))),
    "nd": ("software", (IPV6, neighbor_solicitation())),
}


def show_classes(rig):
    """Returns for each class of the slow path where it is matched, and how
    many frames there were."""
    port = rig.ask("slow-path-show", "zc0")["ports"][0]
    return {shown["class"]: (shown["matched"], shown["from_wire"]["frames"])
            for shown in port["classes"]}


def set_classes(rig, *names):
    rig.host.run("ovs-vsctl set Interface zc0 'options:slow-path=\"%s\"'"
                 % ",".join(names))
    wait_until(
        lambda: set(show_classes(rig)) - {"other"} == set(names) - {"none"},
        "the slow path is " + ",".join(names))


class GuestCount(object):
    """Counts the frames of an Ethertype that the first guest has got."""
    def __init__(self, rig, ethertype):
        self.guest = rig.guests[0]
        self.where = ("dev eth0 parent ffff: protocol %#x prio %d"
                      % (ethertype, ethertype & 0xff))
        self.guest.run("/usr/bin/tc filter add %s flower action drop"
                       % self.where)

    def get(self):
        found = re.search(r"Sent \d+ bytes (\d+) pkt", self.guest.run(
            "/usr/bin/tc -s filter show " + self.where))
        return int(found.group(1))

    def close(self):
        self.guest.run("/usr/bin/tc filter del " + self.where)


def counting(*ethertypes):
    """Makes of a function of the rig, a Sender and GuestCounts a case."""
    def decorate(function):
        def wrapped(rig):
            sender = Sender(rig)
            counts = [GuestCount(rig, ethertype) for ethertype in ethertypes]
            try:
                return function(rig, sender, *counts)
            finally:
                sender.close()
                for count in counts:
                    count.close()
        return wrapped
    return decorate


def count_rule(rig, ethertype):
    """Returns how many frames of 'ethertype' the VF has sent to the queue of
    the slow path."""
    found = re.search(
        r"eth_type %x\n(?:.*\n)*?.*queue_mapping 1 .*\n(?:.*\n)*?"
        r".*Sent \d+ bytes (\d+) pkt" % ethertype,
        rig.host.run("/usr/bin/tc -s filter show dev %s protocol all"
                     % host.VF_TAP))
    return int(found.group(1)) if found else 0


@counting(SLOW_TYPE, OTHER_TYPE)
def check_classes(rig, sender, in_guest, others_in_guest):
    """Frames of a class whose rules the VF has get to the wire face, and not
    to the guest; software does not look for them.  Others go straight
    across."""
    rig.host.run("ovs-ofctl add-flow br0 priority=9,in_port=zc0w,actions=drop")
    set_classes(rig, *CLASSES)
    before = show_classes(rig)
    n_matched = count_rule(rig, SLOW_TYPE)
    counters = rig.counters()
    for i in range(N_FRAMES):
        sender.send(OTHER_TYPE)
    wait_until(lambda: others_in_guest.get() == N_FRAMES,
               "the guest has all frames of no class")
    for name, (place, frame) in CLASSES.items():
        expect(before[name][0] == place, "%s is matched in: %s"
               % (name, before[name][0]))
        for i in range(N_FRAMES):
            sender.send(*frame)
    wait_until(
        lambda: all(show_classes(rig)[name][1] >= before[name][1] + N_FRAMES
                    for name in CLASSES), "all frames of classes are counted")
    counters = rig.counters().since(counters)
    expect(in_guest.get() == 0, "frames of a class are in the guest")
    expect(count_rule(rig, SLOW_TYPE) == n_matched + N_FRAMES,
           "the VF has not matched them")
    expect(counters.slow_path >= len(CLASSES) * N_FRAMES
           and counters.zero_copy >= N_FRAMES, "%d frames are counted as slow "
           "path and %d as zero-copied" % (counters.slow_path,
                                           counters.zero_copy))
    rig.host.run("ovs-ofctl --strict del-flows br0 priority=9,in_port=zc0w")
    set_classes(rig, "arp")
    return "%d on the slow path" % counters.slow_path


@counting(SLOW_TYPE)
def check_changes(rig, sender, in_guest):
    """The slow path changes while there are frames that it concerns.  All get
    to the guest, by one way or the other."""
    name = "ethertype=%#x" % SLOW_TYPE
    before = rig.counters()
    # No more at a time than there is room for, however slow the machine is.
    for classes in ([name], ["arp"], ["lldp", name], ["none"],
                    ["arp", name], ["arp"]):
        thread = threading.Thread(
            target=lambda: [sender.send(SLOW_TYPE) for i in range(100)])
        thread.start()
        try:
            set_classes(rig, *classes)
        finally:
            thread.join()
        wait_until(lambda: in_guest.get() >= sender.n,
                   "the guest has all %d frames" % sender.n)
        place = show_classes(rig).get(name, ("vf", ))[0]
        expect(place == "vf", "%s is matched in: %s" % (name, place))
    expect(in_guest.get() == sender.n, "the guest has some frames twice")
    return ("%d frames of a class, %d of them on the slow path"
            % (sender.n, rig.counters().since(before).slow_path))
