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

"""What a person sees of a demonstration."""

import shlex
import time


class Screen(object):
    """What a person sees: lines, and one that changes while time goes by.
    Where there is no terminal, that one becomes a few lines."""
    def __init__(self, stream):
        self.stream = stream
        self.live = stream.isatty()
        self.bold, self.plain = (("\033[1m", "\033[0m") if self.live
                                 else ("", ""))
        self.last = time.monotonic()

    def say(self, text=""):
        self.stream.write(text + "\n")
        self.stream.flush()

    def title(self, text):
        self.say("\n" + self.bold + text + self.plain)

    def progress(self, text, done):
        if self.live:
            self.stream.write("\r\033[K  " + text + ("\n" if done else ""))
        elif done or time.monotonic() - self.last > 2:
            self.stream.write("  " + text + "\n")
            self.last = time.monotonic()
        self.stream.flush()


class Shown(object):
    """What makes a sandbox.Sandbox show what it does on 'self.screen'."""
    def show_command(self, command):
        shown = "  $"
        length = 0
        for word in command:
            if word == "--" or word.startswith(("--vdev=", "options:",
                                                "other_config:")) \
                    or length > 50 and word.startswith("-"):
                shown += " \\\n       "
                length = 0
            shown += " " + shlex.quote(word)
            length += 1 + len(word)
        self.screen.say(shown)

    def type(self, *command):
        """Runs 'command' as a user would and shows it and its output."""
        self.show_command(command)
        for line in self.run(*command).splitlines():
            self.screen.say("    " + line)
