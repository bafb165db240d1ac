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

# Unit programs.  To add one: put its name into check_PROGRAMS and give its
# _SOURCES, _LDADD and, if it includes neither Open vSwitch nor DPDK, its _CFLAGS
# here; run it in tests/unit.at.

# Everything that is compiled, without running it.
.PHONY: programs
programs: all $(check_PROGRAMS)

# Our own testsuite.  Open vSwitch's macros come out of its source tree.
TESTSUITE = tests/testsuite
TESTSUITE_AT = \
	tests/bench-switch.at \
	tests/build.at \
	tests/copy.at \
	tests/crash.at \
	tests/diagnosis.at \
	tests/jumbo.at \
	tests/layouts.at \
	tests/lifecycle.at \
	tests/matrix.at \
	tests/offload.at \
	tests/options.at \
	tests/ovn.at \
	tests/packed.at \
	tests/registration.at \
	tests/slow-macros.at \
	tests/slow-ovs.at \
	tests/slow.at \
	tests/system-dpdk.at \
	tests/tap.at \
	tests/testsuite.at \
	tests/traffic-macros.at \
	tests/traffic.at \
	tests/unit.at
EXTRA_DIST += \
	$(TESTSUITE_AT) \
	tests/atlocal.in \
	tests/count-results.awk \
	tests/demo/run \
	tests/guest \
	tests/isolate.py \
	tests/system-dpdk.py \
	tests/traffic.py
DISTCLEANFILES += tests/atconfig
CLEANFILES += $(TESTSUITE) tests/check.log tests/package.m4 tests/testsuite.log

tests/package.m4: Makefile
	$(AM_V_GEN){ \
	  echo 'm4_define([AT_PACKAGE_NAME], [$(PACKAGE_NAME)])'; \
	  echo 'm4_define([AT_PACKAGE_TARNAME], [$(PACKAGE_TARNAME)])'; \
	  echo 'm4_define([AT_PACKAGE_VERSION], [$(PACKAGE_VERSION)])'; \
	  echo 'm4_define([AT_PACKAGE_STRING], [$(PACKAGE_STRING)])'; \
	  echo 'm4_define([AT_PACKAGE_BUGREPORT], [$(PACKAGE_BUGREPORT)])'; \
	} > $@.tmp && mv $@.tmp $@

$(TESTSUITE): tests/package.m4 $(TESTSUITE_AT) ovs/stamp
	$(AM_V_GEN)$(AUTOM4TE) --language=autotest -I tests -I $(srcdir) \
		-I $(OVS_SRCDIR) -o $@.tmp $(srcdir)/tests/testsuite.at && \
	mv $@.tmp $@

# Our daemon comes before Open vSwitch's own.
OVS_PATH = $(OVS_BUILDDIR)/utilities:$(OVS_BUILDDIR)/vswitchd:$(OVS_BUILDDIR)/ovsdb:$(OVS_BUILDDIR)/vtep:$(OVS_BUILDDIR)/tests:$(OVS_BUILDDIR)/ipsec
CHECK_PATH = $(abs_top_builddir)/vswitchd:$(abs_top_builddir)/tests/unit:$(OVS_PATH)

run_testsuite = $(PYTHON3) $(srcdir)/tests/isolate.py $(SHELL)

.PHONY: check-zcrx
check-zcrx: programs $(TESTSUITE) tests/atconfig tests/atlocal
	$(run_testsuite) $(TESTSUITE) -C tests \
		AUTOTEST_PATH='$(CHECK_PATH)' $(TESTSUITEFLAGS)

# Open vSwitch's testsuite with our daemon instead of its own.  It runs in a
# folder of ours, so that several builds can share one of Open vSwitch.
# CHECK_OVS_PATH=$(OVS_PATH) runs it with its own daemon, for comparison.
OVS_TESTSUITE = $(OVS_SRCDIR)/tests/testsuite
CHECK_OVS_PATH = $(CHECK_PATH)

tests/ovs/atconfig: ovs/stamp
	+$(AM_V_GEN)$(MAKE) -s --no-print-directory -C $(OVS_BUILDDIR) \
		-o Makefile -f Makefile \
		-f $(abs_top_srcdir)/build-aux/ovs.mk zcrx-check-programs \
		> ovs/check-programs.log 2>&1 \
	|| { cat ovs/check-programs.log; exit 1; }
	$(AM_V_at)$(MKDIR_P) tests/ovs
	$(AM_V_at)cp $(OVS_BUILDDIR)/tests/atlocal tests/ovs/atlocal
	$(AM_V_at)sed \
		-e "s|^abs_builddir=.*|abs_builddir='$(abs_top_builddir)/tests/ovs'|" \
		-e "s|^at_srcdir=.*|at_srcdir='$(OVS_SRCDIR)/tests'|" \
		-e "s|^at_top_srcdir=.*|at_top_srcdir='$(OVS_SRCDIR)'|" \
		-e "s|^at_top_build_prefix=.*|at_top_build_prefix='$(OVS_BUILDDIR)/'|" \
		$(OVS_BUILDDIR)/tests/atconfig > $@.tmp && mv $@.tmp $@

.PHONY: check-ovs
check-ovs: all tests/ovs/atconfig
	set $(run_testsuite) $(OVS_TESTSUITE) -C tests/ovs \
		AUTOTEST_PATH='$(CHECK_OVS_PATH)'; \
	"$$@" $(TESTSUITEFLAGS) || \
	(test X'$(RECHECK)' = Xyes && "$$@" --recheck)

# The part of it that a changed ovs-vswitchd could break.
OVS_SELECTION_AT = \
	alb.at \
	bridge.at \
	dpctl.at \
	dpif-netdev.at \
	netdev-type.at \
	ofproto-dpif.at \
	ovs-vsctl.at \
	ovs-vswitchd.at \
	pmd.at
OVS_SELECTION_FLAGS = -j4

.PHONY: check-ovs-selection
check-ovs-selection: all tests/ovs/atconfig
	$(MAKE) check-ovs RECHECK=yes TESTSUITEFLAGS="$(OVS_SELECTION_FLAGS) \
	`$(SHELL) $(OVS_TESTSUITE) --list | awk -v files='$(OVS_SELECTION_AT)' ' \
	    BEGIN { n = split(files, f); while (n) { wanted[f[n--]] } } \
	    /^ *[0-9]+: / { sub(/:.*/, "", $$2); if ($$2 in wanted) print $$1 + 0 }' \
	  | tr '\n' ' '`"

# Both, unless TESTSUITEFLAGS asks for particular tests: those are ours.
check_SUITES = \
	check-zcrx \
	$(if $(filter-out -j%,$(TESTSUITEFLAGS)),,check-ovs-selection)
check-local:
	@for suite in $(check_SUITES); do \
	  $(MAKE) --no-print-directory $$suite || echo "suite $$suite: FAILED"; \
	done 2>&1 | tee tests/check.log
	@awk -f $(srcdir)/tests/count-results.awk tests/check.log

clean-local:
	rm -rf tests/testsuite.dir tests/ovs tests/fuzz/out
