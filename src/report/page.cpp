// SPDX-License-Identifier: MIT
#include "report/page.h"

#include "base/assert.h"
#include "report/assets.h"

namespace tepui {

namespace {

// The text with `mark`, which must be there once, replaced.
std::string filled(std::string text, std::string_view mark, std::string_view with) {
  const std::size_t at = text.find(mark);
  TEPUI_ASSERT(at != std::string::npos);
  return text.replace(at, mark.size(), with);
}

}  // namespace

std::string json_for_html(const ChartJson& data) {
  const std::string json = data.dump(-1, ' ', true, ChartJson::error_handler_t::replace);
  std::string out;
  out.reserve(json.size());
  for (const char c : json) {
    if (c == '<' || c == '>' || c == '&')
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      out += c;
  }
  return out;
}

Result<std::string> report_page(const ChartJson& data) {
  if (asset_plotly().empty())
    return fail(ErrorKind::unsupported,
                "report: this tepui was built without plotly.js, which draws the charts (the build "
                "takes it with python3 and pip, or from -DTEPUI_PLOTLY=plotly.min.js); tepui "
                "massive and tepui export show the same data");
  // The data come last: whatever they hold is not looked at for marks.
  std::string page(asset_template());
  page = filled(std::move(page), "/*{{style}}*/", asset_style());
  page = filled(std::move(page), "/*{{plotly}}*/", asset_plotly());
  page = filled(std::move(page), "/*{{scripts}}*/", asset_scripts());
  return filled(std::move(page), "{{data}}", json_for_html(data));
}

}  // namespace tepui
