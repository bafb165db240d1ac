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

# Completion for bash: the options of the utilities, and of ovs-appctl the
# commands dpdkzcrx/... with the ports that they are for.  Other commands of
# ovs-appctl are left to Open vSwitch's own completion, if that has been read.

# _ovs_zcrx_complete WORD...: those which begin as the word before the cursor.
_ovs_zcrx_complete () {
    mapfile -t COMPREPLY < <(compgen -W "$*" -- "${COMP_WORDS[COMP_CWORD]}")
}

# _ovs_zcrx_ports [TARGET...]: the names of the ports.
_ovs_zcrx_ports () {
    ovs-appctl "$@" dpdkzcrx/list --json 2>/dev/null \
        | grep -o '"port":"[^"]*"' | cut -d '"' -f 4
}

# _ovs_zcrx_commands [TARGET...]: our commands, as the daemon tells them, each on
# a line with its arguments.
_ovs_zcrx_commands () {
    ovs-appctl "$@" list-commands 2>/dev/null | grep -o 'dpdkzcrx/.*'
}

_ovs_zcrx_appctl () {
    local i word words command= usage
    local target=()

    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
            -t | --target)
                target=(--target "${COMP_WORDS[++i]}")
                ;;
            -*) ;;
            *)
                command=$word
                break
                ;;
        esac
    done
    case $command in
        dpdkzcrx/*) ;;
        *)
            if declare -F _ovs_command_complete > /dev/null; then
                _ovs_command_complete "$@"
            elif test -z "$command"; then
                _ovs_zcrx_complete $(_ovs_zcrx_commands "${target[@]}" \
                                         | awk '{ print $1 }')
            fi
            return
            ;;
    esac

    usage=$(_ovs_zcrx_commands "${target[@]}" \
                | awk -v command="$command" '$1 == command')
    words=()
    case $usage in
        *--json*) words+=(--json) ;;
    esac
    case ${COMP_WORDS[COMP_CWORD - 1]} in
        "$command" | --json)
            words+=($(_ovs_zcrx_ports "${target[@]}"))
            ;;
        *)
            # What is one of a few words, such as auto|copy.
            words+=($(tr ' ' '\n' <<< "$usage" | grep '|' | tr '|' ' '))
            ;;
    esac
    _ovs_zcrx_complete "${words[@]}"
}

# The options of a utility are those in its usage.
_ovs_zcrx_utility () {
    local options words=("${COMP_WORDS[@]:0:2}")

    case $1:${COMP_WORDS[1]} in
        *ovs-zcrx-bench:relay | *ovs-zcrx-bench:switch) ;;
        *) words=("$1") ;;
    esac
    options=$("${words[@]}" --help 2>/dev/null \
                  | grep -o -e '--[a-z][a-z-]*' | sort -u)
    case $1:$COMP_CWORD in
        *ovs-zcrx-bench:1) options="relay switch $options" ;;
        *ovs-zcrx-top:*) options="$options $(_ovs_zcrx_ports)" ;;
    esac
    _ovs_zcrx_complete $options
}

complete -o default -F _ovs_zcrx_appctl ovs-appctl
complete -o default -F _ovs_zcrx_utility ovs-zcrx-bench ovs-zcrx-top
