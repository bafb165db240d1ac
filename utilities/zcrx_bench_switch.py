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
the daemon, its PMD thread, the VF's driver, the device behind it and the
guest.  The PMD thread has a CPU of its own; the device and the guest are one
program on another one, which knows when a frame is in the VF's ring, and when
it is in the guest's.
"""

import argparse
import json
import shutil
import signal
import statistics
import sys

sys.dont_write_bytecode = True
import zcrx_bench_plot                                  # noqa: E402
from zcrx_bench_path import (                           # noqa: E402
    CYCLES_FROM, PATHS, Path, USUAL_MTU)
from zcrx_bench_places import BenchError                # noqa: E402
from zcrx_bench_rig import Rig                          # noqa: E402

SIZES = (64, 512, 1518)
MIN_SIZE, MAX_SIZE = 60, 1518

# Percent of the highest rate at which a path drops nothing.
LOADS = (10, 50, 90)

MTUS = (USUAL_MTU, 9000)
MIN_MTU, MAX_MTU = 576, 9702

# Ports whose memory to look at, and whether these copy.
MEMORY_OF = (("zcrx", False), ("zcrx", True), ("ovs", True))

QUANTILES = ("latency_p50_ns", "latency_p99_ns", "latency_p999_ns")


def median(runs, name):
    """Returns the median of what the runs have for 'name', None if they have
    nothing."""
    values = [run[name] for run in runs if run[name] is not None]
    return statistics.median(values) if values else None


def rounded(value, digits=None):
    return None if value is None else round(value, digits)


def total(runs, name):
    return sum(run[name] for run in runs)


def measure(rig, name, size, args):
    """Returns what comes of one path, set up anew, with frames of one
    size."""
    with Path(rig, name) as path:
        path.warm_up(size)
        result = path.measure_cycles(args.seconds)
        result["latency"] = {}
        for load in args.loads:
            rate = load * result["frames_per_second"] / 100
            one = path.measure_latency(args.seconds, rate)
            one["offered_rate"] = rate
            result["latency"][load] = one
        if name == "zcrx":
            result["copied"] = path.copied()
    return result


def summarize_latency(load, runs):
    result = {"load": load,
              "offered_rate": round(median(runs, "offered_rate"))}
    for name in QUANTILES:
        # Nothing is known if the CPU had other work all the time.
        known = [run for run in runs if run["watched"]]
        result[name] = rounded(median(known, name))
        result[name + "_min"] = min((run[name] for run in known),
                                    default=None)
        result[name + "_max"] = max((run[name] for run in known),
                                    default=None)
    result["look_p99_ns"] = rounded(median(runs, "look_p99_ns"))
    result["frames"] = total(runs, "sent")
    result["watched"] = total(runs, "watched")
    result["drops"] = total(runs, "drops")
    return result


def summarize(name, size, runs, loads):
    """Returns one result from those of several runs."""
    cycles = [run["cycles_per_frame"] for run in runs]
    latency = [summarize_latency(load, [run["latency"][load] for run in runs])
               for load in loads]
    middle = latency[len(latency) // 2]
    result = {
        "path": name,
        "frame_size": size,
        "cycles_per_frame": round(statistics.median(cycles), 1),
        "cycles_per_frame_min": round(min(cycles), 1),
        "cycles_per_frame_max": round(max(cycles), 1),
        "frames_per_second": round(median(runs, "frames_per_second")),
        "cache_misses_per_frame": rounded(
            median(runs, "cache_misses_per_frame"), 2),
        "runs": len(runs),
        "frames": total(runs, "frames"),
        "drops": total(runs, "drops"),
        "pmd_preemptions": total(runs, "pmd_preemptions"),
        "latency_load": middle["load"],
    }
    result.update({quantile: middle[quantile] for quantile in QUANTILES})
    result["latency"] = latency
    if name == "zcrx":
        result["copied"] = total(runs, "copied")
    return result


def add_ratios(results, runs):
    """Adds to the results of "zcrx" what "ovs" took in the run beside each:
    the CPUs of a virtual machine may be nearer to each other at one time than
    at another."""
    for result in results:
        if result["path"] == "zcrx":
            size = result["frame_size"]
            ratios = [ovs["cycles_per_frame"] / zcrx["cycles_per_frame"]
                      for zcrx, ovs in zip(runs[size, "zcrx"],
                                           runs[size, "ovs"])]
            result["ovs_ratio"] = round(statistics.median(ratios), 3)
            result["ovs_ratio_min"] = round(min(ratios), 3)
            result["ovs_ratio_max"] = round(max(ratios), 3)


def measure_memory(rig, name, mtu, copying):
    """Returns what a daemon has more with the ports than without."""
    rig.restart()
    # It has a PMD thread before, which is no port's.
    rig.run("ovs-vsctl", "add-port", "br0", "pmd0", "--", "set", "Interface",
            "pmd0", "type=dummy-pmd")
    with Path(rig, name, mtu, copying) as path:
        memory = path.memory()
    rig.run("ovs-vsctl", "del-port", "pmd0")
    memory = dict(path=name, copying=copying, mtu=mtu, queue_pairs=1,
                  **memory)
    memory["bytes_per_queue_pair"] = (memory["dpdk_bytes"]
                                      + memory["other_bytes"])
    return memory


def measure_all(args, progress):
    rig = Rig(args, progress)
    runs = {(size, name): [] for size in args.sizes for name in PATHS}
    keep = True
    try:
        try:
            rig.start()
            for number in range(args.runs):
                for size, name in runs:
                    result = measure(rig, name, size, args)
                    runs[size, name].append(result)
                    progress("run %d of %d, %4d bytes, %-4s %8.1f cycles/frame"
                             ", %10.0f frames/s, %d of %d dropped, p99 %s ns"
                             % (number + 1, args.runs, size, name,
                                result["cycles_per_frame"],
                                result["frames_per_second"], result["drops"],
                                result["frames"], "/".join(
                                    "%.0f" % one["latency_p99_ns"] for one
                                    in result["latency"].values())))
            progress("looking at the memory that ports take")
            memory = [measure_memory(rig, name, mtu, copying)
                      for mtu in args.mtus for name, copying in MEMORY_OF]
            results = [summarize(name, size, runs[size, name], args.loads)
                       for size, name in runs]
            add_ratios(results, runs)
            report = {
                "results": results,
                "memory": memory,
                "cycles_from": CYCLES_FROM,
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


def print_cycles(results):
    print("%6s  %-5s %12s %17s %7s %12s %12s %9s" % (
        "bytes", "path", "cycles/frame", "(min-max)", "ovs/*", "frames/s",
        "frames", "dropped"))
    for result in results:
        size = result["frame_size"]
        print("%6d  %-5s %12.1f %17s %7.2f %12d %12d %9d" % (
            size, result["path"], result["cycles_per_frame"],
            "(%.1f-%.1f)" % (result["cycles_per_frame_min"],
                             result["cycles_per_frame_max"]),
            result.get("ovs_ratio", 1),
            result["frames_per_second"], result["frames"], result["drops"]))
        if result.get("copied"):
            print("%8s%d of these frames were copied to the guest"
                  % ("", result["copied"]))
        if result["pmd_preemptions"]:
            print("%8sother work on its CPU interrupted the PMD thread %d "
                  "times" % ("", result["pmd_preemptions"]))
        if result["cache_misses_per_frame"] is not None:
            print("%8s%.2f cache misses per frame"
                  % ("", result["cache_misses_per_frame"]))


def print_latency(results):
    print("%6s  %-5s %6s %12s %9s %9s %9s %9s" % (
        "bytes", "path", "load", "frames/s", "p50 ns", "p99 ns", "p99.9 ns",
        "dropped"))
    for result in results:
        for one in result["latency"]:
            print("%6d  %-5s %5d%% %12d %9s %9s %9s %9d" % (
                (result["frame_size"], result["path"], one["load"],
                 one["offered_rate"])
                + tuple("-" if one[quantile] is None else one[quantile]
                        for quantile in QUANTILES) + (one["drops"], )))


def print_memory(memory):
    print("%6s  %-5s %8s %20s" % ("MTU", "path", "copies",
                                 "bytes/queue pair"))
    for one in memory:
        print("%6d  %-5s %8s %20d" % (
            one["mtu"], one["path"], "yes" if one["copying"] else "no",
            one["bytes_per_queue_pair"]))


def print_table(report):
    print_cycles(report["results"])
    print()
    print_latency(report["results"])
    print()
    print_memory(report["memory"])
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


def percentages(s):
    loads = [int(load) for load in s.split(",")]
    if not all(1 <= load <= 100 for load in loads):
        raise ValueError()
    return loads


def mtus(s):
    values = [int(mtu) for mtu in s.split(",")]
    if not all(MIN_MTU <= mtu <= MAX_MTU for mtu in values):
        raise ValueError()
    return values


def positive(s):
    value = float(s)
    if not 0 < value < float("inf"):
        raise ValueError()
    return value


def add_arguments(parser):
    parser.add_argument("--json", action="store_true",
                        help="print one JSON object")
    parser.add_argument("--plot", metavar="FILE",
                        help="draw the results into an SVG file, too")
    parser.add_argument("--sizes", type=frame_sizes, default=list(SIZES),
                        metavar="BYTES,...", help="sizes of frames, without "
                        "FCS, from %d to %d (default: %s)" % (
                            MIN_SIZE, MAX_SIZE, ",".join(map(str, SIZES))))
    parser.add_argument("--loads", type=percentages, default=list(LOADS),
                        metavar="PERCENT,...", help="of the highest rate at "
                        "which nothing is dropped, at which to measure\n"
                        "latency (default: %s)" % ",".join(map(str, LOADS)))
    parser.add_argument("--mtus", type=mtus, default=list(MTUS),
                        metavar="MTU,...", help="of ports whose memory to "
                        "look at (default: %s)" % ",".join(map(str, MTUS)))
    parser.add_argument("--runs", type=int, default=7,
                        help="of each path with each size (default: 7)")
    parser.add_argument("--seconds", type=positive, default=0.5,
                        help="that a run has frames come as fast as can be, "
                        "and at each load\n(default: 0.5)")
    parser.add_argument("--nice", type=int, default=-20, metavar="N",
                        help="priority of what is measured (default: -20, "
                        "before everything else)")
    parser.add_argument("--no-huge", action="store_true",
                        help="do without hugepages")


def run(args, progress):
    """Measures what 'args' says and prints it.  'progress' is called with
    lines for whoever waits.  Raises BenchError."""
    if args.runs < 1:
        raise BenchError("--runs must be at least 1")
    if args.plot:
        zcrx_bench_plot.check()

    def interrupt(number, frame):
        raise KeyboardInterrupt()

    signal.signal(signal.SIGTERM, interrupt)
    report = measure_all(args, progress)
    if args.plot:
        zcrx_bench_plot.plot_switch(report, args.plot)
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
