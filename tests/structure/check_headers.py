"""check_headers.py ROOT CC [CXX]: each public header compiles alone, as C17 and (given CXX) as C++11,
without a warning."""
import subprocess
import sys

import tree

WARN = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-Iinclude"]


def compile_alone(root, header, command):
    text = '#include "%s"\n#include "%s"\n' % ((header[len("include/"):],) * 2)  # twice: the guard works
    done = subprocess.run(command + WARN + ["-"], cwd=root, input=text, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return None if done.returncode == 0 else "%s: %s: %s" % (header, " ".join(command), done.stdout.strip())


def check(root, cc, cxx=None):
    commands = [[cc, "-std=c17", "-x", "c"]]
    if cxx:
        commands.append([cxx, "-std=c++11", "-x", "c++"])
    results = [compile_alone(root, h, c) for h in tree.public_headers(root) for c in commands]
    return [r for r in results if r]


if __name__ == "__main__":
    tree.run(check, len(sys.argv) - 1 if len(sys.argv) in (3, 4) else 2)
