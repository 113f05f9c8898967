// SPDX-License-Identifier: MIT
// Errors that the world can cause (files, devices, user input) travel as values of Result<T> and
// Status. Bugs are TEPUI_ASSERT's business. A message says what was expected, what was found and
// where (file, tensor, offset). Everyone includes this header; it knows nothing of the rest.
#pragma once

#include <fmt/format.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace tepui {

enum class ErrorKind {
  usage,        // the command line or a study file is wrong: exit code 2
  data,         // a model, a text or a store is not what it should be: exit code 1
  io,           // the system refused a read or a write: exit code 1
  unsupported,  // understood, but this build or backend cannot do it: exit code 1
};

struct Error {
  ErrorKind kind = ErrorKind::data;
  std::string message;  // one line, without a trailing full stop
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

template <class... Args>
[[nodiscard]] tl::unexpected<Error> fail(ErrorKind kind, fmt::format_string<Args...> format,
                                         Args&&... args) {
  return tl::unexpected<Error>(Error{kind, fmt::format(format, std::forward<Args>(args)...)});
}

}  // namespace tepui

// TEPUI_TRY(status_expression);          returns the error from the enclosing function, if there is
// one TEPUI_TRY(auto x, result_expression);  the same, and otherwise declares x with the value
#define TEPUI_TRY_JOIN2(a, b) a##b
#define TEPUI_TRY_JOIN(a, b) TEPUI_TRY_JOIN2(a, b)
#define TEPUI_TRY_STATUS(expression)                                                           \
  do {                                                                                         \
    auto tepui_status = (expression);                                                          \
    if (!tepui_status) return tl::unexpected<::tepui::Error>(std::move(tepui_status).error()); \
  } while (false)
#define TEPUI_TRY_VALUE(declaration, ...)                            \
  auto TEPUI_TRY_JOIN(tepui_result_, __LINE__) = (__VA_ARGS__);      \
  if (!TEPUI_TRY_JOIN(tepui_result_, __LINE__))                      \
    return tl::unexpected<::tepui::Error>(                           \
        std::move(TEPUI_TRY_JOIN(tepui_result_, __LINE__)).error()); \
  declaration = *std::move(TEPUI_TRY_JOIN(tepui_result_, __LINE__))
#define TEPUI_TRY_PICK(_1, _2, _3, _4, _5, _6, NAME, ...) NAME
#define TEPUI_TRY(...)                                                                            \
  TEPUI_TRY_PICK(__VA_ARGS__, TEPUI_TRY_VALUE, TEPUI_TRY_VALUE, TEPUI_TRY_VALUE, TEPUI_TRY_VALUE, \
                 TEPUI_TRY_VALUE, TEPUI_TRY_STATUS, )                                             \
  (__VA_ARGS__)
