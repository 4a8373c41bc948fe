/* The checksum at the end of HDF5's later structures: Bob Jenkins's lookup3 (hashlittle, 2006), as
 * the file format specification prescribes it. */
#include "data/h5_guard.h"

static uint32_t rotate(uint32_t x, int k)
{
    return x << k | x >> (32 - k);
}

static void mix(uint32_t v[3])
{
    static const int turn[6] = {4, 6, 8, 16, 19, 4};
    for (int i = 0; i < 6; i++) {
        uint32_t *a = &v[i % 3], *b = &v[(i + 1) % 3], *c = &v[(i + 2) % 3];
        *a -= *c;
        *a ^= rotate(*c, turn[i]);
        *c += *b;
    }
}

static void finish(uint32_t v[3])
{
    static const int turn[7] = {14, 11, 25, 16, 4, 14, 24};
    for (int i = 0; i < 7; i++) {
        uint32_t *x = &v[(i + 2) % 3], *y = &v[(i + 1) % 3];
        *x ^= *y;
        *x -= rotate(*y, turn[i]);
    }
}

uint32_t dnb_h5_seal(const unsigned char *p, size_t n)
{
    uint32_t v[3];
    for (int i = 0; i < 3; i++)
        v[i] = 0xdeadbeefu + (uint32_t)n;
    for (;;) {
        size_t take = n < 12 ? n : 12;
        if (take == 0)
            break;
        for (size_t i = 0; i < take; i++)
            v[i / 4] += (uint32_t)p[i] << i % 4 * 8;
        if (n <= 12) {
            finish(v);
            break;
        }
        mix(v);
        p += 12;
        n -= 12;
    }
    return v[2];
}

bool dnb_h5_sealed(const unsigned char *p, size_t n)
{
    dnb_bytes b = {.at = p, .left = n};
    if (n < 4 || !dnb_bytes_take(&b, n - 4))
        return false;
    return dnb_bytes_number(&b, 4) == dnb_h5_seal(p, n - 4);
}
