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

"""The Open vSwitch that is measured, in a folder of its own."""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time

from zcrx_bench_places import BenchError, Places

# Memory of the daemon and the guest, in MB.  A port of type dpdk asks for
# 262,144 host buffers and does with fewer if it has to.
DAEMON_MEMORY = 1536
GUEST_MEMORY = 128

# Seconds after which something that does not happen will not.
PATIENCE = 60


def may_map_memory():
    """Returns whether a process may map the memory of another one."""
    folder = "/proc/self/map_files"
    try:
        with open(os.path.join(folder, os.listdir(folder)[0]), "rb"):
            return True
    except (OSError, IndexError):
        return False


def may_make_network():
    """Returns whether the daemon can have a network of its own, where the tap
    devices of its bridge clash with nobody's."""
    return subprocess.run(["unshare", "--net", "ip", "tuntap", "add", "mode",
                           "tap"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


class Rig(object):
    """A daemon, and between its runs nothing else."""
    def __init__(self, args, progress):
        cpus = os.sched_getaffinity(0)
        if len(cpus) < 2:
            raise BenchError("the PMD thread needs a CPU of its own beside "
                             "that of the device and the guest")
        if not may_map_memory():
            raise BenchError("the simulated VF may not map the memory of the "
                             "daemon: run this as root")
        self.device_cpu, self.pmd_cpu = min(cpus), max(cpus)
        # Whatever is started runs there, but for the PMD thread.
        os.sched_setaffinity(0, {self.device_cpu})
        self.progress = progress
        self.places = Places()
        self.huge = not args.no_huge
        self.nice = args.nice
        self.processes = []
        # What was started, to be stopped in reverse order.
        self.started = contextlib.ExitStack()

        path = os.pathsep.join(self.places.path + [os.environ["PATH"]])
        for tool in ("ovs-vswitchd", "simnic", "ovsdb-server"):
            if not shutil.which(tool, path=path):
                raise BenchError("%s is missing: 'make programs' builds it"
                                 % tool)
        self.dir = tempfile.mkdtemp(prefix="ovs-zcrx-bench.")
        self.env = dict(os.environ, RUNTIME_DIRECTORY=self.dir,
                        OVS_CTL_TIMEOUT=str(PATIENCE),
                        PYTHONDONTWRITEBYTECODE="yes", PATH=path)
        for kind in ("RUN", "LOG", "DB", "SYSCONF", "PKGDATA"):
            self.env["OVS_%sDIR" % kind] = self.dir

    def path(self, name):
        return os.path.join(self.dir, name)

    def run(self, *command):
        """Runs 'command' and returns what it prints."""
        done = subprocess.run(command, env=self.env, cwd=self.dir,
                              stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode or "Error detected" in done.stderr:
            raise BenchError("%s: %s" % (command[0], (done.stderr.strip()
                                                      or done.stdout)))
        return done.stdout

    def spawn(self, name, *command):
        """Starts 'command'.  Returns the function that stops it."""
        with open(self.path(name + ".out"), "ab") as out:
            process = subprocess.Popen(
                command, env=self.env, cwd=self.dir,
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True)
        self.prioritize(process.pid)
        entry = (name, process)
        self.processes.append(entry)

        def stop():
            self.processes.remove(entry)
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

        return stop

    def prioritize(self, pid):
        """Gives the session of 'pid' a priority: where sessions are scheduled
        as groups, that of a process counts only within each."""
        with contextlib.suppress(OSError):
            with open("/proc/%s/autogroup" % pid, "w") as f:
                f.write("%d" % self.nice)

    def prioritize_all(self):
        """Gives this process and all that it will start their priority.  The
        tools need it as well, or the guest would leave them no time."""
        old = os.getpriority(os.PRIO_PROCESS, 0)
        try:
            os.setpriority(os.PRIO_PROCESS, 0, self.nice)
        except OSError as error:
            self.progress("going on with the usual priority: %s" % error)
            return
        self.started.callback(os.setpriority, os.PRIO_PROCESS, 0, old)
        # Empty in sessions as old as init's, which are in no group.
        with contextlib.suppress(OSError):
            with open("/proc/self/autogroup") as f:
                group = f.read().split()
            if group:
                self.prioritize("self")
                self.started.callback(self.restore_session, group[-1])

    def restore_session(self, old):
        with open("/proc/self/autogroup", "w") as f:
            f.write(old)

    def check_processes(self):
        for name, process in self.processes:
            if process.poll() is not None:
                with open(self.path(name + ".out"), errors="replace") as f:
                    said = f.read().strip()
                raise BenchError("%s has ended with status %d%s"
                                 % (name, process.returncode,
                                    said and ": " + said))

    def wait_until(self, condition, what):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            self.check_processes()
            if time.monotonic() > deadline:
                raise BenchError("waited in vain until " + what)
            time.sleep(0.05)

    def reserve_hugepages(self):
        try:
            n_pages = self.run("hugepages", "reserve",
                               str(DAEMON_MEMORY + GUEST_MEMORY)).strip()
        except BenchError as error:
            self.progress("doing without hugepages: %s" % error)
            self.huge = False
            return
        self.started.callback(self.run, "hugepages", "release", n_pages)

    def start(self):
        self.progress("starting Open vSwitch with DPDK in %s" % self.dir)
        self.prioritize_all()
        if self.huge:
            self.reserve_hugepages()
        # A driver of virtio-user wants few pieces of memory.
        extra = "--no-pci --single-file-segments"
        if not self.huge:
            extra += " --no-huge --legacy-mem --no-shconf -m 1024"

        self.run("ovsdb-tool", "create", "conf.db",
                 self.places.schema)
        stop = self.spawn("ovsdb-server", "ovsdb-server", "--no-chdir",
                          "--remote=punix:db.sock", "--log-file",
                          "-vconsole:off", "conf.db")
        self.started.callback(stop)
        self.wait_until(lambda: os.path.exists(self.path("db.sock")),
                        "ovsdb-server listens")
        self.run("ovs-vsctl", "--no-wait", "init", "--", "set",
                 "Open_vSwitch", ".", "other_config:dpdk-init=true",
                 "other_config:dpdk-extra=" + extra,
                 "other_config:pmd-cpu-mask=%#x" % (1 << self.pmd_cpu))
        command, datapath = ("ovs-vswitchd", ), "netdev"
        if may_make_network():
            command = ("unshare", "--net") + command
        else:
            # The same datapath but for tap devices.
            command, datapath = command + ("--enable-dummy", ), "dummy"
        stop = self.spawn("ovs-vswitchd", *command, "--no-chdir",
                          "--pidfile", "--log-file", "-vconsole:off")
        self.started.callback(stop)
        self.run("ovs-vsctl", "add-br", "br0", "--", "set", "Bridge", "br0",
                 "datapath_type=" + datapath, "fail_mode=secure")

    def stop(self):
        self.started.close()

    def pmd_preemptions(self):
        """Returns how often the PMD thread had to wait for its CPU so far."""
        with open(self.path("ovs-vswitchd.pid")) as f:
            tasks = "/proc/%d/task" % int(f.read())
        for task in os.listdir(tasks):
            with open(os.path.join(tasks, task, "status")) as f:
                status = f.read()
            if re.search(r"^Name:\s*pmd-", status, re.M):
                return int(re.search(r"^nonvoluntary_ctxt_switches:\s*(\d+)",
                                     status, re.M).group(1))
        raise BenchError("there is no PMD thread")

    def versions(self):
        """Returns what was measured."""
        theirs = self.run("ovs-vswitchd", "--version").splitlines()[0]
        dpdk = self.run("ovs-vsctl", "get", "Open_vSwitch", ".",
                        "dpdk_version")
        return {"dpdkzcrx": self.places.version,
                "openvswitch": theirs.split()[-1], "dpdk": dpdk.strip().strip('"')}

    def machine(self):
        """Returns where it was measured."""
        with open("/proc/cpuinfo") as f:
            models = re.findall(r"^model name\s*: *(.*)$", f.read(), re.M)
        return {"cpu": models[0] if models else "", "cpus": os.cpu_count(),
                "hugepages": self.huge, "pmd_cpu": self.pmd_cpu,
                "device_and_guest_cpu": self.device_cpu,
                "kernel": os.uname().release}
