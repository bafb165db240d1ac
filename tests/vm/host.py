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

"""A host with an SR-IOV NIC behind an IOMMU, in a virtual machine.

Our Open vSwitch runs in the machine, with dpdkzcrx ports whose VFs are PCI
devices.  The NIC's wire is a tap of the machine that this runs on, in the
network that this process has of its own.

The guests are DPDK processes, as a virtual machine in one that is emulated
would be too slow.  Each passes everything on between its virtio device and a
tap device, which is in a network of its own.  So it is a kernel that answers.
"""

import json
import os
import time

import images
import linux
import machine
import pmd
import sandbox

WIRE_TAP = "zcrxwire0"

# Addresses: on the wire, of the PF, and of the guests.
WIRE, PF = linux.WIRE, "10.1.1.3"
PF_MAC = "52:54:00:00:00:01"

# The NIC with VFs, and the one without; these are q35's numbers.
PF_DEVICE, PLAIN_DEVICE = "0000:01:00.0", "0000:02:00.0"
VF_DEVICES = ("0000:01:10.0", "0000:01:10.2")

# The tap that is a VF, and the bridge between it and the NIC without VFs.
VF_TAP, BRIDGE = "wire0", "bridge0"

# Where a VF of the 82576 has its registers for interrupts: which to raise, to
# enable, and to clear by itself.
VF_EICS, VF_EIMS, VF_EIAC = 0x1520, 0x1524, 0x152c

MODULES = ("virtio_pci", "virtio_console", "irqbypass", "vfio", "vfio_virqfd",
           "vfio_iommu_type1", "vfio-pci-core", "vfio-pci", "dca",
           "i2c-algo-bit", "igb", "e1000e", "uio", "uio_pci_generic", "tun",
           "8021q", "bridge", "cls_flower", "act_gact", "act_skbedit",
           "sch_multiq", "sch_ingress")

DRIVERS = ("bus_pci", "bus_vdev", "mempool_ring", "net_e1000", "net_tap",
           "net_virtio")
MEMORY = 3072
HUGEPAGES = 640

ENVIRONMENT = pmd.ENVIRONMENT + """
for kind in RUN LOG DB SYSCONF PKGDATA; do
    export OVS_${kind}DIR=/run/ovs
done
export OVS_CTL_TIMEOUT=%d
""" % machine.PATIENCE


class Image(object):
    """The kernel and the initial file system of the host."""
    def __init__(self, dir, build):
        self.kernel = images.Kernel("amd64")
        files = images.FileSystem(os.path.join(dir, "host"), self.kernel,
                                  MODULES)
        pmd.add_dpdk(files, DRIVERS)
        for program in ("ip", "tc", "iperf3", "ethtool"):
            files.add_program(program)
        for room in ("vswitchd", "utilities", "ovsdb"):
            for program in ("ovs-vswitchd", "ovs-vsctl", "ovs-appctl",
                            "ovs-ofctl", "ovsdb-server", "ovsdb-tool"):
                for top in ("zcrx_builddir", "ovs_builddir"):
                    path = os.path.join(build[top], room, program)
                    if os.path.exists(path) \
                            and not files.has("/usr/bin/" + program):
                        files.add_program(path)
        files.add("/run/vswitch.ovsschema",
                  os.path.join(build["abs_top_srcdir"],
                               "vswitchd/vswitch.ovsschema"))
        files.write("/etc/passwd", "root:x:0:0:root:/:/bin/sh\n")
        files.write("/etc/group", "root:x:0:\n")
        files.write("/environment", ENVIRONMENT)
        self.path = files.pack(os.path.join(dir, "host.cpio"))


def guest_mac(number):
    return "52:54:00:00:01:%02x" % number


class Guest(object):
    """A guest in the host: what its kernel's side can do."""
    def __init__(self, host, number):
        self.host = host
        self.number = number
        self.name = "vm%d" % number
        self.mac = guest_mac(number)
        # The first one's are those of linux.py.
        self.address = "10.1.1.%d" % (2 + 10 * number)
        self.address6 = "fd00:1::%d" % (2 + 10 * number)

    def try_to(self, command, patience=machine.PATIENCE):
        return self.host.try_to("/usr/bin/ip netns exec %s sh -c '%s'" % (
            self.name, command.replace("'", "'\\''")), patience)

    def run(self, command, patience=machine.PATIENCE):
        status, output = self.try_to(command, patience)
        if status:
            raise machine.CommandError("%s: status %d: %s" % (
                command, status, output.strip()[-500:]))
        return output

    def start(self):
        """Starts it.  DPDK makes the tap anew when it starts it, so both are
        in the guest's network from the beginning."""
        self.host.run("/usr/bin/ip netns add " + self.name)
        pmd.start(self.host.run, self.host.wait_for, self.name,
                  "/usr/bin/ip netns exec " + self.name,
                  "--lcores '0@0,1@2' --no-pci --single-file-segments -m 128 "
                  "--vdev=net_virtio_user0,path=/run/%s.sock,server=1,"
                  "queues=1,queue_size=256" % self.name)
        self.run(
            "ip link set lo up; sysctl -q -w net.ipv4.icmp_echo_ignore_"
            "broadcasts=0; /usr/bin/ip link set eth0 address {0} up && "
            "/usr/bin/ip address add {1}/24 dev eth0 && "
            "/usr/bin/ip address add {2}/64 dev eth0 nodad".format(
                self.mac, self.address, self.address6))

    def stop(self, signal="TERM"):
        pmd.stop(self.host.run, self.name, signal)
        self.host.run("/usr/bin/ip netns del " + self.name)


class Host(machine.Machine):
    """The machine, with what is needed to run Open vSwitch in it."""
    def try_to(self, command, patience=machine.PATIENCE):
        status, output = super().try_to(". /environment; " + command,
                                        patience)
        # Tools complain when the machine is slow.
        return status, "".join(line for line in output.splitlines(True)
                               if "|timeval|WARN|" not in line)

    def faults(self):
        """Returns what the IOMMU has complained about."""
        return self.try_to("dmesg | grep -E 'DMAR: (\\[|DRHD: handling)'")[1]


class Rig(sandbox.Sandbox):
    """The wire's side, the host and its guests."""
    def __init__(self):
        super().__init__("dpdkzcrx-vm.")
        self.host = None
        self.guests = []
        self.ports = 0
        self.started.callback(self.kill_host)

    def start(self):
        image = Image(self.dir, self.build)
        if not sandbox.isolate_network():
            raise sandbox.SandboxError("not permitted to make a network")
        self.run("ip", "link", "set", "lo", "up")
        path = self.path("host-1")
        tap = "tap,id=%s,ifname=%s,script=no,downscript=no"
        self.host = Host(path, machine.qemu(
            path, image.kernel.image, image.path,
            ["-device", "intel-iommu,intremap=on,caching-mode=on",
             "-netdev", tap % ("n0", WIRE_TAP),
             "-device", "pcie-root-port,id=rp0,slot=1",
             "-device", "igb,netdev=n0,bus=rp0,romfile=,mac=" + PF_MAC,
             "-device", "pcie-root-port,id=rp1,slot=2",
             "-netdev", tap % ("n1", linux.TAP),
             "-device", "e1000e,netdev=n1,bus=rp1,romfile=,mac=" + linux.MAC],
            memory=MEMORY, cpus=3, machine="q35,kernel-irqchip=split",
            command=images.Qemu("trixie").command(),
            # The last one is for interrupt_vfs().
            cmdline="intel_iommu=on iommu=pt hugepages=%d iomem=relaxed"
            % HUGEPAGES))
        self.host.wait()
        self.host.run("mkdir -p /dev/hugepages && "
                      "mount -t hugetlbfs hugetlbfs /dev/hugepages")

    def kill_host(self):
        if self.host:
            self.host.kill()
            self.host = None

    def kill_guests(self):
        while self.guests:
            self.guests.pop().stop()

    def start_guests(self, n):
        for number in range(n):
            guest = Guest(self.host, number)
            guest.start()
            self.guests.append(guest)
        self.guest = self.guests[0]
        self.guest_mac = self.guest.mac
        self.wait_up()
        # QEMU's igb does not know the mode in which a VF gets all multicast
        # frames, so nobody could find an IPv6 neighbor.
        for guest in self.guests:
            self.wire("ip", "neigh", "replace", guest.address6, "lladdr",
                      guest.mac, "dev", self.wire_device)

    def bind(self, device, driver):
        """Gives a PCI device to another driver."""
        self.host.run("cd /sys/bus/pci/devices/{0} && echo {1} > "
                      "driver_override && {{ test ! -e driver || echo {0} > "
                      "driver/unbind; }} && echo {0} > "
                      "/sys/bus/pci/drivers_probe && readlink driver | "
                      "grep {1}".format(device, driver))

    def make_vfs(self):
        self.host.run("echo %d > /sys/bus/pci/devices/%s/sriov_numvfs && "
                      "/usr/bin/ip link set eth0 up"
                      % (len(VF_DEVICES), PF_DEVICE))
        for number, device in enumerate(VF_DEVICES):
            # A VF that is trusted may have other addresses than this.
            self.host.run("/usr/bin/ip link set eth0 vf {0} mac {1} && "
                          "/usr/bin/ip link set eth0 vf {0} trust on".format(
                              number, guest_mac(number)))
            self.bind(device, "vfio-pci")

    def interrupt_vfs(self):
        """Raises the interrupt with which VFs hear that their PF has left a
        message.  QEMU's igb forgets that it is enabled when the PF resets the
        NIC, and never raises it for vector 0, which DPDK's driver uses."""
        for device in VF_DEVICES:
            for offset in VF_EIAC, VF_EIMS, VF_EICS:
                self.host.run(
                    "read start rest < /sys/bus/pci/devices/%s/resource && "
                    "devmem $((start + %d)) 32 1" % (device, offset))

    def add_ports(self, devices):
        for number, device in enumerate(devices):
            name = "zc%d" % number
            error = self.host.run(
                "ovs-vsctl add-port br0 {0} -- set Interface {0} "
                "type=dpdkzcrx options:dpdk-devargs={1} "
                "options:vhost-server-path=/run/vm{2}.sock && "
                "ovs-vsctl get Interface {0} error".format(name, device,
                                                           number)).strip()
            if error != "[]":
                raise sandbox.SandboxError(error)
        self.ports = len(devices)

    def set_wire_up(self, device):
        self.wire_device = device
        for name in (WIRE_TAP, linux.TAP):
            self.wire("ip", "address", "flush", "dev", name)
        self.wire("ip", "link", "set", device, "up")
        self.wire("ip", "address", "add", WIRE + "/24", "dev", device)
        self.wire("ip", "address", "add", linux.WIRE6 + "/64", "dev", device,
                  "nodad")

    def prepare_sriov(self, n_guests=len(VF_DEVICES)):
        """Guests on VFs of one NIC.  The IOMMU translates."""
        devices = VF_DEVICES[:n_guests]
        self.set_wire_up(WIRE_TAP)
        self.make_vfs()
        self.host.run("/usr/bin/ip address replace %s/24 dev eth0" % PF)
        self.start_switch("-a " + " -a ".join(devices), "va")
        self.add_ports(devices)
        self.start_guests(n_guests)
        self.wait_zero_copy()

    def prepare_one(self):
        """One guest only."""
        self.prepare_sriov(1)

    def prepare_rules(self):
        """A guest on a VF whose DPDK driver knows rte_flow: a tap, for which
        Linux's flower classifier chooses the queues.  The kernel has the NIC,
        and a bridge passes on what comes from there."""
        self.kill_guests()
        self.stop_switch()
        self.set_wire_up(linux.TAP)
        self.host.run(
            "/usr/bin/ip link add {0} type bridge group_fwd_mask 0x4000 "
            "mcast_snooping 0 && device=`ls /sys/bus/pci/devices/{1}/net` && "
            "/usr/bin/ip link set $device master {0} up && "
            "/usr/bin/ip link set {0} up".format(BRIDGE, PLAIN_DEVICE))
        self.start_switch("--no-pci", "va")
        self.add_ports(["net_tap0,iface=" + VF_TAP])
        self.host.run(
            "ovs-vsctl set Interface zc0 options:slow-path=arp -- add-port "
            "br0 zc0w -- set Interface zc0w type=dpdkzcrx options:wire-of=zc0 "
            "&& /usr/bin/ip link set {0} master {1} && "
            "echo 1 > /proc/sys/net/ipv6/conf/{0}/disable_ipv6".format(
                VF_TAP, BRIDGE))
        self.start_guests(1)
        self.host.run("/usr/bin/ip link set %s up" % VF_TAP)
        self.wait_zero_copy()

    def prepare_physical(self):
        """A guest on a NIC that uses physical addresses."""
        self.kill_guests()
        self.stop_switch()
        self.set_wire_up(linux.TAP)
        self.bind(PLAIN_DEVICE, "uio_pci_generic")
        self.start_switch("-a " + PLAIN_DEVICE, "pa")
        self.add_ports([PLAIN_DEVICE])
        self.start_guests(1)
        self.wait_zero_copy()

    def start_switch(self, extra, iova):
        """Starts Open vSwitch in the host."""
        self.host.run(
            "rm -rf /run/ovs; mkdir /run/ovs && cd /run/ovs && "
            "ovsdb-tool create conf.db /run/vswitch.ovsschema "
            "&& ovsdb-server --detach --no-chdir --pidfile --log-file "
            "-vconsole:off --remote=punix:db.sock conf.db && "
            "ovs-vsctl --no-wait init && ovs-vsctl --no-wait set "
            "Open_vSwitch . other_config:dpdk-init=true "
            "other_config:dpdk-socket-mem=512 other_config:pmd-cpu-mask=0x2 "
            "other_config:dpdk-extra='--iova-mode=%s %s'" % (iova, extra))
        self.start_daemon()
        self.host.run("ovs-vsctl --may-exist add-br br0 -- set Bridge br0 "
                      "datapath_type=netdev")

    def stop_switch(self):
        self.stop_daemon()
        self.host.run("ovs-appctl -t ovsdb-server exit; true")

    def stop_daemon(self):
        self.host.run("ovs-appctl exit; while pidof ovs-vswitchd; do "
                      "usleep 50000; done")

    def start_daemon(self):
        self.host.run("cd /run/ovs && ovs-vswitchd --detach --no-chdir "
                      "--pidfile --log-file -vconsole:off")

    def wait_up(self, port=None, patience=machine.PATIENCE):
        """Waits until all ports are up."""
        for number in range(self.ports):
            self.host.wait_for("ovs-vsctl get Interface zc%d link_state | "
                               "grep -x up" % number,
                               "port zc%d" % number, patience)

    def wait_zero_copy(self):
        """Sends frames until no VF has a host buffer.  DPDK's guests are slow
        to post buffers here, and host buffers make up for these."""
        for guest in self.guests:
            deadline = time.monotonic() + machine.PATIENCE
            while self.count_host_buffers(guest.number):
                if time.monotonic() > deadline:
                    raise sandbox.SandboxError("the VF of %s keeps its host "
                                               "buffers" % guest.name)
                self.wire("ping", "-q", "-c", "50", "-i", "0.01", "-W", "1",
                          guest.address, status=(0, 1))

    def count_host_buffers(self, number):
        return sum(queue["posted_bounce"] for queue in self.show(
            "zc%d" % number)["ports"][0]["queues"])

    def check_daemons(self):
        if self.host.try_to("pidof ovs-vswitchd")[0]:
            raise sandbox.SandboxError("ovs-vswitchd has ended")
        faults = self.host.faults()
        if faults:
            raise sandbox.SandboxError("the IOMMU reports: " + faults)

    def logs(self):
        """Yields lines that tell what has happened in the host."""
        for command in ("dmesg", "grep -E '\\|(WARN|ERR|EMER)\\||dpdkzcrx' "
                        "/run/ovs/ovs-vswitchd.log", "cat /run/vm0.log"):
            for line in self.host.try_to(command + " | tail -n 10"
                                         )[1].splitlines():
                yield "%s: %s" % (command.split()[-1], line)

    def ask(self, command, port=""):
        """Returns what one of our commands shows."""
        return json.loads(self.host.run("ovs-appctl dpdkzcrx/%s --json %s"
                                        % (command, port)))

    def show(self, port=""):
        return self.ask("ring-sync-show", port)

    def counters(self):
        """Returns the ports' counters, over all queues."""
        sums = linux.Counters()
        for port in self.show()["ports"]:
            for queue in port["queues"]:
                sums.add(queue)
        return sums
