# What `cmake --install` puts where: libraries, headers, the command, and three ways to find them
# (find_package(postrider), pkg-config, the man page).
#
# A room is public when it stands in this list; each becomes a component of the CMake package and a pkg-config file.
# postrider_public(room REQUIRES <other rooms> PKGCONFIG <pkg-config modules> LIBS <flags for Libs>)
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/postrider")
set(POSTRIDER_COMPONENTS "")

function(postrider_public room)
  if(NOT TARGET postrider_${room})
    return()
  endif()
  cmake_parse_arguments(arg "" "" "REQUIRES;PKGCONFIG;LIBS" ${ARGN})
  install(TARGETS postrider_${room} EXPORT postrider-${room} COMPONENT ${room})
  install(EXPORT postrider-${room} NAMESPACE postrider:: DESTINATION "${package_dir}" COMPONENT ${room})

  # Static libraries: what they use themselves their user has to link too.
  list(TRANSFORM arg_REQUIRES PREPEND postrider-)
  list(APPEND arg_REQUIRES ${arg_PKGCONFIG})
  list(JOIN arg_REQUIRES " " PC_REQUIRES)
  list(JOIN arg_LIBS " " PC_LIBS)
  set(PC_ROOM ${room})
  # Relative, so that `cmake --install --prefix` and a moved tree keep working.
  file(RELATIVE_PATH PC_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
  string(REGEX REPLACE "/$" "" PC_PREFIX "${PC_PREFIX}")
  configure_file("${PROJECT_SOURCE_DIR}/cmake/postrider.pc.in" "${PROJECT_BINARY_DIR}/pc/postrider-${room}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/pc/postrider-${room}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig"
          COMPONENT ${room})
  set(POSTRIDER_COMPONENTS ${POSTRIDER_COMPONENTS} ${room} PARENT_SCOPE)
endfunction()

postrider_public(core)
postrider_public(message REQUIRES core PKGCONFIG gmime-3.0 libidn2)
postrider_public(client REQUIRES message core PKGCONFIG openssl libidn2 LIBS -pthread)

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/postriderConfig.cmake.in"
                              "${PROJECT_BINARY_DIR}/postriderConfig.cmake" INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/postriderConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/postriderConfig.cmake" "${PROJECT_BINARY_DIR}/postriderConfigVersion.cmake"
        DESTINATION "${package_dir}" COMPONENT core)

# A header for a room that is not built is not installed: it would promise functions no library holds.
file(STRINGS "${PROJECT_SOURCE_DIR}/cmake/hosted_headers.txt" hosted_headers REGEX "^[a-z]")
file(GLOB public_headers CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}/include/postrider"
     "${PROJECT_SOURCE_DIR}/include/postrider/*.hpp")
foreach(header ${public_headers})
  set(room core)
  foreach(line ${hosted_headers})
    if(line MATCHES "^${header} +([a-z_]+)$")
      set(room ${CMAKE_MATCH_1})
    endif()
  endforeach()
  if(room IN_LIST POSTRIDER_COMPONENTS)
    install(FILES "${PROJECT_SOURCE_DIR}/include/postrider/${header}"
            DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/postrider" COMPONENT ${room})
  endif()
endforeach()

if(NOT TARGET postrider_command)
  return()
endif()
install(TARGETS postrider_command COMPONENT command)
install(FILES "${PROJECT_SOURCE_DIR}/docs/man/postrider.1" DESTINATION "${CMAKE_INSTALL_MANDIR}/man1" COMPONENT command)
# Each shell looks under the data folder for a file with its own name rule.
function(postrider_completion file folder name)
  install(FILES "${PROJECT_SOURCE_DIR}/completions/${file}" DESTINATION "${CMAKE_INSTALL_DATADIR}/${folder}"
          RENAME ${name} COMPONENT command)
endfunction()
postrider_completion(postrider.bash bash-completion/completions postrider)
postrider_completion(_postrider zsh/site-functions _postrider)
postrider_completion(postrider.fish fish/vendor_completions.d postrider.fish)
