/* A program to try the fault library on: writes a file by each way there is and says what happened,
 * one line a way ("stdio ok", "pwrite No space left on device"). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static void say(const char *way, int ok)
{
    printf("%s %s\n", way, ok ? "ok" : strerror(errno));
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    FILE *f = fopen(argv[1], "w");
    if (!f)
        return 2;
    fputs("buffered until fclose", f);
    say("stdio", fclose(f) == 0);
    int fd = open(argv[1], O_WRONLY);
    struct iovec part = {.iov_base = "ef", .iov_len = 2};
    say("write", write(fd, "ab", 2) == 2);
    say("pwrite", pwrite(fd, "cd", 2, 2) == 2);
    say("writev", writev(fd, &part, 1) == 2);
    say("ftruncate", ftruncate(fd, 4) == 0);
    return close(fd) == 0 ? 0 : 2;
}
