#pragma once

#define CATCH_CONFIG_ENABLE_PAIR_STRINGMAKER // for what a map holds

// Catch2 version 2 (Debian 12) or version 3.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
