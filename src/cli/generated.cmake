# Manual pages and completions, which the program makes of its own tables.
set(GENERATED ${CMAKE_BINARY_DIR}/generated)
file(MAKE_DIRECTORY ${GENERATED})
file(STRINGS ${CMAKE_SOURCE_DIR}/src/cli/commands.def COMMAND_LINES REGEX "^WELD_COMMAND")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/cli/commands.def)

# generate(FILE ARGUMENT...): FILE is what `onnxweld --generate ARGUMENT...` prints.
function(generate file)
  add_custom_command(OUTPUT ${GENERATED}/${file}
                     COMMAND weld_cli --generate ${ARGN} > ${GENERATED}/${file}
                     DEPENDS weld_cli VERBATIM)
  set(PRODUCTS ${PRODUCTS} ${GENERATED}/${file} PARENT_SCOPE)
endfunction()

generate(onnxweld.1 man)
foreach(line ${COMMAND_LINES})
  string(REGEX REPLACE "^WELD_COMMAND.([a-z]+).*" "\\1" name "${line}")
  generate(onnxweld-${name}.1 man ${name})
endforeach()
set(MANUAL ${PRODUCTS})
generate(onnxweld complete-bash)
generate(_onnxweld complete-zsh)
generate(onnxweld.fish complete-fish)
add_custom_target(generated ALL DEPENDS ${PRODUCTS})

install(FILES ${MANUAL} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${GENERATED}/onnxweld DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${GENERATED}/_onnxweld DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${GENERATED}/onnxweld.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
