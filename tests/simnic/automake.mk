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

# The device behind a simulated VF: a library, for programs that have the
# driver in the same process, and a program of its own.
noinst_LIBRARIES += tests/simnic/libsimnic.a
tests_simnic_libsimnic_a_CFLAGS = $(plain_CFLAGS)
tests_simnic_libsimnic_a_SOURCES = \
	tests/simnic/simnic-data.c \
	tests/simnic/simnic-device.c \
	tests/simnic/simnic-frame.c \
	tests/simnic/simnic-frame.h \
	tests/simnic/simnic-memory.c \
	tests/simnic/simnic-memory.h \
	tests/simnic/simnic-private.h \
	tests/simnic/simnic-ring.c \
	tests/simnic/simnic-ring.h \
	tests/simnic/simnic-session.c \
	tests/simnic/simnic-source.c \
	tests/simnic/simnic-source.h \
	tests/simnic/simnic-util.c \
	tests/simnic/simnic-util.h \
	tests/simnic/simnic.h

check_PROGRAMS += tests/simnic/simnic
tests_simnic_simnic_CFLAGS = $(plain_CFLAGS)
tests_simnic_simnic_SOURCES = \
	tests/simnic/simnic-command.c \
	tests/simnic/simnic-command.h \
	tests/simnic/simnic-control.c \
	tests/simnic/simnic-control.h \
	tests/simnic/simnic-main.c \
	tests/simnic/simnic-report.c \
	tests/simnic/simnic-report.h
tests_simnic_simnic_LDADD = tests/simnic/libsimnic.a -lpcap -ljansson

# An IOMMU, to be preloaded.
check_PROGRAMS += tests/simnic/simnic-iommu.so
tests_simnic_simnic_iommu_so_CFLAGS = $(AM_CFLAGS) -D_GNU_SOURCE -fPIC
tests_simnic_simnic_iommu_so_LDFLAGS = $(AM_LDFLAGS) -shared
tests_simnic_simnic_iommu_so_SOURCES = tests/simnic/simnic-iommu.c
$(tests_simnic_simnic_iommu_so_OBJECTS): ovs/stamp

EXTRA_DIST += tests/simnic/driver.py

TESTSUITE_AT += \
	tests/simnic-life.at \
	tests/simnic-macros.at \
	tests/simnic.at \
	tests/stop.at
