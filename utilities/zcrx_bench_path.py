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

"""One way through Open vSwitch, from a simulated VF to a guest, both of which
are one program, zcrx-bench-ends."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time

# Entries of the rings of the VF and of the guest.
RING_SIZE = 1024

USUAL_MTU = 1500

# What says how many cycles a frame costs, see the manual page.
CYCLES_FROM = {
    "zcrx": "the port's zcrx_rx_sampled_cycles / zcrx_rx_sampled_frames",
    "ovs": "pmd-stats-show's processing cycles / packets received",
}
PATHS = tuple(CYCLES_FROM)


def buffer_size(mtu):
    """Returns how large the guest's buffers are for frames of 'mtu'."""
    return 2048 if mtu <= USUAL_MTU else mtu // 1024 * 1024 + 2048


class Path(object):
    """A path, with its ports and what is at both of its ends, for as long as
    the context lasts."""
    def __init__(self, rig, name, mtu=USUAL_MTU, copying=False):
        self.rig = rig
        self.name = name
        self.mtu = mtu
        self.copying = copying
        self.parts = contextlib.ExitStack()

    def __enter__(self):
        try:
            self.set_up()
        except BaseException:
            self.parts.close()
            raise
        return self

    def __exit__(self, *exc):
        self.parts.close()

    def command(self, *words):
        """Has zcrx-bench-ends carry out a command.  Returns its answer."""
        self.ends.stdin.write(" ".join(map(str, words)) + "\n")
        self.ends.stdin.flush()
        answer = self.ends.stdout.readline()
        if not answer:
            self.ends.wait()
            self.rig.check_processes()
        return json.loads(answer)

    def link_is_up(self, port):
        return self.rig.run("ovs-vsctl", "get", "Interface", port,
                            "link_state").strip() == "up"

    def is_ready(self):
        return (all(self.link_is_up(port) for port in self.ports)
                and self.command("ready")["ready"])

    def add_ports(self):
        vf = ("options:dpdk-devargs=net_virtio_user0,path=vf0.sock,"
              "queue_size=%d,mrg_rxbuf=0" % RING_SIZE)
        vm = "options:vhost-server-path=" + self.rig.path("vm0.sock")
        if self.name == "zcrx":
            ports = {"zc0": ("type=dpdkzcrx", vf, vm, "options:zcrx-mode=%s"
                             % ("copy" if self.copying else "auto"))}
        else:
            ports = {"vf0": ("type=dpdk", vf),
                     "vm0": ("type=dpdkvhostuserclient", vm)}
        command = ["ovs-vsctl"]
        for port, settings in ports.items():
            self.parts.callback(self.rig.run, "ovs-vsctl", "--if-exists",
                                "del-port", port)
            command += ["--", "add-port", "br0", port, "--", "set",
                        "Interface", port] + list(settings)
            if self.mtu != USUAL_MTU:
                command += ["mtu_request=%d" % self.mtu]
        self.rig.run(*command)
        if self.name == "ovs":
            for a, b in (("vf0", "vm0"), ("vm0", "vf0")):
                self.rig.run("ovs-ofctl", "add-flow", "br0",
                             "in_port=%s,actions=output:%s" % (a, b))
            self.parts.callback(self.rig.run, "ovs-ofctl", "del-flows", "br0")
        return list(ports)

    def set_up(self):
        rig = self.rig
        sockets = [rig.path(name) for name in ("vf0.sock", "vm0.sock")]
        for path in sockets:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        self.ends, stop = rig.spawn_piped(
            "zcrx-bench-ends", "zcrx-bench-ends", "--ring", str(RING_SIZE),
            "--buffer", str(buffer_size(self.mtu)),
            *(["--huge"] if rig.huge else []), "vf0.sock", "vm0.sock")
        self.parts.callback(stop)
        rig.wait_until(lambda: all(map(os.path.exists, sockets)),
                       "the simulated VF and the guest are there")
        self.memory_before = rig.memory()
        self.ports = self.add_ports()
        rig.wait_until(self.is_ready, "the ports are up")

    def warm_up(self, size):
        """Lets frames of 'size' come until some arrive."""
        self.command("size", size)
        self.rig.wait_until(
            lambda: self.command("closed", 0.05)["received"], "frames arrive")
        self.command("closed", 0.1)

    def port_counters(self):
        """Returns the counters that only a dpdkzcrx port has, as they are at
        this moment: those in the database are some seconds old."""
        text = self.rig.run("ovs-ofctl", "-O", "OpenFlow14", "dump-ports",
                            "br0", "zc0")
        return {name: int(value) for name, value
                in re.findall(r"zcrx_(\w+)=(\d+)", text)}

    def copied(self):
        """Returns how many frames a dpdkzcrx port has copied so far."""
        return sum(value for name, value in self.port_counters().items()
                   if name.startswith("copied_"))

    def start_counting(self):
        if self.name == "zcrx":
            self.before = self.port_counters()
        else:
            self.rig.run("ovs-appctl", "dpif-netdev/pmd-stats-clear")

    def cycles_and_frames(self):
        """Returns the cycles since start_counting() and the frames that they
        were spent on."""
        if self.name == "zcrx":
            now = self.port_counters()
            return [now[name] - self.before[name]
                    for name in ("rx_sampled_cycles", "rx_sampled_frames")]
        text = self.rig.run("ovs-appctl", "dpif-netdev/pmd-stats-show")
        pmd = text[text.index("pmd thread"):]
        # As Open vSwitch 4.0 has it.
        found = re.search(r"Rx packets: *(\d+) .* (\d+) cycles/pkt", pmd)
        if found:
            frames = int(found.group(1))
            return [int(found.group(2)) * frames, frames]
        if "Rx packets:" in pmd:
            return [0, 0]
        return [int(re.search(r"%s: *(\d+)" % name, pmd).group(1))
                for name in ("processing cycles", "packets received")]

    def measure_cycles(self, seconds):
        """Moves frames as fast as they arrive."""
        rig = self.rig
        self.start_counting()
        preemptions = rig.pmd_preemptions()
        with CacheMisses(rig) as misses:
            result = self.command("closed", seconds)
        preemptions = rig.pmd_preemptions() - preemptions
        cycles, frames = self.cycles_and_frames()
        # The port counts in some turns only.
        while not frames:
            rig.check_processes()
            self.command("closed", seconds)
            cycles, frames = self.cycles_and_frames()
        rig.check_processes()
        return {
            "cycles_per_frame": cycles / frames,
            "frames_per_second": result["received"] / (
                result["seconds"] - result["away_seconds"]
                or result["seconds"]),
            "frames": result["sent"],
            "drops": result["drops"],
            "pmd_preemptions": preemptions,
            "cache_misses_per_frame": misses.per(result["received"]),
        }

    def measure_latency(self, seconds, rate):
        """Lets 'rate' frames per second come."""
        result = self.command("open", seconds, rate)
        self.rig.check_processes()
        return result

    def memory(self):
        """Returns how many bytes the daemon has taken for the ports."""
        now = self.rig.memory()
        return {name: now[name] - self.memory_before[name] for name in now}


class CacheMisses(object):
    """Counts those of the PMD thread for as long as the context lasts, if the
    machine can."""
    def __init__(self, rig):
        self.rig = rig
        self.count = None
        self.process = None

    def __enter__(self):
        if self.rig.counts_cache_misses():
            self.process = subprocess.Popen(
                ["perf", "stat", "-x", ",", "-e", "cache-misses", "-t",
                 self.rig.pmd_thread()[0]], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            # It does not say when it has begun.
            time.sleep(0.2)
        return self

    def __exit__(self, *exc):
        if self.process:
            self.process.send_signal(signal.SIGINT)
            said = self.process.communicate()[1]
            match = re.search(r"^(\d+),[^,]*,cache-misses", said, re.M)
            self.count = match and int(match.group(1))

    def per(self, frames):
        """Returns how many there were for each of 'frames', or None."""
        return (None if self.count is None or not frames
                else self.count / frames)
