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

# Virtual machines on dpdkzcrx ports.  VM_CASES has what to run, see
# "tests/vm/run --help".
check_PROGRAMS += tests/vm/stream
tests_vm_stream_CFLAGS = $(plain_CFLAGS)
tests_vm_stream_SOURCES = tests/vm/stream.c

TESTSUITE_AT += tests/vm.at
EXTRA_DIST += \
	tests/demo/screen.py \
	tests/demo/vm.py \
	tests/sandbox.py \
	tests/vm/domain.py \
	tests/vm/host.py \
	tests/vm/host_cases.py \
	tests/vm/images.py \
	tests/vm/init \
	tests/vm/linux.py \
	tests/vm/linux_cases.py \
	tests/vm/machine.py \
	tests/vm/migration.py \
	tests/vm/ping-vlan \
	tests/vm/pmd.py \
	tests/vm/rules.py \
	tests/vm/run

.PHONY: check-vm
check-vm: programs
	ZCRX_BUILDDIR='$(abs_top_builddir)' $(srcdir)/tests/vm/run $(VM_CASES)
