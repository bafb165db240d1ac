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

"""Where the benchmark finds what it runs: in a build tree, or where "make
install" put it."""

import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))

# "make install" leaves this file beside the modules.
INSTALLED = os.path.join(HERE, "places")


class BenchError(Exception):
    pass


def read_variables(path):
    with open(path) as f:
        return dict(re.findall(r"^(\w+)='(.*)'$", f.read(), re.M))


class Places(object):
    """'version' is that of dpdkzcrx, 'relay' the program that "relay" runs,
    'schema' that of the database, 'path' the folders to look for tools in
    before those of the user."""
    def __init__(self):
        if os.path.exists(INSTALLED):
            self.find_installed()
        else:
            self.find_built()

    def find_installed(self):
        places = read_variables(INSTALLED)
        # Relative, so that all of it can be moved.
        programs = os.path.normpath(os.path.join(HERE, places["zcrxdir"]))
        self.version = places["version"]
        self.relay = os.path.join(programs, "zcrx-bench-relay")
        self.schema = places["schema"]
        self.path = [programs, HERE]

    def find_built(self):
        top = os.path.dirname(HERE)
        builddir = os.environ.get("ZCRX_BUILDDIR", os.path.join(top, "_build"))
        try:
            build = read_variables(os.path.join(builddir, "tests", "atlocal"))
        except FileNotFoundError:
            raise BenchError("nothing is built in %s: './quickstart build' "
                             "does that; ZCRX_BUILDDIR names another folder"
                             % builddir)
        with open(os.path.join(top, "configure.ac")) as f:
            self.version = re.search(r"AC_INIT\(\[dpdkzcrx\], \[(.*?)\]",
                                     f.read()).group(1)
        zcrx, ovs = build["zcrx_builddir"], build["ovs_builddir"]
        self.relay = os.path.join(zcrx, "utilities", "zcrx-bench-relay")
        self.schema = os.path.join(build["abs_top_srcdir"], "vswitchd",
                                   "vswitch.ovsschema")
        self.path = [os.path.join(zcrx, "vswitchd"),
                     os.path.join(zcrx, "utilities"),
                     os.path.join(ovs, "utilities"),
                     os.path.join(ovs, "ovsdb"),
                     os.path.join(top, "tests")]

    def tool(self, name):
        """Returns the path of a tool of the project."""
        for folder in self.path:
            path = os.path.join(folder, name)
            if os.access(path, os.X_OK):
                return path
        raise BenchError("%s is missing: 'make programs' builds it" % name)
