"""check_files.py ROOT: names are unique across src/ and include/, no source is longer than 600 lines,
no file names a folder of somebody's machine."""
import os
import re

import tree

LONGEST = 600
# Absolute homes of one machine. In pieces, so that this file passes its own check.
MACHINE = re.compile(rb"(?<![\w./${}<>~-])/(?:" + b"|".join([b"work", b"root", b"home", b"Users"]) + rb")/[\w.-]")
SOURCE = (".c", ".h", ".py", ".sh", ".cmake")


def check(root):
    problems = []
    seen = {}
    for path in tree.c_files(root):
        name = os.path.basename(path)
        if name in seen:
            problems.append("%s: the name is taken by %s" % (path, seen[name]))
        seen.setdefault(name, path)
    for path in tree.walk(root):
        if os.path.islink(os.path.join(root, path)):
            continue
        with open(os.path.join(root, path), "rb") as f:
            content = f.read()
        lines = content.count(b"\n")
        if path.endswith(SOURCE) and lines > LONGEST:
            problems.append("%s: %d lines, the most is %d: split it" % (path, lines, LONGEST))
        for m in MACHINE.finditer(content):
            line = content.count(b"\n", 0, m.start()) + 1
            problems.append("%s:%d: a machine's own path: %s" % (path, line, m.group().decode("ascii", "replace")))
    return problems


if __name__ == "__main__":
    tree.run(check)
