# What is tried on Windows; with Wine, where there is none.
find_path(FERRULE_CATCH2_INCLUDE_DIR catch2/catch.hpp HINTS ${headers_of_host} NO_CMAKE_FIND_ROOT_PATH REQUIRED)
file(GLOB sources CONFIGURE_DEPENDS *.cpp)
list(REMOVE_ITEM sources ${CMAKE_CURRENT_SOURCE_DIR}/child.cpp)
# What other systems try as well, as far as it does not look at their insides.
foreach(shared IN ITEMS
    contract/async_tokens contract/endless contract/framings contract/p1_no_byte_lost contract/p2_no_frame_torn
    contract/p4_close contract/p5_no_length_trusted contract/p6_one_deadline contract/p8_errors contract/p9_large_messages
    contract/schedules
    stress/cross_lock stress/p3_everybody_at_once
    unit/any_framing unit/bytes unit/deadline unit/error unit/framing_contract unit/framing_encoded unit/framing_generated
    unit/framing_golden unit/framing_hostile unit/framing_json unit/framing_memory unit/framing_msgpack
    unit/framing_multiprocessing_bytes unit/framing_none unit/framing_separators unit/framing_varint
    unit/framing_wrappers unit/lock_queue unit/misuse unit/natural_calls unit/pickle_vectors
    unit/python_authentication unit/python_convert unit/python_types unit/python_value unit/regressions unit/spin
    support/memory_packets support/memory_pair support/read_to_end support/skip support/transports)
    list(APPEND sources ${PROJECT_SOURCE_DIR}/tests/${shared}.cpp)
endforeach()
add_executable(ferrule_windows ${sources})
add_executable(ferrule_windows_child child.cpp)
foreach(program IN ITEMS ferrule_windows ferrule_windows_child)
    ferrule_own_target(${program})
    target_link_libraries(${program} PRIVATE
        ferrule::testing ferrule::multiprocessing ferrule::json ferrule::msgpack)
    target_include_directories(${program} SYSTEM PRIVATE ${FERRULE_CATCH2_INCLUDE_DIR})
    # The first has what differs on Windows.
    target_include_directories(${program} PRIVATE
        ${CMAKE_CURRENT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/tests ${PROJECT_SOURCE_DIR})
    target_compile_definitions(${program} PRIVATE FERRULE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
endforeach()
add_dependencies(ferrule_windows ferrule_windows_child)
set_source_files_properties(main.cpp PROPERTIES SKIP_PRECOMPILE_HEADERS ON) # it makes something else of Catch's
ferrule_precompile(ferrule_windows ${PROJECT_SOURCE_DIR}/tests/support/catch.hpp)

if(CMAKE_CROSSCOMPILING_EMULATOR)
    add_test(NAME "wine: starts" COMMAND ${CMAKE_CROSSCOMPILING_EMULATOR} --start)
    add_test(NAME "wine: stops" COMMAND ${CMAKE_CROSSCOMPILING_EMULATOR} --stop)
    set_tests_properties("wine: starts" PROPERTIES FIXTURES_SETUP wine TIMEOUT 180)
    set_tests_properties("wine: stops" PROPERTIES FIXTURES_CLEANUP wine TIMEOUT 60)
endif()

# Of kinds that Windows has not.
set(not_here "^(framings|schedules): (FIFO|pty|pty master sends|seqpacket|unix datagram)$")
# Not asked of the program, which would take Wine to build.
foreach(source IN LISTS sources)
    file(STRINGS ${source} cases REGEX "^TEST_CASE\\(\"[^\"]*\"\\)$")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
    foreach(case IN LISTS cases)
        string(REGEX REPLACE "^TEST_CASE\\(\"(.*)\"\\)$" "\\1" case "${case}")
        if(case MATCHES "${not_here}")
            continue()
        endif()
        string(REPLACE "," "\\," filter "${case}")
        add_test(NAME "windows: ${case}" COMMAND ferrule_windows ${filter} -w NoTests)
        set_tests_properties("windows: ${case}" PROPERTIES
            LABELS windows TIMEOUT 300 FIXTURES_REQUIRED wine SKIP_RETURN_CODE 77) # it comes from support/skip.hpp
    endforeach()
endforeach()

# What our headers bring with them, and get along with. Only those with `async_` calls reach Windows, by way of Asio: a program
# that only blocks never meets <windows.h>. (And msgpack-cxx brings <winsock2.h>.) The target's own definitions, NOMINMAX among
# them, hold for its users too. That each header stands alone, other systems see.
file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/include/*.hpp)
set(with_windows "^ferrule/(ferrule|asio|detail/async_core|framing/msgpack|python/async_manager)\\.hpp$")
set(every_header)
set(without_windows)
foreach(header IN LISTS headers)
    string(APPEND every_header "#include <${header}>\n")
    if(NOT header MATCHES "${with_windows}")
        string(APPEND without_windows "#include <${header}>
#if defined(_WINDOWS_) || defined(_INC_WINDOWS) || defined(_WINSOCKAPI_) || defined(_WINSOCK2API_)
#error ${header} brings a header of Windows with it
#endif
")
    endif()
endforeach()
set(of_windows "#include <winsock2.h>\n\n#include <windows.h>\n#include <ws2tcpip.h>\n")
set(windows_first "${of_windows}${every_header}")
set(windows_last "${every_header}${of_windows}")
set(header_checks)
foreach(check IN ITEMS without_windows windows_first windows_last)
    list(APPEND header_checks ${CMAKE_CURRENT_BINARY_DIR}/headers/${check}.cpp)
    file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/headers/${check}.cpp CONTENT "${${check}}")
endforeach()
add_library(ferrule_windows_headers OBJECT ${header_checks})
ferrule_own_target(ferrule_windows_headers)
target_link_libraries(ferrule_windows_headers PRIVATE ferrule::ferrule ferrule::json ferrule::msgpack)
