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

# Read by make after Open vSwitch's own Makefile, in its build folder: gives
# what only that Makefile knows.

# The options that code which includes Open vSwitch's headers must be compiled
# with.  Machine options matter: inline hash functions differ with them.
# Headers come as system headers, so that our warnings do not judge them.
zcrx_includes = \
	$(abs_top_builddir)/include $(abs_top_srcdir)/include \
	$(abs_top_builddir)/lib $(abs_top_srcdir)/lib \
	$(abs_top_builddir)
zcrx_flags = $(AM_CPPFLAGS) $(CPPFLAGS) $(AM_CFLAGS) $(CFLAGS)
zcrx_cflags = \
	$(addprefix -isystem,$(abspath $(zcrx_includes))) \
	$(patsubst -I%,-isystem%,$(filter-out -W% -f%,$(OVS_CFLAGS))) \
	$(filter -D% -m% -fsanitize=%,$(zcrx_flags)) \
	-DZCRX_OVS_VERSION=$(shell echo '$(VERSION)' \
		| awk -F. '{ print $$1 * 100 + $$2 }')

.PHONY: zcrx-cflags
zcrx-cflags:
	@printf '%s\n' '$(strip $(zcrx_cflags))'

# Links ovs-vswitchd as Open vSwitch does, with ZCRX_OBJECTS added, as
# ZCRX_OUTPUT.
ifdef ZCRX_OUTPUT
$(ZCRX_OUTPUT): zcrx-force
	$(vswitchd_ovs_vswitchd_LINK) -Wl,--wrap=netdev_dpdk_register \
		-Wl,--wrap=pmd_perf_end_iteration \
		-Wl,--wrap=xnanosleep_no_quiesce \
		-Wl,--wrap=print_dpdk_version \
		-Wl,--wrap=rte_eth_iterator_next \
		$(vswitchd_ovs_vswitchd_OBJECTS) $(ZCRX_OBJECTS) \
		$(vswitchd_ovs_vswitchd_LDADD) $(LIBS)

.PHONY: zcrx-force
zcrx-force:
endif

# What Open vSwitch's tests need beyond what "make" builds.
.PHONY: zcrx-check-programs
zcrx-check-programs: $(TESTSUITE) $(check_DATA) $(check_SCRIPTS) \
	$(check_PROGRAMS)
