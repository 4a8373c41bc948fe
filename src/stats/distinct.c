/* Distinct numbers by sorting. */
#include "stats/distinct.h"

#include <stdlib.h>

#include "base/mem.h"

static int compare_ids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

dnb_status dnb_distinct(size_t *index, size_t *n_distinct, const int64_t *ids, size_t n,
                        dnb_err *err)
{
    int64_t *sorted = dnb_alloc(n, sizeof *sorted);
    size_t count = 0;
    if (!sorted)
        return dnb_fail_memory(err, "group names", n * sizeof *sorted);
    for (size_t i = 0; i < n; i++)
        sorted[i] = ids[i];
    qsort(sorted, n, sizeof *sorted, compare_ids);
    for (size_t i = 0; i < n; i++)
        if (count == 0 || sorted[i] != sorted[count - 1])
            sorted[count++] = sorted[i];
    for (size_t i = 0; i < n; i++) {
        const int64_t *at = bsearch(&ids[i], sorted, count, sizeof *sorted, compare_ids);
        index[i] = (size_t)(at - sorted);
    }
    *n_distinct = count;
    dnb_free(sorted);
    return DNB_OK;
}

dnb_status dnb_ids_of_rows(int64_t **out, const int64_t *ids, const size_t *rows, size_t n,
                           dnb_err *err)
{
    dnb_status status = DNB_OK;
    int64_t *picked = NULL;
    if (ids)
        DNB_NEW(picked, n, "labels");
    for (size_t i = 0; ids && i < n; i++)
        picked[i] = ids[rows[i]];
    *out = picked;
done:
    return status;
}
