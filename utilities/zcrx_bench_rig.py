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
# 262,144 host buffers.  With the usual MTU these fit in: a daemon without
# hugepages does not always find out that it could do with fewer.
DAEMON_MEMORY = 1536
GUEST_MEMORY = 32

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
        # Of others, before anything is measured.
        self.load_average = round(os.getloadavg()[0], 2)
        # What was started, to be stopped in reverse order.
        self.started = contextlib.ExitStack()

        path = os.pathsep.join(self.places.path + [os.environ["PATH"]])
        for tool in ("ovs-vswitchd", "zcrx-bench-ends", "ovsdb-server"):
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
            return self.start_process(name, command, stdin=subprocess.DEVNULL,
                                      stdout=out, stderr=out)[1]

    def spawn_piped(self, name, *command):
        """As spawn(), for a command that is talked to.  Returns its process,
        too."""
        with open(self.path(name + ".out"), "ab") as out:
            return self.start_process(name, command, stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=out,
                                      text=True)

    def start_process(self, name, command, **how):
        process = subprocess.Popen(command, env=self.env, cwd=self.dir,
                                   start_new_session=True, **how)
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
            for pipe in process.stdin, process.stdout:
                if pipe:
                    pipe.close()

        return process, stop

    def prioritize(self, pid):
        """Gives the session of 'pid' a priority: where sessions are scheduled
        as groups, that of a process counts only within each."""
        with contextlib.suppress(OSError):
            with open("/proc/%s/autogroup" % pid, "w") as f:
                f.write("%d" % self.nice)

    def prioritize_all(self):
        """Gives this process and all that it will start their priority.  The
        tools need it as well, or the device would leave them no time."""
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
        # A driver of virtio-user wants few pieces of memory; without
        # hugepages it is one.
        extra = "--no-pci "
        extra += ("--single-file-segments --socket-limit=%d" if self.huge else
                  "--no-huge --legacy-mem --no-shconf -m %d") % DAEMON_MEMORY

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
        # "dummy" is the same datapath but for tap devices.
        self.own_network = may_make_network()
        self.start_daemon()
        self.run("ovs-vsctl", "add-br", "br0", "--", "set", "Bridge", "br0",
                 "fail_mode=secure", "datapath_type=%s" % (
                     "netdev" if self.own_network else "dummy"))

    def start_daemon(self):
        command = (["unshare", "--net"] if self.own_network else []) + [
            "ovs-vswitchd", "--enable-dummy", "--no-chdir", "--pidfile",
            "--log-file", "-vconsole:off"]
        stop = self.spawn("ovs-vswitchd", *command)
        self.daemon_started = contextlib.ExitStack()
        self.daemon_started.callback(stop)
        self.started.push(self.daemon_started)

    def restart(self):
        """Replaces the daemon by one that had no port so far."""
        self.daemon_started.close()
        self.start_daemon()

    def stop(self):
        self.started.close()

    def daemon(self):
        """Returns the folder in /proc of the daemon."""
        with open(self.path("ovs-vswitchd.pid")) as f:
            return "/proc/%d" % int(f.read())

    def pmd_thread(self):
        """Returns the ID of the PMD thread and its status."""
        tasks = os.path.join(self.daemon(), "task")
        for task in os.listdir(tasks):
            with open(os.path.join(tasks, task, "status")) as f:
                status = f.read()
            if re.search(r"^Name:\s*pmd-", status, re.M):
                return task, status
        raise BenchError("there is no PMD thread")

    def pmd_preemptions(self):
        """Returns how often the PMD thread had to wait for its CPU so far."""
        return int(re.search(r"^nonvoluntary_ctxt_switches:\s*(\d+)",
                             self.pmd_thread()[1], re.M).group(1))

    def memory(self):
        """Returns how many bytes the daemon has, in DPDK's memory and
        outside."""
        with open(os.path.join(self.daemon(), "status")) as f:
            anonymous = re.search(r"^RssAnon:\s*(\d+) kB", f.read(), re.M)
        heaps = re.findall(r"Alloc_size:(\d+)",
                           self.run("ovs-appctl", "dpdk/get-malloc-stats"))
        return {"dpdk_bytes": sum(map(int, heaps)),
                "other_bytes": int(anonymous.group(1)) * 1024}

    def counts_cache_misses(self):
        """Returns whether perf is there and has a counter for them."""
        try:
            done = subprocess.run(["perf", "stat", "-x", ",", "-e",
                                   "cache-misses", "true"], text=True,
                                  stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE)
        except OSError:
            return False
        return bool(re.search(r"^\d+,[^,]*,cache-misses", done.stderr, re.M))

    def versions(self):
        """Returns what was measured."""
        theirs = self.run("ovs-vswitchd", "--version").splitlines()[0]
        dpdk = self.run("ovs-vsctl", "get", "Open_vSwitch", ".",
                        "dpdk_version")
        return {"dpdkzcrx": self.places.version,
                "openvswitch": theirs.split()[-1],
                "dpdk": dpdk.strip().strip('"')}

    def machine(self):
        """Returns where it was measured."""
        with open("/proc/cpuinfo") as f:
            models = re.findall(r"^model name\s*: *(.*)$", f.read(), re.M)
        return {"cpu": models[0] if models else "", "cpus": os.cpu_count(),
                "hugepages": self.huge, "load_average": self.load_average,
                "pmd_cpu": self.pmd_cpu,
                "device_and_guest_cpu": self.device_cpu,
                "kernel": os.uname().release}
