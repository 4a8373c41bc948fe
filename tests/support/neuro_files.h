/* For the neuro room's unit tests: NIfTI files made byte by byte, so that the reader is not tested
 * against the writer alone. */
#ifndef DNB_TESTS_NEURO_FILES_H
#define DNB_TESTS_NEURO_FILES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"

static inline void save_bytes(const char *path, const void *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0)
        abort();
}

/* Little-endian numbers at a byte offset. */
static inline void set16(unsigned char *p, size_t at, int v)
{
    p[at] = (unsigned char)v;
    p[at + 1] = (unsigned char)(v >> 8);
}

static inline void set32(unsigned char *p, size_t at, int32_t v)
{
    for (int i = 0; i < 4; i++)
        p[at + (size_t)i] = (unsigned char)((uint32_t)v >> 8 * i);
}

static inline void set64(unsigned char *p, size_t at, int64_t v)
{
    for (int i = 0; i < 8; i++)
        p[at + (size_t)i] = (unsigned char)((uint64_t)v >> 8 * i);
}

static inline void setf(unsigned char *p, size_t at, float v)
{
    int32_t bits;
    memcpy(&bits, &v, sizeof bits);
    set32(p, at, bits);
}

/* A NIfTI-1 file of 2 x 3 x 4 INT16 voxels in 5 volumes holding 0, 1, 2, ... in file order: 352 +
 * 240 bytes. */
#define SMALL1_SIZE (352 + 240)
static inline void small1(unsigned char p[SMALL1_SIZE])
{
    memset(p, 0, SMALL1_SIZE);
    set32(p, 0, 348);
    int dim[8] = {4, 2, 3, 4, 5, 1, 1, 1};
    for (size_t i = 0; i < 8; i++) {
        set16(p, 40 + 2 * i, dim[i]);
        setf(p, 76 + 4 * i, 1);
    }
    set16(p, 70, 4);
    set16(p, 72, 16);
    setf(p, 108, 352);
    memcpy(p + 344, "n+1", 4);
    for (size_t i = 0; i < 120; i++)
        set16(p, 352 + 2 * i, (int)i);
}

/* The same as NIfTI-2: 544 + 240 bytes. */
#define SMALL2_SIZE (544 + 240)
static inline void small2(unsigned char p[SMALL2_SIZE])
{
    memset(p, 0, SMALL2_SIZE);
    set32(p, 0, 540);
    memcpy(p + 4, "n+2\0\r\n\032\n", 8);
    set16(p, 12, 4);
    set16(p, 14, 16);
    int64_t dim[8] = {4, 2, 3, 4, 5, 1, 1, 1};
    for (size_t i = 0; i < 8; i++)
        set64(p, 16 + 8 * i, dim[i]);
    set64(p, 168, 544);
    for (size_t i = 0; i < 120; i++)
        set16(p, 544 + 2 * i, (int)i);
}

#endif
