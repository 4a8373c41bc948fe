/* Enumerators by name. The tables are short: a walk is all it takes. */
#include "base/enum_name.h"

#include <string.h>

int dnb_enum_find(const char *name, const char *const *names, size_t n,
                  const dnb_enum_alias *aliases, size_t n_aliases)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(name, names[i]) == 0)
            return (int)i;
    for (size_t i = 0; i < n_aliases; i++)
        if (strcmp(name, aliases[i].name) == 0)
            return aliases[i].value;
    return -1;
}
