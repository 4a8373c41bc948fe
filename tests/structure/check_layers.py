"""check_layers.py ROOT: #include lines keep to the order of the rooms.

A file of src/<room>/ includes its own room and rooms to the left; a public header likewise, in the room
that its opening comment names; src/cli sees include/dnnbrain/ and its own folder only."""
import os
import re

import tree

# In quotes, or our own public headers in angle brackets.
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*["<]((?<=")[^">]+|dnnbrain/[^">]+)[">]', re.M)
UMBRELLA = "include/dnnbrain/dnnbrain.h"
# Headers that the build generates, by the room they belong to.
GENERATED = {"onnx.pb-c.h": "net"}


def room_of_include(root, path, name):
    """(room, problem) of what path includes under name."""
    if name in GENERATED:
        return GENERATED[name], None
    if name.startswith("dnnbrain/"):
        header = "include/" + name
        if not os.path.exists(os.path.join(root, header)):
            return None, "no such public header"
        if header == UMBRELLA:
            return "cli", None
        return tree.header_room(root, header), None
    beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
    for candidate in (beside, os.path.join("src", name)):
        if os.path.exists(os.path.join(root, candidate)):
            return candidate.split(os.sep)[1], None
    return None, "names no file of the tree"


def check_file(root, path, room):
    problems = []
    for name in INCLUDE.findall(tree.read(root, path)):
        other, why = room_of_include(root, path, name)
        if why:
            problems.append('%s: "%s": %s' % (path, name, why))
        elif other not in tree.LEVEL:
            problems.append('%s: "%s" is in no known room' % (path, name))
        elif path.startswith("include/") and not name.startswith("dnnbrain/"):
            problems.append('%s: a public header includes the internal "%s"' % (path, name))
        elif room == "cli" and other != "cli":
            if not name.startswith("dnnbrain/"):
                problems.append('%s: cli reaches into the internal "%s"' % (path, name))
        elif not tree.may_include(room, other):
            problems.append('%s: room %s includes "%s" of room %s' % (path, room, name, other))
    return problems


def check(root):
    problems = []
    for path in tree.c_files(root, "src"):
        room = path.split(os.sep)[1]
        if room not in tree.LEVEL:
            problems.append("%s: src/%s is no room" % (path, room))
            continue
        problems += check_file(root, path, room)
    headers = tree.public_headers(root)
    for path in headers:
        room = tree.header_room(root, path)
        if path == UMBRELLA:
            names = INCLUDE.findall(tree.read(root, path))
            problems += ['%s: lacks #include "%s"' % (path, h[len("include/"):]) for h in headers
                         if h != path and h[len("include/"):] not in names]
            continue
        if room not in tree.LEVEL:
            problems.append("%s: its opening comment needs a line 'room: <room>'" % path)
            continue
        problems += check_file(root, path, room)
    return problems


if __name__ == "__main__":
    tree.run(check)
