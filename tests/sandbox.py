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

"""Open vSwitch from the build folder, running in a folder of its own."""

import contextlib
import ctypes
import fcntl
import os
import re
import struct
import subprocess
import tempfile
import time

TESTS = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(TESTS)

# From <sched.h>, <linux/if_tun.h>.
CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454ca
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000

# Seconds without any progress after which something is wrong.
PATIENCE = 30


class SandboxError(Exception):
    pass


def read_build():
    """Returns the variables that the build left for the testsuite."""
    builddir = os.environ.get("ZCRX_BUILDDIR", os.path.join(TOP, "_build"))
    try:
        with open(os.path.join(builddir, "tests", "atlocal")) as f:
            return dict(re.findall(r"^(\w+)='(.*)'$", f.read(), re.M))
    except FileNotFoundError:
        raise SandboxError("nothing is built in %s: './quickstart build' does "
                           "that" % builddir)


def isolate_network():
    """Gives this process a network of its own, where the tap devices of a
    bridge clash with nobody's.  Returns whether it has one and may make such
    devices."""
    if ctypes.CDLL(None).unshare(CLONE_NEWNET):
        return False
    try:
        with open("/dev/net/tun", "rb+", buffering=0) as tun:
            fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"probe%d",
                                                    IFF_TAP | IFF_NO_PI))
    except OSError:
        return False
    return True


class Sandbox(object):
    def __init__(self, prefix):
        self.dir = tempfile.mkdtemp(prefix=prefix)
        self.daemons = []
        # What was started, to be stopped in reverse order.
        self.started = contextlib.ExitStack()
        self.env = dict(os.environ, OVS_CTL_TIMEOUT=str(PATIENCE))
        self.find_tools()

        # Guests on the first CPU, the PMD thread on the last one.
        cpus = os.sched_getaffinity(0)
        self.guest_cpu, self.pmd_cpu = min(cpus), max(cpus)

    def find_tools(self):
        self.build = read_build()
        self.tools = [os.path.join(self.build["zcrx_builddir"], "vswitchd")]
        for room in ("utilities", "ovsdb"):
            self.tools.append(os.path.join(self.build["ovs_builddir"], room))
        self.env.update(RUNTIME_DIRECTORY=self.dir,
                        PATH=os.pathsep.join(self.tools
                                             + [os.environ["PATH"]]))
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
            raise SandboxError("%s: %s" % (command[0], done.stderr.strip()))
        return done.stdout

    def type(self, *command):
        """Runs 'command', which a user would type, too."""
        self.run(*command)

    def tool(self, name, *arguments):
        return self.run(os.path.join(TESTS, name), *arguments)

    def daemon(self, *command):
        name = command[0]
        command += ("--no-chdir", "--pidfile", "--log-file", "-vconsole:off")
        with open(self.path(name + ".out"), "wb") as out:
            process = subprocess.Popen(command, env=self.env, cwd=self.dir,
                                       stdin=subprocess.DEVNULL,
                                       stdout=out, stderr=out,
                                       start_new_session=True)
        self.daemons.append((name, process))
        self.started.callback(self.stop_daemon, process)

    def stop_daemon(self, process):
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def check_daemons(self):
        for name, process in self.daemons:
            if process.poll() is not None:
                raise SandboxError("%s has ended with status %d"
                                   % (name, process.returncode))

    def wait_until(self, condition, what, patience=PATIENCE):
        deadline = time.monotonic() + patience
        while not condition():
            self.check_daemons()
            if time.monotonic() > deadline:
                raise SandboxError("waited in vain until " + what)
            time.sleep(0.05)

    def start_ovsdb(self):
        self.run("ovsdb-tool", "create", "conf.db",
                 os.path.join(self.build["abs_top_srcdir"], "vswitchd",
                              "vswitch.ovsschema"))
        self.daemon("ovsdb-server", "--remote=punix:db.sock", "conf.db")
        self.wait_until(lambda: os.path.exists(self.path("db.sock")),
                        "ovsdb-server listens")
        self.run("ovs-vsctl", "--no-wait", "init")

    def wait_up(self, port, patience=PATIENCE):
        self.wait_until(
            lambda: self.run("ovs-vsctl", "get", "Interface", port,
                             "link_state").strip() == "up",
            "port %s is up" % port, patience)

    def wire(self, *command, status=(0, )):
        """Runs a command on the wire's side, and returns what it prints."""
        done = subprocess.run(command, cwd=self.dir, text=True,
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        if done.returncode not in status:
            raise SandboxError("%s: status %d: %s" % (
                " ".join(command), done.returncode,
                done.stdout.strip()[-300:]))
        return done.stdout

    def background(self, *command):
        """Starts a command on the wire's side, which must be ended."""
        return subprocess.Popen(command, cwd=self.dir,
                                stdin=subprocess.DEVNULL,
                                stdout=open(self.path("background.log"), "a"),
                                stderr=subprocess.STDOUT)
