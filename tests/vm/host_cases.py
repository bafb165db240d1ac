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

"""What is tried on a host with an SR-IOV NIC, see host.py."""

import re

import host
import linux
import linux_cases
from linux_cases import Case, N_PINGS, check_pings, expect, ping, pings


def check_pf(rig):
    """The PF, which is on the same NIC, pings both guests."""
    for guest in rig.guests:
        for size in (64, 1400):
            check_pings(rig.host.run(
                "ping -q -A -c %d -W 20 -s %d -I eth0 %s"
                % (N_PINGS, size, guest.address)))


def check_tcp(rig, client, guest, options):
    """Runs iperf3 with its server in 'guest' and its client by 'client'.  It
    tells how much arrived; TCP has checked the bytes."""
    guest.run("iperf3 -s -1 -D --logfile /tmp/iperf3; for i in `seq 200`; do "
              "netstat -ltn | grep -q :5201 && break; usleep 50000; done")
    printed = client.run("iperf3 -f m -t 2 -c %s %s"
                         % (guest.address, options))
    found = re.search(r"([\d.]+) Mbits/sec +receiver", printed)
    expect(found and float(found.group(1)) > 0, "iperf3: " + printed[-300:])
    return "%s Mbit/s" % found.group(1)


def check_pf_tcp(rig):
    return check_tcp(rig, rig.host, rig.guests[1], "")


def check_between(rig):
    """The guests reach each other through the NIC's own switch."""
    first, second = rig.guests
    for one, other in ((first, second), (second, first)):
        for size in (64, 1400):
            check_pings(one.run("ping -q -A -c %d -W 20 -s %d %s"
                                % (N_PINGS, size, other.address)))
    return check_tcp(rig, first, second, "")


def flood(rig):
    """Frames to the first guest, while something happens."""
    return rig.background("ping", "-q", "-i", "0.01", "-w", "600", "-s",
                          "1000", linux.GUEST)


def under_traffic(happen):
    """Returns a function that lets something happen while frames come, and
    then looks whether they get through."""
    def function(rig):
        traffic = flood(rig)
        try:
            happen(rig)
        finally:
            traffic.terminate()
            traffic.wait()
        rig.wait_up()
        rig.wait_zero_copy()
        ping(rig, linux.GUEST)
        check_pings(rig.guests[1].run("ping -q -A -c %d -W 20 %s"
                                      % (N_PINGS, linux.GUEST)))
    return function


def flap(rig):
    """The PF goes down and up: the NIC resets its VFs."""
    rig.host.run("/usr/bin/ip link set eth0 down; sleep 1; "
                 "/usr/bin/ip link set eth0 up")


def restart_guest(rig):
    rig.guests[0].stop("KILL")
    rig.guests[0].start()


def restart_switch(rig):
    rig.stop_daemon()
    rig.start_daemon()


def change_mtu(rig):
    """A smaller MTU, and back."""
    for mtu in (1400, 1500):
        rig.host.run("ovs-vsctl set Interface zc0 mtu_request=%d" % mtu)
        rig.host.wait_for("ovs-vsctl get Interface zc0 mtu | grep -x %d"
                          % mtu, "an MTU of %d" % mtu)
        rig.wait_up()


def remove_vfs(rig):
    """The VFs are removed, which waits for their ports, and made again."""
    for number in range(len(rig.guests)):
        rig.host.run("ovs-vsctl del-port br0 zc%d" % number)
    rig.host.run("echo 0 > /sys/bus/pci/devices/%s/sriov_numvfs"
                 % host.PF_DEVICE)
    rig.make_vfs()
    rig.add_ports(host.VF_DEVICES)


def check_mac(rig):
    """The port gives its VF another address, and the guest has it, too."""
    mac = "52:54:00:00:02:00"
    guest = rig.guests[0]
    rig.host.run("ovs-vsctl set Interface zc0 options:dpdk-vf-mac='\"%s\"'"
                 % mac)
    try:
        rig.host.wait_for("ovs-vsctl get Interface zc0 mac_in_use | "
                          "grep -i %s" % mac, "the VF's new address")
        guest.run("/usr/bin/ip link set eth0 address " + mac)
        rig.wait_up()
        ping(rig, linux.GUEST)
    finally:
        rig.host.run("ovs-vsctl remove Interface zc0 options dpdk-vf-mac")
        guest.run("/usr/bin/ip link set eth0 address " + guest.mac)
    rig.host.wait_for("ovs-vsctl get Interface zc0 mac_in_use | "
                      "grep -i %s" % guest.mac, "the VF's old address")
    rig.wait_up()
    ping(rig, linux.GUEST)


class Setup(object):
    """A way to set up the host, and what to try there."""
    def __init__(self, name, prepare, cases, short=False):
        self.name = name
        self.prepare = prepare
        self.cases = cases
        self.copies = False
        self.short = short


def make_setups(short):
    """Returns all that is to be tried."""
    size = 1 if short else 4
    common = [
        Case("ping", pings(64), True),
        Case("ping-1400", pings(1400), True),
        Case("ping-fragments", pings(4000)),
        Case("file-to-guest", lambda rig: linux_cases.get_file(rig, size),
             True),
        Case("file-from-guest", lambda rig: linux_cases.send_file(rig, size))]
    sriov = common + [
        Case("pf", check_pf, True),
        Case("pf-tcp", check_pf_tcp, True),
        Case("between-vfs", check_between, True),
        Case("vf-mac", check_mac, late=True),
        Case("link-flap", under_traffic(flap), True, late=True),
        Case("mtu", under_traffic(change_mtu), late=True),
        Case("guest-restart", under_traffic(restart_guest), late=True),
        Case("switch-restart", under_traffic(restart_switch), late=True),
        Case("vf-removal", under_traffic(remove_vfs), late=True)]
    setups = [
        Setup("sriov", host.Rig.prepare_sriov, sriov),
        Setup("physical", host.Rig.prepare_physical, common + [
            Case("vlan", linux_cases.check_vlan),
            Case("groups", linux_cases.check_groups)])]
    return linux_cases.select_short(setups) if short else setups
