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

# Counts the results in what testsuites printed, and in lines "stage NAME: ok" and
# "stage NAME: FAILED" for what is no testsuite.  A test that was run again counts
# with its last result.  A testsuite that did not come to its end, or that failed
# ("suite NAME: FAILED") with no failed test, counts as a failure.  The exit
# status is 0 only if something passed and nothing failed.

/^## .* test suite\. ##$/ {
    suite = FILENAME ": " $0
    unfinished[suite] = 1
}

/^## Test results\. ##$/ {
    delete unfinished[suite]
}

/^ *[0-9]+: / {
    test = suite ": " $1
    if (/ ok$/ || / expected failure /) {
        result[test] = "passed"
    } else if (/ skipped \(.*\)$/) {
        result[test] = "skipped"
    } else if (/ FAILED \(.*\)$/ || / UNEXPECTED PASS$/) {
        result[test] = "failed"
    }
}

/^stage .*: ok$/ {
    result[$0] = "passed"
}

/^stage .*: FAILED$/ {
    result[$0] = "failed"
}

/^suite .*: FAILED$/ {
    broken = 1
}

END {
    for (test in result) {
        count[result[test]]++
    }
    for (suite in unfinished) {
        count["failed"]++
    }
    if (broken && !count["failed"]) {
        count["failed"]++
    }
    printf "%d passed, %d failed, %d skipped\n",
           count["passed"], count["failed"], count["skipped"]
    exit count["failed"] > 0 || count["passed"] == 0
}
