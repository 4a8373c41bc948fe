/* The gradient rule of Einsum, which is Einsum again: for operand k, the result's gradient times
 * the other operands, with k's indices. Ones in k's shape are one operand more, so that indices
 * that only k has are there too. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_util.h"

/* The equation without spaces, its terms ended by 0, and the result's term. */
typedef struct parts {
    char *text, *rhs;
    char **term;
    size_t n;
} parts;

static void parts_release(parts *p)
{
    dnb_free(p->text);
    dnb_free(p->rhs);
    dnb_free((void *)p->term);
}

/* Without "->": "..." if there is one, then the letters that occur once, by the alphabet. */
static void implicit_result(const parts *p, char *rhs)
{
    int count[128] = {0};
    for (size_t k = 0; k < p->n; k++)
        for (const char *c = p->term[k]; *c; c++)
            count[*c & 127]++;
    if (count['.']) {
        strcpy(rhs, "...");
        rhs += 3;
    }
    for (int c = 'A'; c <= 'z'; c++)
        if (count[c] == 1)
            *rhs++ = (char)c;
    *rhs = 0;
}

/* The shape rule has found the equation to be well formed. */
static dnb_status parts_init(parts *p, const dnb_op_grads *r, dnb_err *err)
{
    const char *equation = NULL;
    size_t size;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_string(&r->node, "equation", &equation, err));
    equation = equation ? equation : "";
    size = strlen(equation) + 128;
    p->n = r->node.n_inputs;
    DNB_NEW(p->text, size, "Einsum");
    DNB_NEW(p->rhs, size, "Einsum");
    DNB_NEW(p->term, p->n, "Einsum");
    char *to = p->text;
    for (const char *c = equation; *c; c++)
        if (*c != ' ')
            *to++ = *c;
    char *arrow = strchr(p->text, '-'), *next = p->text;
    if (arrow)
        *arrow = 0;
    for (size_t k = 0; k < p->n; k++) {
        p->term[k] = next;
        next += strcspn(next, ",");
        if (*next)
            *next++ = 0;
    }
    if (arrow)
        strcpy(p->rhs, arrow + 1 + (arrow[1] == '>'));
    else
        implicit_result(p, p->rhs);
done:
    return status;
}

/* Dimensions that the "..." of an operand stands for. */
static int dots(const dnb_op_grads *r, const parts *p, size_t k)
{
    int letters = 0;
    for (const char *c = p->term[k]; *c; c++)
        letters += *c != '.';
    return r->shape[r->node.inputs[k]].ndim - letters;
}

/* Diagonals have no rule, nor a "..." inside a term that is shorter than another's. */
static bool has_rule(const dnb_op_grads *r, const parts *p, size_t k)
{
    const char *t = p->term[k];
    for (const char *c = t; *c; c++)
        if (*c != '.' && strchr(c + 1, *c))
            return false;
    for (size_t i = 0; strchr(t, '.') && *t != '.' && i < p->n; i++)
        if (dots(r, p, i) > dots(r, p, k))
            return false;
    return true;
}

static dnb_status operand_grad(const dnb_op_grads *r, const parts *p, size_t k, dnb_err *err)
{
    dnb_value *in = NULL, one;
    char *equation = NULL;
    size_t size = strlen(p->rhs) + 2 * strlen(p->term[k]) + 8, n = 0;
    dnb_status status = DNB_OK;
    if (!has_rule(r, p, k))
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "node '%s' (Einsum): no gradient with respect to '%.50s'", r->node.name,
                        p->term[k]);
    for (size_t i = 0; i < p->n; i++)
        size += strlen(p->term[i]) + 1;
    DNB_NEW(in, p->n + 1, "Einsum");
    DNB_NEW(equation, size, "Einsum");
    in[n++] = r->out_grads[0];
    size_t at = (size_t)snprintf(equation, size, "%s", p->rhs);
    for (size_t i = 0; i < p->n; i++)
        if (i != k) {
            in[n++] = r->node.inputs[i];
            at += (size_t)snprintf(equation + at, size - at, ",%s", p->term[i]);
        }
    DNB_TRY(dnb_grad_number(r, 1, &one, err));
    DNB_TRY(dnb_grad_to_shape(r, "dnb.BroadcastTo", one, r->node.inputs[k], &in[n++], err));
    snprintf(equation + at, size - at, ",%s->%s", p->term[k], p->term[k]);
    const dnb_attr attrs[] = {DNB_STRING("equation", equation)};
    DNB_TRY(dnb_grad_node(r, "Einsum", in, n, attrs, 1, &one, err));
    DNB_TRY(dnb_grad_sum_to_input(r, k, one, err));
done:
    dnb_free(in);
    dnb_free(equation);
    return status;
}

dnb_status dnb_grad_einsum(const dnb_op_grads *r, dnb_err *err)
{
    parts p = {0};
    dnb_status status = parts_init(&p, r, err);
    for (size_t k = 0; k < r->node.n_inputs && status == DNB_OK; k++)
        if (r->wanted[k])
            status = operand_grad(r, &p, k, err);
    parts_release(&p);
    return status;
}
