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

"""A virtual machine that libvirt starts, from the documentation's domain."""

import os
import shutil
import signal
import xml.etree.ElementTree as ElementTree

import images
import machine
import sandbox

DOCUMENTED = os.path.join(sandbox.TOP, "Documentation/howto/vm0.xml")

QEMU_NAMESPACE = "http://libvirt.org/schemas/domain/qemu/1.0"

# Nobody's.  Libvirt has no user of its own without its system's service.
USER = "65534"


def make_domain(dir, kernel, image, socket):
    """Returns the documented domain, changed where this machine needs it: no
    KVM, no hugepages, and a kernel instead of a disk."""
    tree = ElementTree.parse(DOCUMENTED)
    domain = tree.getroot()

    def add(parent, tag, text=None, **attributes):
        element = ElementTree.SubElement(parent, tag, attributes)
        element.text = text
        return element

    domain.set("type", "qemu")
    backing = domain.find("memoryBacking")
    backing.remove(backing.find("hugepages"))
    domain.find("memory").text = "512"
    domain.find("memory").set("unit", "MiB")
    domain.find("vcpu").text = "1"
    domain.find("cpu").set("mode", "maximum")
    os_ = domain.find("os")
    add(os_, "kernel", kernel)
    add(os_, "initrd", image)
    add(os_, "cmdline", machine.CMDLINE + "quiet")
    devices = domain.find("devices")
    devices.remove(devices.find("disk"))
    devices.find("interface/source").set("path", socket)
    console = devices.find("console")
    console.set("type", "file")
    add(console, "source", path=os.path.join(dir, "console"))
    channel = add(devices, "channel", type="unix")
    add(channel, "source", mode="bind", path=os.path.join(dir, "agent"))
    add(channel, "target", type="virtio", name="agent")
    add(devices, "memballoon", model="none")
    # See linux.py.
    ElementTree.register_namespace("qemu", QEMU_NAMESPACE)
    options = add(domain, "{%s}commandline" % QEMU_NAMESPACE)
    for value in ("-global", "virtio-net-pci.vectors=0"):
        add(options, "{%s}arg" % QEMU_NAMESPACE, value=value)
    return tree


class Domain(machine.Machine):
    """A machine whose QEMU is run by libvirt, without a daemon, as a user who
    has no other rights than to make its socket."""
    def __init__(self, dir, image, socket):
        os.mkdir(dir)
        for name, source in (("kernel", image.kernel.image),
                             ("image", image.path)):
            shutil.copy(source, os.path.join(dir, name))
        path = os.path.join(dir, "domain.xml")
        socket_dir = os.path.join(dir, "run")
        os.mkdir(socket_dir)
        # The port's path leads to where QEMU may make a socket.
        os.symlink(os.path.join(socket_dir, "vm.sock"), socket)
        make_domain(dir, os.path.join(dir, "kernel"),
                    os.path.join(dir, "image"),
                    os.path.join(socket_dir, "vm.sock")).write(path)
        images.run("virt-xml-validate", path)
        for name in (dir, socket_dir):
            os.chown(name, int(USER), int(USER))
        os.chmod(os.path.dirname(dir), 0o755)
        super().__init__(dir, [
            "setpriv", "--reuid", USER, "--regid", USER, "--clear-groups",
            "env", "HOME=" + dir, "XDG_RUNTIME_DIR=" + dir,
            "XDG_CACHE_HOME=" + dir, "virt-qemu-run", "--verbose",
            "--root=" + os.path.join(dir, "root"), path])

    def kill(self):
        """Ends QEMU, too, which does not end with libvirt's process."""
        try:
            with open(self.path("root/run/qemu/vm0.pid")) as f:
                os.kill(int(f.read()), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            pass
        super().kill()
