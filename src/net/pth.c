/* Opening a checkpoint and reading its tensors. */
#include "net/pth.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "net/pth_parts.h"

#define MAX_PICKLE ((size_t)256 << 20)

/* ---- zip ---- */

/* Finds data/<key> of every storage and checks its length. */
static dnb_status place_zip_storages(dnb_pth *p, const char *folder, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_strbuf name = {0};
    for (size_t i = 0; i < p->n_storages; i++) {
        dnb_pth_storage *s = &p->storages[i];
        size_t bytes;
        dnb_strbuf_release(&name);
        dnb_strbuf_addf(&name, "%sdata/%s", folder, s->key);
        if (name.failed) {
            status = dnb_fail_memory(err, p->in.name, strlen(s->key));
            goto done;
        }
        const dnb_zip_entry *e = dnb_zip_find(p->zip, name.text);
        if (!e) /* reported with the tensor that needs it */
            continue;
        if (!dnb_mul_size(&bytes, s->count, dnb_dtype_size(s->dtype)) || bytes != e->size) {
            status = dnb_fail(
                err, DNB_EFORMAT,
                "%s: storage '%.200s' has %zu bytes, its tensors expect %zu elements of %s",
                p->in.name, name.text, e->size, s->count, dnb_dtype_name(s->dtype));
            goto done;
        }
        DNB_TRY(dnb_zip_place(p->zip, e, &s->at, err));
        if (e->method != 0) {
            s->packed = e;
        } else if (e->packed != e->size) {
            status = dnb_fail(err, DNB_EFORMAT, "%s: storage '%.200s' states two lengths",
                              p->in.name, name.text);
            goto done;
        }
        s->found = true;
    }
done:
    dnb_strbuf_release(&name);
    return status;
}

static dnb_status read_byteorder(dnb_pth *p, const char *folder, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_strbuf name = {0};
    unsigned char *text = NULL;
    dnb_strbuf_addf(&name, "%sbyteorder", folder);
    if (name.failed) {
        status = dnb_fail_memory(err, p->in.name, 64);
        goto done;
    }
    const dnb_zip_entry *e = dnb_zip_find(p->zip, name.text);
    if (e && e->size == 3) {
        DNB_TRY(dnb_zip_read(p->zip, e, 16, &text, err));
        p->big = memcmp(text, "big", 3) == 0;
    }
done:
    dnb_strbuf_release(&name);
    dnb_free(text);
    return status;
}

static dnb_status read_zip(dnb_pth *p, dnb_err *err)
{
    static const char leaf[] = "data.pkl";
    dnb_status status = DNB_OK;
    unsigned char *text = NULL;
    char *folder = NULL;
    dnb_bytes pickle = {0};
    DNB_TRY(dnb_zip_open(&p->zip, &p->in, err));
    const dnb_zip_entry *e = dnb_zip_find_suffix(p->zip, "/data.pkl");
    if (!e)
        e = dnb_zip_find(p->zip, leaf);
    if (!e || dnb_zip_find_suffix(p->zip, "/constants.pkl")) {
        status =
            dnb_fail(err, DNB_EFORMAT,
                     e ? "%s: is a TorchScript archive; save the network's state_dict() instead"
                       : "%s: a zip archive without data.pkl is no file of torch.save",
                     p->in.name);
        goto done;
    }
    folder = dnb_strndup(e->name, strlen(e->name) - strlen(leaf));
    if (!folder) {
        status = dnb_fail_memory(err, p->in.name, strlen(e->name));
        goto done;
    }
    DNB_TRY(read_byteorder(p, folder, err));
    DNB_TRY(dnb_zip_read(p->zip, e, MAX_PICKLE, &text, err));
    DNB_TRY(dnb_bytes_borrow(&pickle, p->in.name, text, e->size, err));
    DNB_TRY(dnb_pickle_read(&p->pickle, &pickle, 0, dnb_pth_globals, NULL, err));
    DNB_TRY(dnb_pth_list_storages(p, err));
    DNB_TRY(place_zip_storages(p, folder, err));
done:
    dnb_bytes_release(&pickle);
    dnb_free(text);
    dnb_free(folder);
    return status;
}

/* ---- opening ---- */

static int by_name(const void *a, const void *b)
{
    const dnb_pth_tensor *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* Every tensor has a storage in the file and a name of its own. */
static dnb_status check_tensors(dnb_pth *p, dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_NEW(p->by_name, p->n_tensors, p->in.name);
    for (size_t i = 0; i < p->n_tensors; i++) {
        const dnb_pth_tensor *t = &p->tensors[i];
        p->by_name[i] = t;
        if (!p->storages[t->storage].found) {
            status = dnb_fail(err, DNB_EFORMAT,
                              "%s: tensor '%.200s': its storage '%.100s' is missing from the file",
                              p->in.name, t->name, p->storages[t->storage].key);
            goto done;
        }
    }
    qsort(p->by_name, p->n_tensors, sizeof *p->by_name, by_name);
    for (size_t i = 1; i < p->n_tensors; i++)
        if (strcmp(p->by_name[i - 1]->name, p->by_name[i]->name) == 0) {
            status = dnb_fail(err, DNB_EFORMAT, "%s: tensor '%.200s' occurs twice", p->in.name,
                              p->by_name[i]->name);
            goto done;
        }
done:
    return status;
}

/* Takes over p->in, which is open. */
static dnb_status open_any(dnb_pth **out, dnb_bytes *in, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_pth *p = NULL;
    DNB_NEW(p, 1, in->name);
    p->in = *in;
    *in = (dnb_bytes){0};
    if (dnb_zip_looks_like(&p->in))
        DNB_TRY(read_zip(p, err));
    else
        DNB_TRY(dnb_pth_read_legacy(p, err));
    DNB_TRY(dnb_pth_list_tensors(p, err));
    DNB_TRY(check_tensors(p, err));
    *out = p;
    p = NULL;
done:
    dnb_pth_close(p);
    return status;
}

dnb_status dnb_pth_open(dnb_pth **out, const char *path, dnb_err *err)
{
    dnb_bytes in = {0};
    dnb_status status = dnb_bytes_open(&in, path, err);
    if (status == DNB_OK)
        status = open_any(out, &in, err);
    dnb_bytes_release(&in);
    return status;
}

dnb_status dnb_pth_open_memory(dnb_pth **out, const char *name, const void *data, size_t size,
                               dnb_err *err)
{
    dnb_bytes in = {0};
    dnb_status status = dnb_bytes_borrow(&in, name, data, size, err);
    if (status == DNB_OK)
        status = open_any(out, &in, err);
    dnb_bytes_release(&in);
    return status;
}

void dnb_pth_close(dnb_pth *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n_tensors; i++)
        dnb_free(p->tensors[i].name);
    dnb_free(p->tensors);
    dnb_free(p->by_name);
    dnb_free(p->storages);
    dnb_pickle_free(p->pickle);
    dnb_zip_close(p->zip);
    dnb_bytes_release(&p->in);
    dnb_free(p);
}

size_t dnb_pth_count(const dnb_pth *p)
{
    return p->n_tensors;
}

const dnb_pth_tensor *dnb_pth_at(const dnb_pth *p, size_t i)
{
    return i < p->n_tensors ? &p->tensors[i] : NULL;
}

const dnb_pth_tensor *dnb_pth_find(const dnb_pth *p, const char *name)
{
    dnb_pth_tensor want = {.name = (char *)(uintptr_t)name};
    const dnb_pth_tensor *key = &want;
    const dnb_pth_tensor **hit =
        p->n_tensors ? bsearch(&key, p->by_name, p->n_tensors, sizeof key, by_name) : NULL;
    return hit ? *hit : NULL;
}

/* ---- reading ---- */

/* Elements from the tensor's first to its last in the storage; 0 when it has none. */
static size_t span(const dnb_pth_tensor *t)
{
    size_t last = 0;
    for (int i = 0; i < t->ndim; i++) {
        if (t->shape[i] == 0)
            return 0;
        last += (t->shape[i] - 1) * t->stride[i];
    }
    return last + 1;
}

static bool contiguous(const dnb_pth_tensor *t)
{
    size_t step = 1;
    for (int i = t->ndim; i-- > 0;) {
        if (t->shape[i] != 1 && t->stride[i] != step)
            return false;
        step *= t->shape[i];
    }
    return true;
}

/* src holds the span; dst receives the elements in row-major order. */
static void gather(unsigned char *dst, const unsigned char *src, const dnb_pth_tensor *t,
                   size_t count, size_t width)
{
    size_t at[DNB_MAX_DIMS] = {0}, from = 0;
    for (size_t i = 0; i < count; i++) {
        memcpy(dst + i * width, src + from * width, width);
        for (int d = t->ndim; d-- > 0;) {
            from += t->stride[d];
            if (++at[d] < t->shape[d])
                break;
            from -= t->shape[d] * t->stride[d];
            at[d] = 0;
        }
    }
}

/* The tensor's span, as n bytes at dst. */
static dnb_status read_span(const dnb_pth *p, const dnb_pth_storage *s, size_t skip,
                            unsigned char *dst, size_t n, dnb_err *err)
{
    if (!s->packed)
        return dnb_bytes_read(&p->in, s->at + skip, dst, n, err);
    unsigned char *all = NULL;
    dnb_status status = dnb_zip_read(p->zip, s->packed, s->packed->size, &all, err);
    if (status == DNB_OK)
        memcpy(dst, all + skip, n);
    dnb_free(all);
    return status;
}

dnb_status dnb_pth_make(const dnb_pth_tensor *t, dnb_array *out, dnb_err *err)
{
    dnb_array a = {.dtype = t->dtype, .ndim = t->ndim, .owned = true};
    memcpy(a.shape, t->shape, sizeof a.shape);
    size_t count = dnb_array_count(&a), width = dnb_dtype_size(t->dtype);
    a.data = dnb_alloc_aligned(count, width);
    if (!a.data)
        return dnb_fail_memory(err, t->name, count * width);
    *out = a;
    return DNB_OK;
}

dnb_status dnb_pth_fill(const dnb_pth *p, const dnb_pth_tensor *t, const dnb_array *a, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const dnb_pth_storage *s = &p->storages[t->storage];
    size_t width = dnb_dtype_size(t->dtype), n = span(t), count = dnb_array_count(a);
    unsigned char *raw = NULL;
    if (count == 0) {
        /* nothing to read; its offset need not lie in the storage */
    } else if (contiguous(t)) {
        DNB_TRY(read_span(p, s, t->offset * width, a->data, count * width, err));
    } else {
        raw = dnb_alloc(n, width);
        if (!raw) {
            status = dnb_fail_memory(err, t->name, n * width);
            goto done;
        }
        DNB_TRY(read_span(p, s, t->offset * width, raw, n * width, err));
        gather(a->data, raw, t, count, width);
    }
    if (p->big == dnb_host_is_little())
        dnb_swap_bytes(a->data, count, width);
done:
    dnb_free(raw);
    return status;
}

dnb_status dnb_pth_read(const dnb_pth *p, const dnb_pth_tensor *t, dnb_array *out, dnb_err *err)
{
    dnb_array a = {0};
    dnb_status status = dnb_pth_make(t, &a, err);
    if (status == DNB_OK)
        status = dnb_pth_fill(p, t, &a, err);
    if (status == DNB_OK)
        *out = a;
    else
        dnb_array_release(&a);
    return status;
}
