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

"""Usage: isolate.py COMMAND [ARGUMENT]...

Runs COMMAND, a testsuite, apart from the rest of the machine.

It gets a network of its own, as far as that is permitted: the userspace datapath
of any other ovs-vswitchd has the name of ours, ovs-netdev, and some tests rely
on networks that nobody routes to.

And it is the parent of the daemons that the tests start.  A test that stops one
waits until its process is gone.  Where init is not in a hurry to collect ended
processes, as in many containers, each such wait would take seconds.
"""

import ctypes
import os
import signal
import subprocess
import sys

CLONE_NEWNET = 0x40000000
PR_SET_CHILD_SUBREAPER = 36


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        sys.exit("prctl: %s" % os.strerror(ctypes.get_errno()))
    if libc.unshare(CLONE_NEWNET) == 0:
        subprocess.check_call(["ip", "link", "set", "lo", "up"])
    else:
        print("using the machine's network: unshare: %s"
              % os.strerror(ctypes.get_errno()))

    sys.stdout.flush()
    command = os.spawnvp(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
    # An interrupt from the terminal is COMMAND's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        pid, status = os.wait()
        if pid == command:
            code = os.waitstatus_to_exitcode(status)
            sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
