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

# The virtqueues, the guest's memory, and which frames are slow path: code that
# includes nothing of Open vSwitch or DPDK, for unit programs and fuzzers too.
noinst_LIBRARIES += lib/libzcrxring.a
lib_libzcrxring_a_CFLAGS = $(plain_CFLAGS)
lib_libzcrxring_a_SOURCES = \
	lib/zcrx-chain.c \
	lib/zcrx-gpa.c \
	lib/zcrx-gpa.h \
	lib/zcrx-steer-parse.c \
	lib/zcrx-steer.c \
	lib/zcrx-steer.h \
	lib/zcrx-vring-journal.c \
	lib/zcrx-vring-log.c \
	lib/zcrx-vring-packed.c \
	lib/zcrx-vring-peek.c \
	lib/zcrx-vring-peek.h \
	lib/zcrx-vring-plain.h \
	lib/zcrx-vring-private.h \
	lib/zcrx-vring-split.c \
	lib/zcrx-vring.c \
	lib/zcrx-vring.h

# The provider.
noinst_LIBRARIES += lib/libzcrx.a
lib_libzcrx_a_SOURCES = \
	lib/netdev-dpdkzcrx-iface.c \
	lib/netdev-dpdkzcrx-iface.h \
	lib/netdev-dpdkzcrx-qos.c \
	lib/netdev-dpdkzcrx-qos.h \
	lib/netdev-dpdkzcrx-wire.c \
	lib/netdev-dpdkzcrx-wire.h \
	lib/netdev-dpdkzcrx.c \
	lib/netdev-dpdkzcrx.h \
	lib/zcrx-announce.c \
	lib/zcrx-announce.h \
	lib/zcrx-appctl-capture.c \
	lib/zcrx-appctl-change.c \
	lib/zcrx-appctl-check.c \
	lib/zcrx-appctl-events.c \
	lib/zcrx-appctl-latency.c \
	lib/zcrx-appctl-private.h \
	lib/zcrx-appctl-ring.c \
	lib/zcrx-appctl-slow.c \
	lib/zcrx-appctl-sync.c \
	lib/zcrx-appctl.c \
	lib/zcrx-appctl.h \
	lib/zcrx-audit.c \
	lib/zcrx-audit.h \
	lib/zcrx-batch.h \
	lib/zcrx-capture.c \
	lib/zcrx-capture.h \
	lib/zcrx-compat.h \
	lib/zcrx-config.c \
	lib/zcrx-config.h \
	lib/zcrx-dma.c \
	lib/zcrx-dma.h \
	lib/zcrx-events.c \
	lib/zcrx-events.h \
	lib/zcrx-face.c \
	lib/zcrx-face.h \
	lib/zcrx-flow.c \
	lib/zcrx-flow.h \
	lib/zcrx-gate.h \
	lib/zcrx-journal.c \
	lib/zcrx-journal.h \
	lib/zcrx-json.h \
	lib/zcrx-latency.h \
	lib/zcrx-offload.c \
	lib/zcrx-offload.h \
	lib/zcrx-pair-capture.c \
	lib/zcrx-pair-capture.h \
	lib/zcrx-pair-config.c \
	lib/zcrx-pair-private.h \
	lib/zcrx-pair-session.c \
	lib/zcrx-pair-slow.c \
	lib/zcrx-pair-slow.h \
	lib/zcrx-pair.c \
	lib/zcrx-pair.h \
	lib/zcrx-perf.c \
	lib/zcrx-perf.h \
	lib/zcrx-pool.c \
	lib/zcrx-pool.h \
	lib/zcrx-probe.h \
	lib/zcrx-rate.h \
	lib/zcrx-queues.c \
	lib/zcrx-queues.h \
	lib/zcrx-rss.c \
	lib/zcrx-rss.h \
	lib/zcrx-rx.c \
	lib/zcrx-rx.h \
	lib/zcrx-segment.c \
	lib/zcrx-segment.h \
	lib/zcrx-slow.c \
	lib/zcrx-slow.h \
	lib/zcrx-start.c \
	lib/zcrx-start.h \
	lib/zcrx-stats.h \
	lib/zcrx-status.c \
	lib/zcrx-status.h \
	lib/zcrx-stop.c \
	lib/zcrx-stop.h \
	lib/zcrx-sync.c \
	lib/zcrx-sync.h \
	lib/zcrx-telemetry.c \
	lib/zcrx-telemetry.h \
	lib/zcrx-tx.c \
	lib/zcrx-tx.h \
	lib/zcrx-verdict.c \
	lib/zcrx-verdict.h \
	lib/zcrx-vf-flow.c \
	lib/zcrx-vf-link.c \
	lib/zcrx-vf-stop.c \
	lib/zcrx-vf.c \
	lib/zcrx-vf.h \
	lib/zcrx-vhost-memory.c \
	lib/zcrx-vhost-memory.h \
	lib/zcrx-vhost.c \
	lib/zcrx-vhost.h

$(lib_libzcrx_a_OBJECTS): ovs/stamp
