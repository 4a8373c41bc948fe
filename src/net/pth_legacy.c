/* The legacy format of torch.save (before 1.6, or _use_new_zipfile_serialization=False): five
 * pickles (magic number, protocol version, system facts, the object, the storages' keys), then per
 * storage its number of elements (8 bytes) and its numbers. */
#include <string.h>

#include "base/mem.h"
#include "net/pth_parts.h"

/* 0x1950a86a20f9469cfc6c, little-endian. */
static const unsigned char magic[10] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};

static dnb_status no_pytorch(const dnb_pth *p, dnb_err *err)
{
    return dnb_fail(err, DNB_EFORMAT,
                    "%s: is no file of torch.save (neither a zip archive nor the legacy format)",
                    p->in.name);
}

/* A pickle of its own that is looked at and dropped. */
static dnb_status read_small(const dnb_pth *p, dnb_pickle **out, size_t *at, dnb_err *err)
{
    return dnb_pickle_read(out, &p->in, *at, dnb_pth_globals, at, err);
}

/* The first three pickles. */
static dnb_status read_preamble(dnb_pth *p, size_t *at, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_pickle *k = NULL;
    DNB_TRY(read_small(p, &k, at, err));
    const dnb_pk_value *v = dnb_pickle_root(k);
    if (v->kind != DNB_PK_LONG || v->size != sizeof magic ||
        memcmp(v->text, magic, sizeof magic) != 0) {
        status = no_pytorch(p, err);
        goto done;
    }
    dnb_pickle_free(k);
    k = NULL;
    DNB_TRY(read_small(p, &k, at, err));
    v = dnb_pickle_root(k);
    if (v->kind != DNB_PK_INT || v->integer != 1001) {
        status =
            dnb_fail(err, DNB_EUNSUPPORTED, "%s: legacy format of an unknown version", p->in.name);
        goto done;
    }
    dnb_pickle_free(k);
    k = NULL;
    DNB_TRY(read_small(p, &k, at, err));
    const dnb_pk_value *little = dnb_pk_get(dnb_pickle_root(k), "little_endian");
    p->big = little && little->kind == DNB_PK_BOOL && !little->integer;
done:
    dnb_pickle_free(k);
    return status;
}

/* The storages, in the order of `keys`, from byte `at` on. */
static dnb_status place_storages(dnb_pth *p, const dnb_pk_value *keys, size_t at, dnb_err *err)
{
    if (keys->kind != DNB_PK_LIST && keys->kind != DNB_PK_TUPLE)
        return dnb_fail(err, DNB_EFORMAT, "%s: its list of storages is no list", p->in.name);
    for (size_t i = 0; i < keys->n; i++) {
        unsigned char head[8];
        uint64_t count = 0;
        const dnb_pk_value *key = keys->item[i];
        dnb_pth_storage *s = key->kind == DNB_PK_STR ? dnb_pth_find_storage(p, key->text) : NULL;
        if (!s || s->found)
            return dnb_fail(err, DNB_EFORMAT,
                            "%s: storage %zu is in the file but belongs to no tensor", p->in.name,
                            i);
        dnb_status status = dnb_bytes_read(&p->in, at, head, sizeof head, err);
        if (status != DNB_OK)
            return dnb_fail_prefix(err, status, "storage '%.100s'", s->key);
        for (int b = 0; b < 8; b++)
            count |= (uint64_t)head[b] << (p->big ? 56 - 8 * b : 8 * b);
        if (count != s->count)
            return dnb_fail(err, DNB_EFORMAT,
                            "%s: storage '%.100s' has %llu elements, its tensors expect %zu",
                            p->in.name, s->key, (unsigned long long)count, s->count);
        size_t bytes;
        at += sizeof head;
        if (!dnb_mul_size(&bytes, s->count, dnb_dtype_size(s->dtype)) || bytes > p->in.size - at)
            return dnb_fail(
                err, DNB_EFORMAT,
                "%s: truncated: storage '%.100s' needs %zu elements, the file ends before",
                p->in.name, s->key, s->count);
        s->at = at;
        s->found = true;
        at += bytes;
    }
    return DNB_OK;
}

dnb_status dnb_pth_read_legacy(dnb_pth *p, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_pickle *keys = NULL;
    size_t at = 0;
    unsigned char head[512] = {0};
    DNB_TRY(
        dnb_bytes_read(&p->in, 0, head, p->in.size < sizeof head ? p->in.size : sizeof head, err));
    if (memcmp(head + 257, "ustar", 5) == 0) {
        status = dnb_fail(
            err, DNB_EUNSUPPORTED,
            "%s: uses the tar format of PyTorch before 0.1.10; load and save it again with "
            "a newer PyTorch",
            p->in.name);
        goto done;
    }
    /* A pickle of protocol 2 or later starts with its version; anything else is another kind of
     * file. */
    if (head[0] != 0x80) {
        status = no_pytorch(p, err);
        goto done;
    }
    DNB_TRY(read_preamble(p, &at, err));
    DNB_TRY(dnb_pickle_read(&p->pickle, &p->in, at, dnb_pth_globals, &at, err));
    DNB_TRY(read_small(p, &keys, &at, err));
    DNB_TRY(dnb_pth_list_storages(p, err));
    DNB_TRY(place_storages(p, dnb_pickle_root(keys), at, err));
done:
    dnb_pickle_free(keys);
    return status;
}
