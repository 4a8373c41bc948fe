/* DNB_SIMD before a hot static plain-C function has it compiled for several instruction sets,
 * chosen when the program loads; the binary still runs on any x86-64. Nothing where the compiler or
 * the object format cannot do it, nor under sanitizers, whose run-time is not up yet when the
 * choice is made. room: array (internal) */
#ifndef DNB_ARRAY_SIMD_H
#define DNB_ARRAY_SIMD_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define DNB_CLANG_SANITIZED
#endif
#endif

#define DNB_SIMD
#if defined(__x86_64__) && defined(__ELF__) && defined(__OPTIMIZE__) &&                            \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) &&                             \
    !defined(DNB_CLANG_SANITIZED)
#if (defined(__clang__) && __clang_major__ >= 14) ||                                               \
    (defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 8)
#undef DNB_SIMD
#define DNB_SIMD __attribute__((target_clones("avx512f", "avx2", "default")))
#endif
#endif

/* Asks for a cache line that will be read soon. */
#if defined(__GNUC__)
#define DNB_PREFETCH(p) __builtin_prefetch(p)
#else
#define DNB_PREFETCH(p) ((void)(p))
#endif

#endif
