/* An enumerator from its name: what every x_parse and x_find does before it words its own error.
 * room: base (internal) */
#ifndef DNB_BASE_ENUM_NAME_H
#define DNB_BASE_ENUM_NAME_H

#include <stddef.h>

/* Another name of an enumerator. */
typedef struct dnb_enum_alias {
    const char *name;
    int value;
} dnb_enum_alias;

/* The i with names[i] equal to name, else the value of the alias of that name, else -1. */
int dnb_enum_find(const char *name, const char *const *names, size_t n,
                  const dnb_enum_alias *aliases, size_t n_aliases);

#endif
