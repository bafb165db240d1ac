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

# The part of "ovs-zcrx-bench relay" that measures.
zcrx_PROGRAMS += utilities/zcrx-bench-relay
utilities_zcrx_bench_relay_CPPFLAGS = $(AM_CPPFLAGS) \
	-I$(top_srcdir)/tests/simnic
utilities_zcrx_bench_relay_SOURCES = \
	utilities/relay/relay-guest.c \
	utilities/relay/relay-main.c \
	utilities/relay/relay-measure.c \
	utilities/relay/relay-pairs.c \
	utilities/relay/relay-paths.c \
	utilities/relay/relay-vf.c \
	utilities/relay/relay-zcrx.c \
	utilities/relay/relay.h
utilities_zcrx_bench_relay_LDADD = \
	lib/libzcrx.a \
	lib/libzcrxring.a \
	tests/simnic/libsimnic.a \
	$(DPDK_LIBS) \
	-lpcap -lpthread

$(utilities_zcrx_bench_relay_OBJECTS): ovs/stamp

TESTSUITE_AT += tests/bench-relay.at
