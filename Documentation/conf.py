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

# Configuration of Sphinx, which runs this file in its own folder.

import pathlib
import re

project = "dpdkzcrx"
author = "The dpdkzcrx authors"
copyright = "2026 " + author
release = version = re.search(r"^AC_INIT\(\[dpdkzcrx\], \[([^]]+)\]",
                              pathlib.Path("../configure.ac").read_text(),
                              re.M).group(1)

# A literal block is shell input and output unless it says otherwise.
highlight_language = "none"

html_theme = "alabaster"
html_theme_options = {
    "description": "Zero-copy receive for Open vSwitch with DPDK",
    "fixed_sidebar": True,
    "page_width": "1200px",
}
html_sidebars = {"**": ["about.html", "navigation.html", "searchbox.html"]}

man_pages = [
    ("ref/ovs-dpdkzcrx.7", "ovs-dpdkzcrx",
     "zero-copy receive ports of Open vSwitch with DPDK", [author], 7),
    ("ref/ovs-zcrx-bench.8", "ovs-zcrx-bench",
     "measure dpdkzcrx ports against what they replace", [author], 8),
    ("ref/ovs-zcrx-top.8", "ovs-zcrx-top",
     "watch dpdkzcrx ports of Open vSwitch", [author], 8),
]
man_make_section_directory = False
