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

# "make fuzz FUZZ_SECONDS=N" runs each fuzzer for N seconds, all at the same
# time; tests/hostile.at does so, too.  clang is needed.
TESTSUITE_AT += tests/hostile.at
EXTRA_DIST += \
	tests/fuzz/fuzz-gpa.c \
	tests/fuzz/fuzz-steer.c \
	tests/fuzz/fuzz-vring.c \
	tests/fuzz/fuzz.h \
	tests/fuzz/run

FUZZ_SECONDS = 60
.PHONY: fuzz
fuzz:
	$(srcdir)/tests/fuzz/run --source $(srcdir) --seconds $(FUZZ_SECONDS) \
		tests/fuzz/out
