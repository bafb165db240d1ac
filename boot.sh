#! /bin/sh
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

# Makes "configure" and "Makefile.in" out of configure.ac and Makefile.am.
set -e
cd "$(dirname "$0")"

missing=
for tool in autoreconf:autoconf automake:automake pkg-config:pkg-config; do
    command -v "${tool%:*}" >/dev/null || missing="$missing ${tool#*:}"
done
if test -n "$missing"; then
    echo "$0: missing Debian packages:$missing" >&2
    exit 1
fi

exec autoreconf --install --force
