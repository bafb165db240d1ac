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

"""Kernels and initial file systems for virtual machines, from Debian's
packages.

What is downloaded is kept in a folder outside of the source tree, and made
again where it is missing.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


class Unavailable(Exception):
    """Something that is needed and cannot be had."""


def cache_dir():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = os.path.join(base, "dpdkzcrx")
    os.makedirs(path, exist_ok=True)
    return path


def run(*command, **kwargs):
    """Runs 'command' and returns what it prints."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              **kwargs)
    except FileNotFoundError as error:
        raise Unavailable("%s is not installed" % error.filename)
    if done.returncode:
        raise Unavailable("'%s' has failed: %s"
                          % (" ".join(command), done.stderr.strip()[-500:]))
    return done.stdout


def cached(name, make):
    """Returns the folder 'name' of the cache.  If it is not there, 'make' is
    called with a new folder, which becomes that one when all is in it."""
    path = os.path.join(cache_dir(), name)
    with open(path + ".lock", "w") as lock:
        # Two users at a time must not make it twice.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(path):
            new = tempfile.mkdtemp(dir=cache_dir(), prefix=name + ".")
            try:
                make(new)
                os.chmod(new, 0o755)
                os.rename(new, path)
            finally:
                shutil.rmtree(new, ignore_errors=True)
    return path


def kernel_package(flavour):
    """Returns the name of the package with Debian's current kernel."""
    shown = run("apt-cache", "--no-all-versions", "show",
                "linux-image-" + flavour)
    found = re.search(r"^Depends: (linux-image-[^ ,]+)", shown, re.M)
    if not found:
        raise Unavailable("there is no package linux-image-" + flavour)
    return found.group(1)


def extract(packages, path):
    """Downloads the packages that 'packages' returns and extracts them to
    'path'."""
    def download():
        run("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download",
            *packages(), cwd=path)

    try:
        download()
    except Unavailable:
        # The lists may be missing, or older than what the mirror has.
        run("apt-get", "-q", "update")
        download()
    for deb in os.listdir(path):
        if deb.endswith(".deb"):
            run("dpkg-deb", "-x", deb, ".", cwd=path)
            os.remove(os.path.join(path, deb))


def ovn():
    """Returns the folder with Debian's OVN, which is not installed because
    that would start it."""
    def get(path):
        try:
            extract(lambda: ["ovn-common", "ovn-central", "ovn-host"], path)
        except Unavailable as error:
            raise Unavailable("OVN cannot be downloaded to %s: %s"
                              % (cache_dir(), error))
    return cached("ovn", get)


class Kernel(object):
    """A kernel and its modules.  'flavour' is that of Debian's packages, such
    as "cloud-amd64"."""
    def __init__(self, flavour):
        # Whatever version is there will do.
        self.dir = cached("linux-" + flavour,
                          lambda path: self.get(flavour, path))
        self.version = os.listdir(os.path.join(self.dir, "lib/modules"))[0]
        self.image = os.path.join(self.dir, "boot",
                                  "vmlinuz-" + self.version)
        self.files = {}
        for room, _, names in os.walk(os.path.join(self.dir, "lib/modules")):
            for name in names:
                if name.endswith(".ko"):
                    self.files[name[:-3].replace("-", "_")] = os.path.join(
                        room, name)

    @staticmethod
    def get(flavour, path):
        try:
            extract(lambda: [kernel_package(flavour)], path)
        except Unavailable as error:
            raise Unavailable("a kernel for virtual machines cannot be "
                              "downloaded to %s: %s" % (cache_dir(), error))

    def modules(self, names):
        """Returns the files of the modules 'names' and of those which they
        need, in the order of loading.  What is not there is built in."""
        found = []

        def add(name):
            path = self.files.get(name.replace("-", "_"))
            if path and path not in found:
                depends = run("modinfo", "-F", "depends", path).strip()
                for other in depends.split(",") if depends else ():
                    add(other)
                found.append(path)

        for name in names:
            add(name)
        return found


class Qemu(object):
    """Another version of QEMU than this machine's own: that of the Debian
    release 'release', with the libraries of that release."""
    def __init__(self, release):
        self.dir = cached("qemu-" + release,
                          lambda path: self.get(release, path))

    def command(self):
        """Returns what to run it with."""
        usr = os.path.join(self.dir, "usr")
        lib = os.path.join(usr, "lib/x86_64-linux-gnu")
        return [os.path.join(usr, "lib64/ld-linux-x86-64.so.2"),
                "--library-path", lib,
                os.path.join(usr, "bin/qemu-system-x86_64"),
                "-L", os.path.join(usr, "share/qemu"),
                "-L", os.path.join(usr, "share/seabios")]

    @staticmethod
    def get(release, path):
        # A package system of its own, in which nothing is installed, so that
        # all that the package needs is downloaded.
        apt = os.path.join(path, "apt")
        for room in ("lists/partial", "archives/partial"):
            os.makedirs(os.path.join(apt, room))
        with open(os.path.join(apt, "sources.list"), "w") as f:
            f.write("deb [signed-by=/usr/share/keyrings/debian-archive-"
                    "keyring.gpg] %s %s main\n" % (mirror(), release))
        with open(os.path.join(apt, "status"), "w"):
            pass
        options = ["-q", "-y"]
        for option in ("Dir::State::Lists=%s/lists", "Dir::Cache=%s",
                       "Dir::Cache::Archives=%s/archives",
                       "Dir::State::Status=%s/status",
                       "Dir::Etc::SourceList=%s/sources.list"):
            options += ["-o", option % apt]
        options += ["-o", "Dir::Etc::SourceParts=-",
                    "-o", "APT::Sandbox::User=root",
                    "-o", "Acquire::Languages=none"]
        try:
            run("apt-get", *options, "update")
            run("apt-get", *options, "--no-install-recommends",
                "--download-only", "install", "qemu-system-x86")
        except Unavailable as error:
            raise Unavailable("QEMU of Debian %s cannot be downloaded to %s: "
                              "%s" % (release, cache_dir(), error))
        archives = os.path.join(apt, "archives")
        for name in os.listdir(archives):
            if name.endswith(".deb"):
                run("dpkg-deb", "-x", os.path.join(archives, name), path)
        shutil.rmtree(apt)


def mirror():
    """Returns the address of the Debian mirror that this machine uses."""
    targets = run("apt-get", "indextargets", "--format",
                  "$(ORIGIN) $(LABEL) $(RELEASE) $(REPO_URI)")
    for line in targets.splitlines():
        words = line.split()
        # Not that of security updates, nor of other origins.
        if words[:2] == ["Debian", "Debian"]:
            return words[-1]
    raise Unavailable("apt-get knows no Debian mirror")


def libraries(program):
    """Returns the shared libraries of 'program', with their paths."""
    return re.findall(r"(/\S+) \(0x", run("ldd", program))


class FileSystem(object):
    """What is in an initial file system, made in the folder 'path'."""
    def __init__(self, path, kernel, modules):
        self.path = path
        os.makedirs(path)
        self.add("/bin/busybox", shutil.which("busybox"))
        self.add("/init", os.path.join(HERE, "init"))
        order = []
        for source in kernel.modules(modules):
            order.append("/lib/modules/" + os.path.basename(source))
            self.add(order[-1], source)
        self.write("/modules", "".join(name + "\n" for name in order))

    def add(self, name, source):
        """Adds a copy of the file 'source' with the name 'name'."""
        if not source or not os.path.exists(source):
            raise Unavailable("%s is not installed"
                              % (source or os.path.basename(name)))
        target = self.path + name
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(source, target)

    def has(self, name):
        return os.path.lexists(self.path + name)

    def link(self, name, target):
        """Adds a symbolic link to 'target'."""
        os.makedirs(os.path.dirname(self.path + name), exist_ok=True)
        os.symlink(target, self.path + name)

    def write(self, name, text):
        target = self.path + name
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w") as f:
            f.write(text)

    def add_program(self, source, name=None):
        """Adds a program with its shared libraries."""
        path = shutil.which(source)
        if not path:
            raise Unavailable("%s is not installed" % source)
        target = "/usr/bin/" + (name or os.path.basename(source))
        self.add(target, path)
        self.add_libraries(path)
        # What is for debuggers makes large files of those that were built
        # here, and a machine that is emulated takes long to unpack these.
        run("strip", self.path + target)

    def add_libraries(self, path):
        for library in libraries(path):
            if not self.has(library):
                self.add(library, os.path.realpath(library))

    def pack(self, image):
        """Writes all of it into the file 'image'."""
        with open(image, "wb") as out:
            names = run("find", ".", cwd=self.path)
            subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"],
                           cwd=self.path, input=names.encode(), stdout=out,
                           check=True)
        shutil.rmtree(self.path)
        return image


def main():
    """Gets all that there is to download.  Of what cannot be had, it tells
    why."""
    status = 0
    for get, names in ((ovn, ()), (Kernel, ("cloud-amd64", )),
                       (Kernel, ("amd64", )), (Qemu, ("trixie", ))):
        try:
            get(*names)
        except Unavailable as error:
            print(error)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
