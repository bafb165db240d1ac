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

"""A Linux guest that moves from one QEMU to another, and from one port to
another, again and again, under traffic.

The VFs of the two ports are tap devices in one bridge, which has to learn
where the guest is.  On both sides, "stream" sends datagrams and a connection's
bytes, and looks at each byte that comes.
"""

import json
import os
import re
import signal
import socket

import images
import linux
import linux_cases
import machine
from linux_cases import expect, wait_until

BRIDGE = "wire0"
N_PORTS = 2

# Frames that must go to the guest without a copy while QEMU keeps a log of the
# guest's memory, before the rest of that may be copied; and after the guest
# has moved.
N_FRAMES = 200

# Bytes a second of the guest's memory that QEMU may copy until then, and
# afterwards.
SLOW, FAST = 1 << 20, 1 << 30

ETH_P_RARP = 0x8035

STATUS = "/tmp/stream"


class Rig(linux.Rig):
    """A switch with two ports on one wire.  The guest is in one of two
    places."""
    def __init__(self):
        super().__init__()
        self.wire_device = BRIDGE
        self.stream = os.path.join(self.build["zcrx_builddir"],
                                   "tests/vm/stream")
        self.guest_programs = (self.stream, )
        self.guest = self.other = None      # 'other' goes or comes.
        self.place = 0                      # Of 'guest'.

    def start(self):
        # QEMU 7.2 forgets pages that its emulated CPU has written to: guests
        # crash after a few moves, with any network device.
        self.qemu = images.Qemu("trixie").command()
        super().start()
        self.run("ip", "link", "add", BRIDGE, "type", "bridge")

    def port(self, place):
        return "zc%d" % place

    def tap(self, place):
        return "zcrxtap%d" % place

    def add_port(self, queues=1, mtu=1500):
        for place in range(N_PORTS):
            # A tap that is not made anew stays in the bridge.
            self.type("ovs-vsctl", "add-port", "br0", self.port(place), "--",
                      "set", "Interface", self.port(place), "type=dpdkzcrx",
                      "options:dpdk-devargs=net_tap%d,iface=%s,persist"
                      % (place, self.tap(place)),
                      "options:vhost-server-path=" + self.socket(place))
            self.run("ip", "link", "set", self.tap(place), "master", BRIDGE,
                     "up")
        self.set_wire_up()

    def delete_port(self):
        for place in range(N_PORTS):
            self.run("ovs-vsctl", "--if-exists", "del-port", "br0",
                     self.port(place))

    def set_wire_up(self):
        self.run("ip", "address", "replace", linux.WIRE + "/24", "dev", BRIDGE)
        self.run("ip", "link", "set", BRIDGE, "up")

    def socket(self, place):
        return self.path("vm%d.sock" % place)

    def make_guest(self, place, options):
        path = self.path("guest-%d" % self.n_guests)
        self.n_guests += 1
        return machine.Machine(path, machine.qemu(
            path, self.image.kernel.image, self.image.path,
            linux.make_nic(self.socket(place), self.device) + options,
            memory=256, command=self.qemu))

    def start_guest(self, device="", queues=1, mtu=1500):
        self.device = device
        self.place = 0
        self.guest = self.make_guest(0, [])
        return self.guest

    def start_other(self):
        """Starts a machine that waits for the guest where that is not."""
        self.other = self.make_guest(1 - self.place, ["-incoming", "defer"])
        self.other.connect()
        self.other.n_commands = self.guest.n_commands
        return self.other

    def exchange(self):
        """The guest has moved."""
        self.guest, self.other = self.other, self.guest
        self.place = 1 - self.place

    def kill_other(self):
        if self.other:
            self.other.kill()
            self.other = None
            os.remove(self.socket(1 - self.place))

    def kill_guest(self):
        self.kill_other()
        if self.guest:
            self.guest.kill()
            self.guest = None
            os.remove(self.socket(self.place))

    def logs(self):
        yield from super().logs()
        if self.other:
            with open(self.other.path("log"), errors="replace") as f:
                yield from ("other: " + line.rstrip() for line in f)

    def zero_copied(self, place):
        return self.counters(self.port(place)).zero_copy

    def check_rings(self):
        """Audits both ports."""
        said = self.run("ovs-appctl", "dpdkzcrx/ring-sync-check")
        lines = said.splitlines()
        expect(len(lines) == N_PORTS
               and all(": ok, " in line for line in lines),
               "ring-sync-check: " + said.strip())

    def is_behind(self, place):
        """Returns whether the bridge has learned that the guest is there."""
        return re.search("^%s dev %s " % (linux.MAC, self.tap(place)),
                         self.run("bridge", "fdb", "show", "br", BRIDGE),
                         re.M)


class Ear(object):
    """Hears the guest being announced on the wire."""
    def __init__(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                    socket.htons(ETH_P_RARP))
        self.socket.bind((BRIDGE, ETH_P_RARP))
        self.socket.setblocking(False)

    def has_heard(self):
        try:
            frame = self.socket.recv(2048)
        except BlockingIOError:
            return False
        return frame[6:12].hex(":") == linux.MAC

    def close(self):
        self.socket.close()


class Traffic(object):
    """Datagrams and a connection's bytes, both ways."""
    def __init__(self, rig):
        self.rig = rig
        self.path = rig.path("stream")
        rig.guest.run("setsid stream --listen %s %s > /tmp/stream.log 2>&1 &"
                      % (linux.WIRE, STATUS))
        self.process = rig.background(rig.stream, linux.GUEST, self.path)
        try:
            wait_until(lambda: os.path.exists(self.path)
                       and self.read_wire(), "frames pass")
            rig.guest.wait_for("test -s " + STATUS, "the guest's stream")
        except (linux_cases.Failed, machine.MachineError):
            self.stop()
            raise

    def stop(self):
        self.process.kill()
        self.process.wait()

    def read_wire(self):
        """Returns what the wire's side has counted."""
        expect(self.process.poll() is None, "the wire's stream has ended")
        with open(self.path) as f:
            text = f.read()
        return json.loads(text) if text else None

    def read_guest(self):
        """Returns what the guest has counted: frames and bytes of its driver,
        and what its stream has."""
        text = self.rig.guest.run("cat %s /proc/net/dev /proc/net/snmp"
                                  % STATUS)
        counted = json.loads(text.splitlines()[0])
        counted["device"] = [int(n) for n in re.search(
            "^ *eth0:(.*)", text, re.M).group(1).split()]
        check_checksums(text)
        return counted

    def forget_gap(self):
        self.process.send_signal(signal.SIGUSR1)

    def check(self, wire, guest):
        """Checks that all goes on since the counters were 'wire' and 'guest',
        and that nothing was altered.  Returns the new ones."""
        def goes_on(read, old):
            new = read()
            for what in "udp_altered", "tcp_altered":
                expect(not new[what], "%s: %d" % (what, new[what]))
            return all(new[what] > old[what] for what in
                       ("udp_sent", "udp_received", "tcp_sent",
                        "tcp_received"))

        wait_until(lambda: goes_on(self.read_wire, wire),
                   "the wire's side receives again")
        wait_until(lambda: goes_on(self.read_guest, guest),
                   "the guest receives again")
        with open("/proc/net/snmp") as f:
            check_checksums(f.read())
        new = self.read_guest()
        expect(all(b >= a for a, b in zip(guest["device"], new["device"])),
               "the guest's counters have gone from %s to %s"
               % (guest["device"], new["device"]))
        return self.read_wire(), new


def check_checksums(text):
    """Checks in /proc/net/snmp that no bad checksum was met."""
    for line in re.findall("^(?:Tcp|Udp): [0-9-].*", text, re.M):
        name = line.split(":")[0]
        names = re.search("^%s: ([A-Z].*)" % name, text, re.M).group(1)
        numbers = dict(zip(names.split(), line.split()[1:]))
        expect(numbers["InCsumErrors"] == "0", "%s: %s bad checksums"
               % (name, numbers["InCsumErrors"]))


def n_lost(old, new):
    """Returns how many datagrams, of those up to the last that was received,
    were lost between two looks at the receiver's counters."""
    return (new["udp_next"] - old["udp_next"]
            - (new["udp_received"] - old["udp_received"])
            + new["udp_late"] - old["udp_late"])


def migration(guest):
    """Returns how far it is, and raises an exception if it has failed."""
    info = guest.monitor("query-migrate")
    expect(info.get("status") not in ("failed", "cancelled"),
           "the migration has failed: %s" % info.get("error-desc", ""))
    return info


def move(rig):
    """Moves the guest.  Returns what QEMU says about it."""
    source, place = rig.guest, 1 - rig.place
    uri = "unix:" + rig.path("migration")
    target = rig.start_other()
    target.monitor("migrate-incoming", uri=uri)
    source.monitor("migrate-set-parameters", max_bandwidth=SLOW)
    source.monitor("migrate", uri=uri)
    wait_until(lambda: migration(source)["status"] == "active",
               "the migration has begun")
    n = rig.zero_copied(rig.place)
    wait_until(lambda: rig.zero_copied(rig.place) >= n + N_FRAMES,
               "frames go without a copy while the guest moves")
    expect(migration(source)["status"] == "active",
           "the migration was over too early")
    n = rig.zero_copied(place)
    source.monitor("migrate-set-parameters", max_bandwidth=FAST)
    wait_until(lambda: migration(source)["status"] == "completed",
               "the guest has moved")
    rig.exchange()
    wait_until(lambda: rig.zero_copied(place) >= n + N_FRAMES,
               "frames go without a copy where the guest is now")
    return migration(source)


def run_round(rig, traffic, heard):
    wire, guest = traffic.read_wire(), traffic.read_guest()
    traffic.forget_gap()
    ear = Ear()
    try:
        info = move(rig)
        if heard:
            wait_until(ear.has_heard, "the guest is announced")
    finally:
        ear.close()
    wait_until(lambda: rig.is_behind(rig.place),
               "the bridge knows where the guest is")
    new_wire, new_guest = traffic.check(wire, guest)
    rig.check_rings()
    rig.kill_other()
    wait_until(lambda: rig.run("ovs-vsctl", "get", "Interface",
                               rig.port(1 - rig.place),
                               "link_state").strip() == "down",
               "the other port is down")
    rig.check_rings()
    print("    to %s in %d ms, stopped for %d ms, nothing came from it for %d "
          "ms; of %d datagrams to it %d lost, of %d from it %d" % (
              rig.port(rig.place), info["total-time"], info["downtime"],
              new_wire["gap"], new_wire["udp_sent"] - wire["udp_sent"],
              n_lost(guest, new_guest),
              new_guest["udp_sent"] - guest["udp_sent"],
              n_lost(wire, new_wire)), flush=True)
    return info["downtime"]


def moves(n, heard):
    """Returns a function that moves the guest 'n' times, and waits for a RARP
    request each time if 'heard' is true."""
    def function(rig):
        traffic = Traffic(rig)
        try:
            downtimes = [run_round(rig, traffic, heard) for i in range(n)]
        finally:
            traffic.stop()
        return "%d rounds, stopped for %d to %d ms" % (
            n, min(downtimes), max(downtimes))
    return function


def make_setups(short):
    """Returns all that is to be tried: nothing, in a short time.  A guest that
    announces itself is not announced by a RARP request."""
    Setup, Case = linux_cases.Setup, linux_cases.Case
    return [] if short else [
        Setup("migration", [Case("back-and-forth", moves(20, True),
                                 late=True)], device="guest_announce=off"),
        Setup("migration-packed", [Case("back-and-forth", moves(4, False),
                                        late=True)], device="packed=on")]
