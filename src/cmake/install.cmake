include(CMakePackageConfigHelpers)
set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/ferrule)

get_property(installed GLOBAL PROPERTY ferrule_libraries)
install(TARGETS ${installed} EXPORT ferruleTargets FILE_SET HEADERS)

install(FILES framing/python/ferrule_peer.py DESTINATION ${CMAKE_INSTALL_DATADIR}/ferrule)

install(EXPORT ferruleTargets NAMESPACE ferrule:: DESTINATION ${config_dir})
configure_package_config_file(src/cmake/ferruleConfig.cmake.in ${PROJECT_BINARY_DIR}/ferruleConfig.cmake
    INSTALL_DESTINATION ${config_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/ferruleConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
    ${PROJECT_BINARY_DIR}/ferruleConfig.cmake
    ${PROJECT_BINARY_DIR}/ferruleConfigVersion.cmake
    src/cmake/find_msgpack.cmake
    DESTINATION ${config_dir})

# ferrule_pkg_config(<package> <library> <what it needs> <description> [<compiler flag>...])
function(ferrule_pkg_config PC_NAME PC_LIBRARY PC_REQUIRES PC_DESCRIPTION)
    set(PC_CFLAGS ${ARGN})
    get_target_property(type ferrule TYPE)
    if(type STREQUAL "STATIC_LIBRARY")
        list(APPEND PC_CFLAGS -DFERRULE_STATIC)
    endif()
    list(JOIN PC_CFLAGS " " PC_CFLAGS)
    # Relative, so that the installed tree can be moved; not "../..", because the library folder differs per system.
    file(RELATIVE_PATH PC_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
    configure_file(src/cmake/ferrule.pc.in ${PROJECT_BINARY_DIR}/${PC_NAME}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/${PC_NAME}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()
set(library ferrule)
if(NOT WIN32 AND NOT BUILD_SHARED_LIBS)
    string(APPEND library " -Wl,-z,nodelete") # as the target asks for; programs do not mind
endif()
ferrule_pkg_config(ferrule "${library}" ferrule-framing "${PROJECT_DESCRIPTION}")
ferrule_pkg_config(ferrule-framing ferrule_framing "" "The message formats of ferrule, without I/O")
ferrule_pkg_config(ferrule-testing ferrule_testing ferrule "Tests for types of your own that ferrule is to use")
if(TARGET ferrule_json)
    ferrule_pkg_config(ferrule-json "ferrule_json -lboost_json" ferrule-framing "JSON messages for ferrule")
endif()
if(TARGET ferrule_multiprocessing)
    set(needed ferrule)
    if(NOT WIN32)
        string(APPEND needed " libcrypto")
    endif()
    ferrule_pkg_config(ferrule-multiprocessing "ferrule_multiprocessing" "${needed}"
        "Listeners and clients of Python's multiprocessing for ferrule")
endif()
if(TARGET ferrule_tls)
    ferrule_pkg_config(ferrule-tls "ferrule_tls" "ferrule libssl libcrypto" "TLS for ferrule")
endif()
if(TARGET ferrule_msgpack)
    ferrule_pkg_config(ferrule-msgpack ferrule_framing ferrule-framing "MessagePack messages for ferrule" -DMSGPACK_NO_BOOST)
endif()
