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


# The part of "ovs-zcrx-bench switch" that is both ends of what is measured.
zcrx_PROGRAMS += utilities/zcrx-bench-ends
utilities_zcrx_bench_ends_CPPFLAGS = $(AM_CPPFLAGS) \
	-I$(top_srcdir)/tests/frontend \
	-I$(top_srcdir)/tests/simnic
utilities_zcrx_bench_ends_CFLAGS = $(plain_CFLAGS)
utilities_zcrx_bench_ends_SOURCES = \
	utilities/ends/ends-guest.c \
	utilities/ends/ends-main.c \
	utilities/ends/ends-measure.c \
	utilities/ends/ends.h
utilities_zcrx_bench_ends_LDADD = \
	tests/frontend/libfrontend.a \
	tests/simnic/libsimnic.a \
	-lpcap -lpthread
