# Compiles the matmul kernels for arm64 and runs their exactness test under qemu:
#   cmake -DROOT=<source folder> -DFOLDER=<scratch folder> "-DSOURCES=<of the kernels>" -P neon_test.cmake
# Says "Skipped:" where a tool is missing; tools/setup --for-neon installs them.
cmake_minimum_required(VERSION 3.22)

set(arm_libraries /usr/lib/aarch64-linux-gnu)
find_program(compiler aarch64-linux-gnu-g++)
find_program(qemu qemu-aarch64-static)
find_library(hwy hwy PATHS ${arm_libraries} NO_DEFAULT_PATH)
foreach(needed compiler qemu hwy)
  if(NOT ${needed})
    message(STATUS "Skipped: needs ${needed} for arm64; see tools/setup --for-neon")
    return()
  endif()
endforeach()

# The cross compiler does not see /usr/include; headers of these two are the same for every CPU.
file(MAKE_DIRECTORY ${FOLDER}/include)
foreach(library hwy boost)
  file(CREATE_LINK /usr/include/${library} ${FOLDER}/include/${library} SYMBOLIC)
endforeach()
# NEON alone: SVE's vectors have no size that kernels could know.
set(flags -std=c++20 -O2 -fopenmp -ffp-contract=off -fno-tree-vectorize -Wno-psabi
    -DHWY_SHARED_DEFINE "-DHWY_DISABLED_TARGETS=(HWY_SVE|HWY_SVE2|HWY_SVE_256|HWY_SVE2_128)"
    -I${ROOT} -I${FOLDER}/include)

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "failed: ${ARGN}")
  endif()
endfunction()

set(objects "")
foreach(source ${SOURCES})
  run(${compiler} ${flags} -Wall -Wextra -Wno-missing-field-initializers -Werror
      -c ${ROOT}/ternary_kernels/${source} -o ${FOLDER}/${source}.o)
  list(APPEND objects ${FOLDER}/${source}.o)
endforeach()
run(${compiler} ${flags} -DBOOST_TEST_MODULE=neon -include boost/test/included/unit_test.hpp
    ${ROOT}/tests/integer_matmul_test.cc ${objects} ${hwy} -o ${FOLDER}/integer_matmul_test)
# A CPU without dot products of bytes.
run(${qemu} -cpu cortex-a57 -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH=${arm_libraries}
    ${FOLDER}/integer_matmul_test)
