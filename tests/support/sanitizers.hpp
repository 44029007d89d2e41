// Which sanitizer this is built with: they make system calls, threads and memory of their own.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define FERRULE_ADDRESS_SANITIZER
#elif defined(__SANITIZE_THREAD__)
#define FERRULE_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FERRULE_ADDRESS_SANITIZER
#elif __has_feature(thread_sanitizer)
#define FERRULE_THREAD_SANITIZER
#endif
#endif

namespace ferrule::test {

#if defined(FERRULE_ADDRESS_SANITIZER) || defined(FERRULE_THREAD_SANITIZER)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

} // namespace ferrule::test
