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

"""What a dpdkzcrx port was to reach, and whether it does."""

import math

# Bytes of a frame for which there are targets.
SHORT, LONG = 64, 1518

# How many times fewer cycles than what copies.
FEWER_THAN_COPY = {SHORT: 2, LONG: 5}
FEWER_THAN_OVS = {SHORT: 4, LONG: 8}

# How many times the cycles of something else, at most.
LONG_TO_SHORT = 1.15
TO_FLOOR = 1.6
PACKED_TO_SPLIT = 1.1
# 1, and what two measurements of the same differ by.
TWO_TO_ONE = 1.02

MEMORY = 4 << 20                # Bytes for each queue pair of 1024.

RINGS = ("split", "packed")


def yes_or_no(condition):
    return "yes" if condition else "no"


def thousandths(value, rounded):
    """Returns 'value' with three digits, the last one as 'rounded' says, but
    for what a computer's fractions are off."""
    return "%.3f" % (rounded(round(value * 1000, 6)) / 1000)


def at_least(what, target, reached):
    return (what, "at least %g" % target, thousandths(reached, math.floor),
            yes_or_no(reached >= target))


def at_most(what, target, reached):
    return (what, "at most %g" % target, thousandths(reached, math.ceil),
            yes_or_no(reached <= target))


def whole_at_most(what, target, reached):
    """As at_most(), of whole numbers.  What is not known is None."""
    known = None not in (target, reached)
    return (what, "unknown" if target is None else "at most %d" % target,
            "unknown" if reached is None else "%d" % reached,
            yes_or_no(known and reached <= target))


def check_relay(report):
    cycles = {(r["path"], r["ring"], r["frame_size"]): r["cycles_per_frame"]
              for r in report["results"]
              if r["burst"] == 32 and r["cache"] == "warm"}
    for ring in RINGS:
        for size, target in FEWER_THAN_COPY.items():
            yield at_least("relay, %s, %d bytes: vhost-copy / zcrx"
                           % (ring, size), target,
                           cycles["vhost-copy", ring, size]
                           / cycles["zcrx", ring, size])
        yield at_most("relay, %s: zcrx at %d bytes / at %d"
                      % (ring, LONG, SHORT), LONG_TO_SHORT,
                      cycles["zcrx", ring, LONG]
                      / cycles["zcrx", ring, SHORT])
        for size in SHORT, LONG:
            yield at_most("relay, %s, %d bytes: zcrx / floor" % (ring, size),
                          TO_FLOOR, cycles["zcrx", ring, size]
                          / cycles["floor", ring, size])
    for size in SHORT, LONG:
        yield at_most("relay, %d bytes: zcrx packed / split" % size,
                      PACKED_TO_SPLIT, cycles["zcrx", "packed", size]
                      / cycles["zcrx", "split", size])


def check_pairs(report):
    cycles = {(r["ring"], r["frame_size"], r["queue_pairs"]):
              r["cycles_per_frame"] for r in report["queue_pairs"]}
    for ring, size, n in cycles:
        if n == 2:
            yield at_most("relay, %s, %d bytes: two queue pairs / one"
                          % (ring, size), TWO_TO_ONE, cycles[ring, size, 2]
                          / cycles[ring, size, 1])


def check_switch(report):
    paths = {(r["path"], r["frame_size"]): r for r in report["results"]}
    for size, target in FEWER_THAN_OVS.items():
        yield at_least("switch, %d bytes: ovs / zcrx" % size, target,
                       paths["zcrx", size]["ovs_ratio"])
    for (name, size), result in paths.items():
        if name != "zcrx":
            continue
        for one, other in zip(result["latency"],
                              paths["ovs", size]["latency"]):
            yield whole_at_most(
                "switch, %d bytes, load %d %%: latency p99 in ns, that of ovs "
                "as target" % (size, one["load"]), other["latency_p99_ns"],
                one["latency_p99_ns"])
    for one in report["memory"]:
        if one["path"] == "zcrx":
            yield whole_at_most(
                "switch, MTU %d%s: bytes for a queue pair" % (
                    one["mtu"], ", zcrx-mode=copy" if one["copying"] else ""),
                MEMORY, one["bytes_per_queue_pair"])


def check(relay, switch):
    """Returns tuples: what, the target, what was reached, "yes" or "no"."""
    return (list(check_relay(relay)) + list(check_pairs(relay))
            + list(check_switch(switch)))
