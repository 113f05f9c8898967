# What src/report/assets.cpp embeds: the page's own files and plotly.js, which draws its charts. plotly.js is the one
# inside the PyPI package plotly, pinned by version and hash in tools/plotly.txt and never committed. Without python3, pip
# or a network everything is built all the same, and `tepui report` says what is missing.
set(TEPUI_PLOTLY "" CACHE FILEPATH "plotly.min.js to embed in reports (default: that of tools/plotly.txt)")
find_program(TEPUI_PYTHON python3)

# Sets `result` to the library's file, or to nothing.
function(tepui_find_plotly result)
  set(${result} "" PARENT_SCOPE)
  if(TEPUI_PLOTLY)
    if(NOT EXISTS ${TEPUI_PLOTLY})
      message(FATAL_ERROR "TEPUI_PLOTLY: expected a file, found none at ${TEPUI_PLOTLY}")
    endif()
    set(${result} ${TEPUI_PLOTLY} PARENT_SCOPE)
    return()
  endif()
  set(pin ${PROJECT_SOURCE_DIR}/tools/plotly.txt)
  file(SHA256 ${pin} pinned)
  set(file ${PROJECT_BINARY_DIR}/plotly/${pinned}.min.js)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${pin})
  if(NOT EXISTS ${file})
    set(fault "python3 was not found")
    if(TEPUI_PYTHON)
      execute_process(COMMAND ${TEPUI_PYTHON} ${PROJECT_SOURCE_DIR}/tools/fetch_plotly.py ${pin} ${file}
        RESULT_VARIABLE code ERROR_VARIABLE fault OUTPUT_QUIET)
      string(STRIP "${fault}" fault)
    endif()
    if(NOT EXISTS ${file})
      message(STATUS "plotly.js: not there, so `tepui report` will not work: ${fault}")
      return()
    endif()
  endif()
  set(${result} ${file} PARENT_SCOPE)
endfunction()

function(tepui_add_report_assets target)
  set(folder ${PROJECT_BINARY_DIR}/report)
  file(MAKE_DIRECTORY ${folder})
  tepui_find_plotly(plotly)
  set(TEPUI_HAVE_PLOTLY OFF PARENT_SCOPE)
  if(plotly)
    set(TEPUI_HAVE_PLOTLY ON PARENT_SCOPE)
  else()
    set(plotly ${folder}/no_plotly.js)
    file(WRITE ${plotly} "")
  endif()
  set(page ${PROJECT_SOURCE_DIR}/src/report/page)
  file(GLOB scripts CONFIGURE_DEPENDS ${page}/*.js)
  add_custom_command(OUTPUT ${folder}/page.html ${folder}/page.css ${folder}/page.js ${folder}/plotly.js
    COMMAND ${CMAKE_COMMAND} -E copy ${page}/page.html ${page}/page.css ${folder}
    COMMAND ${CMAKE_COMMAND} -E cat ${scripts} > ${folder}/page.js
    COMMAND ${CMAKE_COMMAND} -E copy ${plotly} ${folder}/plotly.js
    DEPENDS ${page}/page.html ${page}/page.css ${scripts} ${plotly} VERBATIM)
  set(assets ${folder}/page.html ${folder}/page.css ${folder}/page.js ${folder}/plotly.js)
  target_sources(${target} PRIVATE ${assets})
  set_source_files_properties(${PROJECT_SOURCE_DIR}/src/report/assets.cpp PROPERTIES
    COMPILE_DEFINITIONS "TEPUI_ASSETS=\"${folder}\"" OBJECT_DEPENDS "${assets}")
endfunction()
