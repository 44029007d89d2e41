# Finds msgpack-cxx, which is headers only: FERRULE_MSGPACK_INCLUDE_DIR, FERRULE_MSGPACK_FOUND. Also used by installed
# packages. The folder .deps is where ./run puts it on systems whose package goes with another Boost.
find_path(FERRULE_MSGPACK_INCLUDE_DIR msgpack/version_master.hpp HINTS ${CMAKE_CURRENT_LIST_DIR}/../../.deps/usr/include)
mark_as_advanced(FERRULE_MSGPACK_INCLUDE_DIR)
set(FERRULE_MSGPACK_FOUND FALSE)
if(FERRULE_MSGPACK_INCLUDE_DIR)
    file(STRINGS ${FERRULE_MSGPACK_INCLUDE_DIR}/msgpack/version_master.hpp ferrule_msgpack_version
        REGEX "define MSGPACK_VERSION_MAJOR +[0-9]+")
    if(ferrule_msgpack_version MATCHES "([0-9]+)$" AND CMAKE_MATCH_1 GREATER_EQUAL 4)
        set(FERRULE_MSGPACK_FOUND TRUE)
    endif()
endif()
