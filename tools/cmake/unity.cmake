# Several sources in one compilation, for whoever builds everything once (tools/quickstart, tools/test): the headers are
# parsed and their templates instantiated once for all of them. Only files of one folder share a compilation, so the names
# in unnamed namespaces are unique in a folder. Where each file is a row of a table and repeats the names of its fields
# (the ops, the architectures) every file stays alone.
option(TEPUI_UNITY "Compile several sources of a folder together" OFF)
set(TEPUI_UNITY_FILES 10 CACHE STRING "Sources in a compilation; more of them take more memory: 24 about 2 GiB")

# tepui_unity(TARGET SOURCE...)
function(tepui_unity target)
  if(NOT TEPUI_UNITY)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  foreach(source ${ARGN})
    get_filename_component(folder ${source} DIRECTORY)
    file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${folder})
    if(folder MATCHES "^(src/ops|src/models/arch)$")
      continue()
    endif()
    string(MAKE_C_IDENTIFIER ${folder} folder)
    math(EXPR group "${count_${folder}} + 0")
    math(EXPR count_${folder} "${group} + 1")
    math(EXPR group "${group} / ${TEPUI_UNITY_FILES}")
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${folder}_${group})
  endforeach()
endfunction()
