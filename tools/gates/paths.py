#!/usr/bin/env python3
"""Fails when a page names a path of the repository, or links to a file or heading, that does not exist, and when a
page of docs/ can't be reached from README.md."""
import pathlib
import re
import sys

TOPS = "src|proto|include|tests|models|tools|docs"


def without_code(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)


def anchors(page):
    """As GitHub names headings; a second one of the same name is not linked to."""
    for title in re.findall(r"^#+ (.*)$", without_code(page.read_text()), re.M):
        yield re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def links(page):
    """(link, file, anchor) for each link within the repository."""
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text())):
        if not re.match(r"\w+:", link):
            path, _, anchor = link.partition("#")
            yield link, (page.parent / path).resolve() if path else page.resolve(), anchor


def faults(root, page):
    for path in re.findall(rf"`((?:{TOPS})/[\w./-]*)`", page.read_text()):
        if not (root / path).exists():
            yield f"{path} does not exist"
    for link, path, anchor in links(page):
        if not path.exists():
            yield f"({link}) leads nowhere"
        elif anchor and anchor not in anchors(path):
            yield f"({link}): no such heading"


def reached(start):
    """The pages that one gets to from here by links."""
    seen, todo = set(), [start.resolve()]
    while todo:
        page = todo.pop()
        if page not in seen and page.suffix == ".md" and page.is_file():
            seen.add(page)
            todo += [path for _, path, _ in links(page)]
    return seen


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    pages = [root / "README.md", root / "src/README.md", root / "models/README.md", *sorted(root.glob("docs/*.md"))]
    bad = [f"{page.relative_to(root)}: {fault}" for page in pages for fault in faults(root, page)]
    bad += [f"{page.relative_to(root)}: no way leads here from README.md" for page in sorted(set(pages) - reached(pages[0]))]
    print("\n".join(bad) or "paths ok")
    return bool(bad)


sys.exit(main())
