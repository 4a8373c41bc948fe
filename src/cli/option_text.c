/* One option as text. */
#include "option_text.h"

#include <stdio.h>
#include <string.h>

void cli_option_synopsis(const cli_option *o, char *buf, size_t size)
{
    const char *value = o->value ? o->value : o->choices ? o->choices : "VALUE";
    const char *dash = o->positional ? "" : "-", *name = o->positional ? "" : o->name;
    const char *space = o->positional ? "" : " ";
    if (o->type == CLI_FLAG)
        snprintf(buf, size, "-%s", o->name);
    else if (cli_is_list(o->type) && (o->most == 0 || strchr(value, ' ') == NULL) && o->most != 1)
        snprintf(buf, size, "%s%s%s%s...", dash, name, space, value);
    else
        snprintf(buf, size, "%s%s%s%s", dash, name, space, value);
}

void cli_option_description(const cli_option *o, char *buf, size_t size)
{
    size_t at = 0;
    int n = snprintf(buf, size, "%s", o->help);
    at += n > 0 ? (size_t)n : 0;
    if (o->choices && o->value && at < size) {
        n = snprintf(buf + at, size - at, " One of %s.", o->choices);
        at += n > 0 ? (size_t)n : 0;
    }
    const double endless = 1e6; /* an upper limit that is there to catch typing errors */
    if (o->min < o->max && at < size) {
        n = o->max >= endless ? snprintf(buf + at, size - at,
                                         o->min > 0 ? " At least %g." : " %g or more.", o->min)
                              : snprintf(buf + at, size - at, " Range %g to %g.", o->min, o->max);
        at += n > 0 ? (size_t)n : 0;
    }
    if (o->required && at < size)
        snprintf(buf + at, size - at, " Required.");
    else if (o->fallback && at < size)
        snprintf(buf + at, size - at, " Default: %s.", o->fallback);
}
