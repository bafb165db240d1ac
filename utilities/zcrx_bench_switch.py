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

"""Measures the running daemon: a dpdkzcrx port against what it replaces.

Frames go from a simulated VF through ovs-vswitchd to a virtio guest, by turns
through a dpdkzcrx port ("zcrx") and through Open vSwitch's ports of type dpdk
and dpdkvhostuserclient with one flow ("ovs").  Everything else is the same:
the daemon, its PMD thread, the VF's driver, the device behind it (simnic) and
the guest (testpmd, which only receives).  The PMD thread has a CPU of its own;
the device and the guest share another one.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import statistics
import sys
import time

sys.dont_write_bytecode = True
from zcrx_bench_places import BenchError                # noqa: E402
from zcrx_bench_rig import GUEST_MEMORY, PATIENCE, Rig  # noqa: E402

PATHS = ("zcrx", "ovs")
SIZES = (64, 512, 1518)
MIN_SIZE, MAX_SIZE = 60, 1518

# Frames per second, few enough for a CPU that the device and the guest share:
# a frame that is dropped does not cost what one does that arrives.
RATE = 200000

# Entries of the rings of the VF and of the guest.  The device and the guest
# take turns on their CPU: the rings must hold what comes in a turn.
RING_SIZE = 1024

# What says how many cycles a frame costs, see the manual page.
CYCLES_FROM = {
    "zcrx": "the port's zcrx_rx_sampled_cycles / zcrx_rx_sampled_frames",
    "ovs": "pmd-stats-show's processing cycles / packets received",
}


class Run(object):
    """One path, set up and measured with frames of one size."""
    def __init__(self, rig, path, size, rate):
        self.rig = rig
        self.path = path
        self.size = size
        self.rate = rate
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

    def tell(self, *command):
        return self.rig.run("simnic", "tell", "vf0.ctl", *command)

    def device_frames(self):
        """Returns how many frames came to the device, with those that it had
        no descriptor for."""
        report = json.loads(self.tell("report"))
        return (report["rx_frames"] + report["rx_no_descriptor"]
                + report["rx_too_long"])

    def guest_command(self, command):
        return self.rig.run("guest", "command", self.rig.path("vm0"), command)

    def guest_frames(self):
        stats = self.guest_command("show port stats 0")
        return int(re.search(r"RX-packets: *(\d+)", stats).group(1))

    def link_is_up(self, port):
        return self.rig.run("ovs-vsctl", "get", "Interface", port,
                            "link_state").strip() == "up"

    def add_ports(self):
        vf = ("options:dpdk-devargs=net_virtio_user0,path=vf0.sock,"
              "queue_size=%d,mrg_rxbuf=0" % RING_SIZE)
        vm = "options:vhost-server-path=" + self.rig.path("vm0.sock")
        if self.path == "zcrx":
            ports = {"zc0": ("type=dpdkzcrx", vf, vm)}
        else:
            ports = {"vf0": ("type=dpdk", vf),
                     "vm0": ("type=dpdkvhostuserclient", vm)}
        command = ["ovs-vsctl"]
        for port, settings in ports.items():
            self.parts.callback(self.rig.run, "ovs-vsctl", "--if-exists",
                                "del-port", port)
            command += ["--", "add-port", "br0", port, "--", "set",
                        "Interface", port] + list(settings)
        self.rig.run(*command)
        if self.path == "ovs":
            for a, b in (("vf0", "vm0"), ("vm0", "vf0")):
                self.rig.run("ovs-ofctl", "add-flow", "br0",
                             "in_port=%s,actions=output:%s" % (a, b))
            self.parts.callback(self.rig.run, "ovs-ofctl", "del-flows", "br0")
        return list(ports)

    def set_up(self):
        rig = self.rig
        for name in ("vf0.sock", "vf0.ctl"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(rig.path(name))
        self.parts.callback(rig.spawn(
            "simnic", "simnic", "run", "--control", "vf0.ctl",
            "--check-interval", "1000", "--idle-turns", "1",
            "--do", "size %d" % self.size, "--do", "rate %d" % self.rate,
            "vf0.sock"))
        rig.wait_until(lambda: os.path.exists(rig.path("vf0.ctl"))
                       and os.path.exists(rig.path("vf0.sock")),
                       "the simulated VF is there")
        ports = self.add_ports()
        self.parts.callback(rig.run, "guest", "stop", rig.path("vm0"))
        rig.run("guest", "start", rig.path("vm0"), "--hold",
                "--socket", rig.path("vm0.sock"),
                "--queue-size", str(RING_SIZE), "--cpu", str(rig.device_cpu),
                "--memory", str(GUEST_MEMORY),
                *([] if rig.huge else ["--no-huge"]))
        with open(rig.path("vm0/pid")) as f:
            rig.prioritize(int(f.read()))
        self.guest_command("set fwd rxonly")
        self.guest_command("start")
        for port in ports:
            rig.wait_until(lambda: self.link_is_up(port),
                           "port %s is up" % port)

    def port_counters(self):
        """Returns the counters that only a dpdkzcrx port has, as they are at
        this moment: those in the database are some seconds old."""
        text = self.rig.run("ovs-ofctl", "-O", "OpenFlow14", "dump-ports",
                            "br0", "zc0")
        return {name: int(value) for name, value
                in re.findall(r"zcrx_(\w+)=(\d+)", text)}

    def start_counting(self):
        if self.path == "zcrx":
            self.before = self.port_counters()
        else:
            self.rig.run("ovs-appctl", "dpif-netdev/pmd-stats-clear")

    def cycles_and_frames(self):
        """Returns the cycles since start_counting() and the frames that they
        were spent on."""
        if self.path == "zcrx":
            now = self.port_counters()
            return [now[name] - self.before[name]
                    for name in ("rx_sampled_cycles", "rx_sampled_frames")]
        text = self.rig.run("ovs-appctl", "dpif-netdev/pmd-stats-show")
        pmd = text[text.index("pmd thread"):]
        return [int(re.search(r"%s: *(\d+)" % name, pmd).group(1))
                for name in ("processing cycles", "packets received")]

    def settled_guest_frames(self, n_sent):
        """Waits until all of 'n_sent' frames have reached the guest, or no
        more come.  Returns how many have."""
        n = self.guest_frames()
        changed = time.monotonic()
        while n < n_sent and time.monotonic() - changed < (1 if n
                                                           else PATIENCE):
            time.sleep(0.2)
            last, n = n, self.guest_frames()
            if n != last:
                changed = time.monotonic()
        return n

    def measure(self, seconds):
        self.tell("start")
        start = time.monotonic()
        time.sleep(seconds / 10)
        self.start_counting()
        preemptions = self.rig.pmd_preemptions()
        time.sleep(seconds)
        preemptions = self.rig.pmd_preemptions() - preemptions
        cycles, frames = self.cycles_and_frames()
        # Only some turns of the PMD thread are counted.
        while not frames and time.monotonic() - start < PATIENCE:
            time.sleep(0.1)
            cycles, frames = self.cycles_and_frames()
        self.tell("stop")
        elapsed = time.monotonic() - start

        n_sent = self.device_frames()
        n_received = self.settled_guest_frames(n_sent)
        self.rig.check_processes()
        result = {
            "cycles_per_frame": cycles / frames,
            "frames_per_second": n_received / elapsed,
            "frames": n_sent,
            "drops": n_sent - n_received,
            "pmd_preemptions": preemptions,
        }
        if self.path == "zcrx":
            now = self.port_counters()
            result["copied"] = sum(value for name, value in now.items()
                                   if name.startswith("copied_"))
        return result


def summarize(path, size, runs):
    """Returns one result from those of several runs."""
    def values(name):
        return [run[name] for run in runs]

    cycles = values("cycles_per_frame")
    result = {
        "path": path,
        "frame_size": size,
        "cycles_per_frame": round(statistics.median(cycles), 1),
        "cycles_per_frame_min": round(min(cycles), 1),
        "cycles_per_frame_max": round(max(cycles), 1),
        "frames_per_second": round(statistics.median(
            values("frames_per_second"))),
        "runs": len(runs),
        "frames": sum(values("frames")),
        "drops": sum(values("drops")),
        "pmd_preemptions": sum(values("pmd_preemptions")),
    }
    if path == "zcrx":
        result["copied"] = sum(values("copied"))
    return result


def measure_all(args, progress):
    rig = Rig(args, progress)
    runs = {(size, path): [] for size in args.sizes for path in PATHS}
    keep = True
    try:
        try:
            rig.start()
            for number in range(args.runs):
                for size, path in runs:
                    with Run(rig, path, size, args.rate) as run:
                        result = run.measure(args.seconds)
                    runs[size, path].append(result)
                    progress("run %d of %d, %4d bytes, %-4s %8.1f cycles/frame"
                             ", %10.0f frames/s, %d of %d dropped" % (
                                 number + 1, args.runs, size, path,
                                 result["cycles_per_frame"],
                                 result["frames_per_second"],
                                 result["drops"], result["frames"]))
            report = {
                "results": [summarize(path, size, runs[size, path])
                            for size, path in runs],
                "cycles_from": CYCLES_FROM,
                "offered_rate": args.rate,
                "seconds": args.seconds,
                "machine": rig.machine(),
                "versions": rig.versions(),
            }
        finally:
            # A second signal must not keep anything running.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            rig.stop()
        keep = False
    except BenchError as error:
        raise BenchError("%s\nThe logs are in %s." % (error, rig.dir))
    except KeyboardInterrupt:
        keep = False
        raise
    finally:
        if not keep:
            shutil.rmtree(rig.dir)
    return report


def print_table(report):
    results = report["results"]
    baseline = {result["frame_size"]: result["cycles_per_frame"]
                for result in results if result["path"] == "ovs"}
    print("%6s  %-5s %12s %17s %7s %12s %12s %12s" % (
        "bytes", "path", "cycles/frame", "(min-max)", "ratio", "frames/s",
        "frames", "dropped"))
    for result in results:
        size = result["frame_size"]
        print("%6d  %-5s %12.1f %17s %7.2f %12d %12d %12d" % (
            size, result["path"], result["cycles_per_frame"],
            "(%.1f-%.1f)" % (result["cycles_per_frame_min"],
                             result["cycles_per_frame_max"]),
            baseline[size] / result["cycles_per_frame"],
            result["frames_per_second"], result["frames"], result["drops"]))
        if result.get("copied"):
            print("%8s%d of these frames were copied to the guest"
                  % ("", result["copied"]))
        if result["pmd_preemptions"]:
            print("%8sother work on its CPU interrupted the PMD thread %d "
                  "times" % ("", result["pmd_preemptions"]))
    print()
    for path, source in report["cycles_from"].items():
        print("cycles/frame of %s: %s" % (path, source))
    for name in ("machine", "versions"):
        print("%s: %s" % (name, ", ".join(
            "%s %s" % item for item in report[name].items())))


def frame_sizes(s):
    sizes = [int(size) for size in s.split(",")]
    if not all(MIN_SIZE <= size <= MAX_SIZE for size in sizes):
        raise ValueError()
    return sizes


def positive(s):
    value = float(s)
    if not 0 < value < float("inf"):
        raise ValueError()
    return value


def add_arguments(parser):
    parser.add_argument("--json", action="store_true",
                        help="print one JSON object")
    parser.add_argument("--sizes", type=frame_sizes, default=list(SIZES),
                        metavar="BYTES,...", help="sizes of frames, without "
                        "FCS, from %d to %d (default: %s)" % (
                            MIN_SIZE, MAX_SIZE, ",".join(map(str, SIZES))))
    parser.add_argument("--runs", type=int, default=3,
                        help="of each path with each size (default: 3)")
    parser.add_argument("--seconds", type=positive, default=3,
                        help="that a run counts (default: 3)")
    parser.add_argument("--rate", type=int, default=RATE, metavar="N",
                        help="frames per second that come from the wire "
                        "(default: %d)" % RATE)
    parser.add_argument("--nice", type=int, default=-20, metavar="N",
                        help="priority of what is measured (default: -20, "
                        "before everything else)")
    parser.add_argument("--no-huge", action="store_true",
                        help="do without hugepages")


def run(args, progress):
    """Measures what 'args' says and prints it.  'progress' is called with
    lines for whoever waits.  Raises BenchError."""
    for name in ("runs", "rate"):
        if getattr(args, name) < 1:
            raise BenchError("--%s must be at least 1" % name)

    def interrupt(number, frame):
        raise KeyboardInterrupt()

    signal.signal(signal.SIGTERM, interrupt)
    report = measure_all(args, progress)
    if args.json:
        print(json.dumps(report))
    else:
        print_table(report)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_arguments(parser)
    try:
        run(parser.parse_args(),
            lambda text: print(text, file=sys.stderr, flush=True))
    except (OSError, BenchError) as error:
        print("%s: %s" % (parser.prog, error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
