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

"""Usage: system-dpdk.py OVS CASE

Makes a testsuite out of a case in the Open vSwitch source tree OVS,
tests/system-dpdk.at, that concerns vhost-user ports, and prints it.  In the
case, a port of type dpdkvhostuserclient becomes one of type dpdkzcrx all of
whose frames go through OVS, and gets a wire face beside it.  tests/system-dpdk.at has the cases.

What is not there:

- Cases of physical ports, and those without ports.
- "ping vhost-user ports", in which OVS is the server of the socket.  This type
  has no such mode.
- "MTU upper bound": the limit of the type there, 9702 bytes, is one of
  Open vSwitch's code.  Here it is the VF's; net_null's is 65535.

What is changed besides, so that the cases run on any machine:

- Neither the switch nor the guest needs hugepages, or more than one CPU.
- The kernel need not have Open vSwitch's module.
- Instead of two seconds, it is waited for what is looked for afterwards.  The
  guest does not wait for its links, which may be gone by then.
- While statistics are compared, one by one, they stay as they are: the
  namespaces' own frames still come and go.
- A log line of the other type's own is not looked for.
- The process that keeps the guest's input open is ended by its ID, not by its
  command line, which others on the machine may have, too.
"""

import os
import re
import sys

PORT = ("type=dpdkzcrx options:dpdk-devargs=net_null0,no-rx=1 "
        "options:slow-path=all options:guest-tx=ovs")

WIRE_FACE = ("add-port br10 wire0 -- set Interface wire0 type=dpdkzcrx "
             "options:wire-of=dpdkvhostuserclient0")

# What is looked for in a case, and what it becomes.  It has to be there where
# the last member says so: in all cases, or in those with a guest.
STOP = r"pkill -f -x -9 'tail -f /dev/null'"
CHANGES = [
    (r"\badd-port br10 dpdkvhostuserclient0 --", WIRE_FACE + r" -- \g<0>",
     "all"),
    (r"\btype=dpdkvhostuserclient\b", PORT, "all"),
    (r"^AT_CHECK\(\[grep \"vHost User device .* in 'client' mode.*\n", "",
     "all"),
    (re.escape('--socket-mem="$(cat NUMA_NODE)"'),
     '--no-huge -m 1024 --lcores="(0-2)@(0-$((`nproc --all` - 1)))"',
     "guest"),
    (r"-- -a\b", "-- -a --disable-link-check", "guest"),
    (r"^tail -f /dev/null \|",
     "sh -c 'echo $$ > input.pid; exec tail -f /dev/null' |", "guest"),
    (r'^on_exit "%s"' % STOP,
     "on_exit 'test ! -e input.pid || kill `cat input.pid`'", "guest"),
    (r"^%s" % STOP, "kill `cat input.pid`; rm input.pid", "guest"),
]

# The same for what comes before them.
COMMON_CHANGES = [
    (r"^(m4_define\(\[SYSTEM_DPDK_ALLOWED_LOGS\], *\[\n)",
     r"\1\\@failed to enumerate system datapaths: No such file@d\n"),
]
MACRO_CHANGES = [
    (r"(other_config:dpdk-extra=)(--log-level=[^] ]*)",
     r'\1"\2 --no-pci --no-huge --legacy-mem --no-shconf -m 1024 '
     r'--single-file-segments"'),
]
NO_PRE_CHECK = "m4_define([OVS_DPDK_PRE_CHECK], [])\n"


class Unknown(Exception):
    pass


def replace(pattern, replacement, text, where):
    changed, n = re.subn(pattern, replacement, text, flags=re.M)
    if not n:
        raise Unknown("%s: '%s' is not there" % (where, pattern))
    return changed


def derive(name, text):
    """Returns what becomes of the case 'name', which is 'text'."""
    guest = "dpdk-testpmd --" in text
    for pattern, replacement, where in CHANGES:
        if where == "all" or guest:
            text = replace(pattern, replacement, text, name)
    text = re.sub(r"^sleep 2$",
                  'OVS_WAIT_UNTIL([grep "reconnecting..." ovs-vswitchd.log])',
                  text, flags=re.M)
    text = re.sub(r"^sleep 5$",
                  "AT_CHECK([ovs-vsctl set Open_vSwitch . "
                  "other_config:stats-update-interval=600000])\n\\g<0>",
                  text, flags=re.M)
    queues = re.search(r"\bqueues=(\d+)", text)
    if queues:
        text = text.replace(PORT, "%s options:n_rxq=%s" % (PORT, queues[1]))
    return text


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)

    def read(name):
        with open(os.path.join(sys.argv[1], "tests", name)) as f:
            return f.read()

    source = read("system-dpdk.at")
    macros = read("system-dpdk-macros.at")
    for pattern, replacement in MACRO_CHANGES:
        macros = replace(pattern, replacement, macros, "system-dpdk-macros.at")

    # What comes before the first case is for all of them.
    first = source.index("AT_SETUP(")
    case = sys.argv[2]
    match = re.search(r"^AT_SETUP\(\[OVS-DPDK - %s\]\)\n"
                      r"(?:.*\n)*?AT_CLEANUP\b.*\n" % re.escape(case), source,
                      re.M)
    if not match:
        raise Unknown("system-dpdk.at: no case '%s'" % case)
    tests = source[:first]
    for pattern, replacement in COMMON_CHANGES:
        tests = replace(pattern, replacement, tests, "system-dpdk.at")
    tests += derive(case, match[0])

    suite = read("system-dpdk-testsuite.at")
    for name, text in [("system-dpdk-macros.at", macros + NO_PRE_CHECK),
                       ("system-dpdk.at", tests)]:
        suite = replace(re.escape("m4_include([tests/%s])" % name),
                        lambda m: text, suite, "system-dpdk-testsuite.at")
    sys.stdout.write(suite)


if __name__ == "__main__":
    try:
        main()
    except (OSError, Unknown) as error:
        sys.exit("system-dpdk.py: %s (it knows Open vSwitch 3.1)" % error)
