# What `cmake --install` puts where: the program, and the libraries a program that embeds Trit links
# (find_package(Trit), Trit::engine). Training is not among them: it has no public interface.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The public interface: these headers and no others. They may include each other and the C++
# standard library only; tests/package_test.cmake holds them to that.
set(TRIT_PUBLIC_HEADERS
  engine/error.h
  engine/generation_options.h
  engine/language_model.h
)

set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Trit)

foreach(library ternary_kernels engine)
  set_target_properties(${library} PROPERTIES OUTPUT_NAME trit_${library})
  target_compile_features(${library} PUBLIC cxx_std_20)
endforeach()
install(TARGETS ternary_kernels engine EXPORT TritTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET trit)
  install(TARGETS trit RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

foreach(header ${TRIT_PUBLIC_HEADERS})
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES ${PROJECT_SOURCE_DIR}/${header}
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/trit/${folder})
endforeach()
target_include_directories(engine INTERFACE
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/trit>)

install(EXPORT TritTargets NAMESPACE Trit:: DESTINATION ${config_dir})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/TritConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/TritConfig.cmake
                              INSTALL_DESTINATION ${config_dir})
# Before version 1.0 a minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/TritConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/TritConfig.cmake ${PROJECT_BINARY_DIR}/TritConfigVersion.cmake
        DESTINATION ${config_dir})
