/* What the process may use, and how long work reports itself: threads, memory budget, progress.
 * room: base */
#ifndef DNNBRAIN_RUNTIME_H
#define DNNBRAIN_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* "X.Y.Z" of the library. */
DNB_API const char *dnb_version(void);

/* Number of threads the calling thread's parallel work uses (OpenMP; BLAS and oneDNN follow it).
 * n == 0 means every processor this process may run on. */
DNB_API void dnb_threads_set(int n);
DNB_API int dnb_threads_get(void);

/* Bytes this process may use in all: the smallest of physical memory, RLIMIT_AS and the cgroup
 * (v1 or v2) limits above it. Cost: reads a few files. */
DNB_API size_t dnb_memory_limit(void);
/* The default budget: half of dnb_memory_limit(). */
DNB_API size_t dnb_memory_budget(void);
/* Peak resident set of this process so far, bytes. */
DNB_API size_t dnb_memory_peak(void);

/* Progress hook. report may be called from the calling thread only; done <= total. cancelled (may
 * be NULL) is polled between pieces of work; when it says true the function returns DNB_ECANCELLED.
 */
typedef struct dnb_progress {
    void (*report)(void *ctx, const char *what, size_t done, size_t total);
    bool (*cancelled)(void *ctx);
    void *ctx;
} dnb_progress;

#ifdef __cplusplus
}
#endif
#endif
