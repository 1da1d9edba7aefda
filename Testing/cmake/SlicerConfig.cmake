# Stand-in for a Slicer build tree, for `find_package(Slicer)`: as much of Slicer's CMake interface as an extension of
# scripted modules uses, with the real names, folders and signatures. Where Slicer would overlook a mistake (an argument
# that a test macro does not know), this one ends with an error. Nothing is compiled to bytecode.
set(Slicer_VERSION_MAJOR 5)
set(Slicer_VERSION_MINOR 12)
set(Slicer_USE_PYTHONQT ON)

set(Slicer_INSTALL_ROOT "./")
set(Slicer_QTSCRIPTEDMODULES_LIB_DIR "lib/Slicer-${Slicer_VERSION_MAJOR}.${Slicer_VERSION_MINOR}/qt-scripted-modules")

set(Slicer_USE_FILE "${CMAKE_CURRENT_LIST_DIR}/UseSlicer.cmake")
set(Slicer_EXTENSION_GENERATE_CONFIG "${CMAKE_CURRENT_LIST_DIR}/SlicerExtensionGenerateConfig.cmake")
set(Slicer_EXTENSION_CPACK "${CMAKE_CURRENT_LIST_DIR}/SlicerExtensionCPack.cmake")
