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

"""Turns what "ovs-zcrx-bench relay --json" and "ovs-zcrx-bench switch --json"
printed into tables for the documentation ("make bench")."""

import argparse
import collections
import json

import zcrx_bench_targets

# The size of frames for which the profile is shown, in bytes.
PROFILE_SIZE = 64

def cell(value):
    return '"%s"' % value if "," in str(value) else str(value)


def table(title, header, rows):
    lines = [".. csv-table:: %s" % title,
             "   :header: %s" % ", ".join('"%s"' % name for name in header),
             ""]
    return lines + ["   " + ", ".join(map(cell, row)) for row in rows] + [""]


def ratio(a, b):
    return "%.2f" % (a / b)


def cycles(result):
    return "%.1f" % result["cycles_per_frame"]


def spread(result):
    return "%s (%.1f to %.1f)" % (cycles(result),
                                  result["cycles_per_frame_min"],
                                  result["cycles_per_frame_max"])


def relay_tables(report):
    """Yields the lines of one table for each kind of ring, cache and way to
    vary: sizes with one burst, bursts with one size."""
    cases = collections.defaultdict(dict)
    for result in report["results"]:
        cases[(result["ring"], result["cache"], result["frame_size"],
               result["burst"])][result["path"]] = result
    header = ("Bytes", "Frames at once", "zcrx", "p99", "vhost-copy", "floor",
              "vhost-copy / zcrx", "zcrx / floor")
    kinds = sorted({key[:2] for key in cases}, reverse=True)
    for ring, cache in kinds:
        rows = []
        for key, paths in cases.items():
            if key[:2] != (ring, cache) or len(paths) < 3:
                continue
            zcrx, copy, floor = (paths[name] for name in
                                 ("zcrx", "vhost-copy", "floor"))
            rows.append(key[2:] + (
                cycles(zcrx), "%.1f" % zcrx["cycles_p99"], cycles(copy),
                cycles(floor),
                ratio(copy["cycles_per_frame"], zcrx["cycles_per_frame"]),
                ratio(zcrx["cycles_per_frame"], floor["cycles_per_frame"])))
        yield from table("%s virtqueues, frames %s" % (
            ring.capitalize(), "in the CPU's caches" if cache == "warm"
            else "in no cache"), header, rows)


def instructions_table(report):
    cases = collections.defaultdict(dict)
    for result in report["results"]:
        cases[result["ring"], result["frame_size"]][result["path"]] = \
            result["instructions_per_frame"]
    rows = [key + (paths["zcrx"], paths["vhost-copy"], paths["floor"],
                   ratio(paths["vhost-copy"], paths["zcrx"]))
            for key, paths in cases.items()]
    return table("Instructions for each frame, 32 at once",
                 ("Virtqueues", "Bytes", "zcrx", "vhost-copy", "floor",
                  "vhost-copy / zcrx"), rows) + profile_table(report)


def profile_table(report):
    """Returns the lines of the table of where instructions are spent."""
    rows = []
    for result in report["results"]:
        if result["frame_size"] == PROFILE_SIZE:
            top = [part for part in result["profile"]
                   if part["instructions_per_frame"] >= 1]
            rows.append((result["ring"], result["path"], ", ".join(
                "%s %.1f" % (part["where"], part["instructions_per_frame"])
                for part in top)))
    return table("Where they are spent, with frames of %d bytes; what is less "
                 "than one is left out" % PROFILE_SIZE,
                 ("Virtqueues", "Path", "Instructions for each frame"), rows)


def pairs_table(report):
    """Returns the lines of the table of two queue pairs against one."""
    cases = collections.defaultdict(dict)
    for result in report["queue_pairs"]:
        cases[result["ring"], result["frame_size"]][
            result["queue_pairs"]] = result
    rows = [key + (spread(pairs[1]), spread(pairs[2]),
                   ratio(pairs[2]["cycles_per_frame"],
                         pairs[1]["cycles_per_frame"]))
            for key, pairs in cases.items()]
    return table("Cycles of one thread, alone and beside another one",
                 ("Virtqueues", "Bytes", "One queue pair", "Two queue pairs",
                  "two / one"), rows)


def by_size(report):
    """Returns the results of both paths for each size."""
    sizes = collections.OrderedDict()
    for result in report["results"]:
        sizes.setdefault(result["frame_size"], {})[result["path"]] = result
    return sizes.items()


def cycles_table(report):
    rows = [(size, spread(paths["zcrx"]), spread(paths["ovs"]),
             "%.2f (%.2f to %.2f)" % tuple(paths["zcrx"]["ovs_ratio" + end]
                                           for end in ("", "_min", "_max")),
             paths["zcrx"]["frames_per_second"],
             paths["ovs"]["frames_per_second"],
             paths["zcrx"]["drops"], paths["ovs"]["drops"])
            for size, paths in by_size(report)]
    return table("Cycles, frames per second and drops of the running daemon",
                 ("Bytes", "zcrx", "ovs", "ovs / zcrx", "zcrx frames/s",
                  "ovs frames/s", "zcrx drops", "ovs drops"), rows)


def misses_table(report):
    """Returns the lines of the table of cache misses, none if the machine
    does not count them."""
    rows = [(size, ) + tuple(paths[name]["cache_misses_per_frame"]
                             for name in ("zcrx", "ovs"))
            for size, paths in by_size(report)]
    rows = [row for row in rows if None not in row]
    if not rows:
        return ["This machine does not count cache misses.", ""]
    return table("Cache misses for each frame", ("Bytes", "zcrx", "ovs"), rows)


def latency(one, name):
    """Returns a quantile with the least and the most of the runs, in
    microseconds."""
    values = [one["latency_%s_ns%s" % (name, end)]
              for end in ("", "_min", "_max")]
    if None in values:
        return "unknown"
    return "%.2f (%.2f to %.2f)" % tuple(value / 1000 for value in values)


def latency_table(report):
    rows = []
    for size, paths in by_size(report):
        for pair in zip(paths["zcrx"]["latency"], paths["ovs"]["latency"]):
            for name, one in zip(("zcrx", "ovs"), pair):
                rows.append((size, one["load"], name, one["offered_rate"])
                            + tuple(latency(one, quantile) for quantile
                                    in ("p50", "p99", "p999"))
                            + (one["drops"], ))
    return table("Latency in microseconds",
                 ("Bytes", "Load %", "Path", "Frames/s", "p50", "p99", "p99.9",
                  "Drops"), rows)


def memory_table(report):
    rows = [(one["mtu"], one["path"], "yes" if one["copying"] else "no",
             one["dpdk_bytes"], one["other_bytes"],
             "%.2f" % (one["bytes_per_queue_pair"] / 2**20))
            for one in report["memory"]]
    return table("Memory of a port with one queue pair of 1024",
                 ("MTU", "Path", "Copies", "Bytes in DPDK's heaps",
                  "Other bytes",
                  "MiB in all"), rows)


def switch_tables(report):
    for make in cycles_table, misses_table, latency_table, memory_table:
        yield from make(report)


def targets_table(relay, switch):
    rows = zcrx_bench_targets.check(relay, switch)
    return table("What was to be reached, and was it?",
                 ("What", "Target", "Reached", "Met"), rows)


def facts(report):
    for name in ("machine", "versions"):
        yield "- %s: %s" % (name, ", ".join("%s %s" % item for item
                                            in report[name].items()))
    yield ""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("relay", "instructions", "pairs",
                                         "switch", "targets"))
    parser.add_argument("reports", type=argparse.FileType(), nargs="+",
                        help="of relay; of switch; for \"targets\", of relay "
                        "and of switch")
    args = parser.parse_args()
    reports = [json.load(report) for report in args.reports]
    tables = {"relay": relay_tables, "instructions": instructions_table,
              "pairs": pairs_table, "switch": switch_tables,
              "targets": targets_table}[args.kind]
    lines = list(facts(reports[0])) if args.kind in ("relay", "switch") else []
    print(".. Made by \"make bench\".\n")
    print("\n".join(lines + list(tables(*reports))).rstrip())


if __name__ == "__main__":
    main()
