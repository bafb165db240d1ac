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

# The daemon goes beside Debian's variants of it, so that it replaces none.
zcrxdir = $(libdir)/openvswitch-switch-dpdkzcrx
zcrx_PROGRAMS = vswitchd/ovs-vswitchd

vswitchd_ovs_vswitchd_SOURCES = \
	vswitchd/zcrx-devices.c \
	vswitchd/zcrx-register.c
vswitchd_ovs_vswitchd_CPPFLAGS = $(AM_CPPFLAGS) \
	-DZCRX_VERSION='"$(PACKAGE_VERSION)"'
vswitchd_ovs_vswitchd_LDADD = lib/libzcrx.a lib/libzcrxring.a

$(vswitchd_ovs_vswitchd_OBJECTS): ovs/stamp

# Linked by Open vSwitch's own Makefile from its own objects and ours.
vswitchd/ovs-vswitchd$(EXEEXT): $(vswitchd_ovs_vswitchd_OBJECTS) \
		$(vswitchd_ovs_vswitchd_LDADD) build-aux/ovs.mk ovs/stamp
	+$(AM_V_CCLD)$(MAKE) -s --no-print-directory -C $(OVS_BUILDDIR) \
		-o Makefile -f Makefile -f $(abs_top_srcdir)/build-aux/ovs.mk \
		$(abs_top_builddir)/$@ ZCRX_OUTPUT=$(abs_top_builddir)/$@ \
		ZCRX_OBJECTS='$(addprefix $(abs_top_builddir)/,\
			$(vswitchd_ovs_vswitchd_OBJECTS) \
			$(vswitchd_ovs_vswitchd_LDADD))' \
		CC='$(CC)' LDFLAGS='$(AM_LDFLAGS) $(LDFLAGS)' \
		LIBTOOLFLAGS='$(if $(filter 1,$(V)),,--silent)'
