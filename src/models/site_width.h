// SPDX-License-Identifier: MIT
// Which sites a model has: how wide they are, or why there is no such thing.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "models/spec.h"
#include "tepui/site.h"

namespace tepui {

// Nothing where the model does not compute such a site.
std::optional<int> site_width(const ModelSpec& spec, Site site);

// Why it does not, as the end of a sentence: "attention and MLP read the same input". Empty where
// it does.
std::string_view why_no_site(const ModelSpec& spec, Site site);

// Those whose values are rows of one width, as messages list them: "embeddings, resid_pre, ...".
std::string sites_with_width(const ModelSpec& spec);

}  // namespace tepui
