/* Node attributes: deep copies and typed readers. */
#include "net/attr.h"

#include <string.h>

#include "base/mem.h"

void dnb_attr_release(dnb_attr *a)
{
    dnb_free((void *)a->name);
    dnb_free((void *)a->s);
    dnb_free((void *)a->ints);
    dnb_free((void *)a->floats);
    for (size_t i = 0; a->strings && i < a->n; i++)
        dnb_free((void *)a->strings[i]);
    dnb_free((void *)a->strings);
    if (a->tensor) {
        dnb_array_release((dnb_array *)a->tensor);
        dnb_free((void *)a->tensor);
    }
    *a = (dnb_attr){0};
}

static void *copy_bytes(const void *src, size_t n, size_t size)
{
    void *p = dnb_alloc(n, size);
    if (p && n)
        memcpy(p, src, n * size);
    return p;
}

/* NULL when there is no memory. */
static const char *const *copy_strings(const char *const *src, size_t n)
{
    char **copy = dnb_calloc(n, sizeof *copy);
    bool ok = copy != NULL;
    for (size_t i = 0; ok && i < n; i++)
        ok = (copy[i] = dnb_strdup(src[i])) != NULL;
    for (size_t i = 0; !ok && copy && i < n; i++)
        dnb_free(copy[i]);
    if (!ok) {
        dnb_free(copy);
        copy = NULL;
    }
    return (const char *const *)copy;
}

dnb_status dnb_attr_copy(dnb_attr *out, const dnb_attr *a, dnb_err *err)
{
    dnb_attr c = {.kind = a->kind, .i = a->i, .f = a->f, .n = a->n, .graph = a->graph};
    dnb_status status = DNB_OK;
    bool ok = true;
    if (!a->name || !*a->name || (a->kind == DNB_ATTR_TENSOR && !a->tensor) ||
        (a->kind == DNB_ATTR_STRING && !a->s))
        return dnb_fail(err, DNB_EARG, "malformed attribute '%s'", a->name ? a->name : "");
    c.name = dnb_strdup(a->name);
    if (a->kind == DNB_ATTR_STRING)
        ok = (c.s = dnb_strdup(a->s)) != NULL;
    else if (a->kind == DNB_ATTR_INTS)
        ok = (c.ints = copy_bytes(a->ints, a->n, sizeof *a->ints)) != NULL;
    else if (a->kind == DNB_ATTR_FLOATS)
        ok = (c.floats = copy_bytes(a->floats, a->n, sizeof *a->floats)) != NULL;
    else if (a->kind == DNB_ATTR_STRINGS)
        ok = (c.strings = copy_strings(a->strings, a->n)) != NULL;
    else if (a->kind == DNB_ATTR_TENSOR)
        ok = (c.tensor = dnb_calloc(1, sizeof *c.tensor)) != NULL;
    if (!ok || !c.name) {
        status = dnb_fail_memory(err, "attribute", a->n * sizeof(int64_t));
        goto done;
    }
    if (c.tensor)
        DNB_TRY(dnb_array_convert((dnb_array *)c.tensor, a->tensor, a->tensor->dtype, err));
    *out = c;
    c = (dnb_attr){0};
done:
    dnb_attr_release(&c);
    return status;
}

const dnb_attr *dnb_node_attr(const dnb_node *n, const char *name)
{
    for (size_t i = 0; i < n->n_attrs; i++)
        if (strcmp(n->attrs[i].name, name) == 0)
            return &n->attrs[i];
    return NULL;
}

/* *out = the attribute or NULL; fails when it is there with another type. */
static dnb_status find_kind(const dnb_node *n, const char *name, dnb_attr_kind kind,
                            const dnb_attr **out, dnb_err *err)
{
    const dnb_attr *a = dnb_node_attr(n, name);
    if (a && a->kind != kind)
        return dnb_fail(err, DNB_EARG, "node '%s': attribute '%s' has the wrong type", n->name,
                        name);
    *out = a;
    return DNB_OK;
}

dnb_status dnb_node_int(const dnb_node *n, const char *name, int64_t fallback, int64_t *out,
                        dnb_err *err)
{
    const dnb_attr *a = NULL;
    dnb_status status = find_kind(n, name, DNB_ATTR_INT, &a, err);
    if (status == DNB_OK)
        *out = a ? a->i : fallback;
    return status;
}

dnb_status dnb_node_float(const dnb_node *n, const char *name, double fallback, double *out,
                          dnb_err *err)
{
    const dnb_attr *a = NULL;
    dnb_status status = find_kind(n, name, DNB_ATTR_FLOAT, &a, err);
    if (status == DNB_OK)
        *out = a ? a->f : fallback;
    return status;
}

dnb_status dnb_node_string(const dnb_node *n, const char *name, const char **out, dnb_err *err)
{
    const dnb_attr *a = NULL;
    dnb_status status = find_kind(n, name, DNB_ATTR_STRING, &a, err);
    if (status == DNB_OK)
        *out = a ? a->s : NULL;
    return status;
}

dnb_status dnb_node_ints(const dnb_node *n, const char *name, const int64_t **ints, size_t *count,
                         dnb_err *err)
{
    const dnb_attr *a = NULL;
    dnb_status status = find_kind(n, name, DNB_ATTR_INTS, &a, err);
    if (status == DNB_OK) {
        *ints = a ? a->ints : NULL;
        *count = a ? a->n : 0;
    }
    return status;
}

dnb_status dnb_node_floats(const dnb_node *n, const char *name, const double **floats,
                           size_t *count, dnb_err *err)
{
    const dnb_attr *a = NULL;
    dnb_status status = find_kind(n, name, DNB_ATTR_FLOATS, &a, err);
    if (status == DNB_OK) {
        *floats = a ? a->floats : NULL;
        *count = a ? a->n : 0;
    }
    return status;
}

dnb_status dnb_node_strings(const dnb_node *n, const char *name, const char *const **strings,
                            size_t *count, dnb_err *err)
{
    const dnb_attr *a = NULL;
    dnb_status status = find_kind(n, name, DNB_ATTR_STRINGS, &a, err);
    if (status == DNB_OK) {
        *strings = a ? a->strings : NULL;
        *count = a ? a->n : 0;
    }
    return status;
}
