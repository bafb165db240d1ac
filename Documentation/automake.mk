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

DOC_SOURCE = \
	Documentation/conf.py \
	Documentation/howto/dpdkzcrx.rst \
	Documentation/howto/nics.rst \
	Documentation/howto/orchestration.rst \
	Documentation/howto/quickstart.rst \
	Documentation/howto/troubleshooting.rst \
	Documentation/howto/vm0.xml \
	Documentation/index.rst \
	Documentation/internals/faults.rst \
	Documentation/internals/hostile-guests.rst \
	Documentation/internals/overview.rst \
	Documentation/internals/packages.rst \
	Documentation/internals/simnic.rst \
	Documentation/internals/slow-path.rst \
	Documentation/internals/virtual-machines.rst \
	Documentation/performance.rst \
	Documentation/ref/bench-switch.inc \
	Documentation/ref/bottleneck.inc \
	Documentation/ref/commands.inc \
	Documentation/ref/features.inc \
	Documentation/ref/json.inc \
	Documentation/ref/options.inc \
	Documentation/ref/ovs-dpdkzcrx.7.rst \
	Documentation/ref/ovs-zcrx-bench.8.rst \
	Documentation/ref/ovs-zcrx-top.8.rst \
	Documentation/ref/performance-instructions.inc \
	Documentation/ref/performance-pairs.inc \
	Documentation/ref/performance-relay.inc \
	Documentation/ref/performance-relay.svg \
	Documentation/ref/performance-switch.inc \
	Documentation/ref/performance-switch.svg \
	Documentation/ref/performance-targets.inc \
	Documentation/ref/queue-statistics.inc \
	Documentation/ref/states.inc \
	Documentation/ref/statistics.inc \
	Documentation/ref/status.inc \
	Documentation/ref/telemetry.inc \
	Documentation/topics/comparison.rst \
	Documentation/topics/diagnosis.rst \
	Documentation/topics/dpdk/dpdkzcrx.rst \
	Documentation/topics/security.rst \
	Documentation/topics/tuning.rst
EXTRA_DIST += $(DOC_SOURCE) README.rst

# The documentation agrees with the code, and builds.
TESTSUITE_AT += tests/docs.at
EXTRA_DIST += tests/check-commands.py tests/check-docs.py

# "make docs" builds everything.  The manual pages are built by "make", too, as
# "make install" installs them.
SPHINX_BUILD = $(SPHINXBUILD) -W -q -d Documentation/doctrees
DOC_DEPENDS = $(DOC_SOURCE) configure.ac

if HAVE_SPHINX
man7_MANS = Documentation/man/ovs-dpdkzcrx.7
man8_MANS = \
	Documentation/man/ovs-zcrx-bench.8 \
	Documentation/man/ovs-zcrx-top.8

Documentation/man/ovs-dpdkzcrx.7: $(DOC_DEPENDS)
	$(AM_V_GEN)$(SPHINX_BUILD) -b man $(srcdir)/Documentation \
		Documentation/man
	$(AM_V_at)touch $@

# Sphinx makes all pages at once.
$(man8_MANS): $(man7_MANS)
	$(AM_V_at)touch $@

Documentation/html/index.html: $(DOC_DEPENDS)
	$(AM_V_GEN)$(SPHINX_BUILD) -b html $(srcdir)/Documentation \
		Documentation/html
	$(AM_V_at)touch $@

docs: Documentation/html/index.html $(man8_MANS)
	@echo "The documentation is in Documentation/html and Documentation/man."
else
docs:
	@echo "Sphinx is missing: install python3-sphinx and run configure again."
	@exit 1
endif
.PHONY: docs

mostlyclean-local:
	rm -rf Documentation/doctrees Documentation/html Documentation/man
