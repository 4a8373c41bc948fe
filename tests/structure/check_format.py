"""check_format.py ROOT: every C file is as clang-format 14 writes it (another version formats otherwise;
exit 77, skipped, where 14 is absent)."""
import re
import shutil
import subprocess
import sys

import tree

VERSION = "14"


def clang_format():
    for name in ("clang-format-" + VERSION, "clang-format"):
        path = shutil.which(name)
        if path:
            text = subprocess.run([path, "--version"], text=True, stdout=subprocess.PIPE).stdout
            if re.search(r"version %s\." % VERSION, text):
                return path
    return None


def check(root, tool=None):
    files = tree.c_files(root, "src", "include", "tests", "examples", "bench")
    done = subprocess.run([tool or clang_format(), "--style=file", "--dry-run"] + files, cwd=root, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    bad = {line.split(":")[0] for line in done.stdout.splitlines() if "-Wclang-format-violations" in line}
    problems = ["%s: run clang-format -i on it" % path for path in sorted(bad)]
    if done.returncode != 0:
        problems.append(done.stdout.strip())
    return problems


if __name__ == "__main__":
    if not clang_format():
        print("no clang-format %s here: skipped" % VERSION)
        sys.exit(77)
    tree.run(check)
