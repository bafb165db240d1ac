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


# A vhost-user front end, for programs that play the guest themselves.
noinst_LIBRARIES += tests/frontend/libfrontend.a
tests_frontend_libfrontend_a_CFLAGS = $(plain_CFLAGS)
tests_frontend_libfrontend_a_SOURCES = \
	tests/frontend/frontend.c \
	tests/frontend/frontend.h

# A guest with several queue pairs that does as it is told.
TESTSUITE_AT += tests/multiqueue-macros.at tests/multiqueue.at
check_PROGRAMS += tests/frontend/multiqueue
tests_frontend_multiqueue_CFLAGS = $(plain_CFLAGS)
tests_frontend_multiqueue_SOURCES = tests/frontend/multiqueue.c
tests_frontend_multiqueue_LDADD = tests/frontend/libfrontend.a

# One whose guest lays its buffers out in every way, see tests/layouts.at.
check_PROGRAMS += tests/frontend/layouts
tests_frontend_layouts_CFLAGS = $(plain_CFLAGS)
tests_frontend_layouts_SOURCES = tests/frontend/layouts.c
tests_frontend_layouts_LDADD = tests/frontend/libfrontend.a

# One whose guest writes to buffers that it has given away, see tests/slow.at.
check_PROGRAMS += tests/frontend/rewrite
tests_frontend_rewrite_CFLAGS = $(plain_CFLAGS)
tests_frontend_rewrite_SOURCES = tests/frontend/rewrite.c
tests_frontend_rewrite_LDADD = tests/frontend/libfrontend.a

# One whose life is not quiet.
TESTSUITE_AT += tests/life.at
check_PROGRAMS += tests/frontend/life
tests_frontend_life_CFLAGS = $(plain_CFLAGS)
tests_frontend_life_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/simnic
tests_frontend_life_SOURCES = tests/frontend/life.c
tests_frontend_life_LDADD = \
	tests/frontend/libfrontend.a \
	tests/simnic/libsimnic.a
