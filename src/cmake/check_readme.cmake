# cmake -D ROOT=<repository> -P check_readme.cmake
# Every C++ block of README.md and examples/README.md is a region of a compiled example, word for word, and the files that they
# link to exist:
#
#     <!-- example: 01_pipe.cpp name -->        examples/01_pipe.cpp:    //[name
#     ```cpp                                                             ...
#     ...                                                                //]
#     ```
#
# A region inside a function may be quoted without the indentation of its first marker.
# Strings are searched, never split into lists: C++ is full of brackets and semicolons.
cmake_minimum_required(VERSION 3.24)

# The region as it stands in `exact` and without its marker's indentation in `shifted`; both empty when missing.
function(read_region file name)
    set(exact "")
    set(shifted "")
    if(EXISTS "${ROOT}/examples/${file}")
        file(READ "${ROOT}/examples/${file}" text)
        string(PREPEND text "\n")
        if(text MATCHES "\n([ \t]*)//\\[${name}\n")
            set(indent "${CMAKE_MATCH_1}")
            string(FIND "${text}" "${CMAKE_MATCH_0}" start)
            string(LENGTH "${CMAKE_MATCH_0}" length)
            math(EXPR start "${start} + ${length} - 1") # keep the newline, so that every line starts with one
            string(SUBSTRING "${text}" ${start} -1 text)
            if(text MATCHES "\n[ \t]*//\\]")
                string(FIND "${text}" "${CMAKE_MATCH_0}" end)
                string(SUBSTRING "${text}" 0 ${end} exact)
                string(REPLACE "\n${indent}" "\n" shifted "${exact}")
            endif()
        endif()
    endif()
    set(exact "${exact}" PARENT_SCOPE)
    set(shifted "${shifted}" PARENT_SCOPE)
endfunction()

set(wrong 0)
set(all 0)
foreach(document IN ITEMS README.md examples/README.md)
    file(READ "${ROOT}/${document}" rest)
    string(PREPEND rest "\n")
    string(REGEX MATCHALL "\n[ \t>]*```+[ \t]*([cC]pp|[cC]\\+\\+|cxx|cc)" openings "${rest}")
    list(LENGTH openings expected)

    set(found 0)
    set(prose "")
    while(TRUE)
        string(FIND "${rest}" "\n```cpp\n" at)
        if(at EQUAL -1)
            break()
        endif()
        math(EXPR found "${found} + 1")
        string(SUBSTRING "${rest}" 0 ${at} before)
        string(APPEND prose "${before}")
        math(EXPR at "${at} + 7") # the newline before the first quoted line
        string(SUBSTRING "${rest}" ${at} -1 rest)
        string(FIND "${rest}" "\n```" end)
        string(SUBSTRING "${rest}" 0 ${end} block)
        string(SUBSTRING "${rest}" ${end} -1 rest)

        if(NOT before MATCHES "\n<!-- example: ([A-Za-z0-9_]+\\.cpp) ([A-Za-z0-9_]+) -->$")
            message(NOTICE "${document}: no <!-- example: FILE REGION --> line directly above this block:${block}\n")
            math(EXPR wrong "${wrong} + 1")
            continue()
        endif()
        set(file "${CMAKE_MATCH_1}")
        set(name "${CMAKE_MATCH_2}")
        read_region("${file}" "${name}")
        if(exact STREQUAL "")
            message(NOTICE "${document}: examples/${file} has no region //[${name} ... //]")
            math(EXPR wrong "${wrong} + 1")
        elseif(NOT "${block}" STREQUAL "${exact}" AND NOT "${block}" STREQUAL "${shifted}")
            message(NOTICE "${document}: the block differs from region ${name} of examples/${file}.\n"
                "--- ${document}${block}\n--- examples/${file}${shifted}\n---")
            math(EXPR wrong "${wrong} + 1")
        endif()
    endwhile()
    if(NOT found EQUAL expected)
        message(NOTICE "${document}: ${expected} C++ blocks, but only ${found} open with an unindented ```cpp line")
        math(EXPR wrong "${wrong} + 1")
    endif()

    get_filename_component(folder "${ROOT}/${document}" DIRECTORY)
    set(links "${prose}${rest}") # without C++, where a lambda looks like a link
    while(links MATCHES "\\]\\(([^)# ]+)")
        set(link "${CMAKE_MATCH_1}")
        string(FIND "${links}" "${CMAKE_MATCH_0}" at)
        math(EXPR at "${at} + 2")
        string(SUBSTRING "${links}" ${at} -1 links)
        if(NOT link MATCHES "^https?:" AND NOT EXISTS "${folder}/${link}")
            message(NOTICE "${document}: there is no ${link}")
            math(EXPR wrong "${wrong} + 1")
        endif()
    endwhile()
    math(EXPR all "${all} + ${found}")
endforeach()
if(wrong)
    message(FATAL_ERROR "The documents and the examples differ")
endif()
message(STATUS "${all} block(s) compared")
