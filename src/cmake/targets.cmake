# Language level and warnings, for every target of ours and for nobody who links to it.
function(ferrule_own_target name)
    set_target_properties(${name} PROPERTIES CXX_EXTENSIONS OFF)
    target_compile_features(${name} PRIVATE cxx_std_20)
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

# ferrule_library(<target> <name after ferrule::> <macro defined while building it> <sources>...)
function(ferrule_library name export_name building_macro)
    add_library(${name} ${ARGN})
    add_library(ferrule::${export_name} ALIAS ${name})
    ferrule_own_target(${name})
    target_compile_features(${name} PUBLIC cxx_std_20)
    target_include_directories(${name}
        PUBLIC
            $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
            $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
        PRIVATE ${PROJECT_SOURCE_DIR}) # sources spell private headers from the root: "src/x.hpp"

    if(FERRULE_PRECOMPILE)
        ferrule_precompile(${name})
    endif()

    # Read by <ferrule/detail/export.hpp>.
    target_compile_definitions(${name} PRIVATE ${building_macro})
    get_target_property(type ${name} TYPE)
    if(type STREQUAL "STATIC_LIBRARY")
        target_compile_definitions(${name} PUBLIC FERRULE_STATIC)
    endif()

    # The two shared libraries must find each other wherever they are installed: a consumer's RUNPATH does not
    # reach the libraries of its libraries.
    set_target_properties(${name} PROPERTIES
        EXPORT_NAME ${export_name}
        VERSION ${PROJECT_VERSION}
        SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
        CXX_VISIBILITY_PRESET hidden
        VISIBILITY_INLINES_HIDDEN ON
        INSTALL_RPATH "$<IF:$<PLATFORM_ID:Darwin>,@loader_path,$ORIGIN>")
endfunction()
