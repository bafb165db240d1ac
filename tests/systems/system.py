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

"""Debian systems of other releases, or of this one without what is installed
here: folders that debootstrap makes, to run programs in.

Such a folder is kept where images.py keeps what it downloads, and made again
where it is missing or has to have other packages.  Nothing that runs in it can
change it, nor anything outside of it but the folders that it is given.
"""

import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOP = os.path.dirname(TESTS)
sys.path.insert(0, os.path.join(TESTS, "vm"))
import images                                           # noqa: E402

# Runs in mount and process namespaces of its own.
ENTER = """\
set -e
root=$1 room=$2
shift 2
mount --make-rprivate /
if test -n "$room"; then
    # What is changed is in memory, and gone afterwards.
    mount -t tmpfs tmpfs "$room"
    mkdir "$room/upper" "$room/work" "$room/root"
    mount -t overlay overlay "$room/root" -o \
        "lowerdir=$root,upperdir=$room/upper,workdir=$room/work"
    root=$room/root
fi
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
while test "$1" != --; do
    mkdir -p "$root$1"
    mount --bind "$1" "$root$1"
    shift
done
shift
exec chroot "$root" "$@"
"""


def packages(*kinds):
    """Returns the names of the packages that "quickstart" has for these."""
    with open(os.path.join(TOP, "quickstart")) as f:
        text = f.read()
    names = []
    for kind in kinds:
        names += re.search(r'^%s_packages="([^"]*)"' % kind, text,
                           re.M).group(1).split()
    return names


class System(object):
    """The Debian release 'release' with the packages 'names', which may be of
    another architecture: "libc6-dev:arm64".  Those for another 'purpose' have
    other packages."""
    def __init__(self, purpose, release, names):
        self.release = release
        names = sorted(names)
        digest = hashlib.sha256(" ".join(names).encode()).hexdigest()[:8]
        prefix = "debian-%s-%s-" % (purpose, release)
        self.dir = images.cached(prefix + digest,
                                 lambda path: self.make(path, names))
        # What had other packages is not needed any more.
        for other in glob.glob(os.path.join(images.cache_dir(),
                                            prefix + "????????")):
            if other != self.dir:
                shutil.rmtree(other)
                os.remove(other + ".lock")

    def make(self, path, names):
        print("making a system: Debian %s (some minutes)" % self.release,
              flush=True)
        try:
            # It mounts what is not to stay.
            images.run("unshare", "--mount", "debootstrap",
                       "--variant=minbase", self.release, path,
                       images.mirror())
            # No daemon is started.
            policy = os.path.join(path, "usr/sbin/policy-rc.d")
            with open(policy, "w") as f:
                f.write("#! /bin/sh\nexit 101\n")
            os.chmod(policy, 0o755)
            shutil.copy("/etc/resolv.conf", os.path.join(path, "etc"))
            foreign = set(name.partition(":")[2] for name in names)
            for architecture in filter(None, sorted(foreign)):
                images.run(*self.command(
                    ["dpkg", "--add-architecture", architecture], path))
                images.run(*self.command(["apt-get", "-q", "update"], path))
            # What is made anew if it fails need not be safe on the disk.
            images.run(*self.command(
                ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qy",
                 "-o", "Dpkg::Options::=--force-unsafe-io",
                 "--no-install-recommends", "install"] + names, path))
            images.run(*self.command(["apt-get", "clean"], path))
            os.remove(policy)
        except images.Unavailable as error:
            raise images.Unavailable("Debian %s cannot be made in %s: %s" % (
                self.release, images.cache_dir(), error))

    @staticmethod
    def command(command, root, room="", folders=(), network=True):
        options = ["--mount", "--pid", "--fork", "--kill-child"]
        if not network:
            options.append("--net")
        return (["unshare"] + options + ["sh", "-c", ENTER, "sh", root, room]
                + list(folders) + ["--"] + list(command))

    def run(self, command, room, folders=(), **kwargs):
        """Runs 'command', without a network, and returns its status.  'room' is
        an empty folder, 'folders' are those of this machine which it sees, and
        may change, in the same place."""
        return subprocess.run(
            self.command(command, self.dir, room, folders, False),
            stdin=subprocess.DEVNULL,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                 "HOME": "/root", "TERM": "dumb"}, **kwargs).returncode
