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
import rules
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
    """The NIC's link goes down and up."""
    for up, state in ((False, "down"), (True, "up")):
        rig.host.monitor("set_link", name="n0", up=up)
        rig.host.wait_for("ovs-vsctl get Interface zc0 link_state | grep -x "
                          + state, "the VF's link to be " + state)


def reset_vfs(rig):
    """The PF goes down and up, with which it resets its VFs."""
    for state in "down", "up":
        rig.host.run("/usr/bin/ip link set eth0 " + state)
    rig.interrupt_vfs()
    for number in range(len(rig.guests)):
        rig.host.wait_for("grep -q \"zc%d: VF .* is back\" "
                          "/run/ovs/ovs-vswitchd.log" % number,
                          "the VF of zc%d" % number)


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
    """The port gives its VF another address, and the guest has it, too.  The
    PF's driver remembers it, so the old one has to be given, too."""
    guest = rig.guests[0]
    for mac in ("52:54:00:00:02:00", guest.mac):
        rig.host.run("ovs-vsctl set Interface zc0 "
                     "options:dpdk-vf-mac='\"%s\"'" % mac)
        rig.host.wait_for("ovs-vsctl get Interface zc0 mac_in_use | "
                          "grep -i %s" % mac, "the VF's address to be " + mac)
        guest.run("/usr/bin/ip link set eth0 address " + mac)
        rig.wait_up()
        rig.wire("ip", "neigh", "flush", "dev", rig.wire_device)
        ping(rig, linux.GUEST)
    rig.host.run("ovs-vsctl remove Interface zc0 options dpdk-vf-mac")
    rig.wait_up()
    ping(rig, linux.GUEST)


def check_vf_vlan(rig):
    """The PF puts a VF into a VLAN.  The NIC adds and removes the tags, so the
    guest sees none."""
    set_vlan = "/usr/bin/ip link set eth0 vf 0 vlan %d"
    rig.host.run(set_vlan % linux.VLAN)
    try:
        linux_cases.ping_vlan(rig, linux.WIRE, linux.GUEST)
    finally:
        rig.host.run(set_vlan % 0)
    ping(rig, linux.GUEST)


def check_addresses(rig):
    """The VF does not get frames to addresses that are not its own, and the
    other guest does not, either."""
    old = rig.counters().frames
    rig.wire("ip", "neigh", "replace", linux.GUEST, "lladdr",
             "52:54:00:00:03:00", "dev", rig.wire_device)
    try:
        rig.wire("ping", "-q", "-c", "20", "-i", "0.05", "-W", "1",
                 linux.GUEST, status=(1, ))
    finally:
        rig.wire("ip", "neigh", "del", linux.GUEST, "dev", rig.wire_device)
    n = rig.counters().frames - old
    # There may have been something else.
    expect(n < 20, "%d frames have come to wrong addresses" % n)
    ping(rig, linux.GUEST)


def check_promiscuous(rig):
    """The port gets frames to any address, so the guest can have another."""
    guest = rig.guests[0]
    for mac in ("52:54:00:00:02:00", guest.mac):
        guest.run("/usr/bin/ip link set eth0 address " + mac)
        rig.wire("ip", "neigh", "flush", "dev", rig.wire_device)
        ping(rig, linux.GUEST)


def check_rules_anew(rig):
    """Another guest, for which the VF is stopped and started."""
    restart_guest(rig)
    rig.wait_up()
    rig.wait_zero_copy()
    return rules.check_classes(rig)


class Setup(object):
    """A way to set up the host, and what to try there."""
    def __init__(self, name, prepare, cases):
        self.name = name
        self.prepare = prepare
        self.cases = cases
        self.copies = False


def make_setups(short):
    """Returns all that is to be tried."""
    def common(size):
        return [
            Case("ping", pings(64)),
            Case("ping-1400", pings(1400)),
            Case("ping-fragments", pings(4000)),
            Case("file-to-guest", lambda rig: linux_cases.get_file(rig, size)),
            Case("file-from-guest",
                 lambda rig: linux_cases.send_file(rig, size))]

    steering = Setup("rules", host.Rig.prepare_rules, [
        Case("classes", rules.check_classes),
        Case("changes", rules.check_changes)])
    if short:
        return [Setup("vf", host.Rig.prepare_one,
                      [case for case in common(1)
                       if case.name != "ping-1400"])]
    steering.cases = common(1) + steering.cases + [
        Case("guest-restart", check_rules_anew, late=True)]
    return [
        Setup("sriov", host.Rig.prepare_sriov, common(4) + [
            Case("pf", check_pf),
            Case("pf-tcp", check_pf_tcp),
            Case("between-vfs", check_between),
            Case("vf-mac", check_mac, late=True),
            Case("vf-vlan", check_vf_vlan),
            Case("vf-addresses", check_addresses),
            Case("link-flap", under_traffic(flap), late=True),
            Case("vf-reset", under_traffic(reset_vfs), late=True),
            Case("mtu", under_traffic(change_mtu), late=True),
            Case("guest-restart", under_traffic(restart_guest), late=True),
            Case("switch-restart", under_traffic(restart_switch), late=True,
                 anew=True),
            Case("vf-removal", under_traffic(remove_vfs), late=True,
                 anew=True)]),
        steering,
        Setup("physical", host.Rig.prepare_physical, common(4) + [
            Case("promiscuous", check_promiscuous),
            Case("vlan", linux_cases.check_vlan),
            Case("groups", linux_cases.check_groups)])]
