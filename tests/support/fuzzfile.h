/* The fuzzer's bytes as a file, for readers that take a path. */
#ifndef DNB_TESTS_FUZZFILE_H
#define DNB_TESTS_FUZZFILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Two names, for input and for what is written back; one file each for the life of the process. */
static inline const char *fuzz_path(int which)
{
    static char path[2][64];
    const char *dir = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    if (!path[which][0])
        snprintf(path[which], sizeof path[which], "%s/dnb_fuzz_%ld_%d", dir, (long)getpid(), which);
    return path[which];
}

static void fuzz_remove(void)
{
    unlink(fuzz_path(0));
    unlink(fuzz_path(1));
}

static inline const char *fuzz_file(const uint8_t *data, size_t size)
{
    static int known;
    if (!known)
        known = atexit(fuzz_remove) == 0;
    FILE *f = fopen(fuzz_path(0), "wb");
    if (!f || (size && fwrite(data, 1, size, f) != size) || fclose(f) != 0)
        abort();
    return fuzz_path(0);
}

/* A property that must hold. */
#define FUZZ_CHECK(what)                                                                           \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what);                             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
