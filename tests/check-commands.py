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

"""Usage: check-commands.py TOP

Checks that each shell command in the documentation of the source tree TOP is
run by a test, or said to need what tests do not have.  A comment says so for
all commands from there to the next such comment in the page:

    .. tested by tests/diagnosis.at tests/options.at
    .. needs: an SR-IOV NIC

A test runs a command if these files, or the macros of the tests, have its
program, the first argument that names what to do, the names of the options of
the port, and the port type.

Commands of Open vSwitch that stand within the text must be run by some test, in
the same sense, and need no such comment.
"""

import glob
import os
import re
import sys

# Commands that are shown without a prompt.
PROGRAMS = r"(?:ovs-[a-z-]+|dpdk-[a-z-]+(?:\.py)?|ethtool|ip|\./quickstart)"

# Commands within the text.
INLINE = re.compile(r"``((?:ovs-[a-z-]+\s|dpdkzcrx/)[^`]+)``")

MARKER = re.compile(r"^\.\. (tested by|needs:)[ ](.+)$")


def read(path):
    with open(path) as f:
        return f.read()


def literal_lines(text):
    """The lines of literal blocks and the markers, with their numbers."""
    inside = None
    last = ""
    for number, line in enumerate(text.split("\n"), 1):
        indent = len(line) - len(line.lstrip())
        if MARKER.match(line):
            yield number, line
        elif inside is None:
            if line.strip() and (last.endswith("::")
                                 or last.lstrip().startswith(".. code")):
                if indent > len(last) - len(last.lstrip()):
                    inside = indent
                    yield number, line[inside:]
        elif line.strip() and indent < inside:
            inside = None
        else:
            yield number, line[inside:]
        if line.strip():
            last = line


def commands(text):
    """The marker that is in force, the line and the command of each."""
    marker, pending = None, None
    for number, line in literal_lines(text):
        if pending:
            pending[1] += line.lstrip()
        else:
            mark = MARKER.match(line)
            if mark:
                marker = mark.groups()
                continue
            command = re.match(r"(?:[$#] |(?=%s (?!- )))(.*)" % PROGRAMS,
                               line)
            if not command:
                continue
            pending = [number, command.group(1)]
        if pending[1].endswith("\\"):
            pending[1] = pending[1][:-1] + " "
        else:
            yield marker, pending[0], pending[1]
            pending = None


def keys(command):
    """What a test must have to be one of this command."""
    for part in re.split(r"\s*(?:\||&&)\s*", command):
        words = part.split()
        if words:
            yield os.path.basename(words[0])
            verbs = [word for word in words[1:]
                     if re.match(r"(?:[a-z][a-z0-9-]*/)?[a-z][a-z-]*$", word)]
            yield from verbs[:1]
            yield from re.findall(r"\b(options:[a-z-]+|type=dpdkzcrx)\b", part)


def inline_commands(text):
    """The line and the command of each."""
    for found in INLINE.finditer(text):
        command = " ".join(found.group(1).split())
        if command.startswith("dpdkzcrx/"):
            command = "ovs-appctl " + command
        yield text.count("\n", 0, found.start()) + 1, command


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    top = sys.argv[1]
    macros = "".join(map(read, sorted(glob.glob(os.path.join(
        top, "tests", "*-macros.at")))))
    every_test = macros + "".join(map(read, sorted(
        glob.glob(os.path.join(top, "tests", "*.at")))))
    pages = [os.path.join(top, "README.rst")]
    for extension in "rst", "inc":
        pages += sorted(glob.glob(os.path.join(top, "Documentation", "**",
                                               "*." + extension),
                                  recursive=True))
    wrong = []
    n = 0

    for page in pages:
        name = os.path.relpath(page, top)
        for marker, number, command in commands(read(page)):
            where = "%s:%d: %s" % (name, number, command)
            n += 1
            if not marker:
                wrong.append("%s: no comment says what tests it" % where)
            elif marker[0] == "tested by":
                tests = [os.path.join(top, test)
                         for test in marker[1].split()]
                missing = [test for test in tests if not os.path.exists(test)]
                text = macros + "".join(read(test) for test in tests
                                        if test not in missing)
                wrong += ["%s: there is no %s"
                          % (where, os.path.relpath(test, top))
                          for test in missing]
                wrong += ["%s: %s has no %s" % (where, marker[1], key)
                          for key in keys(command) if key not in text]
        for number, command in inline_commands(read(page)):
            wrong += ["%s:%d: %s: no test has %s" % (name, number, command,
                                                     key)
                      for key in keys(command) if key not in every_test]
    if not n:
        wrong.append("there are no commands, has their form changed?")
    for line in wrong:
        print(line)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
