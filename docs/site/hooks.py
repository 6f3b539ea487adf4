"""What MkDocs is told of this project: the navigation, the pages beside `docs/`, and no script within a page."""

from __future__ import annotations

import hashlib
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

PROJECT = Path(__file__).resolve().parents[2]
BESIDE = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
"""The pages of the project's own folder; on the site they are in `project/`."""
LINK = re.compile(r"(?<=\]\()([^)#\s]+)")
NAVIGATION_LINK = re.compile(r"\[([^]]+)\]\(([^)#]+)\)")
INLINE_SCRIPT = re.compile(r"<script>(.+?)</script>", re.DOTALL)
SCRIPTS = "assets/javascripts/inline"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Take the navigation from `docs/README.md`: its headings, and of each item of a list the first link."""
    config.nav = navigation((PROJECT / "docs" / "README.md").read_text())
    return config


def navigation(index: str) -> list[Any]:
    """The navigation that an index page describes, as MkDocs takes it."""
    found: list[Any] = [{"Home": "README.md"}]
    sections = found
    for line in index.splitlines():
        if line.startswith("## "):
            sections = []
            found.append({line.removeprefix("## "): sections})
        elif line.startswith("- ") and (link := NAVIGATION_LINK.search(line)):
            sections.append({link[1]: site_path("docs", link[2])})
    return found


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the project's own folder."""
    for name in BESIDE:
        files.append(File.generated(config, f"project/{name}", content=(PROJECT / name).read_text()))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Point the links of a page at where their files are on the site."""
    if page.file.src_uri.startswith(
        "decisions/"
    ):  # every page loads the index of the search: these would be a quarter of it
        page.meta["search"] = {"exclude": True}
    here = posixpath.dirname(page.file.src_uri)
    folder = "" if here == "project" else posixpath.join("docs", here)

    def on_the_site(link: re.Match[str]) -> str:
        return link[1] if ":" in link[1] else posixpath.relpath(site_path(folder, link[1]), here or ".")

    return LINK.sub(on_the_site, markdown)


def site_path(folder: str, link: str) -> str:
    """The file on the site that a link from a folder of the project means."""
    target = posixpath.normpath(posixpath.join(folder, link))
    return f"project/{target}" if target in BESIDE else posixpath.relpath(target, "docs")


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Move the theme's inline scripts into files, since the content policy of the pages permits none inline."""
    to_root = posixpath.relpath(".", posixpath.dirname(page.file.dest_uri) or ".")

    def moved(script: re.Match[str]) -> str:
        name = f"{SCRIPTS}/{hashlib.sha256(script[1].encode()).hexdigest()[:12]}.js"
        path = Path(config.site_dir) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script[1])
        return f'<script src="{to_root}/{name}"></script>'

    return INLINE_SCRIPT.sub(moved, output)


def on_post_template(output: str, template_name: str, **_: Any) -> str:
    """Leave out the page of what is not found: its links would be of a site at the root of its host."""
    return "" if template_name == "404.html" else output
