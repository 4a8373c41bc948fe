/* Labels to categories. */
#include "categories.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The condition every stimulus of group g has; NULL when they differ or there are none. */
static const char *shared_condition(const dnb_stim *stim, const dnb_groups *groups, size_t g)
{
    char *const *conditions = dnb_stim_conditions(stim);
    const char *found = NULL;
    for (size_t i = 0; conditions && i < groups->n_stimuli; i++) {
        if (groups->group[i] != g)
            continue;
        if (found && strcmp(found, conditions[i]) != 0)
            return NULL;
        found = conditions[i];
    }
    return found;
}

static dnb_status name_groups(cli_categories *c, const dnb_stim *stim, dnb_err *err)
{
    c->names = calloc(c->groups.n_groups, sizeof *c->names);
    for (size_t g = 0; c->names && g < c->groups.n_groups; g++) {
        char number[32];
        const char *name = shared_condition(stim, &c->groups, g);
        snprintf(number, sizeof number, "%lld", (long long)c->groups.labels[g]);
        c->names[g] = strdup(name && name[0] ? name : number);
        if (!c->names[g])
            return dnb_fail(err, DNB_ENOMEM, "out of memory for category names");
    }
    return c->names ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory for category names");
}

dnb_status cli_categories_read(cli_categories *out, const char *path, dnb_err *err)
{
    dnb_stim stim = {0};
    cli_categories c = {0};
    dnb_status status = dnb_stim_read(&stim, path, err);
    if (status != DNB_OK)
        return status;
    const int64_t *labels = dnb_stim_labels(&stim);
    if (!labels)
        status =
            dnb_fail(err, DNB_ENOTFOUND,
                     "%s: has no column `label`; add one with a whole number per stimulus", path);
    if (status == DNB_OK)
        status = dnb_groups_init(&c.groups, labels, dnb_stim_count(&stim), err);
    if (status == DNB_OK)
        status = name_groups(&c, &stim, err);
    dnb_stim_release(&stim);
    if (status == DNB_OK)
        *out = c;
    else
        cli_categories_release(&c);
    return status;
}

void cli_categories_release(cli_categories *c)
{
    for (size_t g = 0; c->names && g < c->groups.n_groups; g++)
        free(c->names[g]);
    free(c->names);
    dnb_groups_release(&c->groups);
    *c = (cli_categories){0};
}
