# Debian has Catch2 for itself only: its header and its scripts will do, and the main function is compiled here. The header comes
# from the folder that the stand-in for Boost has made.
add_library(ferrule_catch2_main STATIC ${CMAKE_CURRENT_LIST_DIR}/main.cpp)
target_include_directories(ferrule_catch2_main SYSTEM PUBLIC ${headers_of_host})
target_compile_features(ferrule_catch2_main PUBLIC cxx_std_20)
add_library(Catch2::Catch2WithMain ALIAS ferrule_catch2_main)
list(APPEND CMAKE_MODULE_PATH /usr/lib/cmake/Catch2)
