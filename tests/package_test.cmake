# Installs the build into a folder of its own, then configures, builds and runs package_example/ as
# a stranger would: with the system's default compiler, whatever compiled Trit.
#   cmake -DBUILD=<build folder> -DWORK=<folder to use> -P package_test.cmake
cmake_minimum_required(VERSION 3.22)

set(prefix ${WORK}/prefix)

function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    string(REPLACE ";" " " command "${ARGV}")
    message(FATAL_ERROR "failed: ${command}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})

# An installed header may include installed headers and the standard library, nothing else.
file(GLOB_RECURSE headers RELATIVE ${prefix}/include/trit ${prefix}/include/trit/*)
if(headers STREQUAL "")
  message(FATAL_ERROR "no header was installed")
endif()
foreach(header ${headers})
  file(STRINGS ${prefix}/include/trit/${header} includes REGEX "^[ \t]*#[ \t]*include")
  foreach(include ${includes})
    if(include MATCHES "\"(.*)\"")
      if(NOT EXISTS ${prefix}/include/trit/${CMAKE_MATCH_1})
        message(SEND_ERROR "${header} includes ${CMAKE_MATCH_1}, which is not installed")
      endif()
    elseif(NOT include MATCHES "<[a-z_]+>")
      message(SEND_ERROR "${header} is not self-contained: ${include}")
    endif()
  endforeach()
endforeach()

# The package must not lean on the source or the build folder.
run(${CMAKE_COMMAND} -E env --unset=CXX --unset=CXXFLAGS
    ${CMAKE_COMMAND} -G Ninja -S ${CMAKE_CURRENT_LIST_DIR}/package_example -B ${WORK}/build
    -DCMAKE_PREFIX_PATH=${prefix})
run(${CMAKE_COMMAND} --build ${WORK}/build)
set(model ${CMAKE_CURRENT_LIST_DIR}/data/bitnet-b1.58_i2_s.gguf)
run(${WORK}/build/example ${model} hello)
set(example_output "${output}")
run(${prefix}/bin/trit generate -m ${model} -p hello -n 8 --temp 0)
if(NOT example_output STREQUAL output)
  message(SEND_ERROR "the example printed: ${example_output}\ntrit generate: ${output}")
endif()
execute_process(COMMAND ${WORK}/build/example missing.gguf hello
                RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE error)
if(NOT result EQUAL 1 OR NOT error MATCHES "^missing.gguf: [^\n]*\n$")
  message(SEND_ERROR "without a model the example returned ${result} and said: ${error}")
endif()

file(GLOB_RECURSE package_files ${prefix}/*.cmake)
get_filename_component(source ${CMAKE_CURRENT_LIST_DIR} DIRECTORY)
foreach(file ${package_files})
  file(STRINGS ${file} lines)
  string(REPLACE "${prefix}" "" lines "${lines}")
  foreach(folder ${source} ${BUILD})
    string(FIND "${lines}" "${folder}/" found)
    if(NOT found EQUAL -1)
      message(SEND_ERROR "${file} names ${folder}")
    endif()
  endforeach()
endforeach()
