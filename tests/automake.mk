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

$(check_PROGRAMS:%=%.o): ovs/stamp

# Our own testsuite.  Open vSwitch's macros come out of its source tree.
TESTSUITE = tests/testsuite
TESTSUITE_AT = \
	tests/registration.at \
	tests/testsuite.at \
	tests/unit.at
EXTRA_DIST += $(TESTSUITE_AT) tests/atlocal.in
DISTCLEANFILES += tests/atconfig
CLEANFILES += $(TESTSUITE) tests/package.m4

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
OVS_TOOLS = $(OVS_BUILDDIR)/utilities:$(OVS_BUILDDIR)/ovsdb:$(OVS_BUILDDIR)/vtep
ZCRX_PATH = $(abs_top_builddir)/vswitchd:$(abs_top_builddir)/tests/unit:$(OVS_TOOLS)

check-local: $(TESTSUITE) tests/atconfig tests/atlocal
	$(SHELL) $(TESTSUITE) -C tests AUTOTEST_PATH='$(ZCRX_PATH)' \
		$(TESTSUITEFLAGS)

clean-local:
	test ! -f $(TESTSUITE) || $(SHELL) $(TESTSUITE) -C tests --clean
