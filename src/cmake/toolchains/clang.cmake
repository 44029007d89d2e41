# clang 19 and lld with the runtime of Debian's g++-mingw-w64-x86-64-posix; programs run under Wine.
include(${CMAKE_CURRENT_LIST_DIR}/mingw_common.cmake)
set(CMAKE_CXX_COMPILER clang++-19)
set(CMAKE_CXX_COMPILER_TARGET ${ferrule_target})
set(gcc_folder /usr/lib/gcc/${ferrule_target}/12-posix)
# The runtime emulates thread-local variables; the shim settles a quarrel between clang's <cpuid.h> and mingw's <intrin.h>.
string(CONCAT CMAKE_CXX_FLAGS_INIT
    "-femulated-tls -nostdinc++ -isystem ${gcc_folder}/include/c++ -isystem ${gcc_folder}/include/c++/${ferrule_target} "
    "-isystem ${gcc_folder}/include/c++/backward -include ${CMAKE_CURRENT_LIST_DIR}/cpuid_shim.h")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-fuse-ld=lld -static -L${gcc_folder}")
set(CMAKE_CXX_STANDARD_LIBRARIES "-lstdc++ -lgcc_eh -lpthread -lkernel32 -luser32 -ladvapi32" CACHE STRING "")
