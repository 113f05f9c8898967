# `cmake --install build --prefix P`: the program, its completions where each shell looks, and a manual page for each
# command. All of them are written by the program itself, at the time of installing.
include(GNUInstallDirs)
install(TARGETS tepui RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

set(written ${PROJECT_BINARY_DIR}/installed)
install(CODE "
  set(tepui \"$<TARGET_FILE:tepui>\")
  file(REMOVE_RECURSE \"${written}\")
  file(MAKE_DIRECTORY \"${written}\")
  foreach(pair bash=tepui zsh=_tepui fish=tepui.fish)
    string(REPLACE \"=\" \";\" pair \${pair})
    list(GET pair 0 shell)
    list(GET pair 1 file)
    file(MAKE_DIRECTORY \"${written}/\${shell}\")
    execute_process(COMMAND \"\${tepui}\" completion \${shell} OUTPUT_FILE \"${written}/\${shell}/\${file}\"
      COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
  execute_process(COMMAND \"\${tepui}\" man --out \"${written}/man1\" OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
")
install(DIRECTORY ${written}/bash/ DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(DIRECTORY ${written}/zsh/ DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(DIRECTORY ${written}/fish/ DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(DIRECTORY ${written}/man1/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
