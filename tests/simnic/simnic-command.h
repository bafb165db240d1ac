/*
 * Copyright (c) 2026 The dpdkzcrx authors.
 *
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at:
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

#ifndef SIMNIC_COMMAND_H
#define SIMNIC_COMMAND_H 1

/* What a running simnic can be told, as text: see simnic_command_help. */

#include "simnic.h"

struct simnic_program {
    struct simnic *sn;
    struct simnic_source source;
    uint16_t max_pairs;
    bool quit;
};

extern const char simnic_command_help[];

char *simnic_command(struct simnic_program *, const char *line);

#endif /* simnic-command.h */
