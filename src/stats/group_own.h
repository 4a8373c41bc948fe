/* Sign patterns and bootstrap draws of subjects, for a tile of targets at a time. room: stats
 * (internal)
 *
 * A tile is n x DNB_GROUP_LANES numbers: subjects by targets. */
#ifndef DNB_STATS_GROUP_OWN_H
#define DNB_STATS_GROUP_OWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/status.h"

enum { DNB_GROUP_LANES = 16 };

/* Sums of numbers of length 1 that are closer than this are equal. */
#define DNB_GROUP_TIE 1e-12

/* Pattern 0 is the data as they are. */
typedef struct dnb_flips {
    size_t n, count;
    size_t chunks; /* of eight subjects */
    bool exact;    /* all patterns there are */
    uint8_t *bits; /* count x chunks: 1 = this subject's sign is turned */
} dnb_flips;

/* Bytes of the patterns; false when that is more than size_t holds. */
bool dnb_flips_bytes(size_t *bytes, size_t n, size_t n_perm);
dnb_status dnb_flips_init(dnb_flips *f, size_t n, size_t n_perm, uint64_t seed,
                          dnb_err *err) DNB_MUST_CHECK;
void dnb_flips_release(dnb_flips *f);
/* Numbers of scratch dnb_flips_tile needs. */
size_t dnb_flips_scratch(const dnb_flips *f);
/* seen[lane]: the sum over subjects (two_sided: its magnitude). reach[lane]: how many patterns have
 * a sum as large, rounding apart. largest (count): raised to each pattern's largest sum. */
void dnb_flips_tile(double *seen, double *reach, double *largest, const dnb_flips *f,
                    const double *tile, bool two_sided, double *scratch);

typedef struct dnb_redraws {
    size_t n, n_boot;
    uint32_t *row; /* n_boot x n: the subjects of each draw */
} dnb_redraws;

dnb_status dnb_redraws_init(dnb_redraws *d, size_t n, size_t n_boot, uint64_t seed,
                            dnb_err *err) DNB_MUST_CHECK;
void dnb_redraws_release(dnb_redraws *d);
/* Of each lane of a tile whose lanes have mean 0: the quantiles (1 - level) / 2 and (1 + level) / 2
 * of mean / standard error over the draws; NaN where there are none. scratch: n_boot x lanes. */
void dnb_redraws_tile(double *low, double *high, const dnb_redraws *d, const double *tile,
                      double level, double *scratch);

#endif
