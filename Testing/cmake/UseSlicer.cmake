# Stand-in for the file that `include(${Slicer_USE_FILE})` includes.
if("${PROJECT_NAME}" MATCHES "^$|^Slicer$|^Project$")
  message(FATAL_ERROR "call project(<name of the extension>) before including Slicer_USE_FILE")
endif()
set(EXTENSION_NAME "${PROJECT_NAME}")
foreach(name IN ITEMS HOMEPAGE CONTRIBUTORS DESCRIPTION ICONURL SCREENSHOTURLS DEPENDS)
  if("${EXTENSION_${name}}" STREQUAL "")
    message(FATAL_ERROR "EXTENSION_${name} is not set")
  endif()
endforeach()

# On macOS an extension's package has a folder of its own name here; elsewhere there is none.
set(Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR "${Slicer_INSTALL_ROOT}${Slicer_QTSCRIPTEDMODULES_LIB_DIR}")

include(CTest) # defines BUILD_TESTING

# Parse ARGN into MY_<name>; arguments that are not known are an error.
macro(_standin_arguments options one_value multi_value)
  cmake_parse_arguments(MY "${options}" "${one_value}" "${multi_value}" ${ARGN})
  if(MY_UNPARSED_ARGUMENTS OR MY_KEYWORDS_MISSING_VALUES)
    message(FATAL_ERROR "unknown or empty: ${MY_UNPARSED_ARGUMENTS} ${MY_KEYWORDS_MISSING_VALUES}")
  endif()
endmacro()

function(slicerMacroBuildScriptedModule)
  _standin_arguments("WITH_GENERIC_TESTS;WITH_SUBDIR;VERBOSE" "NAME" "SCRIPTS;RESOURCES" ${ARGN})
  if(NOT MY_NAME OR NOT MY_SCRIPTS)
    message(FATAL_ERROR "NAME and SCRIPTS are mandatory")
  endif()
  if(MY_WITH_SUBDIR)
    message(FATAL_ERROR "the stand-in knows flat extensions only")
  endif()

  set(destination "${CMAKE_BINARY_DIR}/${Slicer_QTSCRIPTEDMODULES_LIB_DIR}")
  set(copies)
  foreach(file IN LISTS MY_SCRIPTS MY_RESOURCES)
    set(source "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
    if(IS_ABSOLUTE "${file}" OR NOT EXISTS "${source}" OR IS_DIRECTORY "${source}")
      message(FATAL_ERROR "nonexistent file '${file}'")
    endif()
    if("${destination}/${file}" IN_LIST copies)
      message(FATAL_ERROR "'${file}' is listed twice")
    endif()
    add_custom_command(
      OUTPUT "${destination}/${file}"
      COMMAND "${CMAKE_COMMAND}" -E copy "${source}" "${destination}/${file}"
      DEPENDS "${source}"
      VERBATIM
      )
    list(APPEND copies "${destination}/${file}")
  endforeach()
  add_custom_target(Copy${MY_NAME}PythonFiles ALL DEPENDS ${copies})

  # As the real macro does: all that lies in the build tree's folder, for each module again.
  install(DIRECTORY "${destination}/" DESTINATION "${Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR}"
    COMPONENT RuntimeLibraries USE_SOURCE_PERMISSIONS)

  if(BUILD_TESTING AND MY_WITH_GENERIC_TESTS)
    _standin_test("nomainwindow_qSlicer${MY_NAME}ModuleGenericTest")
  endif()
endfunction()

function(slicer_add_python_unittest)
  _standin_arguments("" "TESTNAME_PREFIX;SCRIPT" "SLICER_ARGS" ${ARGN})
  _standin_script_test()
endfunction()

function(slicer_add_python_test)
  _standin_arguments("" "TESTNAME_PREFIX;SCRIPT" "SLICER_ARGS;SCRIPT_ARGS" ${ARGN})
  _standin_script_test()
endfunction()

macro(_standin_script_test)
  if(NOT EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${MY_SCRIPT}")
    message(FATAL_ERROR "nonexistent test '${MY_SCRIPT}'")
  endif()
  get_filename_component(name "${MY_SCRIPT}" NAME_WE)
  _standin_test("${MY_TESTNAME_PREFIX}${name}")
endmacro()

# There is no Slicer to run a test in: it is registered under its name, and that is all.
function(_standin_test name)
  add_test(NAME "py_${name}" COMMAND "${CMAKE_COMMAND}" -E false)
endfunction()
