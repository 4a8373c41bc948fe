/* Cross-validation folds. Each scheme fills fold[i] for every row; sizes follow. */
#include "dnnbrain/folds.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/enum_name.h"
#include "base/mem.h"
#include "dnnbrain/random.h"
#include "stats/distinct.h"

static const char *const names[DNB_FOLDS_KIND_COUNT] = {
    [DNB_FOLDS_CONTIGUOUS] = "contiguous",
    [DNB_FOLDS_STRATIFIED] = "stratified",
    [DNB_FOLDS_SHUFFLED] = "shuffled",
    [DNB_FOLDS_LEAVE_ONE_OUT] = "leave-one-out",
    [DNB_FOLDS_LEAVE_GROUP_OUT] = "leave-group-out",
    [DNB_FOLDS_GROUPS] = "groups",
};

const char *dnb_folds_kind_name(dnb_folds_kind kind)
{
    return (size_t)kind < DNB_FOLDS_KIND_COUNT ? names[kind] : NULL;
}

dnb_status dnb_folds_kind_parse(dnb_folds_kind *out, const char *name, dnb_err *err)
{
    static const dnb_enum_alias others[] = {{"kfold", DNB_FOLDS_CONTIGUOUS},
                                            {"loo", DNB_FOLDS_LEAVE_ONE_OUT},
                                            {"logo", DNB_FOLDS_LEAVE_GROUP_OUT},
                                            {"groupkfold", DNB_FOLDS_GROUPS}};
    int found =
        dnb_enum_find(name, names, DNB_FOLDS_KIND_COUNT, others, sizeof others / sizeof *others);
    if (found < 0)
        return dnb_fail(err, DNB_ENOTFOUND,
                        "no fold scheme '%s'; known: contiguous stratified shuffled leave-one-out "
                        "leave-group-out groups",
                        name);
    *out = (dnb_folds_kind)found;
    return DNB_OK;
}

/* Rows by value: those of value c are row[start[c]] .. row[start[c + 1] - 1], ascending. */
typedef struct classes {
    size_t count;
    int64_t *value; /* ascending */
    size_t *start, *row;
} classes;

static void classes_release(classes *c)
{
    dnb_free(c->value);
    dnb_free(c->start);
    dnb_free(c->row);
}

typedef struct labelled {
    int64_t value;
    size_t row;
} labelled;

static int compare_labelled(const void *a, const void *b)
{
    const labelled *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static dnb_status classes_init(classes *out, const int64_t *values, size_t n, dnb_err *err)
{
    dnb_status status = DNB_OK;
    labelled *sorted = NULL;
    classes c = {0};
    DNB_NEW(sorted, n, "folds");
    DNB_NEW(c.value, n, "folds");
    DNB_NEW(c.start, n + 1, "folds");
    DNB_NEW(c.row, n, "folds");
    for (size_t i = 0; i < n; i++)
        sorted[i] = (labelled){values[i], i};
    qsort(sorted, n, sizeof *sorted, compare_labelled);
    for (size_t i = 0; i < n; i++) {
        c.row[i] = sorted[i].row;
        if (i == 0 || sorted[i].value != sorted[i - 1].value) {
            c.value[c.count] = sorted[i].value;
            c.start[c.count++] = i;
        }
    }
    c.start[c.count] = n;
    *out = c;
    c = (classes){0};
done:
    dnb_free(sorted);
    classes_release(&c);
    return status;
}

static size_t class_size(const classes *c, size_t k)
{
    return c->start[k + 1] - c->start[k];
}

/* fold[order[i]], or fold[i] without order: k runs, the first n % k of them one longer. */
static void contiguous(size_t *fold, const size_t *order, size_t n, size_t k)
{
    size_t next = 0;
    for (size_t f = 0; f < k; f++)
        for (size_t left = n / k + (f < n % k); left > 0; left--, next++)
            fold[order ? order[next] : next] = f;
}

static dnb_status shuffled(size_t *fold, size_t n, const dnb_folds_options *o, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_random random;
    size_t *order = NULL;
    DNB_NEW(order, n, "folds");
    dnb_random_init(&random, o->seed, 0);
    dnb_random_permutation(&random, order, n);
    contiguous(fold, order, n, o->k);
done:
    dnb_free(order);
    return status;
}

/* The classes in the order their first rows stand in. */
static dnb_status by_appearance(size_t *order, const classes *c, dnb_err *err)
{
    dnb_status status = DNB_OK;
    labelled *first = NULL;
    DNB_NEW(first, c->count, "folds");
    for (size_t k = 0; k < c->count; k++)
        first[k] = (labelled){(int64_t)c->row[c->start[k]], k};
    qsort(first, c->count, sizeof *first, compare_labelled);
    for (size_t k = 0; k < c->count; k++)
        order[k] = first[k].row;
done:
    dnb_free(first);
    return status;
}

static dnb_status check_class_sizes(const classes *c, size_t k, dnb_err *err)
{
    size_t largest = 0;
    for (size_t i = 0; i < c->count; i++)
        largest = class_size(c, i) > largest ? class_size(c, i) : largest;
    if (largest >= k)
        return DNB_OK;
    return dnb_fail(err, DNB_EARG,
                    "%zu stratified folds, but the largest of the %zu classes has %zu members; "
                    "ask for at most %zu folds",
                    k, c->count, largest, largest);
}

/* Classes stand one after the other in a list whose position p goes to fold p % k; within a class
 * its rows take the folds so found in ascending order, or shuffled. */
static dnb_status stratified(size_t *fold, size_t n, const dnb_folds_options *o, bool shuffle,
                             dnb_err *err)
{
    dnb_status status = DNB_OK;
    classes c = {0};
    size_t *order = NULL, *slot = NULL, *place = NULL;
    DNB_TRY(classes_init(&c, o->labels, n, err));
    DNB_TRY(check_class_sizes(&c, o->k, err));
    DNB_NEW(order, c.count, "folds");
    DNB_NEW(slot, n, "folds");
    DNB_NEW(place, n, "folds");
    DNB_TRY(by_appearance(order, &c, err));
    for (size_t i = 0, at = 0; i < c.count; i++) {
        const size_t *rows = c.row + c.start[order[i]];
        size_t size = class_size(&c, order[i]), filled = 0, first = at % o->k;
        for (size_t f = 0; f < o->k; f++) {
            size_t extra = (f + o->k - first) % o->k < size % o->k;
            for (size_t left = size / o->k + extra; left > 0; left--)
                slot[filled++] = f;
        }
        for (size_t r = 0; r < size; r++)
            place[r] = r;
        if (shuffle) {
            dnb_random random;
            dnb_random_init(&random, o->seed, i + 1);
            dnb_random_permutation(&random, place, size);
        }
        for (size_t r = 0; r < size; r++)
            fold[rows[r]] = slot[place[r]];
        at += size;
    }
done:
    dnb_free(order);
    dnb_free(slot);
    dnb_free(place);
    classes_release(&c);
    return status;
}

static dnb_status leave_group_out(size_t *fold, size_t *k, size_t n, const int64_t *groups,
                                  dnb_err *err)
{
    classes c;
    dnb_status status = classes_init(&c, groups, n, err);
    if (status != DNB_OK)
        return status;
    if (c.count < 2)
        status = dnb_fail(err, DNB_EARG,
                          "leaving a group out needs at least 2 groups; all %zu rows are of "
                          "group %lld",
                          n, n > 0 ? (long long)groups[0] : 0LL);
    for (size_t g = 0; status == DNB_OK && g < c.count; g++)
        for (size_t i = c.start[g]; i < c.start[g + 1]; i++)
            fold[c.row[i]] = g;
    *k = c.count;
    classes_release(&c);
    return status;
}

static dnb_status whole_groups(size_t *fold, size_t n, const dnb_folds_options *o, dnb_err *err)
{
    dnb_status status = DNB_OK;
    classes c = {0};
    labelled *largest = NULL;
    size_t *load = NULL;
    DNB_TRY(classes_init(&c, o->groups, n, err));
    if (o->k > c.count) {
        status = dnb_fail(err, DNB_EARG,
                          "%zu folds of whole groups, but there are %zu groups; "
                          "ask for at most %zu folds",
                          o->k, c.count, c.count);
        goto done;
    }
    DNB_NEW(largest, c.count, "folds");
    DNB_NEW(load, o->k, "folds");
    for (size_t g = 0; g < c.count; g++)
        largest[g] = (labelled){(int64_t)class_size(&c, g), g};
    qsort(largest, c.count, sizeof *largest, compare_labelled);
    for (size_t i = c.count; i-- > 0;) {
        size_t lightest = 0, g = largest[i].row;
        for (size_t f = 1; f < o->k; f++)
            lightest = load[f] < load[lightest] ? f : lightest;
        load[lightest] += class_size(&c, g);
        for (size_t r = c.start[g]; r < c.start[g + 1]; r++)
            fold[c.row[r]] = lightest;
    }
done:
    dnb_free(largest);
    dnb_free(load);
    classes_release(&c);
    return status;
}

static dnb_status check_options(size_t n, const dnb_folds_options *o, dnb_err *err)
{
    bool leaves_out = o->kind == DNB_FOLDS_LEAVE_ONE_OUT || o->kind == DNB_FOLDS_LEAVE_GROUP_OUT;
    if ((size_t)o->kind >= DNB_FOLDS_KIND_COUNT)
        return dnb_fail(err, DNB_EARG, "fold scheme %d does not exist", (int)o->kind);
    if (o->kind == DNB_FOLDS_STRATIFIED && !o->labels)
        return dnb_fail(err, DNB_EARG, "stratified folds need labels");
    if ((o->kind == DNB_FOLDS_LEAVE_GROUP_OUT || o->kind == DNB_FOLDS_GROUPS) && !o->groups)
        return dnb_fail(err, DNB_EARG, "folds '%s' need groups", names[o->kind]);
    if (n < 2)
        return dnb_fail(err, DNB_EARG, "cross-validation needs at least 2 rows, there %s %zu",
                        n == 1 ? "is" : "are", n);
    if (!leaves_out && o->k < 2)
        return dnb_fail(err, DNB_EARG, "cross-validation needs at least 2 folds, not %zu", o->k);
    if (!leaves_out && o->k > n)
        return dnb_fail(err, DNB_EARG, "%zu folds, but there are %zu rows; ask for at most %zu",
                        o->k, n, n);
    return DNB_OK;
}

static dnb_status assign(size_t *fold, size_t *k, size_t n, const dnb_folds_options *o,
                         dnb_err *err)
{
    *k = o->k;
    switch (o->kind) {
    case DNB_FOLDS_STRATIFIED:
        return stratified(fold, n, o, false, err);
    case DNB_FOLDS_SHUFFLED:
        return o->labels ? stratified(fold, n, o, true, err) : shuffled(fold, n, o, err);
    case DNB_FOLDS_LEAVE_ONE_OUT:
        *k = n;
        contiguous(fold, NULL, n, n);
        return DNB_OK;
    case DNB_FOLDS_LEAVE_GROUP_OUT:
        return leave_group_out(fold, k, n, o->groups, err);
    case DNB_FOLDS_GROUPS:
        return whole_groups(fold, n, o, err);
    default:
        contiguous(fold, NULL, n, o->k);
        return DNB_OK;
    }
}

dnb_status dnb_folds_init(dnb_folds *out, size_t n, const dnb_folds_options *opt, dnb_err *err)
{
    dnb_status status = check_options(n, opt, err);
    dnb_folds f = {.n = n};
    if (status != DNB_OK)
        return status;
    DNB_NEW(f.fold, n, "folds");
    DNB_TRY(assign(f.fold, &f.k, n, opt, err));
    DNB_NEW(f.sizes, f.k, "folds");
    for (size_t i = 0; i < n; i++)
        f.sizes[f.fold[i]]++;
    *out = f;
    f = (dnb_folds){0};
done:
    dnb_folds_release(&f);
    return status;
}

void dnb_folds_release(dnb_folds *f)
{
    dnb_free(f->fold);
    dnb_free(f->sizes);
    *f = (dnb_folds){0};
}

static size_t rows_where(const dnb_folds *f, size_t fold, bool tested, size_t *rows)
{
    size_t count = 0;
    for (size_t i = 0; i < f->n; i++)
        if ((f->fold[i] == fold) == tested) {
            if (rows)
                rows[count] = i;
            count++;
        }
    return count;
}

size_t dnb_folds_train_rows(const dnb_folds *f, size_t fold, size_t *rows)
{
    return rows_where(f, fold, false, rows);
}

size_t dnb_folds_test_rows(const dnb_folds *f, size_t fold, size_t *rows)
{
    return rows_where(f, fold, true, rows);
}

dnb_status dnb_folds_least_class(int64_t *label, size_t *count, const int64_t *labels, size_t n,
                                 dnb_err *err)
{
    classes c;
    dnb_status status;
    size_t least = 0;
    if (n == 0)
        return dnb_fail(err, DNB_EARG, "there are no labels");
    status = classes_init(&c, labels, n, err);
    if (status != DNB_OK)
        return status;
    for (size_t k = 1; k < c.count; k++)
        least = class_size(&c, k) < class_size(&c, least) ? k : least;
    *label = c.value[least];
    *count = class_size(&c, least);
    classes_release(&c);
    return DNB_OK;
}

typedef struct named_row {
    const char *id;
    size_t row;
} named_row;

static int compare_named(const void *a, const void *b)
{
    const named_row *x = a, *y = b;
    int order = strcmp(x->id, y->id);
    return order != 0 ? order : (x->row > y->row) - (x->row < y->row);
}

dnb_status dnb_folds_check_repeats(const dnb_folds *f, const char *const *id, dnb_err *err)
{
    dnb_status status = DNB_OK;
    named_row *sorted = NULL;
    DNB_NEW(sorted, f->n, "stimulus names");
    for (size_t i = 0; i < f->n; i++)
        sorted[i] = (named_row){id[i], i};
    qsort(sorted, f->n, sizeof *sorted, compare_named);
    for (size_t i = 1; i < f->n; i++) {
        size_t a = sorted[i - 1].row, b = sorted[i].row;
        if (f->fold[a] != f->fold[b] && strcmp(id[a], id[b]) == 0) {
            status = dnb_fail(err, DNB_EARG,
                              "stimulus '%s' is tested in fold %zu (row %zu) and trains it from "
                              "fold %zu (row %zu): keep its repeats in one fold (--groups), or "
                              "say --allow-leak",
                              id[a], f->fold[a] + 1, a + 1, f->fold[b] + 1, b + 1);
            goto done;
        }
    }
done:
    dnb_free(sorted);
    return status;
}

dnb_status dnb_folds_of_rows(dnb_folds *inner, const dnb_folds *outer, size_t fold,
                             const dnb_folds_options *opt, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t *rows = NULL, n;
    int64_t *labels = NULL, *groups = NULL;
    dnb_folds_options o = *opt;
    if (fold >= outer->k)
        return dnb_fail(err, DNB_EARG, "there is no fold %zu of %zu", fold + 1, outer->k);
    DNB_NEW(rows, outer->n, "folds");
    n = dnb_folds_train_rows(outer, fold, rows);
    DNB_TRY(dnb_ids_of_rows(&labels, opt->labels, rows, n, err));
    DNB_TRY(dnb_ids_of_rows(&groups, opt->groups, rows, n, err));
    o.labels = labels;
    o.groups = groups;
    status = dnb_folds_init(inner, n, &o, err);
    if (status != DNB_OK)
        dnb_fail_prefix(err, status, "folds within the training rows of fold %zu", fold + 1);
done:
    dnb_free(rows);
    dnb_free(labels);
    dnb_free(groups);
    return status;
}
