/* Nearest names by optimal string alignment distance (Levenshtein plus swaps of neighbours). */
#include "base/near_name.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { LONGEST = 128, NEAREST = 3 };

static size_t min2(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

size_t dnb_edit_distance(const char *a, const char *b)
{
    size_t na = strnlen(a, LONGEST), nb = strnlen(b, LONGEST);
    size_t rows[3][LONGEST + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= nb; j++)
        row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t d = above[j - 1] + !same(a[i - 1], b[j - 1]);
            d = min2(d, min2(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                d = min2(d, before[j - 2] + 1);
            row[j] = d;
        }
    }
    return row[nb];
}

static bool contains(const char *text, const char *part)
{
    size_t n = strlen(part);
    for (; n && *text; text++)
        if (strncasecmp(text, part, n) == 0)
            return true;
    return false;
}

/* Distance, but a name that holds the wanted text ("layer4" in "layer4.2.conv3") is near whatever
 * its length. */
static size_t rank_of(const char *wanted, const char *name)
{
    size_t d = dnb_edit_distance(wanted, name);
    return contains(name, wanted) ? min2(d, 2) : d;
}

void dnb_suggest(char *message, size_t size, const char *wanted, const char *const *names, size_t n)
{
    size_t best[NEAREST], rank[NEAREST], kept = 0;
    if (!message || size == 0 || n == 0)
        return;
    for (size_t i = 0; i < n; i++) {
        size_t r = rank_of(wanted, names[i]), at = kept;
        while (at > 0 && rank[at - 1] > r)
            at--;
        if (at >= NEAREST)
            continue;
        kept = kept < NEAREST ? kept + 1 : kept;
        for (size_t k = kept - 1; k > at; k--) {
            best[k] = best[k - 1];
            rank[k] = rank[k - 1];
        }
        best[at] = i;
        rank[at] = r;
    }
    char text[512];
    size_t len = 0;
    int put = snprintf(text, sizeof text, n > NEAREST ? "; nearest are" : "; there is");
    for (size_t k = 0; k < kept && put > 0 && (len += (size_t)put) < sizeof text; k++)
        put = snprintf(text + len, sizeof text - len, "%s '%.100s'", k ? "," : "", names[best[k]]);
    if (n > NEAREST && put > 0 && (len += (size_t)put) < sizeof text)
        snprintf(text + len, sizeof text - len, " (%zu in all)", n);
    size_t used = strnlen(message, size);
    if (used < size)
        snprintf(message + used, size - used, "%s", text);
}

dnb_status dnb_fail_suggest(dnb_err *err, dnb_status status, const char *wanted,
                            const char *const *names, size_t n)
{
    if (err)
        dnb_suggest(err->message, sizeof err->message, wanted, names, n);
    return status;
}
