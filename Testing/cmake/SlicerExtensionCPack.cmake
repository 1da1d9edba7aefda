# Stand-in for the file that packages an extension.
foreach(name IN ITEMS README LICENSE)
  if(NOT EXISTS "${EXTENSION_${name}_FILE}")
    message(FATAL_ERROR "EXTENSION_${name}_FILE is no file: '${EXTENSION_${name}_FILE}'")
  endif()
endforeach()
