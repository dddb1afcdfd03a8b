# The compiler where the user named none (-DCMAKE_CXX_COMPILER, CXX or a toolchain file): the newest
# clang that links a small OpenMP program, else the system's default. GCC 12 compiles some kernels
# to half the speed. `cmake -P` of this file prints the choice, which is how tools/setup asks it.
if(NOT DEFINED CMAKE_CXX_COMPILER AND NOT DEFINED ENV{CXX} AND NOT DEFINED CMAKE_TOOLCHAIN_FILE)
  set(probe_dir ${CMAKE_BINARY_DIR}/choose_compiler)
  file(WRITE ${probe_dir}/probe.cc
       "#include <omp.h>\n#include <vector>\nint main() { std::vector<int> v(1);\n"
       "#pragma omp parallel\n v[0] = 0;\n return v[0] + omp_get_num_threads() - 1; }\n")
  set(names clang++)
  foreach(version RANGE 14 40)
    list(PREPEND names clang++-${version})
  endforeach()
  foreach(name ${names})
    find_program(${name}_path ${name} NO_CACHE)
    if(${name}_path)
      execute_process(
        COMMAND ${${name}_path} -fopenmp=libomp ${probe_dir}/probe.cc -o ${probe_dir}/probe
        RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
      if(NOT failed)
        set(CMAKE_CXX_COMPILER ${${name}_path} CACHE FILEPATH "C++ compiler")
        message(STATUS "C++ compiler: ${${name}_path}")
        break()
      endif()
    endif()
  endforeach()
endif()
