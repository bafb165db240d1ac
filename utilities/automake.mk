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

bin_SCRIPTS = utilities/ovs-zcrx-top
EXTRA_DIST += $(bin_SCRIPTS) utilities/ovs-zcrx-bashcomp.bash

# The benchmark is installed with its modules, and with what it runs besides
# the tools of Open vSwitch, in one folder, and has a link among the commands.
# Python looks for modules where a link points to.
zcrxdatadir = $(datadir)/openvswitch-switch-dpdkzcrx
dist_zcrxdata_SCRIPTS = \
	tests/hugepages \
	utilities/ovs-zcrx-bench
dist_zcrxdata_DATA = \
	utilities/zcrx-bursts.bt \
	utilities/zcrx_bench_path.py \
	utilities/zcrx_bench_places.py \
	utilities/zcrx_bench_plot.py \
	utilities/zcrx_bench_relay.py \
	utilities/zcrx_bench_rig.py \
	utilities/zcrx_bench_switch.py
EXTRA_DIST += \
	utilities/zcrx_bench_report.py \
	utilities/zcrx_bench_targets.py

# What ovs-bugtool collects: it looks in the folder of each category.
bugtoolplugindir = $(datadir)/openvswitch/bugtool-plugins/network-status
dist_bugtoolplugin_DATA = \
	utilities/bugtool/plugins/network-status/dpdkzcrx.xml
ovsscriptsdir = $(datadir)/openvswitch/scripts
dist_ovsscripts_SCRIPTS = utilities/bugtool/ovs-bugtool-dpdkzcrx-ports

# Where the rest is, see zcrx_bench_places.py; relative, as "make install" may
# have a DESTDIR.
relative_path = $(PYTHON3) -c \
	'import os, sys; print(os.path.relpath(sys.argv[1], sys.argv[2]))'
install-data-hook: install-bashcomp
	@echo "Writing $(DESTDIR)$(zcrxdatadir)/places"; { \
	  echo "version='$(PACKAGE_VERSION)'"; \
	  echo "zcrxdir='`$(relative_path) '$(zcrxdir)' '$(zcrxdatadir)'`'"; \
	  echo "schema='$(datadir)/openvswitch/vswitch.ovsschema'"; \
	} > "$(DESTDIR)$(zcrxdatadir)/places"
	$(MKDIR_P) "$(DESTDIR)$(bindir)"
	ln -sf "`$(relative_path) '$(zcrxdatadir)' '$(bindir)'`/ovs-zcrx-bench" \
		"$(DESTDIR)$(bindir)/ovs-zcrx-bench"

uninstall-hook:
	cd "$(DESTDIR)$(bashcompdir)" && rm -f $(bashcomp_commands)
	rm -f "$(DESTDIR)$(zcrxdatadir)/places" \
		"$(DESTDIR)$(bindir)/ovs-zcrx-bench"

# bash looks for a file with the name of the command.
bashcompdir = $(datadir)/bash-completion/completions
bashcomp_commands = ovs-appctl ovs-zcrx-bench ovs-zcrx-top
.PHONY: install-bashcomp
install-bashcomp:
	$(MKDIR_P) "$(DESTDIR)$(bashcompdir)"
	$(INSTALL_DATA) $(srcdir)/utilities/ovs-zcrx-bashcomp.bash \
		"$(DESTDIR)$(bashcompdir)/ovs-appctl"
	for command in $(bashcomp_commands); do \
	  test $$command = ovs-appctl || \
	  ln -sf ovs-appctl "$(DESTDIR)$(bashcompdir)/$$command" || exit 1; \
	done

# Measures, on a machine that has nothing else to do, and writes what the
# documentation has of it.  Plots take the Python that Debian's matplotlib is
# for.
BENCH = ZCRX_BUILDDIR=$(abs_builddir) $(srcdir)/utilities/ovs-zcrx-bench
BENCH_REPORT = $(PYTHON3) $(srcdir)/utilities/zcrx_bench_report.py
BENCH_DOC = $(srcdir)/Documentation/ref/performance-
bench: programs
	$(BENCH) relay --json --plot $(BENCH_DOC)relay.svg > bench-relay.json
	$(BENCH) relay --json --instructions --sizes 64,1518 --caches warm \
		--frames 2048 > bench-instructions.json
	$(BENCH) switch --json --plot $(BENCH_DOC)switch.svg > bench-switch.json
	$(BENCH_REPORT) relay bench-relay.json > $(BENCH_DOC)relay.inc
	$(BENCH_REPORT) instructions bench-instructions.json \
		> $(BENCH_DOC)instructions.inc
	$(BENCH_REPORT) pairs bench-relay.json > $(BENCH_DOC)pairs.inc
	$(BENCH_REPORT) switch bench-switch.json > $(BENCH_DOC)switch.inc
	$(BENCH_REPORT) targets bench-relay.json bench-switch.json \
		> $(BENCH_DOC)targets.inc
.PHONY: bench

CLEANFILES += bench-instructions.json bench-relay.json bench-switch.json
