/* Reading .act.h5. */
#include "dnnbrain/actfile.h"

#include "base/mem.h"
#include "data/h5.h"

struct dnb_actfile {
    dnb_h5_file *h5;
    char *provenance;
};

dnb_status dnb_actfile_open(dnb_actfile **out, const char *path, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_actfile *f = NULL;
    DNB_NEW(f, 1, "activation file");
    DNB_TRY(dnb_h5_open(&f->h5, path, ".act.h5", NULL, err));
    if (f->h5->n == 0) {
        status = dnb_fail(err, DNB_EFORMAT, "%s: holds no layer (no dataset)", path);
        goto done;
    }
    DNB_TRY(dnb_h5_get_text(f->h5, "provenance", &f->provenance, err));
    *out = f;
    f = NULL;
done:
    dnb_actfile_close(f);
    return status;
}

void dnb_actfile_close(dnb_actfile *f)
{
    if (!f)
        return;
    dnb_h5_file_close(f->h5);
    dnb_free(f->provenance);
    dnb_free(f);
}

size_t dnb_actfile_count(const dnb_actfile *f)
{
    return f->h5->n;
}

const char *dnb_actfile_name(const dnb_actfile *f, size_t i)
{
    return f->h5->sets[i].name;
}

const size_t *dnb_actfile_shape(const dnb_actfile *f, size_t i)
{
    return f->h5->sets[i].shape;
}

const char *dnb_actfile_provenance(const dnb_actfile *f)
{
    return f->provenance;
}

dnb_status dnb_actfile_find(const dnb_actfile *f, const char *layer, size_t *index, dnb_err *err)
{
    return dnb_h5_find(f->h5, "layer", layer, index, err);
}

dnb_status dnb_actfile_read(dnb_actfile *f, size_t layer, size_t first, size_t n, float *out,
                            dnb_err *err)
{
    size_t units = layer < f->h5->n ? dnb_h5_row_items(&f->h5->sets[layer]) : 0;
    return dnb_actfile_read_units(f, layer, first, n, 0, units, out, err);
}

dnb_status dnb_actfile_read_units(dnb_actfile *f, size_t layer, size_t first, size_t n, size_t u,
                                  size_t n_unit, float *out, dnb_err *err)
{
    dnb_h5_range r = {.first = first, .n = n, .u = u, .n_unit = n_unit};
    return dnb_h5_read(f->h5, layer, r, DNB_F32, out, err);
}
