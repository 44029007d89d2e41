# cmake "-DPROGRAM=<executable, with what starts it before it>" -D EXPECTED=<file> -P check_output.cmake
# Runs the program; its standard output must be the file, byte for byte.
cmake_minimum_required(VERSION 3.24)

execute_process(COMMAND ${PROGRAM} RESULT_VARIABLE result OUTPUT_VARIABLE actual)
if(NOT result EQUAL 0)
    message(FATAL_ERROR "${PROGRAM} ended with ${result}. Its output:\n${actual}")
endif()
string(REPLACE "\r\n" "\n" actual "${actual}") # Windows
file(READ "${EXPECTED}" expected)
if(NOT "${actual}" STREQUAL "${expected}")
    message(NOTICE "--- expected\n${expected}--- actual\n${actual}---")
    message(FATAL_ERROR "The output of ${PROGRAM} is not ${EXPECTED}")
endif()
