/* BLAS on the calling thread alone, for loops that hand out threads themselves and promise fixed
 * bits. It holds in a parallel region and outside, whatever the size of the team. room: array
 * (internal) */
#ifndef DNB_ARRAY_SERIAL_H
#define DNB_ARRAY_SERIAL_H

#include <omp.h>

/* OpenBLAS asks OpenMP how many threads the calling thread may start: none. */
static inline int dnb_serial_begin(void)
{
    int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    return threads;
}

/* Takes back what dnb_serial_begin returned. */
static inline void dnb_serial_end(int threads)
{
    omp_set_num_threads(threads);
}

#endif
