/* Option tables: the one place where an option's name, type, range, default and help stand.
 * Parsing,
 * --help, man pages, completion and docs are all made from them. Tables are const and offset-based,
 * so they can be listed without running anything. */
#ifndef DNB_CLI_OPTION_H
#define DNB_CLI_OPTION_H

#include <stdbool.h>
#include <stddef.h>

#include <dnnbrain/status.h>

typedef enum cli_type {
    CLI_FLAG,    /* bool */
    CLI_STRING,  /* const char * */
    CLI_INFILE,  /* const char *, an existing file */
    CLI_OUTFILE, /* const char *, a file to write */
    CLI_OUTNAME, /* const char *, what the names of the files to write begin with */
    CLI_OUTDIR,  /* const char *, a folder to write into */
    CLI_CHOICE,  /* const char *, one of `choices` */
    CLI_INT,     /* long long */
    CLI_DOUBLE,  /* double */
    CLI_BYTES,   /* size_t; K, M, G, T suffixes (powers of 1024) */
    CLI_STRINGS, /* cli_strings */
    CLI_INFILES, /* cli_strings of existing files */
    CLI_INPATHS, /* cli_strings of existing files or folders */
    CLI_INTS,    /* cli_ints */
    CLI_DOUBLES, /* cli_doubles */
} cli_type;

typedef struct cli_strings {
    size_t count;
    const char **items;
} cli_strings;

typedef struct cli_ints {
    size_t count;
    long long *items;
} cli_ints;

typedef struct cli_doubles {
    size_t count;
    double *items;
} cli_doubles;

typedef struct cli_option {
    const char *name; /* without dashes; NULL ends a table */
    cli_type type;
    size_t offset;        /* of the field in the command's argument struct */
    bool required;        /* must be given */
    bool positional;      /* given without its name */
    const char *value;    /* placeholder in help: "FILE", "LAYER" */
    const char *choices;  /* "a|b|c" for CLI_CHOICE (checked), or shown for a list (not checked) */
    const char *fallback; /* default, parsed as if typed; NULL = zero/absent */
    double min, max;      /* range of numbers when min < max */
    size_t least, most;   /* number of values of a list; 0, 0 = one or more */
    const char *help;     /* one or two sentences */
} cli_option;

/* Options every command takes. */
typedef struct cli_common {
    bool help, version, quiet, json;
    long long threads;
    size_t memory;
} cli_common;

extern const cli_option cli_common_options[];

struct cli_context;

/* One subcommand. */
typedef struct cli_command {
    const char *name;            /* "act" */
    const char *const *aliases;  /* the reference's names ("dnn_act"), NULL-ended; may be NULL */
    const char *summary;         /* one line */
    const char *description;     /* paragraphs separated by blank lines */
    const char *const *examples; /* pairs: command line, what it does; NULL-ended */
    const cli_option *options;   /* ended by name NULL */
    size_t args_size;            /* bytes of the argument struct */
    bool heavy_blas;             /* worth choosing the best BLAS kernels for */
    bool busy_beside;            /* threads of other kinds work beside OpenMP's */
    dnb_status (*run)(const void *args, struct cli_context *ctx, dnb_err *err);
} cli_command;

/* Parses argv[first..argc) into args (zeroed, args_size bytes) and common. Returns DNB_EARG with a
 * message on a usage error. Memory for lists belongs to args: cli_args_release. */
dnb_status cli_parse(const cli_command *command, int argc, const char *const *argv, int first,
                     void *args, cli_common *common, dnb_err *err) DNB_MUST_CHECK;
void cli_args_release(const cli_command *command, void *args);

/* True for the types that hold several values. */
bool cli_is_list(cli_type type);

#endif
