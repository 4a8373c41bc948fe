/* Parsing of command lines against option tables. `-name` and `--name` are the same; `--name=value`
 * is accepted; a list takes values until the next option; numbers may be negative. */
#include "option.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dnnbrain/suggest.h>

#define COMMON(field) offsetof(cli_common, field)

const cli_option cli_common_options[] = {
    {.name = "threads",
     .type = CLI_INT,
     .offset = COMMON(threads),
     .value = "N",
     .fallback = "0",
     .min = 0,
     .max = 1024,
     .help = "Number of threads; 0 uses every processor available."},
    {.name = "memory",
     .type = CLI_BYTES,
     .offset = COMMON(memory),
     .value = "SIZE",
     .help = "Memory budget, e.g. 4G. Default: half of what this process may use."},
    {.name = "quiet",
     .type = CLI_FLAG,
     .offset = COMMON(quiet),
     .help = "No progress and no summary on standard error; errors are still shown."},
    {.name = "json",
     .type = CLI_FLAG,
     .offset = COMMON(json),
     .help = "Print a machine-readable summary (one JSON object) on standard output."},
    {.name = "version",
     .type = CLI_FLAG,
     .offset = COMMON(version),
     .help = "Show the version and stop."},
    {.name = "help", .type = CLI_FLAG, .offset = COMMON(help), .help = "Show this help and stop."},
    {.name = NULL}};

bool cli_is_list(cli_type type)
{
    return type == CLI_STRINGS || type == CLI_INFILES || type == CLI_INPATHS || type == CLI_INTS ||
           type == CLI_DOUBLES;
}

static bool is_numeric(cli_type type)
{
    return type == CLI_INT || type == CLI_DOUBLE || type == CLI_BYTES || type == CLI_INTS ||
           type == CLI_DOUBLES;
}

/* "-3", "-.5", "-inf": a value, not an option, where a number is wanted. */
static bool looks_negative(const char *word)
{
    return word[0] == '-' &&
           (isdigit((unsigned char)word[1]) || (word[1] == '.' && isdigit((unsigned char)word[2])));
}

static bool looks_like_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0' && !looks_negative(word);
}

static const cli_option *find_in(const cli_option *table, const char *name, size_t len)
{
    for (; table->name; table++)
        if (!table->positional && strlen(table->name) == len &&
            strncmp(table->name, name, len) == 0)
            return table;
    return NULL;
}

static dnb_status unknown_option(const cli_command *command, const char *word, dnb_err *err)
{
    const char *names[128];
    size_t n = 0;
    const cli_option *tables[2] = {command->options, cli_common_options};
    char near[256] = "";
    for (int t = 0; t < 2; t++)
        for (const cli_option *o = tables[t]; o->name && n < 128; o++)
            if (!o->positional)
                names[n++] = o->name;
    dnb_suggest(near, sizeof near, word + strspn(word, "-"), names, n);
    return dnb_fail(err, DNB_EARG, "unknown option %s%s", word, near);
}

static dnb_status parse_number(const cli_option *o, const char *text, double *out, dnb_err *err)
{
    char *end;
    errno = 0;
    *out = strtod(text, &end);
    if (end == text || *end || errno == ERANGE || isnan(*out))
        return dnb_fail(err, DNB_EARG, "-%s: '%s' is not a number", o->name, text);
    if (o->min < o->max && (*out < o->min || *out > o->max))
        return dnb_fail(err, DNB_EARG, "-%s: %s is outside %g..%g", o->name, text, o->min, o->max);
    return DNB_OK;
}

static dnb_status parse_integer(const cli_option *o, const char *text, long long *out, dnb_err *err)
{
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (end == text || *end || errno == ERANGE)
        return dnb_fail(err, DNB_EARG, "-%s: '%s' is not a whole number", o->name, text);
    double unused;
    return parse_number(o, text, &unused, err);
}

static dnb_status parse_bytes(const cli_option *o, const char *text, size_t *out, dnb_err *err)
{
    char *end;
    double v = strtod(text, &end);
    static const char units[] = "KMGT";
    const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    if (unit) {
        v *= ldexp(1.0, 10 * (int)(unit - units + 1));
        end++;
        if (*end == 'i')
            end++;
        if (*end == 'B' || *end == 'b')
            end++;
    }
    if (end == text || *end || !(v >= 1) || v > (double)(SIZE_MAX / 2))
        return dnb_fail(err, DNB_EARG, "-%s: '%s' is not a size; write e.g. 500M or 4G", o->name,
                        text);
    *out = (size_t)v;
    return DNB_OK;
}

static dnb_status check_choice(const cli_option *o, const char *text, dnb_err *err)
{
    size_t len = strlen(text);
    for (const char *c = o->choices; c;) {
        const char *bar = strchr(c, '|');
        size_t n = bar ? (size_t)(bar - c) : strlen(c);
        if (n == len && strncmp(c, text, n) == 0)
            return DNB_OK;
        c = bar ? bar + 1 : NULL;
    }
    return dnb_fail(err, DNB_EARG, "-%s: '%s' is not one of %s", o->name, text, o->choices);
}

/* Stores one scalar word. */
static dnb_status store_word(const cli_option *o, const char *word, void *field, dnb_err *err)
{
    switch (o->type) {
    case CLI_INT:
        return parse_integer(o, word, field, err);
    case CLI_DOUBLE:
        return parse_number(o, word, field, err);
    case CLI_BYTES:
        return parse_bytes(o, word, field, err);
    case CLI_CHOICE: {
        dnb_status status = check_choice(o, word, err);
        if (status != DNB_OK)
            return status;
        break;
    }
    default:
        if (word[0] == '\0')
            return dnb_fail(err, DNB_EARG, "-%s: its value is empty", o->name);
    }
    *(const char **)field = word;
    return DNB_OK;
}

/* Stores n words into a list field; a repeated option replaces the earlier values. */
static dnb_status store_list(const cli_option *o, const char *const *words, size_t n, void *field,
                             dnb_err *err)
{
    size_t least = o->least ? o->least : 1;
    if (n < least || (o->most && n > o->most)) {
        if (o->most == least)
            return dnb_fail(err, DNB_EARG, "-%s takes %zu value%s, got %zu", o->name, least,
                            least == 1 ? "" : "s", n);
        return dnb_fail(err, DNB_EARG, "-%s takes at %s %zu values, got %zu", o->name,
                        n < least ? "least" : "most", n < least ? least : o->most, n);
    }
    size_t item = o->type == CLI_INTS      ? sizeof(long long)
                  : o->type == CLI_DOUBLES ? sizeof(double)
                                           : sizeof(char *);
    void *items = calloc(n, item);
    if (!items)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for -%s", o->name);
    for (size_t i = 0; i < n; i++) {
        dnb_status status = DNB_OK;
        if (o->type == CLI_INTS)
            status = parse_integer(o, words[i], (long long *)items + i, err);
        else if (o->type == CLI_DOUBLES)
            status = parse_number(o, words[i], (double *)items + i, err);
        else
            ((const char **)items)[i] = words[i];
        if (status != DNB_OK) {
            free(items);
            return status;
        }
    }
    cli_strings *list = field; /* the three list types share their layout: count, pointer */
    free(list->items);
    list->count = n;
    list->items = items;
    return DNB_OK;
}

static dnb_status store_fallbacks(const cli_option *table, void *args, dnb_err *err)
{
    for (; table->name; table++) {
        void *field = (char *)args + table->offset;
        if (!table->fallback)
            continue;
        dnb_status status = cli_is_list(table->type)
                                ? store_list(table, &table->fallback, 1, field, err)
                                : store_word(table, table->fallback, field, err);
        if (status != DNB_OK)
            return status;
    }
    return DNB_OK;
}

/* The next positional not yet filled; `taken` counts those that are. */
static const cli_option *next_positional(const cli_command *command, size_t taken)
{
    for (const cli_option *o = command->options; o->name; o++)
        if (o->positional && taken-- == 0)
            return o;
    return NULL;
}

static dnb_status missing_options(const cli_command *command, const bool *seen, dnb_err *err)
{
    char names[512] = "";
    size_t at = 0, i = 0, missing = 0;
    for (const cli_option *o = command->options; o->name; o++, i++)
        if (o->required && !seen[i] && at < sizeof names) {
            int n = snprintf(names + at, sizeof names - at, "%s%s%s", missing ? ", " : "",
                             o->positional ? "" : "-", o->positional ? o->value : o->name);
            at += n > 0 ? (size_t)n : 0;
            missing++;
        }
    return missing ? dnb_fail(err, DNB_EARG, "missing %s: %s", missing > 1 ? "options" : "option",
                              names)
                   : DNB_OK;
}

enum { MAX_OPTIONS = 64 };

dnb_status cli_parse(const cli_command *command, int argc, const char *const *argv, int first,
                     void *args, cli_common *common, dnb_err *err)
{
    bool seen[MAX_OPTIONS] = {false};
    size_t positionals = 0;
    dnb_status status = store_fallbacks(command->options, args, err);
    if (status == DNB_OK)
        status = store_fallbacks(cli_common_options, common, err);
    for (int i = first; i < argc && status == DNB_OK;) {
        const char *word = argv[i], *inline_value = NULL;
        const cli_option *o;
        void *base = args;
        if (looks_like_option(word)) {
            const char *name = word + (word[1] == '-' ? 2 : 1), *equals = strchr(name, '=');
            size_t len = equals ? (size_t)(equals - name) : strlen(name);
            inline_value = equals ? equals + 1 : NULL;
            o = find_in(command->options, name, len);
            if (!o) {
                base = common;
                o = len == 1 && *name == 'h' ? find_in(cli_common_options, "help", 4)
                                             : find_in(cli_common_options, name, len);
            }
            if (!o)
                return unknown_option(command, word, err);
            i++;
        } else {
            o = next_positional(command, positionals++);
            if (!o)
                return dnb_fail(err, DNB_EARG, "unexpected argument '%s'", word);
        }
        if (base == args)
            seen[o - command->options] = true;
        void *field = (char *)base + o->offset;
        if (o->type == CLI_FLAG) {
            if (inline_value)
                return dnb_fail(err, DNB_EARG, "-%s takes no value", o->name);
            *(bool *)field = true;
        } else if (cli_is_list(o->type) && !inline_value) {
            int start = i;
            while (i < argc && !looks_like_option(argv[i]))
                i++;
            status = store_list(o, argv + start, (size_t)(i - start), field, err);
        } else if (cli_is_list(o->type)) {
            status = store_list(o, &inline_value, 1, field, err);
        } else if (inline_value) {
            status = store_word(o, inline_value, field, err);
        } else if (i >= argc || (looks_like_option(argv[i]) &&
                                 !(is_numeric(o->type) && looks_negative(argv[i])))) {
            return dnb_fail(err, DNB_EARG, "-%s needs a value (%s)", o->name,
                            o->value ? o->value : o->choices);
        } else {
            status = store_word(o, argv[i++], field, err);
        }
    }
    if (status == DNB_OK && !common->help && !common->version)
        status = missing_options(command, seen, err);
    return status;
}

void cli_args_release(const cli_command *command, void *args)
{
    for (const cli_option *o = command->options; o->name; o++)
        if (cli_is_list(o->type)) {
            cli_strings *list = (cli_strings *)(void *)((char *)args + o->offset);
            free(list->items);
            *list = (cli_strings){0};
        }
}
