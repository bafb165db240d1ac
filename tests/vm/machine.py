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

"""A virtual machine: QEMU, and a way to run commands in it."""

import base64
import json
import os
import socket
import subprocess
import time

# Seconds without any progress after which something is wrong.  A machine under
# software emulation is slow, and so is one that many share.
PATIENCE = 120


class MachineError(Exception):
    pass


class CommandError(MachineError):
    """A command in the machine has failed."""


class Stream(object):
    """A socket with lines of text."""
    def __init__(self, path, process):
        self.process = process
        self.buffer = b""
        deadline = time.monotonic() + PATIENCE
        self.socket = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError as error:
                if process.poll() is not None:
                    raise MachineError("QEMU has ended with status %d"
                                       % process.returncode)
                if time.monotonic() > deadline:
                    raise MachineError("%s: %s" % (path, error))
                time.sleep(0.05)

    def close(self):
        self.socket.close()

    def write(self, line):
        self.socket.sendall(line.encode() + b"\n")

    def read(self, patience=PATIENCE):
        """Returns the next line."""
        deadline = time.monotonic() + patience
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0:
                raise MachineError("the machine does not answer")
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except socket.timeout:
                continue
            if not data:
                raise MachineError("QEMU has ended with status %s"
                                   % self.process.wait(PATIENCE))
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.decode(errors="replace").strip()


# What the kernel of every machine is told.  The check of the timer can fail on
# a slow machine.
CMDLINE = "console=ttyS0 panic=-1 no_timer_check "


def qemu(dir, kernel, image, options, memory=512, cmdline="", cpus=1,
         command=("qemu-system-x86_64", ), machine="pc", quiet=True):
    """Returns the command for a machine whose files are in the folder 'dir'.
    'command' is what to run QEMU with, 'options' are those beyond its kernel,
    its console and its memory of 'memory' MB."""
    return list(command) + [
        "-accel", "tcg", "-cpu", "max", "-smp", str(cpus),
        "-machine", machine + ",memory-backend=mem0",
        "-m", "size=%dM,slots=2,maxmem=4G" % memory,
        "-object", "memory-backend-memfd,share=on,id=mem0,size=%dM" % memory,
        "-nodefaults", "-nographic", "-kernel", kernel, "-initrd", image,
        "-append", CMDLINE + "quiet " * quiet + cmdline,
        "-chardev", "file,id=console,path=%s/console" % dir,
        "-serial", "chardev:console",
        "-chardev", "socket,id=agent,path=%s/agent,server=on,wait=off" % dir,
        "-device", "virtio-serial",
        "-device", "virtserialport,chardev=agent,name=agent",
        "-qmp", "unix:%s/qmp,server=on,wait=off" % dir] + list(options)


class Machine(object):
    """A virtual machine that 'command' starts, whose files are in the folder
    'dir'."""
    def __init__(self, dir, command):
        self.dir = dir
        self.command = command
        os.makedirs(dir, exist_ok=True)
        self.n_commands = 0
        self.agent = self.qmp = None
        with open(self.path("log"), "ab") as log:
            # Whatever becomes of this process, QEMU goes with it.
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL"] + command,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def connect(self):
        """Opens the way for commands."""
        if not self.agent:
            self.agent = Stream(self.path("agent"), self.process)

    def wait(self):
        """Waits until commands can be run."""
        self.connect()
        # The firmware may have its say first.
        while not self.agent.read().endswith("ready"):
            pass
        return self

    def run(self, command, patience=PATIENCE):
        """Runs the shell command 'command' and returns what it prints."""
        status, output = self.try_to(command, patience)
        if status:
            raise CommandError("%s: status %d: %s"
                               % (command, status, output.strip()[-500:]))
        return output

    def try_to(self, command, patience=PATIENCE):
        """Runs the shell command 'command' and returns its exit status and
        what it prints."""
        self.start(command)
        return self.finish(patience)

    def wait_for(self, command, what, patience=PATIENCE):
        """Waits until 'command' has status 0."""
        status, output = self.try_to(
            "for i in `seq %d`; do { %s; } > /dev/null 2>&1 && exit; "
            "usleep 100000; done; exit 1" % (10 * patience, command),
            2 * patience)
        if status:
            raise MachineError("waited in vain for " + what)

    def start(self, command):
        """Starts a command, to be waited for with finish()."""
        self.n_commands += 1
        self.agent.write("%d %s" % (
            self.n_commands, base64.b64encode(command.encode()).decode()))

    def finish(self, patience=PATIENCE):
        while True:
            words = self.agent.read(patience).split()
            if len(words) in (2, 3) and words[0] == str(self.n_commands):
                output = base64.b64decode(words[2]) if words[2:] else b""
                return int(words[1]), output.decode(errors="replace")
            if words == ["ready"]:
                raise MachineError("the machine has started anew")

    def monitor(self, command, **arguments):
        """Gives QEMU's monitor a command and returns the answer."""
        if not self.qmp:
            self.qmp = Stream(self.path("qmp"), self.process)
            self.qmp.read()
            self.ask({"execute": "qmp_capabilities"})
        return self.ask({"execute": command, "arguments": {
            name.replace("_", "-"): value
            for name, value in arguments.items()}})

    def ask(self, request):
        self.qmp.write(json.dumps(request))
        while True:
            answer = json.loads(self.qmp.read())
            if "error" in answer:
                raise MachineError("%s: %s" % (request["execute"],
                                               answer["error"]["desc"]))
            if "return" in answer:
                return answer["return"]

    def reboot(self):
        """Starts the machine anew, as its user would; wait() comes next."""
        self.start("reboot -f")

    def kill(self):
        """Ends it as a crash of QEMU would."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.agent, self.qmp):
            if stream:
                stream.close()
        self.agent = self.qmp = None
