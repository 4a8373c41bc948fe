"""check_scripts.py ROOT: every script parses, is executable, and passes shellcheck (exit 77, skipped, where
shellcheck is absent)."""
import os
import re
import shutil
import subprocess
import sys

import tree


def shell_scripts(root):
    found = []
    for path in tree.walk(root, "scripts", ".ci", "tests"):
        with open(os.path.join(root, path), "rb") as f:
            if re.match(rb"#!\S*(?:/| )(?:sh|bash)\b", f.read(64)):
                found.append(path)
    return found


def check(root):
    problems = []
    for path in shell_scripts(root):
        if not os.access(os.path.join(root, path), os.X_OK):
            problems.append("%s: not executable" % path)
        done = subprocess.run(["shellcheck", path], cwd=root, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        if done.returncode != 0:
            problems.append(done.stdout.strip())
    return problems


if __name__ == "__main__":
    if not shutil.which("shellcheck"):
        print("no shellcheck here: skipped")
        sys.exit(77)
    tree.run(check)
