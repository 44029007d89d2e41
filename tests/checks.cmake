# What looks at the sources, the headers and the package, and needs no test executable.

# Every public header stands alone: it is compiled in a file of its own. All of them twice in one more: they have guards. Sanitizers
# change nothing about that.
if(NOT FERRULE_SANITIZE)
    get_property(libraries GLOBAL PROPERTY ferrule_libraries)
    set(every_header "")
    foreach(library IN LISTS libraries)
        set_property(TARGET ${library} PROPERTY VERIFY_INTERFACE_HEADER_SETS ON)
        get_target_property(headers ${library} HEADER_SET)
        foreach(header IN LISTS headers)
            string(APPEND every_header "#include <${header}>\n")
        endforeach()
    endforeach()
    file(CONFIGURE OUTPUT twice.cpp CONTENT "${every_header}${every_header}")
    add_library(ferrule_headers_twice OBJECT ${CMAKE_CURRENT_BINARY_DIR}/twice.cpp)
    target_link_libraries(ferrule_headers_twice PRIVATE ${libraries})
    add_test(NAME "headers: every public header stands alone"
        COMMAND ${CMAKE_COMMAND} --build ${PROJECT_BINARY_DIR} -j 2
            --target all_verify_interface_header_sets ferrule_headers_twice)
    set_tests_properties("headers: every public header stands alone" PROPERTIES LABELS unit TIMEOUT 600 PROCESSORS 2 COST 100)
endif()

# ferrule_check(<name of the test> <label> <command>...)
function(ferrule_check name label)
    add_test(NAME "${name}" COMMAND ${ARGN})
    set_tests_properties("${name}" PROPERTIES LABELS ${label} TIMEOUT 120)
endfunction()

find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(support ${CMAKE_CURRENT_SOURCE_DIR}/support)
ferrule_check("layering: each source reaches only the layers below its own" unit
    Python3::Interpreter ${support}/check_layers.py ${PROJECT_SOURCE_DIR})
ferrule_check("layering: the check catches a violation" unit
    Python3::Interpreter ${support}/check_layers.py --selftest)
ferrule_check("paths: each public header has its source and its unit test" unit
    Python3::Interpreter ${support}/check_paths.py ${PROJECT_SOURCE_DIR})
ferrule_check("asyncio rows: the check catches what is wrong" docs
    Python3::Interpreter ${support}/check_rows.py --selftest)
ferrule_check("docs: README quotes the examples word for word" docs
    ${CMAKE_COMMAND} -D ROOT=${PROJECT_SOURCE_DIR} -P ${PROJECT_SOURCE_DIR}/src/cmake/check_readme.cmake)

foreach(way IN ITEMS static shared add_subdirectory)
    add_test(NAME "package: ${way}"
        COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/package/run.sh ${way} ${CMAKE_CURRENT_BINARY_DIR}/package)
    set_tests_properties("package: ${way}" PROPERTIES
        LABELS package
        TIMEOUT 900
        PROCESSORS 2 # it compiles with two jobs
        ENVIRONMENT "CXX=${CMAKE_CXX_COMPILER};CMAKE=${CMAKE_COMMAND}")
endforeach()
