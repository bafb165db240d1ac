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

"""Open vSwitch with a dpdkzcrx port on this machine, and Linux guests of it.

The VF is a tap device, whose other end is the kernel of this machine, in the
network that this process has of its own.  What runs here is the wire's side.
DPDK's driver of tap devices knows no frames of more than 1,522 bytes, so for
longer ones the VF is one end of a pair of virtual Ethernet devices.
"""

import json
import os
import re
import socket

import domain
import images
import machine
import pmd
import sandbox

PORT = "zc0"
TAP = "zcrxtap0"
# The VF's end of a pair of devices, instead of a tap.
VETH = "zcrxveth0"
SOCKET = "vm0.sock"

# Memory of the daemon, in MB.
DAEMON_MEMORY = 512

# Addresses of the two sides, IPv4 and IPv6.  Those of VLAN 5 have another
# network.
WIRE, GUEST = "10.1.1.1", "10.1.1.2"
WIRE6, GUEST6 = "fd00:1::1", "fd00:1::2"
VLAN, VLAN_GUEST, VLAN_WIRE = 5, "10.1.5.2", "10.1.5.1"
MAC = "52:54:00:12:34:56"

MODULES = ("virtio_pci", "virtio_console", "virtio_net", "8021q")


class Image(object):
    """The kernel and the initial file system of guests."""
    def __init__(self, dir, programs=()):
        self.kernel = images.Kernel("cloud-amd64")
        files = images.FileSystem(os.path.join(dir, "root"), self.kernel,
                                  MODULES)
        for program in ("iperf3", "ethtool") + tuple(programs):
            files.add_program(program)
        files.write("/etc/passwd", "root:x:0:0:root:/:/bin/sh\n")
        files.write("/etc/group", "root:x:0:\n")
        self.path = files.pack(os.path.join(dir, "guest.cpio"))


class PmdImage(object):
    """Those of guests in which DPDK drives the device."""
    def __init__(self, dir):
        self.kernel = images.Kernel("cloud-amd64")
        files = images.FileSystem(os.path.join(dir, "root"), self.kernel,
                                  ("virtio_pci", "virtio_console", "uio",
                                   "uio_pci_generic", "tun"))
        pmd.add_dpdk(files, ("bus_pci", "bus_vdev", "mempool_ring", "net_tap",
                             "net_virtio"))
        files.add_program("iperf3")
        files.write("/etc/passwd", "root:x:0:0:root:/:/bin/sh\n")
        files.write("/etc/group", "root:x:0:\n")
        files.write("/environment", pmd.ENVIRONMENT)
        self.path = files.pack(os.path.join(dir, "pmd.cpio"))


def make_nic(socket, device="", queues=1):
    """Returns QEMU's options for a virtio device on the port whose socket is
    'socket'.  'device' has further options of the device."""
    # Without KVM, QEMU 7.2 does not survive a vhost-user device with MSI-X
    # vectors.
    nic = "virtio-net-pci,id=nic0,netdev=n0,romfile=,vectors=0,mac=" + MAC
    if queues > 1:
        nic += ",mq=on"
    if device:
        nic += "," + device
    return ["-chardev", "socket,id=net0,path=%s,server=on" % socket,
            "-netdev", "vhost-user,id=n0,chardev=net0,queues=%d" % queues,
            "-device", nic]


class Rig(sandbox.Sandbox):
    """The switch, its port and the guest."""
    def __init__(self):
        super().__init__("dpdkzcrx-vm.")
        self.guest_programs = ()
        self.wire_device = TAP
        self.guest = None
        self.guest_mac = MAC
        self.n_guests = 0
        self.mtu = 1500
        self.started.callback(self.kill_guest)

    def start(self):
        # What is missing is downloaded, so this comes first.
        self.image = Image(self.dir, self.guest_programs)
        if not sandbox.isolate_network():
            raise sandbox.SandboxError("not permitted to make a network")
        self.run("ip", "link", "set", "lo", "up")
        self.start_ovsdb()
        self.type("ovs-vsctl", "--no-wait", "set", "Open_vSwitch", ".",
                 "other_config:dpdk-init=true",
                 "other_config:dpdk-extra=--no-pci --no-huge --legacy-mem "
                 "--no-shconf -m %d" % DAEMON_MEMORY,
                 "other_config:pmd-cpu-mask=%#x" % (1 << self.pmd_cpu))
        self.daemon("ovs-vswitchd")
        self.type("ovs-vsctl", "add-br", "br0", "--",
                 "set", "Bridge", "br0", "datapath_type=netdev")

    def make_pair(self):
        """Returns the argument for a VF that is an end of a pair of devices.
        The other one has the tap's name."""
        self.run("ip", "link", "add", TAP, "mtu", str(self.mtu), "type",
                 "veth", "peer", "name", VETH, "mtu", str(self.mtu))
        # What is left to a device that does not do it would never be done.
        self.run("ethtool", "-K", TAP, "tx", "off", "tso", "off", "gso", "off")
        self.run("ip", "link", "set", VETH, "up")
        return "net_pcap0,rx_iface_in=%s,tx_iface=%s" % (VETH, VETH)

    def add_port(self, queues=1, mtu=1500):
        self.mtu = mtu
        vf = ("net_tap0,iface=" + TAP if mtu <= 1500 else self.make_pair())
        self.type("ovs-vsctl", "add-port", "br0", PORT, "--",
                 "set", "Interface", PORT, "type=dpdkzcrx",
                 "options:dpdk-devargs=" + vf,
                 "options:vhost-server-path=" + self.path(SOCKET),
                 "options:n_rxq=%d" % queues, "mtu_request=%d" % mtu)
        error = self.run("ovs-vsctl", "get", "Interface", PORT,
                         "error").strip()
        if error != "[]":
            raise sandbox.SandboxError(error)
        self.set_wire_up()

    def set_wire_up(self):
        """Gives the tap its addresses, also after the port has made it
        anew."""
        self.run("ip", "address", "replace", WIRE + "/24", "dev", TAP)
        self.run("ip", "link", "set", TAP, "mtu", str(self.mtu), "up")
        self.run("ip", "address", "replace", WIRE6 + "/64", "dev", TAP,
                 "nodad")

    @staticmethod
    def has_device(name):
        return name in [device for _, device in socket.if_nameindex()]

    def delete_port(self):
        self.run("ovs-vsctl", "--if-exists", "del-port", "br0", PORT)
        if self.has_device(VETH):
            self.run("ip", "link", "del", VETH)

    def start_guest(self, device="", queues=1, mtu=1500, cpus=1,
                    quiet=True, image=None, cmdline=""):
        """Starts a guest whose virtio device has the options 'device'."""
        self.kill_guest()
        self.mtu = mtu
        self.n_guests += 1
        path = self.path("guest-%d" % self.n_guests)
        image = image or self.image
        self.guest = machine.Machine(path, machine.qemu(
            path, image.kernel.image, image.path,
            make_nic(self.path(SOCKET), device, queues), cpus=cpus,
            quiet=quiet, cmdline=cmdline))
        return self.guest

    def start_pmd_guest(self):
        """Starts a guest in which DPDK drives the device, and passes frames on
        to the eth0 of its kernel."""
        guest = self.start_guest(image=PmdImage(self.dir),
                                 cmdline="hugepages=80")
        guest.wait()
        guest.run("mkdir /dev/hugepages && "
                  "mount -t hugetlbfs hugetlbfs /dev/hugepages")
        device = guest.run(
            "for device in /sys/bus/pci/devices/*; do "
            "grep -q 0x1af4 $device/vendor && grep -q 0x020000 $device/class "
            "&& basename $device; done; true").strip()
        guest.run("cd /sys/bus/pci/devices/{0} && echo uio_pci_generic > "
                  "driver_override && echo {0} > driver/unbind && echo {0} > "
                  "/sys/bus/pci/drivers_probe".format(device))
        pmd.start(guest.run, guest.wait_for, "pmd", ". /environment;",
                  "--lcores '0@0,1@0' -m 64 -a " + device)
        guest.run("ip link set eth0 address " + MAC)
        self.configure_guest()
        self.wait_up(PORT, machine.PATIENCE)
        self.set_wire_up()

    def start_domain(self):
        """Starts a guest with libvirt."""
        self.kill_guest()
        self.n_guests += 1
        self.guest = domain.Domain(self.path("guest-%d" % self.n_guests),
                                   self.image, self.path(SOCKET))
        return self.guest

    def wait_guest(self):
        """Waits until frames can pass."""
        self.guest.wait()
        self.configure_guest()
        self.wait_up(PORT, machine.PATIENCE)
        # A VF that had to be made anew is a new tap.
        self.set_wire_up()

    def configure_guest(self):
        self.guest.run(
            "sysctl -q -w net.ipv6.conf.eth0.dad_transmits=0 "
            "net.ipv4.icmp_echo_ignore_broadcasts=0 && "
            "ip link set eth0 mtu %d up && ip address add %s/24 dev eth0 && "
            "ip address add %s/64 dev eth0"
            % (self.mtu, GUEST, GUEST6))

    def kill_guest(self):
        if self.guest:
            self.guest.kill()
            self.guest = None
            if os.path.lexists(self.path(SOCKET)):
                os.remove(self.path(SOCKET))

    def logs(self):
        """Yields lines that tell what has happened."""
        logs = [("ovs-vswitchd.log", r"\|(WARN|ERR|EMER)\||\|dpdkzcrx\|")]
        if self.guest:
            name = os.path.basename(self.guest.dir)
            logs += [(name + "/log", ""), (name + "/console", "")]
        for name, pattern in logs:
            with open(self.path(name), errors="replace") as f:
                lines = [line for line in f if re.search(pattern, line)]
            for line in lines[-10:]:
                yield "%s: %s" % (name, line.rstrip())

    def counters(self, *port):
        """Returns the counters of 'port', or of all, over all queues."""
        shown = json.loads(self.run("ovs-appctl", "dpdkzcrx/ring-sync-show",
                                    "--json", *port))
        sums = Counters()
        for one in shown["ports"]:
            for queue in one["queues"]:
                sums.add(queue)
        return sums


class Counters(object):
    """What a port has counted."""
    def __init__(self):
        self.frames = self.zero_copy = self.slow_path = self.sent = 0
        self.copied, self.dropped, self.sent_dropped = {}, {}, {}

    def add(self, queue):
        rx, tx = queue["wire_rx"], queue["guest_tx"]
        self.frames += rx["frames"]
        self.zero_copy += rx["zero_copy"]
        self.slow_path += rx["slow_path"]
        self.sent += tx["frames"]
        for sums, reasons in ((self.copied, rx["copied"]),
                              (self.dropped, rx["dropped"]),
                              (self.sent_dropped, tx["dropped"])):
            for reason, n in reasons.items():
                if reason != "total" and n:
                    sums[reason] = sums.get(reason, 0) + n

    def since(self, old):
        new = Counters()
        for name in ("frames", "zero_copy", "slow_path", "sent"):
            setattr(new, name, getattr(self, name) - getattr(old, name))
        for name in ("copied", "dropped", "sent_dropped"):
            before = getattr(old, name)
            setattr(new, name, {
                reason: n - before.get(reason, 0)
                for reason, n in getattr(self, name).items()
                if n > before.get(reason, 0)})
        return new

    def accounted(self):
        return (self.zero_copy + self.slow_path + sum(self.copied.values())
                + sum(self.dropped.values()))
