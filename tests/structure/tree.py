"""The source tree as the structural checks see it: files, rooms, public headers."""
import os
import re
import sys

# Left may be included from the right; rooms on one line never include each other.
ROOM_ORDER = [["base"], ["array"], ["media", "data", "neuro", "net", "stats", "plot"], ["scan"],
              ["map", "see"], ["cli"]]
LEVEL = {room: level for level, rooms in enumerate(ROOM_ORDER) for room in rooms}

NOT_SOURCE = {".git", ".cache", "__pycache__", "build", "demo-output", "node_modules"}


def walk(root, *folders):
    """Paths of the files below the folders (all when none is named), relative to root, sorted."""
    found = []
    for folder in folders or [""]:
        for here, dirs, files in os.walk(os.path.join(root, folder)):
            dirs[:] = sorted(d for d in dirs
                             if d not in NOT_SOURCE and not d.startswith("build-"))
            found += [os.path.relpath(os.path.join(here, f), root)
                      for f in files if f not in NOT_SOURCE]
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def c_files(root, *folders):
    return [p for p in walk(root, *(folders or ("src", "include"))) if p.endswith((".c", ".h"))]


def public_headers(root):
    return [p for p in walk(root, "include") if p.endswith(".h")]


def header_room(root, path):
    """The room that a public header declares in its opening comment; None when it declares none."""
    opening = read(root, path).split("*/", 1)[0]
    m = re.search(r"\broom: (\w+)", opening)
    return m.group(1) if m else None


def may_include(room, other):
    """Rooms to the left, and one's own."""
    return room == other or LEVEL[other] < LEVEL[room]


def run(check, usage_args=1):
    """main() of a check: prints each problem, exit 1 when there is one."""
    args = sys.argv[1:]
    if len(args) != usage_args:
        sys.exit("usage: %s: %d argument(s), see the file's opening" % (sys.argv[0], usage_args))
    problems = check(*args)
    for problem in problems:
        print(problem)
    print("%d problem(s)" % len(problems))
    sys.exit(1 if problems else 0)
