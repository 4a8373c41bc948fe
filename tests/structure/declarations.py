"""What the public headers declare, read from their text."""
import re

import tree


def strip(text):
    """Without comments, strings, preprocessor lines and what only C++ sees."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    text = re.sub(r"//[^\n]*", " ", text)
    text = re.sub(r'"(?:\\.|[^"\\])*"', '""', text)
    text = re.sub(r"#ifdef __cplusplus.*?#endif", " ", text, flags=re.S)
    text = text.replace("\\\n", " ")
    return re.sub(r"^[ \t]*#[^\n]*", " ", text, flags=re.M)


def statements(text):
    """Declarations at file level, bodies in braces left out."""
    out, depth, start = [], 0, 0
    flat = []
    for c in strip(text):
        if c == "{":
            depth += 1
        elif c == "}":
            depth -= 1
            if depth == 0:
                flat.append(" {} ")
        elif depth == 0:
            flat.append(c)
    for statement in "".join(flat).split(";"):
        statement = " ".join(statement.split())
        if statement:
            out.append(statement)
    return out


def declared(root):
    """(exported, bare): names with DNB_API, and functions declared without it, each {name: header}."""
    exported, bare = {}, {}
    for path in tree.public_headers(root):
        for s in statements(tree.read(root, path)):
            # A static inline function before it has no semicolon of its own.
            s = s.rsplit("{}", 1)[-1].strip() if "{}" in s and "DNB_API" in s else s
            if s.startswith(("typedef", "struct", "enum", "union", "static")) and "DNB_API" not in s:
                continue
            m = re.search(r"(\w+) ?\(", re.sub(r"__attribute__ ?\(\(.*?\)\)", "", s))
            name = m.group(1) if m else re.split(r"[\[=]", s)[0].split()[-1]
            if re.match(r"(extern )?DNB_API\b", s):
                exported[name] = path
            elif m and "{}" not in s:
                bare[name] = path
    return exported, bare
