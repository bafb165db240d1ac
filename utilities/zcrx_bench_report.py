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


def table(title, header, rows):
    lines = [".. csv-table:: %s" % title,
             "   :header: %s" % ", ".join('"%s"' % name for name in header),
             ""]
    return lines + ["   " + ", ".join(map(str, row)) for row in rows] + [""]


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


def switch_tables(report):
    sizes = collections.OrderedDict()
    for result in report["results"]:
        sizes.setdefault(result["frame_size"], {})[result["path"]] = result
    rows = [(size, spread(paths["zcrx"]), spread(paths["ovs"]),
             ratio(paths["ovs"]["cycles_per_frame"],
                   paths["zcrx"]["cycles_per_frame"]),
             paths["zcrx"]["frames_per_second"],
             paths["ovs"]["frames_per_second"],
             paths["zcrx"]["drops"], paths["ovs"]["drops"])
            for size, paths in sizes.items()]
    yield from table("Cycles, frames per second and drops of the running "
                     "daemon", ("Bytes", "zcrx", "ovs", "ovs / zcrx",
                                "zcrx frames/s", "ovs frames/s", "zcrx drops",
                                "ovs drops"), rows)


def facts(report):
    for name in ("machine", "versions"):
        yield "- %s: %s" % (name, ", ".join("%s %s" % item for item
                                            in report[name].items()))
    yield ""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("relay", "switch"))
    parser.add_argument("report", type=argparse.FileType())
    args = parser.parse_args()
    report = json.load(args.report)
    tables = relay_tables if args.kind == "relay" else switch_tables
    print(".. Made by \"make bench\".\n")
    print("\n".join(list(facts(report)) + list(tables(report))).rstrip())


if __name__ == "__main__":
    main()
