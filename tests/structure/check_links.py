"""check_links.py ROOT: each relative link of a Markdown page leads to a file, each folder or file that a page
names in `scripts/...`, `docs/...`, `tests/...`, `src/...`, `cmake/...` or `examples/...` exists."""
import os
import re

import tree

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
NAMED = re.compile(r"`((?:scripts|docs|tests|src|cmake|examples|include|bench)/[\w./-]*)`")


def check(root):
    problems = []
    for path in tree.walk(root):
        if not path.endswith(".md"):
            continue
        text = tree.read(root, path)
        for target in LINK.findall(text):
            if "://" in target or target.startswith("mailto:"):
                continue
            if not os.path.exists(os.path.join(root, os.path.dirname(path), target)):
                problems.append("%s: the link %s leads nowhere" % (path, target))
        problems += ["%s: names %s, which does not exist" % (path, target) for target in NAMED.findall(text)
                     if not os.path.exists(os.path.join(root, target))]
    return problems


if __name__ == "__main__":
    tree.run(check)
