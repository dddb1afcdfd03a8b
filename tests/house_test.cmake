# The rules of the house that a program can check, on the tree at ROOT:
#   cmake -DROOT=<source folder> -P house_test.cmake
# Prints every violation as "file: rule" and fails if there is one. tests/house_violations_test.cmake
# proves that each rule is enforced. Patterns below bracket a letter where they would match themselves.
cmake_minimum_required(VERSION 3.22)

set(max_lines 600)
set(top_level CMakeLists.txt CMakePresets.json README.md LICENSE
    engine ternary_kernels training tools tests bench)
set(layers ternary_kernels engine training tools)  # each may include itself and those before it
set(engine_rooms files tokenizers tensors formats chat)  # in engine/, likewise
set(folders ${layers} tests bench)

set_property(GLOBAL PROPERTY violations 0)
function(violation file rule)
  message(STATUS "${file}: ${rule}")
  get_property(count GLOBAL PROPERTY violations)
  math(EXPR count "${count} + 1")
  set_property(GLOBAL PROPERTY violations ${count})
endfunction()

# Reports `rule` if a line of the file matches the pattern.
function(forbid file pattern rule)
  file(STRINGS ${ROOT}/${file} lines REGEX "${pattern}")
  if(NOT lines STREQUAL "")
    violation(${file} "${rule}")
  endif()
endfunction()

# Reports an include of a folder of `parent` that comes after the file's own in the list.
function(check_order file folder parent order rule)
  list(FIND order "${folder}" place)
  math(EXPR next "${place} + 1")
  list(LENGTH order length)
  if(place GREATER_EQUAL 0 AND next LESS length)
    list(SUBLIST order ${next} -1 above)
    string(REPLACE ";" "|" above "${above}")
    forbid(${file} "^[ \t]*#[ \t]*include[ \t]*[<\"]${parent}(${above})/" "${rule}")
  endif()
endfunction()

# Includes between folders, and of libraries that one folder keeps to itself.
function(check_includes file folder)
  if(folder IN_LIST layers)
    check_order(${file} ${folder} "" "${folders}" "includes a folder above its own")
  endif()
  if(file MATCHES "^engine/([^/]*)/")
    check_order(${file} ${CMAKE_MATCH_1} engine/ "${engine_rooms}" "includes a room above its own")
  endif()
  if(NOT folder STREQUAL "ternary_kernels" OR NOT file MATCHES "(\\.cc|-inl\\.h)$")
    forbid(${file} "^[ \t]*#[ \t]*include[ \t]*[<\"](hwy/|dnnl|oneapi/dnnl)"
           "Highway and oneDNN belong into the .cc and -inl.h files of ternary_kernels/")
  endif()
  if(NOT folder STREQUAL "tools")
    forbid(${file} "^[ \t]*#[ \t]*include[ \t]*[<\"]cxxopts" "cxxopts belongs into tools/")
  endif()
  if(NOT file STREQUAL "ternary_kernels/parallel_for.h")
    forbid(${file} "#[ \t]*pragma[ \t]+omp|_Pragma *\\(\"omp"
           "OpenMP pragmas belong into ternary_kernels/parallel_for.h")
  endif()
endfunction()

# A guard named after the path, and something of the header's own between its includes.
function(check_header file)
  string(TOUPPER "TRIT_${file}_" guard)
  string(REGEX REPLACE "[^A-Z0-9]" "_" guard "${guard}")
  # A per-target header of Highway's is read once a target; its guard toggles.
  file(STRINGS ${ROOT}/${file} guard_lines REGEX
       "^#(ifndef ${guard}$|define ${guard}$|if defined\\(${guard}\\) == defined\\(HWY_TARGET_TOGGLE\\)$)")
  list(LENGTH guard_lines num_guard_lines)
  if(num_guard_lines LESS 2)
    violation(${file} "lacks the include guard ${guard}")
  endif()
  file(READ ${ROOT}/${file} text)
  string(REGEX REPLACE "//[^\n]*" "" text "${text}")
  string(REGEX REPLACE "#[ \t]*(include|ifndef|if|else|endif|undef|pragma)[^\n]*" "" text "${text}")
  string(REGEX REPLACE "#[ \t]*define ${guard}" "" text "${text}")
  if(text MATCHES "^[ \t\r\n]*$")
    violation(${file} "is an umbrella header: it has nothing but includes")
  endif()
endfunction()

file(GLOB entries RELATIVE ${ROOT} ${ROOT}/*)
foreach(entry ${entries})
  if(NOT entry IN_LIST top_level AND NOT entry MATCHES "^\\." AND NOT entry STREQUAL "build")
    violation(${entry} "does not belong to the top level")
  endif()
endforeach()

set(files CMakeLists.txt CMakePresets.json)
foreach(folder ${folders})
  file(GLOB_RECURSE folder_files RELATIVE ${ROOT} ${ROOT}/${folder}/*)
  list(APPEND files ${folder_files})
endforeach()
list(FILTER files EXCLUDE REGEX "^tests/data/|\\.md$")

foreach(file ${files})
  string(REGEX MATCH "^[^/]*" folder ${file})
  if(file MATCHES "\\.(cc|h)$")
    check_includes(${file} ${folder})
  endif()
  if(file MATCHES "\\.h$")
    check_header(${file})
  endif()

  file(READ ${ROOT}/${file} text)
  string(REGEX MATCHALL "\n" newlines "${text}")
  list(LENGTH newlines num_lines)
  if(num_lines GREATER max_lines)
    violation(${file} "has ${num_lines} lines, more than ${max_lines}")
  endif()
  forbid(${file} "-march=nativ[e]" "is built for one machine, which drops the SIMD targets of others")
  forbid(${file} "(^|[^A-Za-z0-9_])(TOD[O]|FIXM[E])([^A-Za-z0-9_]|$)" "has an unfinished mark")

  # A source that no CMakeLists.txt names is neither compiled nor, if a test, run.
  if(file MATCHES "\\.cc$")
    get_filename_component(directory ${file} DIRECTORY)
    get_filename_component(name ${file} NAME_WE)
    set(listed "")
    while(NOT listed AND NOT directory STREQUAL "")
      if(EXISTS ${ROOT}/${directory}/CMakeLists.txt)
        file(STRINGS ${ROOT}/${directory}/CMakeLists.txt listed
             REGEX "(^|[^A-Za-z0-9_])${name}([^A-Za-z0-9_]|$)")
      endif()
      get_filename_component(directory "${directory}" DIRECTORY)
    endwhile()
    if(NOT listed)
      violation(${file} "is in no CMakeLists.txt")
    endif()
  endif()
endforeach()

get_property(count GLOBAL PROPERTY violations)
if(count GREATER 0)
  message(FATAL_ERROR "${count} violations of the rules of the house")
endif()
list(LENGTH files count)
message(STATUS "${count} files keep the rules of the house")
