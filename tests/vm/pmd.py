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

"""DPDK in a virtual machine: dpdk-testpmd, which passes everything on between
a device and a tap device.  So the driver of the device is DPDK's, and it is a
kernel that answers."""

import os

PLUGINS = "/usr/lib/x86_64-linux-gnu/dpdk/pmds-23.0"

# What "." of /environment gives to a shell.
ENVIRONMENT = "export LD_LIBRARY_PATH=%s\n" % PLUGINS


def add_dpdk(files, drivers):
    """Adds DPDK's 'drivers' to the images.FileSystem 'files', and testpmd."""
    for driver in drivers:
        # EAL looks for the long name, and programs for the short one.
        name = "%s/librte_%s.so.23" % (PLUGINS, driver)
        files.add(name + ".0", os.path.realpath(name))
        files.link(name, os.path.basename(name) + ".0")
        files.add_libraries(name)
    files.add_program("dpdk-testpmd")
    # pthread_cancel() needs it.
    libgcc = "/usr/lib/x86_64-linux-gnu/libgcc_s.so.1"
    if not files.has(libgcc):
        files.add(libgcc, libgcc)


def start(run, wait_for, name, prefix, options):
    """Starts it in the machine in which run() runs commands, with 'prefix' in
    front of its command and the EAL options 'options' for the device.  'name'
    is that of its files in /run."""
    # It ends when its standard input does.
    run("mkfifo /run/{0}.in && "
        "{{ sleep 1000000 > /run/{0}.in & echo $! > /run/{0}.sleep; }} && "
        "{{ {1} dpdk-testpmd --file-prefix {0} {2} --vdev=net_tap0,iface=eth0 "
        "-- --nb-cores=1 --total-num-mbufs=8192 --forward-mode=io "
        "--stats-period=1 < /run/{0}.in > /run/{0}.log 2>&1 & "
        "echo $! > /run/{0}.pid; }}".format(name, prefix, options))
    wait_for("grep -q 'Port statistics' /run/{0}.log || "
             "! kill -0 `cat /run/{0}.pid`".format(name), name)


def stop(run, name, signal):
    run("kill -{1} `cat /run/{0}.pid`; kill `cat /run/{0}.sleep`; "
        "while kill -0 `cat /run/{0}.pid` 2> /dev/null; do usleep 50000; "
        "done; rm -f /run/{0}.*".format(name, signal))
