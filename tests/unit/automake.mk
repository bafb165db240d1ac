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

# Unit programs, which tests/unit.at runs.
EXTRA_DIST += \
	tests/unit/check.h \
	tests/unit/eal.h \
	tests/unit/guest.h \
	tests/unit/rig.h

# Those that need neither Open vSwitch nor DPDK.
check_PROGRAMS += \
	tests/unit/test-chain \
	tests/unit/test-gate \
	tests/unit/test-gpa \
	tests/unit/test-guest-errors \
	tests/unit/test-journal \
	tests/unit/test-packed \
	tests/unit/test-steer \
	tests/unit/test-threads \
	tests/unit/test-vring

tests_unit_test_chain_CFLAGS = $(plain_CFLAGS)
tests_unit_test_chain_SOURCES = tests/unit/test-chain.c tests/unit/guest.c
tests_unit_test_chain_LDADD = lib/libzcrxring.a

tests_unit_test_gate_CFLAGS = $(plain_CFLAGS) -pthread
tests_unit_test_gate_SOURCES = tests/unit/test-gate.c

tests_unit_test_gpa_CFLAGS = $(plain_CFLAGS)
tests_unit_test_gpa_SOURCES = tests/unit/test-gpa.c
tests_unit_test_gpa_LDADD = lib/libzcrxring.a

tests_unit_test_guest_errors_CFLAGS = $(plain_CFLAGS)
tests_unit_test_guest_errors_SOURCES = \
	tests/unit/test-guest-errors.c \
	tests/unit/guest.c
tests_unit_test_guest_errors_LDADD = lib/libzcrxring.a

tests_unit_test_journal_CFLAGS = $(plain_CFLAGS)
tests_unit_test_journal_SOURCES = tests/unit/test-journal.c tests/unit/guest.c
tests_unit_test_journal_LDADD = lib/libzcrxring.a

tests_unit_test_packed_CFLAGS = $(plain_CFLAGS)
tests_unit_test_packed_SOURCES = tests/unit/test-packed.c tests/unit/guest.c
tests_unit_test_packed_LDADD = lib/libzcrxring.a

tests_unit_test_steer_CFLAGS = $(plain_CFLAGS)
tests_unit_test_steer_SOURCES = tests/unit/test-steer.c
tests_unit_test_steer_LDADD = lib/libzcrxring.a

tests_unit_test_threads_CFLAGS = $(plain_CFLAGS) -pthread
tests_unit_test_threads_SOURCES = tests/unit/test-threads.c tests/unit/guest.c
tests_unit_test_threads_LDADD = lib/libzcrxring.a

tests_unit_test_vring_CFLAGS = $(plain_CFLAGS)
tests_unit_test_vring_SOURCES = tests/unit/test-vring.c tests/unit/guest.c
tests_unit_test_vring_LDADD = lib/libzcrxring.a

# Those that need DPDK.
check_PROGRAMS += \
	tests/unit/test-audit \
	tests/unit/test-dma \
	tests/unit/test-face \
	tests/unit/test-flow \
	tests/unit/test-journal-file \
	tests/unit/test-observe \
	tests/unit/test-offload \
	tests/unit/test-pair-slow \
	tests/unit/test-perf \
	tests/unit/test-pool \
	tests/unit/test-pool-model \
	tests/unit/test-qos \
	tests/unit/test-qualify \
	tests/unit/test-queues \
	tests/unit/test-slow \
	tests/unit/test-sync \
	tests/unit/test-sync-guest \
	tests/unit/test-tx-pool \
	tests/unit/test-verdict \
	tests/unit/test-vf-flow \
	tests/unit/test-vf-link \
	tests/unit/test-vf-stop \
	tests/unit/test-vhost

unit_libs = lib/libzcrx.a lib/libzcrxring.a $(DPDK_LIBS)

tests_unit_test_audit_SOURCES = \
	tests/unit/test-audit.c \
	tests/unit/guest.c \
	tests/unit/rig.c
tests_unit_test_audit_LDADD = $(unit_libs)
tests_unit_test_face_SOURCES = tests/unit/test-face.c tests/unit/ovs.c
tests_unit_test_face_LDADD = $(unit_libs)
tests_unit_test_dma_SOURCES = tests/unit/test-dma.c
tests_unit_test_dma_LDADD = $(unit_libs)

tests_unit_test_flow_SOURCES = tests/unit/test-flow.c
tests_unit_test_flow_LDADD = $(unit_libs)

tests_unit_test_journal_file_SOURCES = \
	tests/unit/test-journal-file.c \
	tests/unit/ovs.c
tests_unit_test_journal_file_LDADD = $(unit_libs)

tests_unit_test_observe_SOURCES = \
	tests/unit/test-observe.c \
	tests/unit/guest.c \
	tests/unit/rig.c
tests_unit_test_observe_LDADD = $(unit_libs)

tests_unit_test_offload_SOURCES = \
	tests/unit/test-offload.c \
	tests/unit/guest.c \
	tests/unit/rig.c
tests_unit_test_offload_LDADD = $(unit_libs)

tests_unit_test_pair_slow_SOURCES = \
	tests/unit/test-pair-slow.c \
	tests/unit/ovs.c
tests_unit_test_pair_slow_LDADD = $(unit_libs)

tests_unit_test_perf_SOURCES = tests/unit/test-perf.c
tests_unit_test_perf_LDADD = $(unit_libs)

tests_unit_test_pool_SOURCES = tests/unit/test-pool.c tests/unit/guest.c
tests_unit_test_pool_LDADD = $(unit_libs)

tests_unit_test_pool_model_SOURCES = \
	tests/unit/test-pool-model.c \
	tests/unit/guest.c
tests_unit_test_pool_model_LDADD = $(unit_libs)

tests_unit_test_qos_SOURCES = tests/unit/test-qos.c tests/unit/ovs.c
tests_unit_test_qos_LDADD = $(unit_libs)

tests_unit_test_qualify_SOURCES = tests/unit/test-qualify.c tests/unit/guest.c
tests_unit_test_qualify_LDADD = $(unit_libs)

tests_unit_test_queues_SOURCES = \
	tests/unit/test-queues.c \
	tests/unit/ovs.c
tests_unit_test_queues_LDADD = $(unit_libs)

tests_unit_test_slow_SOURCES = \
	tests/unit/test-slow.c \
	tests/unit/guest.c \
	tests/unit/rig.c
tests_unit_test_slow_LDADD = $(unit_libs)

tests_unit_test_sync_SOURCES = \
	tests/unit/test-sync.c \
	tests/unit/guest.c \
	tests/unit/rig.c
tests_unit_test_sync_LDADD = $(unit_libs)

tests_unit_test_sync_guest_SOURCES = \
	tests/unit/test-sync-guest.c \
	tests/unit/guest.c \
	tests/unit/rig.c
tests_unit_test_sync_guest_LDADD = $(unit_libs)

tests_unit_test_tx_pool_SOURCES = tests/unit/test-tx-pool.c
tests_unit_test_tx_pool_LDADD = $(unit_libs)

tests_unit_test_verdict_SOURCES = tests/unit/test-verdict.c
tests_unit_test_verdict_LDADD = $(unit_libs)

tests_unit_test_vf_flow_SOURCES = \
	tests/unit/test-vf-flow.c \
	tests/unit/ovs.c
tests_unit_test_vf_flow_LDADD = $(unit_libs)

tests_unit_test_vf_link_SOURCES = \
	tests/unit/test-vf-link.c \
	tests/unit/ovs.c
tests_unit_test_vf_link_LDADD = $(unit_libs)

tests_unit_test_vf_stop_SOURCES = \
	tests/unit/test-vf-stop.c \
	tests/unit/ovs.c
tests_unit_test_vf_stop_LDADD = $(unit_libs)

tests_unit_test_vhost_SOURCES = \
	tests/unit/test-vhost.c \
	tests/unit/ovs.c
tests_unit_test_vhost_LDADD = $(unit_libs)

# The flags come out of Open vSwitch's build.
$(tests_unit_test_audit_OBJECTS) \
$(tests_unit_test_dma_OBJECTS) \
$(tests_unit_test_face_OBJECTS) \
$(tests_unit_test_flow_OBJECTS) \
$(tests_unit_test_journal_file_OBJECTS) \
$(tests_unit_test_observe_OBJECTS) \
$(tests_unit_test_offload_OBJECTS) \
$(tests_unit_test_pair_slow_OBJECTS) \
$(tests_unit_test_perf_OBJECTS) \
$(tests_unit_test_pool_OBJECTS) \
$(tests_unit_test_pool_model_OBJECTS) \
$(tests_unit_test_qos_OBJECTS) \
$(tests_unit_test_qualify_OBJECTS) \
$(tests_unit_test_queues_OBJECTS) \
$(tests_unit_test_slow_OBJECTS) \
$(tests_unit_test_sync_OBJECTS) \
$(tests_unit_test_sync_guest_OBJECTS) \
$(tests_unit_test_tx_pool_OBJECTS) \
$(tests_unit_test_verdict_OBJECTS) \
$(tests_unit_test_vf_flow_OBJECTS) \
$(tests_unit_test_vf_link_OBJECTS) \
$(tests_unit_test_vf_stop_OBJECTS) \
$(tests_unit_test_vhost_OBJECTS): ovs/stamp
