/* A hash table of names, open addressing over a list in the order of adding. */
#include "net/graph_names.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"

void dnb_graph_names_release(dnb_graph_names *names)
{
    for (size_t i = 0; i < names->n; i++)
        dnb_free(names->list[i].text);
    dnb_free(names->list);
    dnb_free(names->table);
}

static uint64_t hash_text(const char *s)
{
    uint64_t h = 1469598103934665603u; /* FNV-1a */
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 1099511628211u;
    return h ^ (h >> 29);
}

/* Slot of `name`, or of the free place where it belongs. cap_table > n always. */
static size_t slot(const dnb_graph_names *names, const char *name)
{
    size_t at = (size_t)hash_text(name) & (names->cap_table - 1);
    while (names->table[at] && strcmp(names->list[names->table[at] - 1].text, name) != 0)
        at = (at + 1) & (names->cap_table - 1);
    return at;
}

dnb_status dnb_graph_names_reserve(dnb_graph_names *names, size_t more, dnb_err *err)
{
    if (names->n + more > names->cap) {
        size_t want = names->cap < 16 ? 16 : names->cap * 2;
        if (want < names->n + more)
            want = names->n + more;
        dnb_graph_name *list = dnb_realloc(names->list, want, sizeof *list);
        if (!list)
            return dnb_fail_memory(err, "graph names", want * sizeof *list);
        names->list = list;
        names->cap = want;
    }
    size_t cap = names->cap_table ? names->cap_table : 64;
    while (cap < 2 * (names->n + more + 1))
        cap *= 2;
    if (cap == names->cap_table)
        return DNB_OK;
    int *table = dnb_calloc(cap, sizeof *table);
    if (!table)
        return dnb_fail_memory(err, "graph names", cap * sizeof *table);
    dnb_free(names->table);
    names->table = table;
    names->cap_table = cap;
    for (size_t i = 0; i < names->n; i++)
        names->table[slot(names, names->list[i].text)] = (int)i + 1;
    return DNB_OK;
}

void dnb_graph_names_add(dnb_graph_names *names, char *text, dnb_value v)
{
    names->list[names->n] = (dnb_graph_name){text, v};
    names->table[slot(names, text)] = (int)++names->n;
}

dnb_value dnb_graph_names_find(const dnb_graph_names *names, const char *name)
{
    if (!names->table || !name)
        return DNB_NO_VALUE;
    int i = names->table[slot(names, name)];
    return i ? names->list[i - 1].value : DNB_NO_VALUE;
}
