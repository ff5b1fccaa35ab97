# postrider_library(core SOURCES ...): one target per room, alias postrider::core, the house's warnings.
function(postrider_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
                                           $<$<BOOL:${POSTRIDER_WERROR}>:-Werror>)
endfunction()

function(postrider_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(postrider_${name} ${arg_SOURCES})
  add_library(postrider::${name} ALIAS postrider_${name})
  set_target_properties(postrider_${name} PROPERTIES EXPORT_NAME ${name})
  # On bare metal position-independent code would cost a GOT and move every constant table into RAM.
  if(NOT CMAKE_SYSTEM_NAME STREQUAL "Generic")
    set_target_properties(postrider_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    # Nobody puts another function in the place of one of ours, so that they may be inlined.
    target_compile_options(postrider_${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-semantic-interposition>)
  endif()
  target_include_directories(postrider_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                                      $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(postrider_${name} PUBLIC ${arg_DEPENDS})
  postrider_warnings(postrider_${name})
endfunction()
