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


# The benchmark's modules.
EXTRA_DIST += \
	utilities/zcrx_bench_report.py \
	utilities/zcrx_bench_rig.py \
	utilities/zcrx_bench_switch.py

# Measures, on a machine that has nothing else to do, and writes what the
# documentation has of it.
BENCH = ZCRX_BUILDDIR=$(abs_builddir) $(PYTHON3) \
	$(srcdir)/utilities/ovs-zcrx-bench
BENCH_REPORT = $(PYTHON3) $(srcdir)/utilities/zcrx_bench_report.py
BENCH_DOC = $(srcdir)/Documentation/ref/performance-
bench: programs
	$(BENCH) relay --json --plot $(BENCH_DOC)relay.svg > bench-relay.json
	$(BENCH_REPORT) relay bench-relay.json > $(BENCH_DOC)relay.inc
	$(BENCH) switch --json > bench-switch.json
	$(BENCH_REPORT) switch bench-switch.json > $(BENCH_DOC)switch.inc
.PHONY: bench

CLEANFILES += bench-relay.json bench-switch.json
