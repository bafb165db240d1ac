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

"""Measures what it costs to move a frame from a VF into a guest.

One thread plays the VF's device and the guest, untimed, and what is between
them, timed: ring sync as in the daemon ("zcrx"); receiving from the VF, copying
with DPDK's vhost library and freeing ("vhost-copy"); and receiving from the VF
and freeing alone ("floor").  Before each case is measured, frames are passed and
compared byte for byte.
"""

import collections
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

import zcrx_bench_plot
from zcrx_bench_places import BenchError, Places

PATHS = ("zcrx", "vhost-copy", "floor")
RINGS = ("split", "packed")
CACHES = ("warm", "cold")
SIZES = ("64", "128", "256", "512", "1024", "1518", "9018", "imix")
BURST = 32
BURSTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)

# Sizes with which each burst is measured, unless told otherwise, and two queue
# pairs are, with a burst for which both threads are busy at the same time.
BURST_SIZES = ("64", "1518")
PAIRS_BURST = 256

MIN_SIZE, MAX_SIZE, MAX_BURST = 60, 9018, 256

# The longest frame of a VF with the usual MTU; above, the guest and the VF are
# set up for jumbo frames.
MAX_USUAL_SIZE = 1526
MTU, JUMBO_MTU = 1500, 9004

# How the VF's driver receives.
VF_ARGS = {
    "vector": "in_order=0,mrg_rxbuf=0,vectorized=1",
    "scalar": "in_order=0,mrg_rxbuf=0",
    "inorder": "in_order=1,mrg_rxbuf=0",
    "packed": "in_order=0,mrg_rxbuf=0,packed_vq=1",
}

MEMORY = 512                    # MB.

Group = collections.namedtuple("Group", "ring sizes bursts caches")


class Relay(object):
    """Runs the program that measures, in a folder of its own."""
    def __init__(self, args, progress):
        self.args = args
        self.progress = progress
        self.huge = not (args.no_huge or args.instructions)
        self.system = {}
        # Of others, before anything is measured.
        self.load_average = round(os.getloadavg()[0], 2)
        self.places = Places()
        if not os.path.exists(self.places.relay):
            raise BenchError("%s is missing: 'make' builds it"
                             % self.places.relay)
        if args.instructions and not shutil.which("valgrind"):
            raise BenchError("counting instructions takes valgrind (package "
                             "valgrind)")
        self.dir = tempfile.mkdtemp(prefix="ovs-zcrx-bench.")

    def command(self, group, jumbo, second_cpu):
        args = self.args
        paths = args.paths if second_cpu is None else ["zcrx"]
        command = [self.places.relay, "--folder", self.dir,
                   "--paths", ",".join(paths),
                   "--sizes", ",".join(group.sizes),
                   "--bursts", ",".join(map(str, group.bursts)),
                   "--caches", ",".join(group.caches),
                   "--runs", str(1 if args.instructions else args.runs),
                   "--frames", str(args.frames), "--ring", group.ring,
                   "--mtu", str(JUMBO_MTU if jumbo else MTU),
                   "--vf-args", VF_ARGS[args.vf_driver]]
        if second_cpu is not None:
            command += ["--second-cpu", str(second_cpu)]
        eal = ["--lcores", "0@%d" % args.cpu, "--no-pci", "--no-telemetry",
               "-m", str(MEMORY)]
        # Either way, the memory is few files: a vhost-user memory table has
        # room for eight.
        if self.huge:
            eal += ["--in-memory", "--single-file-segments"]
        else:
            eal += ["--no-huge", "--no-shconf"]
        if args.instructions:
            command = ["valgrind", "--quiet", "--tool=callgrind",
                       "--callgrind-out-file=" + self.path("callgrind"),
                       "--toggle-collect=relay_timed_turns",
                       "--dump-after=relay_measure"] + command
        return command + ["--"] + eal

    def path(self, name):
        return os.path.join(self.dir, name)

    def instructions(self, number):
        """Returns how many instructions the 'number'-th case took."""
        with open(self.path("callgrind.%d" % number)) as f:
            return int(re.search(r"^(?:totals|summary): *(\d+)", f.read(),
                                 re.M).group(1))

    def profile(self, number, frames):
        """Returns where the 'number'-th case took its instructions: functions
        of ours, with what is inlined in them, and others' libraries, those
        first that took most."""
        shown = subprocess.run(
            ["callgrind_annotate", "--auto=no", "--threshold=100",
             self.path("callgrind.%d" % number)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            check=True).stdout
        counts = collections.Counter()
        for count, function, file in re.findall(
                r"^ *([0-9,]+) \([^)]*\) +\S+:(\S+)(?: \[(.*)\])? *$", shown,
                re.M):
            library = re.match(r"[^/]*?(?=\.so\b)", os.path.basename(file))
            where = library.group() if library else function.split(".")[0]
            count = int(count.replace(",", ""))
            # What called all of it is shown with all of its instructions.
            if count != self.instructions(number):
                counts[where] += count
        return [{"where": where, "instructions_per_frame":
                 round(count / frames, 1)}
                for where, count in counts.most_common()]

    def measure(self, group, jumbo, second_cpu=None):
        """Yields what the program prints: a result of each run.  There are
        two queue pairs if 'second_cpu' is not None."""
        with open(self.path("log"), "w+") as log:
            process = subprocess.Popen(
                self.command(group, jumbo, second_cpu),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=log, text=True,
                env=dict(os.environ, RUNTIME_DIRECTORY=self.dir))
            try:
                results = []
                for line in process.stdout:
                    result = json.loads(line)
                    if "path" not in result:
                        self.system = result
                    elif self.args.instructions:
                        results.append(result)
                    else:
                        yield result
            finally:
                if process.poll() is None and sys.exc_info()[0]:
                    process.kill()
                status = process.wait()
                process.stdout.close()
            if status:
                log.seek(0)
                raise BenchError(log.read().strip()
                                 or "the benchmark ended with status %d"
                                 % status)
        for number, result in enumerate(results):
            result["instructions_per_frame"] = round(
                self.instructions(number + 1) / result["frames"], 1)
            result["profile"] = self.profile(number + 1, result["frames"])
            yield result

    def run(self, groups):
        for group in groups:
            usual = [size for size in group.sizes if not is_jumbo(size)]
            jumbo = [size for size in group.sizes if is_jumbo(size)]
            for sizes in usual, jumbo:
                if sizes:
                    yield from self.measure(group._replace(sizes=sizes),
                                            sizes is jumbo)

    def run_pairs(self):
        """Yields the results with two queue pairs, if there are two CPUs."""
        args = self.args
        cpus = os.sched_getaffinity(0) - {args.cpu}
        sizes = [size for size in BURST_SIZES if size in args.sizes]
        if (args.instructions or "zcrx" not in args.paths
                or "warm" not in args.caches or not sizes):
            return
        if not cpus:
            self.progress("no second CPU for a second queue pair")
            return
        for ring in args.rings:
            yield from self.measure(Group(ring, sizes, [PAIRS_BURST],
                                          ["warm"]), False, min(cpus))

    def machine(self):
        with open("/proc/cpuinfo") as f:
            models = re.findall(r"^model name\s*: *(.*)$", f.read(), re.M)
        return {"cpu": models[0] if models else "", "cpus": os.cpu_count(),
                "used_cpu": self.args.cpu, "hugepages": self.huge,
                "tsc_mhz": round(self.system["tsc_hz"] / 1000000),
                "load_average": self.load_average,
                "kernel": os.uname().release}

    def versions(self):
        return {"dpdkzcrx": self.places.version, "dpdk": self.system["dpdk"]}


def is_jumbo(size):
    return size != "imix" and int(size) > MAX_USUAL_SIZE


def make_groups(args):
    """Returns what to measure with one set of virtqueues at a time."""
    groups = []
    for ring in args.rings:
        groups.append(Group(ring, args.sizes, args.bursts or [BURST],
                            args.caches))
        if not args.bursts and not args.instructions:
            sizes = [size for size in BURST_SIZES if size in args.sizes]
            bursts = [burst for burst in BURSTS if burst != BURST]
            if sizes and "warm" in args.caches:
                groups.append(Group(ring, sizes, bursts, ["warm"]))
    return groups


def summarize(runs):
    """Returns the result of several runs of the same case."""
    result = {key: runs[0][key] for key in ("path", "ring", "frame_size",
                                            "burst", "cache")}
    cycles = [run["cycles_per_frame"] for run in runs]
    result["cycles_per_frame"] = round(statistics.median(cycles), 2)
    result["cycles_p99"] = round(statistics.median(
        run["cycles_p99"] for run in runs), 2)
    result["cycles_per_frame_min"] = min(cycles)
    result["cycles_per_frame_max"] = max(cycles)
    result["runs"] = len(runs)
    result["frames"] = sum(run["frames"] for run in runs)
    if "instructions_per_frame" in runs[0]:
        # Under valgrind, cycles mean nothing.
        for key in [key for key in result if key.startswith("cycles")]:
            del result[key]
        for key in "instructions_per_frame", "profile":
            result[key] = runs[0][key]
    return result


def describe_case(result):
    return "%s ring, %s bytes, burst %d, %s" % (
        result["ring"], result["frame_size"], result["burst"],
        result["cache"])


def value(result):
    return result.get("instructions_per_frame",
                      result.get("cycles_per_frame"))


def measure_all(args, progress):
    relay = Relay(args, progress)
    cases = collections.defaultdict(list)
    pairs = collections.defaultdict(list)
    started = None
    try:
        if relay.huge:
            relay.huge = reserve_hugepages(relay.places, progress)
            reserved = relay.huge
        else:
            reserved = None
        try:
            for run in relay.run(make_groups(args)):
                case = describe_case(run)
                if case != started:
                    started = case
                    progress("measuring %s" % case)
                cases[(case, run["path"])].append(run)
            for run in relay.run_pairs():
                case = "%s, one and two queue pairs" % describe_case(run)
                if case != started:
                    started = case
                    progress("measuring %s" % case)
                pairs[case, run["queue_pairs"]].append(run)
        finally:
            if reserved:
                subprocess.run([relay.places.tool("hugepages"), "release",
                                reserved], check=True)
        relay.huge = bool(relay.huge)
        return {"machine": relay.machine(), "versions": relay.versions(),
                "vf_driver": args.vf_driver,
                "results": [summarize(runs) for runs in cases.values()],
                "queue_pairs": [dict(queue_pairs=n, **summarize(runs))
                                for (_, n), runs in pairs.items()]}
    finally:
        shutil.rmtree(relay.dir)


def reserve_hugepages(places, progress):
    """Returns how many hugepages there are more now, or None if there are not
    enough."""
    done = subprocess.run([places.tool("hugepages"), "reserve", str(MEMORY)],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True)
    if done.returncode:
        progress("doing without hugepages: %s" % done.stderr.strip())
        return None
    return done.stdout.strip()


def print_table(report):
    unit = ("instructions" if "instructions_per_frame" in report["results"][0]
            else "cycles")
    tables = collections.OrderedDict()
    for result in report["results"]:
        key = (result["ring"], result["cache"])
        row = (result["frame_size"], result["burst"])
        tables.setdefault(key, collections.OrderedDict()) \
            .setdefault(row, {})[result["path"]] = result
    for (ring, cache), rows in tables.items():
        print("%s virtqueues, %s frames: %s per frame" % (ring, cache, unit))
        print("%6s %6s" % ("bytes", "burst")
              + "".join("%22s" % path for path in PATHS)
              + "%12s %9s" % ("copy/zcrx", "zcrx-floor"))
        for (size, burst), results in rows.items():
            line = "%6s %6d" % (size, burst)
            for path in PATHS:
                if path not in results:
                    line += "%22s" % "-"
                elif unit == "cycles":
                    r = results[path]
                    line += "%9.1f %12s" % (
                        r["cycles_per_frame"], "(%.0f-%.0f)" % (
                            r["cycles_per_frame_min"],
                            r["cycles_per_frame_max"]))
                else:
                    line += "%22.1f" % value(results[path])
            if "zcrx" in results and "vhost-copy" in results:
                line += "%12.2f" % (value(results["vhost-copy"])
                                    / value(results["zcrx"]))
            if "zcrx" in results and "floor" in results:
                line += "%11.1f" % (value(results["zcrx"])
                                    - value(results["floor"]))
            print(line)
        print()
    for result in report["queue_pairs"]:
        print("%s ring, %s bytes: a thread of %d with a queue pair each: "
              "%.1f (%.0f-%.0f) cycles per frame" % (
                  result["ring"], result["frame_size"], result["queue_pairs"],
                  result["cycles_per_frame"], result["cycles_per_frame_min"],
                  result["cycles_per_frame_max"]))
    for name in ("machine", "versions"):
        print("%s: %s" % (name, ", ".join(
            "%s %s" % item for item in report[name].items())))


def choices(allowed):
    def parse(s):
        values = s.split(",")
        if not all(value in allowed for value in values):
            raise ValueError()
        return values
    parse.__name__ = "one or more of %s" % ", ".join(allowed)
    return parse


def frame_sizes(s):
    sizes = s.split(",")
    for size in sizes:
        if size != "imix" and not MIN_SIZE <= int(size) <= MAX_SIZE:
            raise ValueError()
    return sizes


def bursts(s):
    values = [int(burst) for burst in s.split(",")]
    if not all(1 <= burst <= MAX_BURST for burst in values):
        raise ValueError()
    return values


def add_arguments(parser):
    parser.add_argument("--json", action="store_true",
                        help="print one JSON object")
    parser.add_argument("--plot", metavar="FILE",
                        help="draw the results into an SVG file, too")
    parser.add_argument("--paths", type=choices(PATHS), default=list(PATHS),
                        metavar="NAME,...", help="of zcrx, vhost-copy, floor "
                        "(default: all)")
    parser.add_argument("--rings", type=choices(RINGS), default=list(RINGS),
                        metavar="KIND,...", help="the guest's virtqueues: "
                        "split, packed (default: both)")
    parser.add_argument("--sizes", type=frame_sizes, default=list(SIZES),
                        metavar="BYTES,...", help="sizes of frames, without "
                        "FCS, from %d to %d, or imix\n(default: %s)" % (
                            MIN_SIZE, MAX_SIZE, ",".join(SIZES)))
    parser.add_argument("--bursts", type=bursts, metavar="N,...",
                        help="frames that wait when a turn begins, up to %d\n"
                        "(default: %d, and 1 to 256 with sizes %s)" % (
                            MAX_BURST, BURST, " and ".join(BURST_SIZES)))
    parser.add_argument("--caches", type=choices(CACHES),
                        default=list(CACHES), metavar="NAME,...",
                        help="where the device leaves a frame: warm, in the "
                        "CPU's caches;\ncold, in none (default: both)")
    parser.add_argument("--runs", type=int, default=5,
                        help="of each case; the paths take turns (default: 5)")
    parser.add_argument("--frames", type=int, default=16384,
                        help="in a run (default: 16384)")
    parser.add_argument("--vf-driver", choices=list(VF_ARGS),
                        default="vector",
                        help="how the VF's driver receives (default: vector)")
    parser.add_argument("--instructions", action="store_true",
                        help="count instructions, with valgrind, and not "
                        "cycles")
    parser.add_argument("--cpu", type=int,
                        default=max(os.sched_getaffinity(0)),
                        help="the CPU to use (default: the last one)")
    parser.add_argument("--no-huge", action="store_true",
                        help="do without hugepages")


def run(args, progress):
    """Measures what 'args' says and prints it.  'progress' is called with
    lines for whoever waits.  Raises BenchError."""
    for name in ("runs", "frames"):
        if getattr(args, name) < 1:
            raise BenchError("--%s must be at least 1" % name)
    if args.plot:
        zcrx_bench_plot.check()
    report = measure_all(args, progress)
    if args.plot:
        zcrx_bench_plot.plot_relay(report, args.plot)
    if args.json:
        print(json.dumps(report))
    else:
        print_table(report)
