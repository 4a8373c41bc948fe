/* Tables: any bytes give a table or a message; what can be written reads back with the same shape
 * and numbers. The first byte picks the format. */
#include "../support/fuzzfile.h"
#include "dnnbrain/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const dnb_table *a, const dnb_table *b)
{
    FUZZ_CHECK(a->n_rows == b->n_rows && a->n_columns == b->n_columns);
    for (size_t k = 0; k < a->n_columns; k++) {
        FUZZ_CHECK(strcmp(a->columns[k].name, b->columns[k].name) == 0);
        if (a->columns[k].kind == DNB_COLUMN_TEXT || a->n_rows == 0)
            continue;
        double *x = malloc(a->n_rows * sizeof *x), *y = malloc(a->n_rows * sizeof *y);
        FUZZ_CHECK(dnb_table_numbers(a, a->columns[k].name, x, NULL, NULL) == DNB_OK);
        FUZZ_CHECK(dnb_table_numbers(b, a->columns[k].name, y, NULL, NULL) == DNB_OK);
        for (size_t i = 0; i < a->n_rows; i++)
            FUZZ_CHECK(x[i] == y[i] || (x[i] != x[i] && y[i] != y[i]));
        free(x);
        free(y);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char separators[] = {0, ',', '\t', ' ', ';'};
    dnb_table t = {0}, back = {0};
    dnb_err err = {0};
    if (size == 0)
        return 0;
    dnb_table_options o = {.separator = separators[data[0] % 5], .no_header = data[0] & 64};
    if (dnb_table_read(&t, fuzz_file(data + 1, size - 1), &o, &err) != DNB_OK) {
        FUZZ_CHECK(err.message[0] && !t.columns);
        return 0;
    }
    /* "\n" in a name cannot occur; a tab or a leading '#' can, and is refused. */
    if (dnb_table_write(&t, fuzz_path(1), NULL, &err) == DNB_OK) {
        dnb_table_options tab = {.separator = '\t'};
        FUZZ_CHECK(dnb_table_read(&back, fuzz_path(1), &tab, &err) == DNB_OK);
        check_same(&t, &back);
        dnb_table_release(&back);
    } else {
        FUZZ_CHECK(err.status == DNB_EARG);
    }
    dnb_table_release(&t);
    return 0;
}
