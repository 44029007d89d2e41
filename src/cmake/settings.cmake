# What holds for every target of the tree: compiler cache and sanitizers.

if(PROJECT_IS_TOP_LEVEL AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
    find_program(FERRULE_CCACHE ccache)
    mark_as_advanced(FERRULE_CCACHE)
    if(FERRULE_CCACHE)
        # Without this sloppiness ccache does not cache compilations that use a precompiled header. NOHASHDIR: the same file gives
        # the same object in another build folder, such as those of the package tests.
        set(CMAKE_CXX_COMPILER_LAUNCHER
            ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_NOHASHDIR=1 ${FERRULE_CCACHE})
    endif()
endif()

if(FERRULE_SANITIZE STREQUAL "address")
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
    add_link_options(-fsanitize=address,undefined)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        add_compile_options(-Wno-maybe-uninitialized) # g++ loses track when it instruments; the run finds the real ones
    endif()
elseif(FERRULE_SANITIZE STREQUAL "thread")
    add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
    add_link_options(-fsanitize=thread)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        add_compile_options(-Wno-tsan) # g++ warns about the atomic_thread_fence in Asio
    endif()
elseif(FERRULE_SANITIZE)
    message(FATAL_ERROR "FERRULE_SANITIZE must be empty, address or thread, not '${FERRULE_SANITIZE}'")
endif()
