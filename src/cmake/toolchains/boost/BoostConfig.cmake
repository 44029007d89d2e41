# Debian has Boost and Catch2 for itself only; of both, headers will do on Windows.
set(headers_of_host ${CMAKE_BINARY_DIR}/headers_of_host)
file(MAKE_DIRECTORY ${headers_of_host})
foreach(library IN ITEMS boost catch2)
    file(CREATE_LINK /usr/include/${library} ${headers_of_host}/${library} SYMBOLIC)
endforeach()
add_library(Boost::headers INTERFACE IMPORTED)
set_target_properties(Boost::headers PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${headers_of_host})

add_library(ferrule_boost_json STATIC ${CMAKE_CURRENT_LIST_DIR}/json.cpp)
target_link_libraries(ferrule_boost_json PUBLIC Boost::headers)
target_compile_features(ferrule_boost_json PUBLIC cxx_std_20)
add_library(Boost::json ALIAS ferrule_boost_json)
set(Boost_JSON_FOUND TRUE)
