# Proves that house_test.cmake enforces each of its rules: a small tree that keeps them must pass,
# and must fail once a violation is planted.
#   cmake -DWORK=<folder to use> -P house_violations_test.cmake
cmake_minimum_required(VERSION 3.22)

set(tree ${WORK}/tree)
# In two parts each, or this file would break the rules itself.
string(CONCAT native "-march=nat" "ive")
string(CONCAT todo "TO" "DO")
string(CONCAT fixme "FIX" "ME")

function(run_house_test)
  execute_process(COMMAND ${CMAKE_COMMAND} -DROOT=${tree} -P ${CMAKE_CURRENT_LIST_DIR}/house_test.cmake
                  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  set(result ${result} PARENT_SCOPE)
  set(output "${output}" PARENT_SCOPE)
endfunction()

# Builds the tree that keeps every rule, in ways close to breaking them.
function(make_tree)
  file(REMOVE_RECURSE ${tree})
  file(WRITE ${tree}/CMakeLists.txt "project(Small)\n")
  file(WRITE ${tree}/CMakePresets.json "{}\n")
  file(WRITE ${tree}/README.md "${todo} lists belong here, and ${native} is explained.\n")
  file(WRITE ${tree}/.gitignore "/build/\n")
  file(WRITE ${tree}/build/release/any.h "#include \"tools/any.h\"\n")
  file(WRITE ${tree}/ternary_kernels/CMakeLists.txt "add_library(ternary_kernels add.cc)\n")
  file(WRITE ${tree}/ternary_kernels/add.cc
       "#include \"hwy/highway.h\"\n#include <dnnl.hpp>\n#include \"ternary_kernels/add.h\"\n")
  file(WRITE ${tree}/ternary_kernels/add.h
       "// Adds.\n#ifndef TRIT_TERNARY_KERNELS_ADD_H_\n#define TRIT_TERNARY_KERNELS_ADD_H_\n"
       "#include <vector>\nint Add(int a, int b);\n#endif  // TRIT_TERNARY_KERNELS_ADD_H_\n")
  file(WRITE ${tree}/ternary_kernels/add-inl.h
       "#if defined(TRIT_TERNARY_KERNELS_ADD_INL_H_) == defined(HWY_TARGET_TOGGLE)\n"
       "#ifdef TRIT_TERNARY_KERNELS_ADD_INL_H_\n#undef TRIT_TERNARY_KERNELS_ADD_INL_H_\n#else\n"
       "#define TRIT_TERNARY_KERNELS_ADD_INL_H_\n#endif\n#include \"hwy/highway.h\"\nint Lane();\n#endif\n")
  file(WRITE ${tree}/ternary_kernels/parallel_for.h
       "#ifndef TRIT_TERNARY_KERNELS_PARALLEL_FOR_H_\n#define TRIT_TERNARY_KERNELS_PARALLEL_FOR_H_\n"
       "inline void Loop() {\n#pragma omp parallel\n}\n#endif\n")
  file(WRITE ${tree}/training/CMakeLists.txt "add_library(training step.cc)\n")
  file(WRITE ${tree}/training/step.cc
       "#include \"engine/model.h\"\n#include \"ternary_kernels/add.h\"\nint mastodons_todo;\n")
  file(WRITE ${tree}/tools/CMakeLists.txt "add_executable(trit main.cc)\n")
  file(WRITE ${tree}/tools/main.cc "#include <cxxopts.hpp>\n#include \"training/step.h\"\n")
  file(WRITE ${tree}/tests/CMakeLists.txt "trit_test(step_test)\n")
  file(WRITE ${tree}/tests/step_test.cc "#include \"training/step.h\"\n#include \"tools/main.h\"\n")
  string(REPEAT "line\n" 601 long)
  file(WRITE ${tree}/tests/data/long.txt "${long}")
  string(REPEAT "// line\n" 600 long)
  file(WRITE ${tree}/tools/serve.js "${long}")
endfunction()

# Appends the text to the file and expects the house test to name that file and the rule.
function(expect_violation file rule text)
  make_tree()
  file(APPEND ${tree}/${file} "${text}")
  run_house_test()
  if(result EQUAL 0 OR NOT output MATCHES "${file}: [^\n]*${rule}")
    message(SEND_ERROR "${file} with\n${text}passed the rule \"${rule}\":\n${output}")
  endif()
  # Nothing else of the tree may have been to blame.
  if(NOT output MATCHES "[^0-9]1 violations")
    message(SEND_ERROR "${file} with\n${text}broke more rules than one:\n${output}")
  endif()
endfunction()

function(guarded header text)
  string(TOUPPER "TRIT_${header}_" guard)
  string(REGEX REPLACE "[^A-Z0-9]" "_" guard "${guard}")
  set(guarded_text "#ifndef ${guard}\n#define ${guard}\n${text}#endif  // ${guard}\n" PARENT_SCOPE)
endfunction()

make_tree()
run_house_test()
if(NOT result EQUAL 0)
  message(SEND_ERROR "a tree that keeps the rules failed:\n${output}")
endif()

foreach(include engine/model.h training/step.h tools/main.h tests/support.h bench/sizes.h)
  expect_violation(ternary_kernels/add.cc "folder above" "#include \"${include}\"\n")
endforeach()
guarded(engine/model.h "#include \"training/step.h\"\nint Model();\n")
expect_violation(engine/model.h "folder above" "${guarded_text}")
expect_violation(training/step.cc "folder above" "  #  include <tools/main.h>\n")
expect_violation(tools/main.cc "folder above" "#include \"tests/support.h\"\n")
foreach(room tokenizers tensors formats chat)
  guarded(engine/files/file.h "#include \"engine/${room}/it.h\"\nint File();\n")
  expect_violation(engine/files/file.h "room above" "${guarded_text}")
endforeach()
guarded(engine/formats/gguf.h "#include \"engine/chat/it.h\"\nint Gguf();\n")
expect_violation(engine/formats/gguf.h "room above" "${guarded_text}")

set(libraries "Highway and oneDNN")
expect_violation(training/step.cc "${libraries}" "#include <hwy/base.h>\n")
expect_violation(tests/step_test.cc "${libraries}" "#include \"dnnl.hpp\"\n")
expect_violation(tools/main.cc "${libraries}" "#include \"oneapi/dnnl/dnnl.hpp\"\n")
guarded(ternary_kernels/gemm.h "#include <dnnl.hpp>\nint Gemm();\n")
expect_violation(ternary_kernels/gemm.h "${libraries}" "${guarded_text}")
expect_violation(training/step.cc "cxxopts" "#include <cxxopts.hpp>\n")
expect_violation(ternary_kernels/add.cc "OpenMP" "  # pragma omp simd\n")
expect_violation(tests/step_test.cc "OpenMP" "_Pragma(\"omp parallel\")\n")

string(REPEAT "// line\n" 601 long)
expect_violation(training/step.cc "60[0-9] lines" "${long}")
expect_violation(tools/chat.js "601 lines" "${long}")
expect_violation(notes.txt "top level" "notes\n")

expect_violation(CMakeLists.txt "one machine" "add_compile_options(${native})\n")
expect_violation(CMakePresets.json "one machine" "\"${native}\"\n")
foreach(mark ${todo} ${fixme})
  expect_violation(training/step.cc "unfinished" "// ${mark}: later\n")
  expect_violation(tools/setup "unfinished" "# ${mark}(me)\n")
endforeach()

expect_violation(engine/model.h "TRIT_ENGINE_MODEL_H_" "int Model();\n")
expect_violation(engine/model.h "TRIT_ENGINE_MODEL_H_"
                 "#ifndef MODEL_H\n#define MODEL_H\nint Model();\n#endif\n")
guarded(engine/all.h "// All of it.\n#include <vector>\n#include \"ternary_kernels/add.h\"\n")
expect_violation(engine/all.h "umbrella" "${guarded_text}")
expect_violation(training/orphan.cc "no CMakeLists" "int orphan;\n")
expect_violation(tests/step_test_more.cc "no CMakeLists" "int orphan;\n")
