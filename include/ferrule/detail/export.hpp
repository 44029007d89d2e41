// Symbol visibility. The build defines FERRULE_STATIC for static libraries and FERRULE_BUILDING /
// FERRULE_FRAMING_BUILDING / FERRULE_JSON_BUILDING / FERRULE_MULTIPROCESSING_BUILDING / FERRULE_TLS_BUILDING while it
// compiles the shared ones.
#pragma once

#if defined(FERRULE_STATIC)
#define FERRULE_EXPORT
#define FERRULE_FRAMING_EXPORT
#define FERRULE_JSON_EXPORT
#define FERRULE_MULTIPROCESSING_EXPORT
#define FERRULE_TLS_EXPORT
#elif defined(_WIN32)
#if defined(FERRULE_BUILDING)
#define FERRULE_EXPORT __declspec(dllexport)
#else
#define FERRULE_EXPORT __declspec(dllimport)
#endif
#if defined(FERRULE_FRAMING_BUILDING)
#define FERRULE_FRAMING_EXPORT __declspec(dllexport)
#else
#define FERRULE_FRAMING_EXPORT __declspec(dllimport)
#endif
#if defined(FERRULE_JSON_BUILDING)
#define FERRULE_JSON_EXPORT __declspec(dllexport)
#else
#define FERRULE_JSON_EXPORT __declspec(dllimport)
#endif
#if defined(FERRULE_MULTIPROCESSING_BUILDING)
#define FERRULE_MULTIPROCESSING_EXPORT __declspec(dllexport)
#else
#define FERRULE_MULTIPROCESSING_EXPORT __declspec(dllimport)
#endif
#if defined(FERRULE_TLS_BUILDING)
#define FERRULE_TLS_EXPORT __declspec(dllexport)
#else
#define FERRULE_TLS_EXPORT __declspec(dllimport)
#endif
#else
#define FERRULE_EXPORT __attribute__((visibility("default")))
#define FERRULE_FRAMING_EXPORT __attribute__((visibility("default")))
#define FERRULE_JSON_EXPORT __attribute__((visibility("default")))
#define FERRULE_MULTIPROCESSING_EXPORT __attribute__((visibility("default")))
#define FERRULE_TLS_EXPORT __attribute__((visibility("default")))
#endif
