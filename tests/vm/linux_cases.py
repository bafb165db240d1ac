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

"""What Linux guests do.  Each case is a method of a class for one way to set
up the guest, and returns nothing if it passed."""

import hashlib
import http.server
import json
import os
import re
import socket
import struct
import subprocess
import threading
import time
import urllib.request

import linux
import machine


class Failed(Exception):
    pass


def expect(condition, what):
    if not condition:
        raise Failed(what)


def wait_until(condition, what, patience=machine.PATIENCE):
    deadline = time.monotonic() + patience
    while not condition():
        expect(time.monotonic() < deadline, "waited in vain until " + what)
        time.sleep(0.1)


N_PINGS = 20


def check_pings(printed, n=N_PINGS):
    """'printed' is what the guest's ping said."""
    found = re.search(r"(\d+) packets transmitted, (\d+) (packets )?received",
                      printed)
    expect(found, "ping: " + printed.strip()[-200:])
    expect(int(found.group(2)) == n, "ping: %s of %d came back"
           % (found.group(2), n))


def ping(rig, *options, n=N_PINGS):
    """Pings from the wire's side; all must come back."""
    for i in range(n):
        # Of several, ping would wait for the last only as long as the others
        # have taken, twice.
        printed = rig.wire("ping", "-q", "-c", "1", "-W", "60", *options,
                           status=(0, 1))
        expect(" 1 received" in printed, "ping %s: number %d of %d did not "
               "come back" % (" ".join(options), i + 1, n))


def wait_answer(rig):
    """Waits until frames get through.  Some may be lost while a device is made
    anew."""
    wait_until(lambda: " 1 received" in rig.wire(
        "ping", "-q", "-c", "1", "-W", "1", linux.GUEST, status=(0, 1)),
        "the guest answers")


def ping_from_guest(rig, options, n=N_PINGS):
    status, printed = rig.guest.try_to("ping -q -A -c %d -W 20 %s"
                                       % (n, options))
    check_pings(printed, n)


def pings(size):
    """Returns a function for pings of 'size' bytes, both ways."""
    def function(rig):
        for options in ("-4", linux.GUEST), ("-6", linux.GUEST6):
            ping(rig, "-s", str(size), *options)
        for address in linux.WIRE, linux.WIRE6:
            ping_from_guest(rig, "-s %d %s" % (size, address))
    return function


def make_file(path, size):
    """Writes 'size' MB into the file 'path' and returns their SHA-256."""
    digest = hashlib.sha256()
    block = os.urandom(1 << 20)
    with open(path, "wb") as f:
        for i in range(size):
            data = struct.pack("!Q", i) + block[8:]
            digest.update(data)
            f.write(data)
    return digest.hexdigest()


class QuietServer(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def get_file(rig, size):
    """The guest gets a file of 'size' MB from the wire's side."""
    expected = make_file(rig.path("file"), size)
    server = http.server.ThreadingHTTPServer(
        (linux.WIRE, 8000),
        lambda *args: QuietServer(*args, directory=rig.dir))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        # Both ends of a pipe must work, so the sum is compared.
        printed = rig.guest.run("wget -q -O - http://%s:8000/file | sha256sum"
                                % linux.WIRE, patience=1200)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        os.remove(rig.path("file"))
    expect(printed.split()[0] == expected, "the file has arrived altered")


def send_file(rig, size):
    """The wire's side gets a file of 'size' MB from the guest."""
    rig.guest.run("mkdir -p /tmp/www; dd if=/dev/urandom of=/tmp/www/block "
                  "bs=1M count=4 2> /dev/null; killall httpd 2> /dev/null; "
                  "httpd -p 80 -h /tmp/www")
    expected = rig.guest.run("sha256sum /tmp/www/block").split()[0]
    for i in range(max(size // 4, 1)):
        with urllib.request.urlopen("http://%s/block" % linux.GUEST,
                                    timeout=300) as answer:
            digest = hashlib.sha256(answer.read()).hexdigest()
        expect(digest == expected, "the file has arrived altered")
    rig.guest.run("rm -r /tmp/www; killall httpd")


def iperf(rig, options, seconds):
    """Runs iperf3 with its server in the guest.  Returns its result."""
    rig.guest.run("iperf3 -s -1 -D --logfile /tmp/iperf3; for i in `seq 100`; "
                  "do netstat -ltn | grep -q :5201 && break; usleep 50000; "
                  "done")
    done = subprocess.run(["iperf3", "-J", "-c", linux.GUEST, "-t",
                           str(seconds)] + options, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          timeout=machine.PATIENCE + seconds)
    result = json.loads(done.stdout)
    expect("error" not in result, "iperf3: %s" % result.get("error"))
    return result["end"]


def check_tcp(rig, options, seconds):
    end = iperf(rig, options, seconds)
    expect(end["sum_received"]["bytes"] > 0, "iperf3: nothing received")
    return "%.0f Mbit/s" % (end["sum_received"]["bits_per_second"] / 1e6)


def check_udp(rig, options, seconds):
    """Datagrams may be lost between the sockets of a slow machine, but not
    without a trace in between."""
    total = iperf(rig, ["-u", "-b", "20M", "-l", "1400"] + options,
                  seconds)["sum"]
    expect(total["packets"] > total["lost_packets"], "iperf3: all of %d "
           "datagrams were lost" % total["packets"])
    return "%d datagrams, %d lost" % (total["packets"],
                                      total["lost_packets"])


def answer_name(query):
    """Returns a DNS answer: the address of any name is 10.9.8.7."""
    question = query[12:query.index(b"\0", 12) + 5]
    n_answers = 1 if question[-4:-2] == b"\0\1" else 0
    answer = b"\xc0\x0c\0\1\0\1" + struct.pack("!IH4B", 60, 4, 10, 9, 8, 7)
    return (query[:2] + struct.pack("!HHHHH", 0x8180, 1, n_answers, 0, 0)
            + question + answer * n_answers)


def check_names(rig):
    """The guest asks for a name over UDP."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((linux.WIRE, 53))
    server.settimeout(0.2)
    done = threading.Event()

    def serve():
        while not done.is_set():
            try:
                query, peer = server.recvfrom(2048)
            except socket.timeout:
                continue
            server.sendto(answer_name(query), peer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        printed = rig.guest.run("nslookup zero.copy.example " + linux.WIRE)
    finally:
        done.set()
        thread.join()
        server.close()
    expect("10.9.8.7" in printed, "nslookup: " + printed)


def check_groups(rig):
    """Multicast and broadcast, both ways."""
    ping(rig, "-b", "10.1.1.255")
    ping(rig, "-I", rig.wire_device, "224.0.0.1")
    ping(rig, "-6", "-L", "ff02::1%" + rig.wire_device)
    rig.run("sysctl", "-q", "-w", "net.ipv4.icmp_echo_ignore_broadcasts=0")
    rig.guest.run("ip route replace 224.0.0.0/4 dev eth0")
    ping_from_guest(rig, "224.0.0.1")


def ping_vlan(rig, source, target):
    """Pings with a VLAN tag from the wire's side."""
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                           "ping-vlan")
    check_pings(rig.wire("/usr/bin/python3", program, rig.wire_device,
                         rig.guest_mac, str(linux.VLAN), source, target,
                         str(N_PINGS)))


def check_vlan(rig):
    """Frames with a VLAN tag, both ways.  Not every kernel has VLAN devices,
    so the wire's side does without."""
    rig.guest.run("ip link add link eth0 name eth0.%d type vlan id %d && "
                  "ip address add %s/24 dev eth0.%d && ip link set eth0.%d up"
                  % (linux.VLAN, linux.VLAN, linux.VLAN_GUEST, linux.VLAN,
                     linux.VLAN))
    try:
        ping_vlan(rig, linux.VLAN_WIRE, linux.VLAN_GUEST)
    finally:
        rig.guest.run("ip link del eth0.%d" % linux.VLAN)


def check_queues(rig):
    """The guest uses fewer and more of its queue pairs."""
    for n in (1, 4, 2, 4):
        rig.guest.run("ethtool -L eth0 combined %d" % n)
        shown = rig.guest.run("ethtool -l eth0 | tail -n 2")
        expect("Combined:\t%d" % n in shown, "ethtool: " + shown)
        rig.wait_up(linux.PORT, machine.PATIENCE)
        rig.set_wire_up()
        wait_answer(rig)
        ping(rig, linux.GUEST)
    check_tcp(rig, ["-P", "4"], 1)


def check_driver(rig):
    """The guest's driver gives the device up and takes it again."""
    for i in range(3):
        rig.guest.run("device=`basename $(readlink /sys/class/net/eth0/device)"
                      "` && echo $device > /sys/bus/virtio/drivers/virtio_net/"
                      "unbind && echo $device > "
                      "/sys/bus/virtio/drivers/virtio_net/bind")
        rig.configure_guest()
        rig.wait_up(linux.PORT, machine.PATIENCE)
        rig.set_wire_up()
        wait_answer(rig)
        ping(rig, linux.GUEST)


def check_link(rig):
    """The interface goes down and up in the guest."""
    for i in range(3):
        rig.guest.run("ip link set eth0 down && ip link set eth0 up && "
                      "ip address add %s/64 dev eth0" % linux.GUEST6)
        rig.wait_up(linux.PORT, machine.PATIENCE)
        rig.set_wire_up()
        wait_answer(rig)
        ping(rig, linux.GUEST)


def check_pause(rig):
    """The guest stands still and goes on, while frames come."""
    for i in range(3):
        flood = rig.background("ping", "-q", "-i", "0.005", "-w", "120",
                               "-s", "1000", linux.GUEST)
        try:
            rig.guest.monitor("stop")
            time.sleep(0.3)
            rig.guest.monitor("cont")
            rig.wait_up(linux.PORT, machine.PATIENCE)
        finally:
            flood.terminate()
            flood.wait()
        rig.set_wire_up()
        wait_answer(rig)
        ping(rig, linux.GUEST)


def check_hotplug(rig):
    """The guest gets more memory, and uses it."""
    def total():
        return int(rig.guest.run("awk '/MemTotal/ { print $2 }' "
                                 "/proc/meminfo"))

    before = total()
    rig.guest.monitor("object-add", qom_type="memory-backend-memfd",
                      id="mem1", size=256 << 20, share=True)
    rig.guest.monitor("device_add", driver="pc-dimm", id="dimm1",
                      memdev="mem1")

    def more():
        rig.guest.run("for block in /sys/devices/system/memory/memory*/state; "
                      "do grep -q offline $block && echo online > $block; "
                      "done; true")
        return total() >= before + 200 * 1024

    wait_until(more, "the guest has more memory")
    rig.wait_up(linux.PORT, machine.PATIENCE)
    rig.set_wire_up()
    wait_answer(rig)
    # More than there was before, so that new memory is in use.
    rig.guest.run("dd if=/dev/zero of=/tmp/much bs=1M count=%d 2> /dev/null; "
                  "rm /tmp/much" % (before // 2048), patience=600)
    ping(rig, linux.GUEST)
    get_file(rig, 4)


def check_reboot(rig):
    """The guest starts anew."""
    rig.guest.reboot()
    rig.wait_guest()
    ping(rig, linux.GUEST)
    get_file(rig, 4)


def check_crash(rig):
    """QEMU is killed while frames come, and another one takes its place."""
    flood = rig.background("ping", "-q", "-i", "0.005", "-w", "120", "-s",
                           "1000", linux.GUEST)
    try:
        rig.start_guest()
        rig.wait_guest()
    finally:
        flood.terminate()
        flood.wait()
    ping(rig, linux.GUEST)
    get_file(rig, 4)


class Case(object):
    """A thing to try, also in a short time if 'short'.  If 'late', the guest
    or the port starts anew, and may be late with the first buffers; if
    'anew', so do the port's counters."""
    def __init__(self, name, function, short=False, late=False, anew=False):
        self.name = name
        self.function = function
        self.short = short
        self.late = late
        self.anew = anew


def select_short(setups):
    """Returns those of 'setups' that take little time."""
    setups = [setup for setup in setups if setup.short]
    for setup in setups:
        setup.cases = [case for case in setup.cases if case.short]
    return setups


class Setup(object):
    """A way to set up the guest, and what to try with it."""
    def __init__(self, name, cases, early=False, copies=False, queues=1,
                 mtu=1500, short=False, **guest):
        self.name = name
        self.cases = cases
        self.early = early      # QEMU is there before the port.
        self.copies = copies    # Its buffers do not qualify.
        self.queues = queues
        self.mtu = mtu
        self.guest = guest
        self.short = short

    def prepare(self, rig):
        rig.kill_guest()
        rig.delete_port()
        if self.early:
            rig.start_guest(queues=self.queues, mtu=self.mtu, **self.guest)
            wait_until(lambda: os.path.exists(rig.path(linux.SOCKET)),
                       "QEMU listens")
            rig.add_port(self.queues, self.mtu)
        else:
            rig.add_port(self.queues, self.mtu)
            rig.start_guest(queues=self.queues, mtu=self.mtu, **self.guest)
        rig.wait_guest()


class DomainSetup(Setup):
    """A guest that libvirt has started."""
    def prepare(self, rig):
        rig.kill_guest()
        rig.delete_port()
        rig.add_port()
        rig.start_domain()
        rig.wait_guest()


class PmdSetup(Setup):
    """A guest in which DPDK drives the device."""
    def prepare(self, rig):
        rig.kill_guest()
        rig.delete_port()
        rig.add_port()
        rig.start_pmd_guest()


def make_setups(short):
    """Returns all that is to be tried."""
    size = 8 if short else 200
    seconds = 1 if short else 3
    basic = [Case("ping", pings(64), True),
             Case("ping-1400", pings(1400), True),
             Case("ping-fragments", pings(4000), True),
             Case("tcp-to-guest", lambda rig: check_tcp(rig, [], seconds),
                  True),
             Case("tcp-from-guest",
                  lambda rig: check_tcp(rig, ["-R"], seconds), True),
             Case("file-to-guest", lambda rig: get_file(rig, min(size, 20)))]
    full = basic[:-1] + [
        Case("udp-to-guest", lambda rig: check_udp(rig, [], seconds), True),
        Case("udp-from-guest", lambda rig: check_udp(rig, ["-R"], seconds),
             True),
        Case("names", check_names, True),
        Case("groups", check_groups, True),
        Case("vlan", check_vlan, True),
        Case("file-to-guest", lambda rig: get_file(rig, size), True),
        Case("file-from-guest", lambda rig: send_file(rig, size), True),
        Case("driver", check_driver, True, late=True),
        Case("link", check_link, True, late=True),
        Case("pause", check_pause, True, late=True),
        Case("memory", check_hotplug, late=True),
        Case("reboot", check_reboot, True, late=True),
        Case("crash", check_crash, late=True)]
    setups = [
        Setup("default", full, short=True),
        Setup("early", basic, early=True),
        Setup("mrg_rxbuf=off", basic, device="mrg_rxbuf=off"),
        Setup("packed=on", basic, device="packed=on", short=True),
        Setup("queues=4", basic + [Case("queues", check_queues, late=True)],
              queues=4, cpus=2),
        Setup("event_idx=off", basic, device="event_idx=off"),
        Setup("indirect_desc=off", basic, device="indirect_desc=off"),
        Setup("rx_queue_size=1024", basic, device="rx_queue_size=1024"),
        Setup("host_mtu=9000", basic + [Case("ping-8900", pings(8900))],
              device="host_mtu=9000", mtu=9000, copies=True)]
    setups += [DomainSetup("libvirt", basic), PmdSetup("dpdk", basic)]
    return select_short(setups) if short else setups
