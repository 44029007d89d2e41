# Language level and warnings, for every target of ours and for nobody who links to it.
function(ferrule_own_target name)
    set_target_properties(${name} PROPERTIES CXX_EXTENSIONS OFF)
    target_compile_features(${name} PRIVATE cxx_std_20)
    if(WIN32) # Windows 10; what we include of <windows.h> is as little as can be
        target_compile_definitions(${name} PRIVATE _WIN32_WINNT=0x0A00 WIN32_LEAN_AND_MEAN NOMINMAX)
    endif()
    if(MSVC)
        target_compile_options(${name} PRIVATE /W4 $<$<BOOL:${FERRULE_WERROR}>:/WX>)
    else()
        target_compile_options(${name} PRIVATE
            -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
            # g++ 12 takes the frame of an Asio coroutine for memory from operator new.
            $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>
            # With -O3 it sees overlong copies in std::string and Boost where there are none.
            $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>,$<CONFIG:Release>>:-Wno-array-bounds>
            $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>,$<CONFIG:Release>>:-Wno-restrict>
            $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>,$<CONFIG:Release>>:-Wno-stringop-overread>
            $<$<BOOL:${FERRULE_WERROR}>:-Werror>)
    endif()
endfunction()

# ferrule_precompile(<target> [header]...): those, Asio, and with FERRULE_PRECOMPILE what nearly every file of ours includes.
# ferrule_precompile(<target> REUSE_FROM <target>): what that one has precompiled.
function(ferrule_precompile name)
    set(headers ${ARGN})
    if(NOT "REUSE_FROM" IN_LIST headers)
        list(PREPEND headers PRIVATE <boost/asio.hpp>)
        if(FERRULE_PRECOMPILE)
            list(APPEND headers <ferrule/ferrule.hpp>)
        endif()
    endif()
    target_precompile_headers(${name} ${headers})
    # What ccache wants, to cache files that use a precompiled header.
    target_compile_options(${name} PRIVATE
        $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>
        $<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>)
endfunction()

# ferrule_part(<NAME> <what it needs> <whether that is there>): a part that the option FERRULE_<NAME> switches: AUTO (where what it
# needs is there), ON or OFF. Sets FERRULE_HAS_<NAME>.
function(ferrule_part name needs found)
    set(FERRULE_${name} AUTO CACHE STRING "AUTO (if ${needs} is found), ON or OFF")
    set_property(CACHE FERRULE_${name} PROPERTY STRINGS AUTO ON OFF)
    string(TOLOWER ferrule::${name} part)
    set(has FALSE)
    if(NOT FERRULE_${name})
        message(STATUS "${part}: off")
    elseif(found)
        set(has TRUE)
        message(STATUS "${part}: on, ${needs} was found")
    elseif(FERRULE_${name} STREQUAL "AUTO")
        message(STATUS "${part}: off, ${needs} was not found")
    else()
        message(FATAL_ERROR "FERRULE_${name} is ${FERRULE_${name}}, but ${needs} was not found.")
    endif()
    set(FERRULE_HAS_${name} ${has} PARENT_SCOPE)
endfunction()

# ferrule_library(<name> [SOURCES <pattern>...] HEADERS <pattern below include/ferrule>... [EXCEPT <file name>...]): the target
# ferrule_<name> (ferrule itself has no prefix), and ferrule::<name>. Without sources it is an interface.
function(ferrule_library export_name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;HEADERS;EXCEPT")
    set(name ferrule_${export_name})
    if(export_name STREQUAL "ferrule")
        set(name ferrule)
    endif()
    list(TRANSFORM arg_HEADERS PREPEND include/ferrule/)
    foreach(kind IN ITEMS SOURCES HEADERS)
        set(found)
        if(arg_${kind})
            file(GLOB found CONFIGURE_DEPENDS ${arg_${kind}})
        endif()
        foreach(except IN LISTS arg_EXCEPT)
            list(FILTER found EXCLUDE REGEX "/${except}$")
        endforeach()
        set(${kind} ${found})
    endforeach()
    set(scope PUBLIC)
    if(NOT SOURCES)
        set(scope INTERFACE)
        add_library(${name} INTERFACE)
    else()
        add_library(${name} ${SOURCES})
        ferrule_own_target(${name})
    endif()
    add_library(ferrule::${export_name} ALIAS ${name})
    target_compile_features(${name} ${scope} cxx_std_20)
    target_sources(${name} ${scope} FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${HEADERS})
    set_target_properties(${name} PROPERTIES EXPORT_NAME ${export_name})
    set_property(GLOBAL APPEND PROPERTY ferrule_libraries ${name})
    if(NOT SOURCES)
        return()
    endif()

    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}) # sources spell private headers from the root: "src/x.hpp"
    if(FERRULE_PRECOMPILE)
        ferrule_precompile(${name})
    endif()

    # Read by <ferrule/detail/export.hpp>.
    string(TOUPPER ${name}_BUILDING building)
    target_compile_definitions(${name} PRIVATE ${building})
    get_target_property(type ${name} TYPE)
    if(type STREQUAL "STATIC_LIBRARY")
        target_compile_definitions(${name} PUBLIC FERRULE_STATIC)
    endif()

    # The shared libraries must find each other wherever they are installed: a consumer's RUNPATH does not reach the libraries of
    # its libraries.
    set_target_properties(${name} PROPERTIES
        VERSION ${PROJECT_VERSION}
        SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
        CXX_VISIBILITY_PRESET hidden
        VISIBILITY_INLINES_HIDDEN ON
        INSTALL_RPATH "$ORIGIN")
endfunction()
