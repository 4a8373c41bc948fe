/* From the unpickled values of a checkpoint to its storages and named tensors. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "net/pth_parts.h"

/* Dicts nested deeper are no state_dict; a pickle that makes more steps than this refers to itself.
 */
#define MAX_NESTING 16
#define MAX_STEPS 1000000
#define MAX_NAME 1000

/* ---- storages ---- */

static int by_key(const void *a, const void *b)
{
    return strcmp(((const dnb_pth_storage *)a)->key, ((const dnb_pth_storage *)b)->key);
}

dnb_pth_storage *dnb_pth_find_storage(const dnb_pth *p, const char *key)
{
    dnb_pth_storage want = {.key = key};
    return p->n_storages ? bsearch(&want, p->storages, p->n_storages, sizeof want, by_key) : NULL;
}

/* ('storage', type, key, device, elements [, view]) */
static bool parse_storage(const dnb_pk_value *persistent, dnb_pth_storage *s)
{
    const dnb_pk_value *id = persistent->item[0];
    if (id->kind != DNB_PK_TUPLE || id->n < 5 || !dnb_pk_is(id->item[0], "storage"))
        return false;
    const dnb_pk_value *type = id->item[1], *key = id->item[2];
    if (type->kind != DNB_PK_GLOBAL || !(type->global->detail & DNB_PTH_STORAGE))
        return false;
    if (key->kind != DNB_PK_STR || key->size == 0 || strlen(key->text) != key->size)
        return false;
    *s = (dnb_pth_storage){.key = key->text,
                           .dtype = (dnb_dtype)(type->global->detail & DNB_PTH_TYPE_MASK)};
    return dnb_pk_size(id->item[4], &s->count);
}

dnb_status dnb_pth_list_storages(dnb_pth *p, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const dnb_pk_value *ids = dnb_pickle_persistent(p->pickle);
    DNB_NEW(p->storages, ids->n, p->in.name);
    for (size_t i = 0; i < ids->n; i++)
        if (!parse_storage(ids->item[i], &p->storages[p->n_storages++])) {
            status = dnb_fail(err, DNB_EFORMAT, "%s: its pickle describes a storage wrongly",
                              p->in.name);
            goto done;
        }
    qsort(p->storages, p->n_storages, sizeof *p->storages, by_key);
    size_t kept = 0;
    for (size_t i = 0; i < p->n_storages; i++) {
        dnb_pth_storage *s = &p->storages[i], *last = kept ? &p->storages[kept - 1] : NULL;
        if (!last || strcmp(last->key, s->key) != 0) {
            p->storages[kept++] = *s;
        } else if (last->dtype != s->dtype || last->count != s->count) {
            status = dnb_fail(err, DNB_EFORMAT, "%s: storage '%.100s' is described in two ways",
                              p->in.name, s->key);
            goto done;
        }
    }
    p->n_storages = kept;
done:
    return status;
}

/* ---- one tensor ---- */

static dnb_status bad_tensor(const dnb_pth *p, const char *name, const char *what, dnb_err *err)
{
    return dnb_fail(err, DNB_EFORMAT, "%s: tensor '%.200s' %s", p->in.name, name, what);
}

/* Follows _rebuild_parameter and _rebuild_from_type_v2 down to the call that makes the tensor; NULL
 * when v is no tensor. *args = that call's arguments. */
static const dnb_pk_value *tensor_call(const dnb_pk_value *v, const dnb_pk_value **args)
{
    for (int depth = 0; depth < 4 && v && v->kind == DNB_PK_CALLED; depth++) {
        const dnb_pk_value *a = v->item[0];
        *args = a;
        switch (v->global->detail) {
        case DNB_PTH_TENSOR:
        case DNB_PTH_TENSOR_V3:
            return v;
        case DNB_PTH_PARAMETER:
            v = a->n ? a->item[0] : NULL;
            break;
        case DNB_PTH_FROM_TYPE:
            if (a->n < 3 || a->item[0]->kind != DNB_PK_GLOBAL || a->item[2]->kind != DNB_PK_TUPLE)
                return NULL;
            *args = a->item[2];
            return a->item[0]->global->detail == DNB_PTH_TENSOR ||
                           a->item[0]->global->detail == DNB_PTH_TENSOR_V3
                       ? a->item[0]
                       : NULL;
        default:
            return NULL;
        }
    }
    return NULL;
}

/* The view a legacy storage may be of another: (key, offset, elements). */
static bool parse_view(const dnb_pk_value *id, size_t *offset)
{
    *offset = 0;
    if (id->n < 6 || id->item[5]->kind == DNB_PK_NONE)
        return true;
    const dnb_pk_value *view = id->item[5];
    return view->kind == DNB_PK_TUPLE && view->n == 3 && dnb_pk_size(view->item[1], offset);
}

/* size and stride tuples into t. */
static bool parse_shape(const dnb_pk_value *size, const dnb_pk_value *stride, dnb_pth_tensor *t)
{
    if ((size->kind != DNB_PK_TUPLE && size->kind != DNB_PK_LIST) ||
        (stride->kind != DNB_PK_TUPLE && stride->kind != DNB_PK_LIST) || size->n != stride->n ||
        size->n > DNB_MAX_DIMS)
        return false;
    t->ndim = (int)size->n;
    for (size_t i = 0; i < size->n; i++)
        if (!dnb_pk_size(size->item[i], &t->shape[i]) ||
            !dnb_pk_size(stride->item[i], &t->stride[i]))
            return false;
    return true;
}

/* Does every element lie inside `count` elements, and are there no more elements than that? */
static bool inside(const dnb_pth_tensor *t, size_t count)
{
    size_t n = 1, last = t->offset;
    for (int i = 0; i < t->ndim; i++)
        if (t->shape[i] == 0)
            return true;
    for (int i = 0; i < t->ndim; i++) {
        size_t reach;
        if (!dnb_mul_size(&n, n, t->shape[i]) ||
            !dnb_mul_size(&reach, t->shape[i] - 1, t->stride[i]) ||
            !dnb_add_size(&last, last, reach))
            return false;
    }
    return last < count && n <= count;
}

/* The tensor a call makes. */
static dnb_status parse_tensor(const dnb_pth *p, const char *name, const dnb_pk_value *call,
                               const dnb_pk_value *args, dnb_pth_tensor *t, dnb_err *err)
{
    bool v3 = call->global->detail == DNB_PTH_TENSOR_V3;
    dnb_pth_storage want;
    size_t view;
    if (args->n < (v3 ? 7 : 4) || args->item[0]->kind != DNB_PK_PERSISTENT ||
        !parse_storage(args->item[0], &want) || !parse_view(args->item[0]->item[0], &view) ||
        !dnb_pk_size(args->item[1], &t->offset) || !dnb_add_size(&t->offset, t->offset, view) ||
        !parse_shape(args->item[2], args->item[3], t))
        return bad_tensor(p, name, "is described wrongly (or has more than 8 dimensions)", err);
    const dnb_pth_storage *s = dnb_pth_find_storage(p, want.key);
    if (!s)
        return bad_tensor(p, name, "belongs to no storage", err);
    t->storage = (size_t)(s - p->storages);
    t->dtype = s->dtype;
    size_t count = s->count;
    if (v3) {
        const dnb_pk_value *type = args->item[6];
        if (type->kind != DNB_PK_GLOBAL || !(type->global->detail & DNB_PTH_DTYPE))
            return bad_tensor(p, name, "has an unknown element type", err);
        t->dtype = (dnb_dtype)(type->global->detail & DNB_PTH_TYPE_MASK);
        count = count * dnb_dtype_size(s->dtype) / dnb_dtype_size(t->dtype);
    }
    if (!inside(t, count)) {
        dnb_array shape = {.ndim = t->ndim};
        char text[200];
        memcpy(shape.shape, t->shape, sizeof t->shape);
        return dnb_fail(
            err, DNB_EFORMAT,
            "%s: tensor '%.200s' (%s, from element %zu) does not fit its storage of %zu "
            "elements",
            p->in.name, name, dnb_array_shape_text(&shape, text, sizeof text), t->offset, count);
    }
    return DNB_OK;
}

/* ---- the state_dict ---- */

typedef struct walk {
    dnb_pth *p;
    size_t steps;
} walk;

static dnb_status add_tensor(walk *w, const char *name, const dnb_pk_value *call,
                             const dnb_pk_value *args, dnb_err *err)
{
    dnb_pth *p = w->p;
    dnb_pth_tensor t = {0};
    dnb_status status = parse_tensor(p, name, call, args, &t, err);
    if (status != DNB_OK)
        return status;
    if (p->n_tensors == p->cap_tensors) {
        size_t cap = p->cap_tensors ? p->cap_tensors * 2 : 64;
        dnb_pth_tensor *grown = dnb_realloc(p->tensors, cap, sizeof *grown);
        if (!grown)
            return dnb_fail_memory(err, p->in.name, cap * sizeof *grown);
        p->tensors = grown;
        p->cap_tensors = cap;
    }
    t.name = dnb_strdup(name);
    if (!t.name)
        return dnb_fail_memory(err, p->in.name, strlen(name) + 1);
    p->tensors[p->n_tensors++] = t;
    return DNB_OK;
}

/* Adds the tensors of a dict and of the dicts in it, names joined by dots. */
static dnb_status walk_map(walk *w, const dnb_pk_value *map, const char *prefix, int depth,
                           dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_strbuf name = {0};
    for (size_t i = 0; i + 1 < map->n; i += 2) {
        const dnb_pk_value *key = map->item[i], *v = map->item[i + 1], *args = NULL;
        if (++w->steps > MAX_STEPS) {
            status =
                dnb_fail(err, DNB_EFORMAT, "%s: its pickle is too intertwined to be a state_dict",
                         w->p->in.name);
            goto done;
        }
        if (key->kind != DNB_PK_STR || strlen(key->text) != key->size)
            continue;
        const dnb_pk_value *call = tensor_call(v, &args);
        if (!call && (v->kind != DNB_PK_MAP || depth == MAX_NESTING))
            continue;
        dnb_strbuf_release(&name);
        if (*prefix)
            dnb_strbuf_addf(&name, "%s.", prefix);
        dnb_strbuf_addn(&name, key->text, key->size);
        if (name.failed) {
            status = dnb_fail_memory(err, w->p->in.name, key->size);
            goto done;
        }
        if (name.len > MAX_NAME) {
            status = dnb_fail(err, DNB_EFORMAT, "%s: a tensor's name is too long", w->p->in.name);
            goto done;
        }
        DNB_TRY(call ? add_tensor(w, name.text, call, args, err)
                     : walk_map(w, v, name.text, depth + 1, err));
    }
done:
    dnb_strbuf_release(&name);
    return status;
}

/* Does the dict hold a tensor itself? */
static bool holds_tensor(const dnb_pk_value *map)
{
    const dnb_pk_value *args;
    for (size_t i = 0; i + 1 < map->n; i += 2)
        if (tensor_call(map->item[i + 1], &args))
            return true;
    return false;
}

/* The dict of weights in a checkpoint: under one of the usual keys, else the whole. */
static const dnb_pk_value *find_state_dict(const dnb_pk_value *root)
{
    static const char *const keys[] = {"state_dict", "model_state_dict", "model",  "net",
                                       "network",    "model_state",      "params", "weights"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const dnb_pk_value *v = dnb_pk_get(root, keys[i]);
        if (v && v->kind == DNB_PK_MAP) {
            if (holds_tensor(v))
                return v;
            const dnb_pk_value *inner = dnb_pk_get(v, "state_dict");
            if (inner && inner->kind == DNB_PK_MAP && holds_tensor(inner))
                return inner;
        }
    }
    return root;
}

/* Drops `prefix` from every name if every name has it. */
static bool strip(dnb_pth *p, const char *prefix)
{
    size_t n = strlen(prefix);
    for (size_t i = 0; i < p->n_tensors; i++)
        if (strncmp(p->tensors[i].name, prefix, n) != 0 || p->tensors[i].name[n] == '\0')
            return false;
    for (size_t i = 0; i < p->n_tensors; i++)
        memmove(p->tensors[i].name, p->tensors[i].name + n, strlen(p->tensors[i].name + n) + 1);
    return p->n_tensors > 0;
}

dnb_status dnb_pth_list_tensors(dnb_pth *p, dnb_err *err)
{
    const dnb_pk_value *root = dnb_pickle_root(p->pickle);
    walk w = {.p = p};
    if (root->kind != DNB_PK_MAP)
        return dnb_fail(err, DNB_EFORMAT,
                        "%s: holds no dict of tensors; save the network's state_dict()",
                        p->in.name);
    dnb_status status = walk_map(&w, find_state_dict(root), "", 0, err);
    if (status != DNB_OK)
        return status;
    if (p->n_tensors == 0)
        return dnb_fail(err, DNB_EFORMAT, "%s: holds no tensors; save the network's state_dict()",
                        p->in.name);
    while (strip(p, "module.") || strip(p, "_orig_mod."))
        ;
    return DNB_OK;
}
