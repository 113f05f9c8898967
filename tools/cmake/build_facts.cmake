# Writes OUT with the facts that only a build knows (run as a script at every build, with SOURCE, OUT, COMPILER and
# BUILD_TYPE). The file is touched only when they change.
cmake_minimum_required(VERSION 3.22)
set(revision "unknown (no git checkout)")
find_package(Git QUIET)
if(GIT_FOUND AND EXISTS ${SOURCE}/.git)
  execute_process(COMMAND ${GIT_EXECUTABLE} --no-optional-locks describe --always --dirty=\ \(changed\) --exclude *
    --abbrev=12 WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET
    RESULT_VARIABLE failed)
  if(NOT failed)
    set(revision "${found}")
  endif()
endif()
file(CONFIGURE OUTPUT ${OUT} @ONLY CONTENT "#define TEPUI_REVISION \"${revision}\"
#define TEPUI_COMPILER \"${COMPILER}\"
#define TEPUI_BUILD_TYPE \"${BUILD_TYPE}\"
")
