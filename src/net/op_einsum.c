/* Einsum: products of tensors summed over the indices that an equation such as "bij,bjk->bik"
 * leaves out. Any number of operands, multiplied in from left to right, two at a time; an index is
 * summed as soon as no later operand and not the result has it. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_families.h"
#include "net/op_util.h"

/* Elements from which on a second thread pays. */
#define PARALLEL_WORTH ((size_t)1 << 14)
/* Neighbouring results computed together. */
#define CHUNK 256

/* Indices are numbered: A-Z, a-z, then the dimensions that "..." stands for, the last one first. */
#define N_LETTERS 52
#define N_LABELS (N_LETTERS + DNB_MAX_DIMS)

/* One term of the equation: its indices, dimension by dimension. */
typedef struct term {
    int n;
    int label[DNB_MAX_DIMS];
    int n_letters; /* before "..." is expanded */
    int ellipsis;  /* position of "..." among the letters; -1 = none */
} term;

typedef struct equation {
    size_t n_terms;
    term *terms;
    term result;
    size_t size[N_LABELS]; /* 0 = index not used (or of size 0: then used says so) */
    bool used[N_LABELS];
} equation;

/* A tensor on the way: which labels it has (in N_LABELS order of appearance), element steps. */
typedef struct operand {
    const void *data;
    void *owned;
    size_t step[N_LABELS]; /* 0 where it lacks the label, or broadcasts along it */
    bool has[N_LABELS];
} operand;

/* out[o] = sum over s of a * b. */
typedef struct contraction {
    int n_out, n_sum;
    size_t out_count, sum_count;
    size_t out[N_LABELS], out_a[N_LABELS], out_b[N_LABELS];
    size_t sum[N_LABELS], sum_a[N_LABELS], sum_b[N_LABELS];
} contraction;

static size_t offset(size_t i, const size_t *size, const size_t *step, int n)
{
    size_t at = 0;
    for (int d = n - 1; d >= 0; d--) {
        at += i % size[d] * step[d];
        i /= size[d];
    }
    return at;
}

#define DNB_KERNELS "net/op_einsum_kernel.h"
#include "net/each_number.h"

/* ---- the equation -------------------------------------------------------------------------------
 */

static dnb_status malformed(const dnb_node *n, const char *why, dnb_err *err)
{
    const char *text = NULL;
    dnb_status status = dnb_node_string(n, "equation", &text, err);
    if (status != DNB_OK)
        return status;
    return dnb_fail(err, DNB_EARG, "node '%s' (Einsum): equation '%.200s' %s", n->name,
                    text ? text : "", why);
}

static int label_of(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : -1;
}

/* Reads one term up to ',', '-' or the end. */
static dnb_status read_term(const dnb_node *n, const char **at, term *t, dnb_err *err)
{
    *t = (term){.ellipsis = -1};
    for (; **at && **at != ',' && **at != '-'; ++*at) {
        if (**at == ' ')
            continue;
        if (strncmp(*at, "...", 3) == 0 && t->ellipsis < 0) {
            t->ellipsis = t->n_letters;
            *at += 2;
            continue;
        }
        int label = label_of(**at);
        if (label < 0 || t->n_letters == DNB_MAX_DIMS)
            return malformed(n,
                             label < 0 ? "has something other than letters, commas and '...'"
                                       : "has a term with more than 8 indices",
                             err);
        t->label[t->n_letters++] = label;
    }
    return DNB_OK;
}

/* Puts n_dots broadcast dimensions where the term has "...". */
static dnb_status expand_dots(const dnb_node *n, term *t, int n_dots, dnb_err *err)
{
    int label[DNB_MAX_DIMS], at = t->ellipsis;
    if (at < 0 && n_dots)
        return malformed(n, "has fewer indices than an operand has dimensions", err);
    if (t->n_letters + n_dots > DNB_MAX_DIMS)
        return malformed(n, "makes more than 8 dimensions, which is unsupported", err);
    t->n = t->n_letters + n_dots;
    for (int i = 0; i < t->n; i++) {
        bool dot = i >= at && i < at + n_dots && n_dots;
        label[i] = dot                 ? N_LETTERS + n_dots - 1 - (i - at)
                   : n_dots && i >= at ? t->label[i - n_dots]
                                       : t->label[i];
    }
    memcpy(t->label, label, (size_t)t->n * sizeof *label);
    return DNB_OK;
}

/* Sizes of the indices from one operand's shape. */
static dnb_status take_sizes(const dnb_node *n, equation *e, const term *t, const dnb_shape *x,
                             dnb_err *err)
{
    for (int i = 0; i < t->n; i++) {
        int label = t->label[i];
        if (!e->used[label] || e->size[label] == 1)
            e->size[label] = x->dim[i];
        else if (x->dim[i] != 1 && x->dim[i] != e->size[label])
            return malformed(n, "gives one index two sizes", err);
        e->used[label] = true;
    }
    return DNB_OK;
}

/* Without "->": the broadcast dimensions, then every index that occurs once, by the alphabet. */
static dnb_status implicit_result(const dnb_node *n, equation *e, int n_dots, dnb_err *err)
{
    int count[N_LETTERS] = {0};
    e->result = (term){.ellipsis = n_dots ? 0 : -1};
    for (size_t k = 0; k < e->n_terms; k++)
        for (int i = 0; i < e->terms[k].n; i++)
            if (e->terms[k].label[i] < N_LETTERS)
                count[e->terms[k].label[i]]++;
    for (int label = 0; label < N_LETTERS; label++) {
        if (count[label] != 1)
            continue;
        if (e->result.n_letters == DNB_MAX_DIMS)
            return malformed(n, "makes more than 8 dimensions, which is unsupported", err);
        e->result.label[e->result.n_letters++] = label;
    }
    return DNB_OK;
}

static dnb_status check_result(const dnb_node *n, const equation *e, dnb_err *err)
{
    bool seen[N_LABELS] = {false};
    for (int i = 0; i < e->result.n; i++) {
        int label = e->result.label[i];
        if (!e->used[label] || seen[label])
            return malformed(n, "has a result with an index that no operand has, or has it twice",
                             err);
        seen[label] = true;
    }
    return DNB_OK;
}

static dnb_status read_terms(const dnb_node *n, const char **at, equation *e, dnb_err *err)
{
    for (size_t k = 0; k < e->n_terms; k++) {
        dnb_status status = read_term(n, at, &e->terms[k], err);
        if (status != DNB_OK)
            return status;
        if (k + 1 < e->n_terms && **at != ',')
            return malformed(n, "has fewer terms than there are operands", err);
        *at += k + 1 < e->n_terms;
    }
    return **at == ',' ? malformed(n, "has more terms than there are operands", err) : DNB_OK;
}

static dnb_status equation_init(equation *out, const dnb_node *n, const dnb_shape *const *in,
                                dnb_err *err)
{
    equation e = {.n_terms = n->n_inputs};
    const char *at = NULL;
    int n_dots = 0;
    dnb_status status = DNB_OK;
    DNB_NEW(e.terms, e.n_terms, "Einsum");
    DNB_TRY(dnb_node_string(n, "equation", &at, err));
    if (!at)
        DNB_TRY(malformed(n, "is missing", err));
    DNB_TRY(read_terms(n, &at, &e, err));
    for (size_t k = 0; k < e.n_terms; k++) {
        int dots = in[k]->ndim - e.terms[k].n_letters;
        if (dots < 0)
            DNB_TRY(malformed(n, "has more indices than an operand has dimensions", err));
        DNB_TRY(expand_dots(n, &e.terms[k], dots, err));
        DNB_TRY(take_sizes(n, &e, &e.terms[k], in[k], err));
        n_dots = dots > n_dots ? dots : n_dots;
    }
    if (*at == '\0') {
        DNB_TRY(implicit_result(n, &e, n_dots, err));
    } else {
        at += at[1] == '>' ? 2 : 0;
        DNB_TRY(read_term(n, &at, &e.result, err));
        if (*at)
            DNB_TRY(malformed(n, "does not end after '->' and one term", err));
    }
    DNB_TRY(expand_dots(n, &e.result, e.result.ellipsis < 0 ? 0 : n_dots, err));
    DNB_TRY(check_result(n, &e, err));
    *out = e;
    e.terms = NULL;
done:
    dnb_free(e.terms);
    return status;
}

static dnb_status einsum_shape(const dnb_op_shapes *s, dnb_err *err)
{
    equation e = {0};
    dnb_status status = DNB_OK;
    for (size_t i = 0; i < s->node->n_inputs; i++)
        if (!s->in[i] || s->in[i]->dtype != s->in[0]->dtype)
            return dnb_fail(err, DNB_EARG, "node '%s' (Einsum): operand %zu differs in type",
                            s->node->name, i);
    DNB_TRY(equation_init(&e, s->node, s->in, err));
    s->out[0].ndim = e.result.n;
    for (int i = 0; i < e.result.n; i++)
        s->out[0].dim[i] = e.size[e.result.label[i]];
done:
    dnb_free(e.terms);
    return status;
}

/* ---- contraction --------------------------------------------------------------------------------
 */

/* An input as operand; an index that occurs twice walks the diagonal. */
static operand operand_of(const equation *e, const term *t, const dnb_array *x)
{
    operand a = {.data = x->data};
    size_t run = 1;
    (void)e;
    for (int i = t->n - 1; i >= 0; i--) {
        a.has[t->label[i]] = true;
        a.step[t->label[i]] += x->shape[i] == 1 ? 0 : run;
        run *= x->shape[i];
    }
    return a;
}

/* Which labels the product of everything up to term k must keep, in which order. */
static int kept_labels(const equation *e, size_t k, const operand *a, const operand *b,
                       int keep[N_LABELS])
{
    int n = 0;
    if (k + 1 >= e->n_terms) {
        memcpy(keep, e->result.label, (size_t)e->result.n * sizeof *keep);
        return e->result.n;
    }
    for (int label = 0; label < N_LABELS; label++) {
        bool later = false;
        for (size_t j = k + 1; j < e->n_terms; j++)
            for (int i = 0; i < e->terms[j].n; i++)
                later = later || e->terms[j].label[i] == label;
        for (int i = 0; i < e->result.n; i++)
            later = later || e->result.label[i] == label;
        if (later && (a->has[label] || (b && b->has[label])))
            keep[n++] = label;
    }
    return n;
}

/* false when the sizes overflow. */
static bool plan(contraction *k, const equation *e, const operand *a, const operand *b,
                 const int *keep, int n_keep)
{
    bool kept[N_LABELS] = {false}, ok = true;
    *k = (contraction){.n_out = n_keep, .out_count = 1, .sum_count = 1};
    for (int i = 0; i < n_keep; i++) {
        kept[keep[i]] = true;
        k->out[i] = e->size[keep[i]];
        k->out_a[i] = a->step[keep[i]];
        k->out_b[i] = b ? b->step[keep[i]] : 0;
        ok = ok && dnb_mul_size(&k->out_count, k->out_count, k->out[i]);
    }
    for (int label = 0; label < N_LABELS; label++) {
        if (kept[label] || !(a->has[label] || (b && b->has[label])))
            continue;
        k->sum[k->n_sum] = e->size[label];
        k->sum_a[k->n_sum] = a->step[label];
        k->sum_b[k->n_sum++] = b ? b->step[label] : 0;
        ok = ok && dnb_mul_size(&k->sum_count, k->sum_count, e->size[label]);
    }
    return ok;
}

/* *a = a * b (b NULL: a alone) with the labels that are still wanted; into `out` when last. */
static dnb_status multiply_in(const dnb_op_call *c, const equation *e, size_t term_index,
                              operand *a, const operand *b, dnb_err *err)
{
    int keep[N_LABELS];
    contraction k;
    operand product = {0};
    dnb_status status = DNB_OK;
    bool last = term_index + 1 >= e->n_terms;
    int n_keep = kept_labels(e, term_index, a, b, keep);
    size_t size = dnb_dtype_size(c->out[0].dtype), run = 1;
    if (!plan(&k, e, a, b, keep, n_keep))
        return malformed(c->node, "makes a product too large to hold", err);
    if (!last) {
        product.owned = dnb_alloc(k.out_count, size);
        if (!product.owned)
            return dnb_fail_memory(err, "a product in Einsum", k.out_count);
    }
    product.data = product.owned;
    DNB_BY_NUMBER(&c->out[0], c->out_shape, contract, &k, a->data, b ? b->data : NULL,
                  last ? c->out[0].data : product.owned);
    for (int i = n_keep - 1; i >= 0; i--) {
        product.has[keep[i]] = true;
        product.step[keep[i]] = run;
        run *= k.out[i];
    }
    dnb_free(a->owned);
    *a = product;
    return status;
}

static dnb_status einsum_run(const dnb_op_call *c, dnb_err *err)
{
    equation e = {0};
    operand a = {0}, b;
    dnb_status status = DNB_OK;
    DNB_TRY(equation_init(&e, c->node, c->in_shape, err));
    a = operand_of(&e, &e.terms[0], c->in[0]);
    if (e.n_terms == 1)
        DNB_TRY(multiply_in(c, &e, 0, &a, NULL, err));
    for (size_t i = 1; i < e.n_terms; i++) {
        b = operand_of(&e, &e.terms[i], c->in[i]);
        DNB_TRY(multiply_in(c, &e, i, &a, &b, err));
    }
done:
    dnb_free(a.owned);
    dnb_free(e.terms);
    return status;
}

const dnb_op dnb_op_einsum = {.name = "Einsum",
                              .min_in = 1,
                              .max_in = DNB_ANY_COUNT,
                              .max_out = 1,
                              .flags = DNB_OP_TAKES_EMPTY,
                              .shape = einsum_shape,
                              .run = einsum_run,
                              .gradient = dnb_grad_einsum};
