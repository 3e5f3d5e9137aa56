# The standard library's and fmt's headers, parsed once instead of in each of 230 files, and cold files three at a time: a
# full build of the programs takes 423 s of CPU time with it and 793 s without (3:47 and 7:03 on two cores).
# Only a saver of time: every file still includes what it uses, which the sanitizer builds (without this) and
# scripts/headers hold it to. nlohmann/json.hpp, two seconds to parse, is in the COLD set only.
option(FAIRLEAD_PRECOMPILED "Precompile the standard headers, and compile cold files three at a time" ON)

set(standard_headers <algorithm> <array> <charconv> <chrono> <cstdint> <expected> <functional> <map> <memory> <optional> <set>
    <span> <string> <string_view> <unordered_map> <utility> <vector> <fmt/format.h>)

# A precompiled header serves only targets compiled with the same definitions (-pthread makes one: cmake/Compiler.cmake gives
# it to all), so what most of ours link is linked here too.
function(fairlead_precompiled name)
  cmake_parse_arguments(ARG "" "" "LINKS;HEADERS" ${ARGN})
  file(WRITE ${PROJECT_BINARY_DIR}/precompiled/${name}.cpp "")
  add_library(${name} OBJECT ${PROJECT_BINARY_DIR}/precompiled/${name}.cpp)
  target_link_libraries(${name} PRIVATE ${ARG_LINKS})
  target_precompile_headers(${name} PRIVATE ${standard_headers} ${ARG_HEADERS})
  # Without a time in it ccache knows it again.
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>)
endfunction()

# fairlead_use_precompiled(TARGET SET): where precompiling is on, TARGET begins with the headers of SET.
function(fairlead_use_precompiled target set)
  if(FAIRLEAD_PRECOMPILED)
    target_precompile_headers(${target} REUSE_FROM ${set})
  endif()
endfunction()

# fairlead_cold(TARGET): what runs once per command or admin request, and uses CLI11 or nlohmann/json. Three files at a time
# share one parse of these.
function(fairlead_cold target)
  fairlead_use_precompiled(${target} fairlead_cold_precompiled)
  if(FAIRLEAD_PRECOMPILED)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 3)
  endif()
endfunction()

if(FAIRLEAD_PRECOMPILED)
  fairlead_precompiled(fairlead_precompiled)
  fairlead_precompiled(fairlead_cold_precompiled LINKS nlohmann_json::nlohmann_json HEADERS <nlohmann/json.hpp>)
  if(FAIRLEAD_TESTS)
    fairlead_precompiled(fairlead_test_precompiled LINKS GTest::gmock HEADERS <gmock/gmock.h> <gtest/gtest.h>)
  endif()
endif()
