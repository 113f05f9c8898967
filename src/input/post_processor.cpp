// SPDX-License-Identifier: MIT
#include "input/post_processor.h"

#include "input/utf8.h"

namespace tepui::input {
namespace {

// The token that a template puts before the text, if it does.
Status read_template(const Json& processor, const std::string& where, ContainerRule& rule) {
  const Json* single = member(processor, "single");
  if (single == nullptr || !single->is_array())
    return fail(ErrorKind::data, "{}: expected TemplateProcessing to have a list 'single'", where);
  if (single->empty()) return {};
  const Json* special = member(single->front(), "SpecialToken");
  if (special == nullptr) return {};
  TEPUI_TRY(const std::string name, string_field(*special, "id", where));
  const Json* tokens = member(processor, "special_tokens");
  const Json* token = tokens == nullptr ? nullptr : member(*tokens, name.c_str());
  const Json* ids = token == nullptr ? nullptr : member(*token, "ids");
  if (ids == nullptr || !ids->is_array() || ids->empty())
    return fail(ErrorKind::data, "{}: expected special_tokens to give the ids of '{}'", where,
                quotable(name));
  TEPUI_TRY(rule.bos, id_value(ids->front(), where));
  rule.adds_bos = true;
  return {};
}

Status read_part(const Json& processor, const std::string& where, int depth, ContainerRule& rule) {
  TEPUI_TRY(const std::string type, string_field(processor, "type", where));
  if (type == "ByteLevel") return {};
  if (type == "TemplateProcessing") return read_template(processor, where, rule);
  if (type == "RobertaProcessing") {
    const Json* cls = member(processor, "cls");
    if (cls == nullptr || !cls->is_array() || cls->size() != 2)
      return fail(ErrorKind::data, "{}: expected RobertaProcessing to have 'cls' [token, id]",
                  where);
    TEPUI_TRY(rule.bos, id_value((*cls)[1], where));
    rule.adds_bos = true;
    return {};
  }
  const Json* list = member(processor, "processors");
  if (type != "Sequence" || list == nullptr || !list->is_array() || depth > 0)
    return fail(ErrorKind::unsupported, "{} type '{}' is not supported", where, quotable(type));
  for (const Json& part : *list) TEPUI_TRY(read_part(part, where, depth + 1, rule));
  return {};
}

}  // namespace

Result<ContainerRule> read_post_processor(const Json* description, const std::string& where) {
  ContainerRule rule;
  if (description != nullptr)
    TEPUI_TRY(read_part(*description, where + ": post_processor", 0, rule));
  return rule;
}

}  // namespace tepui::input
