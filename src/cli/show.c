/* Opening figures, and the -cuda flag. */
#include "show.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Starts xdg-open detached (double fork, so nobody is left to wait for); true when it could be
 * started. */
static bool open_viewer(const char *path)
{
    pid_t child = fork();
    if (child < 0)
        return false;
    if (child == 0) {
        if (fork() != 0)
            _exit(0);
        setsid();
        int null = open("/dev/null", O_RDWR);
        if (null >= 0) {
            dup2(null, STDIN_FILENO);
            dup2(null, STDOUT_FILENO);
            dup2(null, STDERR_FILENO);
        }
        execlp("xdg-open", "xdg-open", path, (char *)NULL);
        _exit(127);
    }
    int status;
    return waitpid(child, &status, 0) == child;
}

void cli_show(cli_context *ctx, const char *path)
{
    const char *x = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");
    if (((x && *x) || (wayland && *wayland)) && open_viewer(path))
        return;
    cli_say(ctx, "no display to show it on; the figure is in %s", path);
}

dnb_backend cli_backend(cli_context *ctx, bool cuda)
{
    if (cuda)
        cli_warn(ctx, "-cuda: this build has no GPU back end; using the CPU");
    return DNB_BACKEND_AUTO;
}
