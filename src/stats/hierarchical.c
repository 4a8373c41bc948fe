/* Agglomerative clustering by the nearest-neighbour chain: follow nearest neighbours until two are
 * each other's, merge them, go on from what is left of the chain. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/enum_name.h"
#include "base/mem.h"
#include "dnnbrain/cluster.h"

static const char *const names[DNB_LINKAGE_COUNT] = {"single", "complete", "average", "ward"};

const char *dnb_linkage_name(dnb_linkage method)
{
    return (unsigned)method < DNB_LINKAGE_COUNT ? names[method] : NULL;
}

dnb_status dnb_linkage_parse(dnb_linkage *method, const char *name, dnb_err *err)
{
    int found = dnb_enum_find(name, names, DNB_LINKAGE_COUNT, NULL, 0);
    if (found < 0)
        return dnb_fail(err, DNB_ENOTFOUND,
                        "there is no linkage '%s'; known: single, complete, average, ward", name);
    *method = (dnb_linkage)found;
    return DNB_OK;
}

typedef struct chain {
    size_t n;
    double *distance;    /* n (n - 1) / 2, of clusters held at one of their rows */
    size_t *size;        /* n: 0 = merged into another */
    size_t *link, depth; /* n */
    dnb_linkage method;
} chain;

static size_t pair_at(size_t n, size_t i, size_t j)
{
    size_t a = i < j ? i : j, b = i < j ? j : i;
    return a * n - a * (a + 1) / 2 + b - a - 1;
}

/* Lance and Williams: the distance of k to the union of a and b. */
static double united(const chain *s, double ka, double kb, double ab, size_t a, size_t b, size_t k)
{
    double na = (double)s->size[a], nb = (double)s->size[b], nk = (double)s->size[k];
    switch (s->method) {
    case DNB_LINKAGE_SINGLE:
        return fmin(ka, kb);
    case DNB_LINKAGE_COMPLETE:
        return fmax(ka, kb);
    case DNB_LINKAGE_AVERAGE:
        return (na * ka + nb * kb) / (na + nb);
    default: {
        double all = na + nb + nk;
        double square = ((na + nk) * ka * ka + (nb + nk) * kb * kb - nk * ab * ab) / all;
        return sqrt(fmax(square, 0));
    }
    }
}

/* Grows the chain until its last two are each other's nearest. */
static void grow(chain *s)
{
    if (s->depth == 0) {
        size_t first = 0;
        while (s->size[first] == 0)
            first++;
        s->link[s->depth++] = first;
    }
    for (;;) {
        size_t x = s->link[s->depth - 1], y = s->n;
        double least = INFINITY;
        /* The one before wins ties, else the chain could run in a circle. */
        if (s->depth > 1) {
            y = s->link[s->depth - 2];
            least = s->distance[pair_at(s->n, x, y)];
        }
        for (size_t i = 0; i < s->n; i++) {
            if (i == x || s->size[i] == 0)
                continue;
            double here = s->distance[pair_at(s->n, x, i)];
            if (here < least || y == s->n) {
                least = here;
                y = i;
            }
        }
        if (s->depth > 1 && y == s->link[s->depth - 2])
            return;
        s->link[s->depth++] = y;
    }
}

/* Merges the chain's last two; the union is held at the higher row. */
static dnb_merge unite(chain *s)
{
    size_t x = s->link[s->depth - 1], y = s->link[s->depth - 2];
    size_t a = x < y ? x : y, b = x < y ? y : x;
    double ab = s->distance[pair_at(s->n, a, b)];
    dnb_merge m = {a, b, ab, s->size[a] + s->size[b]};
    for (size_t k = 0; k < s->n; k++) {
        if (k == a || k == b || s->size[k] == 0)
            continue;
        double *kb = &s->distance[pair_at(s->n, k, b)];
        *kb = united(s, s->distance[pair_at(s->n, k, a)], *kb, ab, a, b, k);
    }
    s->size[b] += s->size[a];
    s->size[a] = 0;
    s->depth -= 2;
    return m;
}

typedef struct step {
    dnb_merge merge;
    size_t when;
} step;

static int by_height(const void *a, const void *b)
{
    const step *x = a, *y = b;
    if (x->merge.height != y->merge.height)
        return x->merge.height < y->merge.height ? -1 : 1;
    return (x->when > y->when) - (x->when < y->when);
}

static size_t root(size_t *parent, size_t i)
{
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    return i;
}

/* Rows that stand for clusters into the clusters' numbers; parent has 2 n - 1 places. */
static void number_clusters(dnb_merge *merges, const step *steps, size_t n, size_t *parent,
                            size_t *size)
{
    for (size_t i = 0; i < 2 * n - 1; i++) {
        parent[i] = i;
        size[i] = 1;
    }
    for (size_t i = 0; i + 1 < n; i++) {
        size_t x = root(parent, steps[i].merge.a), y = root(parent, steps[i].merge.b);
        merges[i] =
            (dnb_merge){x < y ? x : y, x < y ? y : x, steps[i].merge.height, size[x] + size[y]};
        parent[x] = parent[y] = n + i;
        size[n + i] = merges[i].size;
    }
}

static dnb_status copy_distances(double *to, const double *from, size_t pairs, dnb_err *err)
{
    for (size_t e = 0; e < pairs; e++) {
        if (!isfinite(from[e]) || from[e] < 0)
            return dnb_fail(err, DNB_EARG,
                            "distance %zu is %g; clustering needs distances of 0 or more", e,
                            from[e]);
        to[e] = from[e];
    }
    return DNB_OK;
}

dnb_status dnb_linkage_run(dnb_merge *merges, const double *distances, size_t n, dnb_linkage method,
                           dnb_err *err)
{
    dnb_status status = DNB_OK;
    chain s = {.n = n, .method = method};
    step *steps = NULL;
    size_t *parent = NULL, *size = NULL, pairs;
    if (n < 2)
        return dnb_fail(err, DNB_EARG, "clustering needs two things at least, not %zu", n);
    if ((unsigned)method >= DNB_LINKAGE_COUNT)
        return dnb_fail(err, DNB_EARG, "there is no linkage number %d", (int)method);
    if (!dnb_mul_size(&pairs, n, n - 1))
        return dnb_fail_memory(err, "distances", SIZE_MAX);
    pairs /= 2;
    DNB_NEW(s.distance, pairs, "distances");
    DNB_NEW(s.size, n, "cluster sizes");
    DNB_NEW(s.link, n, "a chain of neighbours");
    DNB_NEW(steps, n - 1, "merges");
    DNB_NEW(parent, 2 * n - 1, "clusters");
    DNB_NEW(size, 2 * n - 1, "cluster sizes");
    DNB_TRY(copy_distances(s.distance, distances, pairs, err));
    for (size_t i = 0; i < n; i++)
        s.size[i] = 1;
    for (size_t i = 0; i + 1 < n; i++) {
        grow(&s);
        steps[i] = (step){unite(&s), i};
    }
    qsort(steps, n - 1, sizeof *steps, by_height);
    number_clusters(merges, steps, n, parent, size);
done:
    dnb_free(s.distance);
    dnb_free(s.size);
    dnb_free(s.link);
    dnb_free(steps);
    dnb_free(parent);
    dnb_free(size);
    return status;
}

static dnb_status check_merges(const dnb_merge *merges, size_t n, dnb_err *err)
{
    for (size_t i = 0; i + 1 < n; i++)
        if (merges[i].a >= n + i || merges[i].b >= n + i)
            return dnb_fail(err, DNB_EARG,
                            "merge %zu joins clusters %zu and %zu, of which one is not made yet", i,
                            merges[i].a, merges[i].b);
    return DNB_OK;
}

dnb_status dnb_linkage_cut(size_t *labels, size_t *found, const dnb_merge *merges, size_t n,
                           size_t k, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t *parent = NULL, *number = NULL, count = 0;
    if (n < 2 || k == 0 || k > n)
        return dnb_fail(err, DNB_EARG, "%zu clusters of %zu things", k, n);
    DNB_TRY(check_merges(merges, n, err));
    DNB_NEW(parent, 2 * n - 1, "clusters");
    DNB_NEW(number, 2 * n - 1, "cluster numbers");
    for (size_t i = 0; i < 2 * n - 1; i++)
        parent[i] = i;
    for (size_t i = 0; k < n && i + 1 < n && merges[i].height <= merges[n - k - 1].height; i++) {
        parent[root(parent, merges[i].a)] = n + i;
        parent[root(parent, merges[i].b)] = n + i;
    }
    for (size_t i = 0; i < n; i++) {
        size_t r = root(parent, i);
        if (number[r] == 0)
            number[r] = ++count;
        labels[i] = number[r] - 1;
    }
    if (found)
        *found = count;
done:
    dnb_free(parent);
    dnb_free(number);
    return status;
}
