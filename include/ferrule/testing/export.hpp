// Symbol visibility of the test kit; see <ferrule/detail/export.hpp>.
#pragma once

#if defined(FERRULE_STATIC)
#define FERRULE_TESTING_EXPORT
#elif defined(_WIN32)
#if defined(FERRULE_TESTING_BUILDING)
#define FERRULE_TESTING_EXPORT __declspec(dllexport)
#else
#define FERRULE_TESTING_EXPORT __declspec(dllimport)
#endif
#else
#define FERRULE_TESTING_EXPORT __attribute__((visibility("default")))
#endif
