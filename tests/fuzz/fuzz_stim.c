/* .stim.csv: any bytes give a list or a message; a list that was read and can be written reads back
 * the same. */
#include "../support/fuzzfile.h"
#include "dnnbrain/stim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dnb_stim s = {0}, back = {0};
    dnb_err err = {0};
    if (dnb_stim_read(&s, fuzz_file(data, size), &err) != DNB_OK) {
        FUZZ_CHECK(err.message[0] && !s.path);
        return 0;
    }
    FUZZ_CHECK(dnb_stim_count(&s) > 0);
    for (size_t i = 0; i < dnb_stim_count(&s); i++) {
        char *file = NULL;
        FUZZ_CHECK(dnb_stim_file(&s, i, &file, &err) == DNB_OK);
        dnb_stim_free_file(file);
    }
    FUZZ_CHECK(dnb_stim_write(&s, fuzz_path(1), NULL, &err) == DNB_OK);
    FUZZ_CHECK(dnb_stim_read(&back, fuzz_path(1), &err) == DNB_OK);
    FUZZ_CHECK(back.data.n_columns == s.data.n_columns && back.data.n_rows == s.data.n_rows);
    FUZZ_CHECK(strcmp(s.path, back.path) == 0 && s.n_meta == back.n_meta);
    for (size_t k = 0; k < s.data.n_columns; k++) {
        const dnb_column *a = &s.data.columns[k], *b = &back.data.columns[k];
        FUZZ_CHECK(a->kind == b->kind && strcmp(a->name, b->name) == 0);
        for (size_t i = 0; i < s.data.n_rows; i++)
            FUZZ_CHECK(a->texts  ? strcmp(a->texts[i], b->texts[i]) == 0
                       : a->ints ? a->ints[i] == b->ints[i]
                                 : a->reals[i] == b->reals[i] ||
                                       (a->reals[i] != a->reals[i] && b->reals[i] != b->reals[i]));
    }
    dnb_stim_release(&back);
    dnb_stim_release(&s);
    return 0;
}
