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

# Packages are built from what is distributed.
EXTRA_DIST += \
	build-aux/make-deb \
	build-aux/make-rpm \
	debian/changelog \
	debian/control \
	debian/copyright \
	debian/openvswitch-switch-dpdkzcrx.README.Debian \
	debian/openvswitch-switch-dpdkzcrx.docs \
	debian/openvswitch-switch-dpdkzcrx.postinst \
	debian/openvswitch-switch-dpdkzcrx.prerm \
	debian/rules \
	debian/source/format \
	rhel/openvswitch-dpdkzcrx.spec \
	rhel/rpmlint.toml \
	tests/systems/check-package \
	tests/systems/check-versions \
	tests/systems/system.py \
	tests/systems/use-arm64 \
	tests/systems/use-package \
	tests/systems/use-version

.PHONY: packages package-deb package-rpm
packages: package-deb package-rpm
package-deb: dist
	$(srcdir)/build-aux/make-deb '$(distdir).tar.gz' packages

# With what was built of Open vSwitch for the other package, if it was.
package-rpm: dist
	rm -f packages/*.rpm
	$(srcdir)/build-aux/make-rpm \
		'$(srcdir)/rhel/openvswitch-dpdkzcrx.spec' \
		'$(distdir).tar.gz' /usr/src/openvswitch/openvswitch.tar.gz \
		packages `test ! -f packages/build/ovs/stamp || \
			echo packages/build/ovs/build`

# Installs the Debian package, if it has been made, on a system of its own.
.PHONY: check-package
check-package:
	$(PYTHON3) $(srcdir)/tests/systems/check-package packages

# Builds and tests with other versions of Open vSwitch and DPDK; for arm64 with
# those of Debian 12.
RELEASES = bookworm trixie sid arm64
check_versions = $(PYTHON3) $(srcdir)/tests/systems/check-versions versions
.PHONY: check-versions check-arm64
check-versions: $(srcdir)/configure
	$(check_versions) $(RELEASES)
check-arm64: $(srcdir)/configure
	$(check_versions) arm64

mostlyclean-local: packages-clean
.PHONY: packages-clean
packages-clean:
	rm -rf packages versions
