// SPDX-License-Identifier: MIT
// The post_processor of a tokenizer.json. Texts are encoded without special tokens, so all that
// matters of it is whether, and which, token it puts before a text.
#pragma once

#include <string>

#include "input/json_file.h"
#include "input/tokenizer_settings.h"

namespace tepui::input {

// From the JSON of the field (null: it adds nothing); `where` opens error messages.
Result<ContainerRule> read_post_processor(const Json* description, const std::string& where);

}  // namespace tepui::input
