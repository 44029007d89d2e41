// clang 19's <cpuid.h> and mingw-w64's <intrin.h> both define these.
#pragma once
#define __cpuidex clang_cpuidex_unused
#include <cpuid.h>
#undef __cpuidex
#undef __cpuid
#undef __cpuid_count
