# Toolchain of the packaging test: project() asks for compilers, and scripted modules need none.
foreach(language IN ITEMS C CXX)
  set(CMAKE_${language}_COMPILER "${CMAKE_COMMAND}")
  set(CMAKE_${language}_COMPILER_FORCED TRUE)
endforeach()
