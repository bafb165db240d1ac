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

# Faults at random moments, see tests/stress.at.
check_PROGRAMS += tests/stress/stress-guest
tests_stress_stress_guest_CFLAGS = $(plain_CFLAGS)
tests_stress_stress_guest_CPPFLAGS = $(AM_CPPFLAGS) \
	-I$(srcdir)/tests/frontend -I$(srcdir)/tests/simnic
tests_stress_stress_guest_SOURCES = tests/stress/stress-guest.c
tests_stress_stress_guest_LDADD = \
	tests/frontend/libfrontend.a \
	tests/simnic/libsimnic.a

EXTRA_DIST += tests/stress/stress
TESTSUITE_AT += tests/stress.at

ROUNDS = 100
.PHONY: check-stress
check-stress: programs tests/atlocal
	ZCRX_BUILDDIR='$(abs_top_builddir)' $(PYTHON3) \
		$(srcdir)/tests/isolate.py $(srcdir)/tests/stress/stress \
		--rounds $(ROUNDS) $(STRESSFLAGS)
