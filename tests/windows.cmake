# What only Windows asks for.

if(CMAKE_CROSSCOMPILING_EMULATOR)
    add_test(NAME "wine: starts" COMMAND ${CMAKE_CROSSCOMPILING_EMULATOR} --start)
    add_test(NAME "wine: stops" COMMAND ${CMAKE_CROSSCOMPILING_EMULATOR} --stop)
    set_tests_properties("wine: starts" PROPERTIES FIXTURES_SETUP wine TIMEOUT 180)
    set_tests_properties("wine: stops" PROPERTIES FIXTURES_CLEANUP wine TIMEOUT 60)
endif()

# What our headers bring with them, and get along with. Only those with `async_` calls reach Windows, by way of Asio: a program
# that only blocks never meets <windows.h>. (And msgpack-cxx brings <winsock2.h>.) Users need not define NOMINMAX or anything else,
# so none of our own definitions hold here. That each header stands alone, other systems see.
file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/include/*.hpp)
set(with_windows "^ferrule/(ferrule|asio|asio_stream|buffered_writer|client/async_client|detail/async_core|framing/msgpack|net/async_server|python/multiprocessing/async_manager)\\.hpp$")
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
target_link_libraries(ferrule_windows_headers PRIVATE ferrule::ferrule ferrule::json ferrule::msgpack)
