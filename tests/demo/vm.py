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

"""Shows a virtual machine with Linux on a dpdkzcrx port.

Exits with status 0 if the guest answered all pings and at least 99 % of the
frames from the wire went to it without a copy.
"""

import re

import linux
import screen

N_PINGS = 10


class Demo(screen.Shown, linux.Rig):
    def __init__(self, args, shown_on):
        super().__init__()
        self.args = args
        self.screen = shown_on

    def show_guest(self, command):
        """Runs 'command' in the guest and shows it and its output."""
        self.screen.say("  guest# " + command)
        for line in self.guest.run(command).splitlines():
            self.screen.say("    " + line.expandtabs())

    def show_console(self):
        """Shows the first and the last that the guest's kernel has said."""
        with open(self.guest.path("console"), errors="replace") as f:
            lines = re.findall(r"\[ *\d+\.\d+\] .*", f.read())
        for line in lines[:1] + ["..."] + lines[-6:]:
            self.screen.say("    " + line.strip()[:90])

    def demonstrate(self):
        """Returns the results and what is wrong with them."""
        self.screen.title("Open vSwitch with DPDK, in a folder of its own")
        self.screen.say("  " + self.dir)
        self.start()
        self.screen.title("A dpdkzcrx port: a VF, which is a tap here, and a "
                          "vhost-user socket")
        self.add_port()
        self.screen.title("A virtual machine (software emulation; wait a "
                          "little)")
        self.show_command(self.start_guest(quiet=False).command)
        self.wait_guest()
        self.screen.title("Its console")
        self.show_console()
        self.show_guest("uname -sr")
        self.show_guest("ethtool -i eth0 | head -n 1")
        self.show_guest("ip address show eth0")

        self.screen.title("A ping from the wire")
        command = ("ping", "-c", str(N_PINGS), "-i", "0.2", "-W", "20",
                   linux.GUEST)
        self.show_command(command)
        printed = self.wire(*command, status=(0, 1))
        for line in printed.splitlines():
            self.screen.say("    " + line)
        self.screen.title("And from the guest")
        self.show_guest("ping -c 3 " + linux.WIRE)

        self.screen.title("The port now")
        self.type("ovs-vsctl", "show")
        self.type("ovs-appctl", "dpdkzcrx/ring-sync-show", linux.PORT)
        counters = self.counters()
        n_received = int(re.search(r"(\d+) received", printed).group(1))
        results = {"pings_sent": N_PINGS, "pings_received": n_received,
                   "frames": counters.frames,
                   "frames_zero_copy": counters.zero_copy,
                   "frames_copied": sum(counters.copied.values()),
                   "frames_dropped": sum(counters.dropped.values()),
                   "guest_frames_sent": counters.sent}
        wrong = []
        if n_received != N_PINGS:
            wrong.append("%d of %d pings were answered"
                         % (n_received, N_PINGS))
        # The first frame may come before the guest has posted a buffer.
        if results["frames_copied"] > max(1, 0.01 * counters.frames):
            wrong.append("only %d of %d frames went without a copy"
                         % (counters.zero_copy, counters.frames))
        return results, wrong
