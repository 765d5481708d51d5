"""The documents as a site: it builds without a warning and without a network, and what it links is there."""

from __future__ import annotations

import os
import posixpath
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt

from genbench.cli.main import with_plugins
from genbench.plugin.discovery import load_registry

PAGES = ("index", "getting-started", "reading-a-leaderboard", "faq", "protocol", "metrics", "statistics")
COUNTED = ("h1", "h2", "h3", "li", "tr", "td", "pre", "blockquote", "strong", "em")
LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src"}


class HtmlPage(HTMLParser):
    """Links, anchors and tags of a page; tags of the document alone, without what the theme puts around it."""

    def __init__(self, html: str, *, everything: bool) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.anchors: set[str] = set()
        self.tags: Counter[str] = Counter()
        self.words: list[str] = []
        self._inside = everything
        self._skip = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self._inside |= tag == "article"
        self.anchors |= {value for name, value in attrs if name in ("id", "name") and value}
        if tag == "a" and found.get("href"):
            self.links.add(str(found["href"]))
        address = found.get(LOADED.get(tag, ""))
        if address and found.get("rel") != "canonical":
            self.loads.add(address)
        self._skip = found.get("class") == "headerlink"
        if self._inside and tag in COUNTED:
            self.tags[tag] += 1

    def handle_data(self, data: str) -> None:
        if self._inside and not self._skip:
            self.words += data.split()

    def handle_endtag(self, tag: str) -> None:
        self._inside &= tag != "article"
        self._skip = False


@pytest.fixture(scope="module")
def site(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    # nothing can be fetched through this proxy
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=repository,
        env={**os.environ, **nowhere, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


# One test, because a site takes seconds to build, and tests that run in several processes would each build it.
def test_the_site_is_whole(site: Path, repository: Path) -> None:
    pages = {
        path.relative_to(site).as_posix(): HtmlPage(path.read_text(encoding="utf-8"), everything=False)
        for path in site.rglob("*.html")
        if path.name != "404.html"  # its links are those of a server's root
    }
    assert {f"{name}.html" for name in PAGES} <= pages.keys()
    assert list(broken_links(pages, site)) == []
    assert {load for page in pages.values() for load in page.loads if "//" in load} == set()
    assert list(rendered_otherwise(pages, repository)) == []
    decisions = {path.stem for path in (repository / "docs/decisions").glob("*.md")}
    listed = {posixpath.basename(link).removesuffix(".html") for link in pages["decisions/index.html"].links}
    assert decisions <= listed
    shown = (site / "reference/command-line.html").read_text(encoding="utf-8")
    assert [option for option in options_of_commands() if option not in shown] == []
    anchors = {
        anchor for name, page in pages.items() if name.startswith("reference/api/") for anchor in page.anchors
    }
    assert [name for name in public_names(repository) if name not in anchors] == []


def broken_links(pages: dict[str, HtmlPage], site: Path) -> Iterator[tuple[str, str]]:
    for name, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(parts.path)))
            target = name if not parts.path else target
            if not (site / target).is_file() or (
                parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors
            ):
                yield name, link


def rendered_otherwise(pages: dict[str, HtmlPage], repository: Path) -> Iterator[tuple[str, object]]:
    """Documents that have other lists, tables, blocks or words on the site than on a forge: Python-Markdown wants an
    empty line before a list, and four spaces before what is nested."""
    forge = MarkdownIt("commonmark", {"html": True}).enable("table")
    for path in (repository / "docs").rglob("*.md"):
        text = path.read_text(encoding="utf-8")
        if not text.lstrip().startswith("# "):
            continue  # the theme adds a heading
        expected = HtmlPage(forge.render(text), everything=True)
        found = pages[path.relative_to(repository / "docs").with_suffix(".html").as_posix()]
        if found.tags != expected.tags:
            yield path.name, {tag: found.tags[tag] - expected.tags[tag] for tag in COUNTED}
        elif "".join(found.words) != "".join(expected.words):
            both = zip(found.words, expected.words, strict=False)
            yield path.name, next((pair for pair in both if pair[0] != pair[1]), "the end")


def options_of_commands() -> Iterator[str]:
    """Every command, and every long option, as the command line defines them."""
    import typer

    def of(command: object, name: str) -> Iterator[str]:
        yield name
        for parameter in getattr(command, "params", ()):
            yield from (option for option in parameter.opts if option.startswith("--"))
        for child in getattr(command, "commands", {}).values():
            yield from of(child, f"{name} {child.name}")

    yield from of(typer.main.get_command(with_plugins(load_registry())), "genai-bench")


def public_names(repository: Path) -> Iterator[str]:
    """Names that docs/public-api.md lists as modules, and what those that say so export."""
    text = (repository / "docs/public-api.md").read_text(encoding="utf-8")
    for row in re.findall(r"^\| (`genbench[^|]*)\|", text, flags=re.MULTILINE):
        for module in re.findall(r"`(genbench(?:\.\w+)*)`", row):
            yield module
            if module != "genbench":  # its names are documented where they come from
                yield from (f"{module}.{name}" for name in getattr(import_module(module), "__all__", ()))
