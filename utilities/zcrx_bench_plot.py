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

"""Draws what was measured into SVG files."""

from zcrx_bench_places import BenchError

LATENCIES = (("latency_p50_ns", "p50", ":"), ("latency_p99_ns", "p99", "-"))


def check():
    """Raises BenchError if nothing can be drawn.  Returns what draws."""
    try:
        import matplotlib
        matplotlib.use("svg")
        import matplotlib.pyplot as plt
    except ImportError:
        raise BenchError("--plot takes matplotlib (package "
                         "python3-matplotlib)")
    # The same figures make the same file.
    matplotlib.rcParams["svg.hashsalt"] = "ovs-zcrx-bench"
    return plt


def save(figure, path):
    figure.tight_layout()
    figure.savefig(path, format="svg", metadata={"Date": None})


def plot_relay(report, path):
    """Draws cycles or instructions over the size of frames."""
    plt = check()
    results = [result for result in report["results"]
               if result["frame_size"] != "imix"]
    unit = ("instructions" if "instructions_per_frame" in results[0]
            else "cycles")
    burst = 32 if any(r["burst"] == 32 for r in results) \
        else results[0]["burst"]
    results = [result for result in results if result["burst"] == burst]
    panels = sorted({(r["ring"], r["cache"]) for r in results}, reverse=True)
    names = list(dict.fromkeys(result["path"] for result in results))
    figure, axes = plt.subplots(1, len(panels), sharey=True, squeeze=False,
                                figsize=(1 + 4 * len(panels), 4))
    for ax, (ring, cache) in zip(axes[0], panels):
        for name in names:
            points = sorted((r["frame_size"], r[unit + "_per_frame"])
                            for r in results
                            if (r["path"], r["ring"], r["cache"])
                            == (name, ring, cache))
            if points:
                ax.plot(*zip(*points), marker="o", label=name)
        ax.set_title("%s virtqueues, %s frames" % (ring, cache))
        ax.set_xlabel("bytes of a frame, without FCS")
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        ax.grid(True, which="both", alpha=0.3)
    axes[0][0].set_ylabel("%s per frame, bursts of %d" % (unit, burst))
    axes[0][0].legend()
    save(figure, path)


def plot_switch(report, path):
    """Draws cycles over the size of frames, and latency over the load for each
    size."""
    plt = check()
    results = report["results"]
    sizes = list(dict.fromkeys(result["frame_size"] for result in results))
    figure, axes = plt.subplots(1, 1 + len(sizes), squeeze=False,
                                figsize=(5 + 4 * len(sizes), 4))
    cycles, latencies = axes[0][0], axes[0][1:]
    for color, name in enumerate(dict.fromkeys(r["path"] for r in results)):
        mine = [result for result in results if result["path"] == name]
        values = [r["cycles_per_frame"] for r in mine]
        errors = [[abs(r["cycles_per_frame_" + end] - value)
                   for r, value in zip(mine, values)]
                  for end in ("min", "max")]
        cycles.errorbar(sizes, values, errors, marker="o", capsize=3,
                        label=name)
        for ax, result in zip(latencies, mine):
            for key, label, line in LATENCIES:
                points = [(one["load"], one[key] / 1000)
                          for one in result["latency"]
                          if one[key] is not None]
                if points:
                    ax.plot(*zip(*points), line, marker="o",
                            color="C%d" % color,
                            label="%s %s" % (name, label))
    cycles.set_title("cycles of the PMD thread")
    cycles.set_xlabel("bytes of a frame, without FCS")
    cycles.set_ylabel("cycles per frame")
    cycles.set_ylim(bottom=0)
    for ax, size in zip(latencies, sizes):
        ax.set_title("latency at %d bytes" % size)
        ax.set_xlabel("percent of the path's frames per second")
        ax.set_ylabel("microseconds")
        ax.set_yscale("log")
    for ax in axes[0]:
        ax.grid(True, which="both", alpha=0.3)
        ax.legend()
    save(figure, path)
