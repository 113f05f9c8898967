// SPDX-License-Identifier: MIT
// What a report's page is made of, embedded when the program is built (tools/cmake/report.cmake).
#pragma once

#include <string_view>

namespace tepui {

std::string_view asset_template();  // src/report/page/page.html
std::string_view asset_style();     // src/report/page/page.css
std::string_view asset_scripts();   // src/report/page/*.js, one behind the other
std::string_view asset_plotly();    // plotly.js; empty where the build could not get it

}  // namespace tepui
