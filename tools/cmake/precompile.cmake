# Precompiled headers, for whoever builds everything once (tools/quickstart, tools/test). They are off by
# default, as TEPUI_UNITY is: in a developer's build each file must include what it uses.
option(TEPUI_PRECOMPILE "Precompile the library headers that most files include" OFF)

set(TEPUI_COMMON_HEADERS <algorithm> <array> <cmath> <cstdint> <cstring> <filesystem> <functional> <map> <memory> <optional>
  <span> <string> <string_view> <utility> <variant> <vector> <fmt/format.h> <nlohmann/json.hpp> <tl/expected.hpp>)

# tepui_precompile(TARGET [HEADER...]): the common headers and those.
function(tepui_precompile target)
  if(TEPUI_PRECOMPILE)
    target_precompile_headers(${target} PRIVATE ${TEPUI_COMMON_HEADERS} ${ARGN})
    # GCC bug 105651 again: what it says of a precompiled <string> it keeps to itself of a system header.
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow>
      $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overread> $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds>)
  endif()
endfunction()
