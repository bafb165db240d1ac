#! /usr/bin/python3
#
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

"""Usage: check-docs.py TOP

Checks that the reference in the source tree TOP describes exactly what the
code there has: the options, states, status keys, virtio features, statistics
and commands for ovs-appctl and telemetry, and the members of what the commands
print as JSON.

Each kind has a file of definition lists, whose terms are literals.  These
files are included by the pages that are for reading.
"""

import glob
import os
import re
import sys

STRING = r'"([^"]*)"'

# For each kind: the file that describes it, the sources that have it, and
# patterns whose groups together make the name in the documentation.  Where a
# name comes out of a list in the source, the first pattern finds the list.
KINDS = [
    ("options", "lib/zcrx-config.c",
     [r"\bknown\[\] = \{([^}]*)\}", STRING], "%s"),
    ("states", "lib/zcrx-pair.c",
     [r"\nzcrx_pair_state_to_string\((.*?)\n\}",
      r"case ZCRX_PAIR_\w+:\s*return " + STRING], "%s"),
    ("status", "lib/*.c",
     [r"\bsmap_add(?:_format)?\(status, " + STRING], "%s"),
    ("features", "lib/zcrx-status.c",
     [r"\{ VIRTIO_\w+, " + STRING + r" \}"], "%s"),
    ("statistics", "lib/zcrx-stats.h",
     [r"^    ZCRX_COUNTER\((\w+)\)"], "zcrx_%s"),
    ("queue-statistics", "lib/zcrx-status.c",
     [r'\bappend_queue_counter\(custom, i, "(\w+)", "(\w+)"'], "%s_qN_%s"),
    ("commands", "lib/zcrx-appctl*.c",
     [r'[({] ?"(dpdkzcrx/[^"]*)",\s*' + STRING], "%s %s"),
    ("telemetry", "lib/zcrx-telemetry.c",
     [r'"(/zcrx/\w+)"'], "%s"),
    ("json", "lib/zcrx-appctl*.c",
     [r"\b(?:put_\w+|json_object_put\w*)\(\w+,\s*" + STRING], "%s"),
]

# Pages that must have all of that.
PAGES = ["topics/dpdk/dpdkzcrx.rst", "ref/ovs-dpdkzcrx.7.rst"]


def read(*path):
    with open(os.path.join(*path)) as f:
        return f.read()


def names_in_code(paths, patterns, form):
    text = "\n".join(map(read, sorted(glob.glob(paths))))
    for pattern in patterns[:-1]:
        text = "\n".join(re.findall(pattern, text, re.S))
    found = re.findall(patterns[-1], text, re.M)
    return {form % name for name in found}


def names_in_reference(text):
    """The terms of the definition lists: literals that start a line which is
    followed by an indented one."""
    names = set()
    for line in re.findall(r"^(``.*``)\n +\S", text, re.M):
        names.update(re.findall(r"``([^`]+)``", line))
    return names


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    top = sys.argv[1]
    docs = os.path.join(top, "Documentation")
    wrong = []

    for kind, source, patterns, form in KINDS:
        code = names_in_code(os.path.join(top, source), patterns, form)
        reference = names_in_reference(read(docs, "ref", kind + ".inc"))
        if not code:
            wrong.append("%s: found no %s, has it changed its form?"
                         % (source, kind))
        for name in sorted(code - reference):
            wrong.append("ref/%s.inc does not describe '%s' of %s"
                         % (kind, name, source))
        for name in sorted(reference - code):
            wrong.append("ref/%s.inc describes '%s', which %s does not have"
                         % (kind, name, source))
        for page in PAGES:
            if not re.search(r"^\.\. include:: \S*\b%s\.inc$" % kind,
                             read(docs, page), re.M):
                wrong.append("%s does not include ref/%s.inc" % (page, kind))

    for line in wrong:
        print(line)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
