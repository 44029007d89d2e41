# Debian's g++-mingw-w64-x86-64-posix; programs run under Wine.
include(${CMAKE_CURRENT_LIST_DIR}/mingw_common.cmake)
set(CMAKE_CXX_COMPILER ${ferrule_target}-g++-posix)
set(CMAKE_CXX_FLAGS_INIT "-Wa,-mbig-obj")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static")
