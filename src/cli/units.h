/* -layer, -chn and -dmask: which units of which layers a command works on. */
#ifndef DNB_CLI_UNITS_H
#define DNB_CLI_UNITS_H

#include <dnnbrain/actfile.h>
#include <dnnbrain/dmask.h>
#include <dnnbrain/net.h>

#include "context.h"

/* Embed as `units` in a command's argument struct. */
typedef struct cli_units {
    cli_strings layer;
    cli_ints chn;
    const char *dmask;
} cli_units;

/* The three rows of a command's option table. */
#define CLI_UNIT_OPTIONS(args)                                                                     \
    {.name = "layer",                                                                              \
     .type = CLI_STRINGS,                                                                          \
     .offset = offsetof(args, units.layer),                                                        \
     .value = "LAYER",                                                                             \
     .help = "Layers to use. Default: those of -dmask, or all."},                                  \
        {.name = "chn",                                                                            \
         .type = CLI_INTS,                                                                         \
         .offset = offsetof(args, units.chn),                                                      \
         .value = "CHANNEL",                                                                       \
         .min = 1,                                                                                 \
         .max = 1e9,                                                                               \
         .help = "Channels to use in each layer, 1-based. Default: those of -dmask, or all."},     \
    {                                                                                              \
        .name = "dmask", .type = CLI_INFILE, .offset = offsetof(args, units.dmask),                \
        .value = "FILE", .help = "Mask of channels, rows and columns per layer (.dmask.csv)."      \
    }

/* Layers resolved against their shapes. */
typedef struct cli_unit_set {
    size_t n;
    char **names;
    size_t *index; /* position in the activation file; unused for a net */
    dnb_select *selects;
} cli_unit_set;

/* path: the file's name, for messages. */
dnb_status cli_units_of_file(cli_unit_set *out, const cli_units *units, const dnb_actfile *file,
                             const char *path, dnb_err *err) DNB_MUST_CHECK;
dnb_status cli_units_of_net(cli_unit_set *out, const cli_units *units, const dnb_net *net,
                            dnb_err *err) DNB_MUST_CHECK;
void cli_unit_set_release(cli_unit_set *set);

/* Every layer of the set must hold as many stimuli as the first: *n. */
dnb_status cli_units_same_stimuli(size_t *n, const cli_unit_set *set, const dnb_actfile *file,
                                  dnb_err *err) DNB_MUST_CHECK;

/* Completes the message of a failed analysis with the file and the part of it ("layer conv5")
 * where it does not name them. Returns status. */
dnb_status cli_blame(dnb_err *err, dnb_status status, const char *path, const char *part);

#endif
