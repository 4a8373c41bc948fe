/* Checks of file names, by the options' types. */
#include "files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static dnb_status check_input(const char *path, dnb_err *err)
{
    if (access(path, R_OK) != 0)
        return dnb_fail(err, DNB_EIO, "%s: cannot open: %s", path, strerror(errno));
    if (is_folder(path))
        return dnb_fail(err, DNB_EIO, "%s: is a folder, expected a file", path);
    return DNB_OK;
}

/* The folder that will hold `path`. */
static dnb_status check_folder_of(const char *path, dnb_err *err)
{
    char *folder = strdup(path);
    dnb_status status = DNB_OK;
    if (!folder)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for %s", path);
    size_t n = strlen(folder);
    while (n > 1 && folder[n - 1] == '/') /* a folder's own name may end in slashes */
        folder[--n] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    else
        strcpy(folder, ".");
    if (access(folder, F_OK) != 0)
        status =
            dnb_fail(err, DNB_EIO, "%s: folder %s does not exist; create it first", path, folder);
    else if (!is_folder(folder))
        status = dnb_fail(err, DNB_EIO, "%s: %s is not a folder", path, folder);
    else if (access(folder, W_OK | X_OK) != 0)
        status = dnb_fail(err, DNB_EIO, "%s: cannot write to folder %s: %s", path, folder,
                          strerror(errno));
    free(folder);
    return status;
}

static dnb_status check_output(const char *path, dnb_err *err)
{
    size_t n = strlen(path);
    if (n > 0 && path[n - 1] == '/')
        return dnb_fail(err, DNB_EIO, "%s: names a folder, expected a file name", path);
    return check_folder_of(path, err);
}

static dnb_status check_word(cli_type type, const char *path, dnb_err *err)
{
    dnb_status status;
    if (!path)
        return DNB_OK;
    switch (type) {
    case CLI_INFILE:
    case CLI_INFILES:
        return check_input(path, err);
    case CLI_INPATHS:
        return is_folder(path) ? DNB_OK : check_input(path, err);
    case CLI_OUTFILE:
        status = check_output(path, err);
        if (status == DNB_OK && is_folder(path))
            status = dnb_fail(err, DNB_EIO, "%s: is a folder, expected a file name", path);
        return status;
    case CLI_OUTNAME:
        return check_output(path, err);
    case CLI_OUTDIR:
        if (access(path, F_OK) == 0)
            return is_folder(path)
                       ? DNB_OK
                       : dnb_fail(err, DNB_EIO, "%s: is a file, expected a folder", path);
        return check_folder_of(path, err);
    default:
        return DNB_OK;
    }
}

static bool names_path(cli_type type)
{
    return type == CLI_INFILE || type == CLI_OUTFILE || type == CLI_OUTNAME || type == CLI_OUTDIR;
}

dnb_status cli_check_files(const cli_command *command, const void *args, dnb_err *err)
{
    dnb_status status = DNB_OK;
    for (const cli_option *o = command->options; o->name && status == DNB_OK; o++) {
        const void *field = (const char *)args + o->offset;
        if (o->type == CLI_INFILES || o->type == CLI_INPATHS) {
            const cli_strings *list = field;
            for (size_t i = 0; i < list->count && status == DNB_OK; i++)
                status = check_word(o->type, list->items[i], err);
        } else if (names_path(o->type)) {
            status = check_word(o->type, *(const char *const *)field, err);
        }
    }
    return status;
}
