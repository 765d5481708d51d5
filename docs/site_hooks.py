"""What mkdocs does besides rendering docs/*.md (mkdocs.yml names this file): three kinds of pages are generated, and
links that leave the folder of the documents lead to copies of the files that they name.

The documents are written for two readers: of the site, and of the repository on a forge, where a link is a path.
"""

from __future__ import annotations

import ast
import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

REPOSITORY = Path(__file__).parent.parent
DOCUMENTS = "docs"
OUTSIDE = "repository"
"""Where the site has the files that are not documents, under their paths in the repository."""
COMMAND_LINE = "reference/command-line.md"
API = "reference/api"
DECISIONS = "decisions/index.md"
_LINK = re.compile(r"^(?P<fence>```|~~~).*?^(?P=fence)|\]\((?P<link>[^)\s]+)\)", re.MULTILINE | re.DOTALL)
"""A link, or a block of code, in which none is looked for."""


# ---- what mkdocs calls


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Decisions and pages of the API enter the navigation by themselves."""
    entries: list[Any] = config.nav or []
    decisions = [DECISIONS, *(f"decisions/{path.name}" for path in _decisions())]
    config.nav = _replaced(entries, {DECISIONS: decisions, f"{API}/index.md": [*api_pages()]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds what is generated, and every file that a document links, its own links followed."""
    from mkdocs.structure.files import File

    for uri, text in generated_pages().items():
        files.append(File.generated(config, uri, content=text))
    waiting = [*(REPOSITORY / DOCUMENTS).rglob("*.md"), *map(_of_uri, _outside_in(config.nav or []))]
    seen = {*waiting}
    while waiting:
        path = waiting.pop()
        if not path.is_file():  # a generated page, or a mistake, which mkdocs reports
            continue
        if not path.is_relative_to(REPOSITORY / DOCUMENTS):
            files.append(File.generated(config, site_uri(path), abs_src_path=str(path)))
        if path.suffix == ".md":
            found = {target for _, target in links_of(path.read_text(encoding="utf-8"), path)} - seen
            waiting += sorted(found)
            seen |= found
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links by path become links by place on the site. Folded sections are Markdown too, as a forge has it."""
    path = _of_uri(page.file.src_uri)
    if not path.is_file():  # generated
        return markdown
    places = {
        link: posixpath.relpath(site_uri(target), posixpath.dirname(page.file.src_uri) or ".")
        for link, target in links_of(markdown, path)
    }

    def of(match: re.Match[str]) -> str:
        link = match["link"]
        if link not in places:
            return match[0]
        _, hash_, heading = link.partition("#")
        return f"]({places[link]}{hash_}{heading})"

    markdown = _LINK.sub(of, markdown)
    return re.sub(r"^<details><summary>", '<details markdown="1"><summary>', markdown, flags=re.MULTILINE)


# ---- links


def links_of(markdown: str, path: Path) -> Iterator[tuple[str, Path]]:
    """Each link by path that a document has, as written, and the file that it leads to: of a folder its README, or
    the list of decisions."""
    for link in {match["link"] or "" for match in _LINK.finditer(markdown)}:
        name = link.partition("#")[0]
        if not name or "://" in name or name.startswith("mailto:"):
            continue
        target = Path(os.path.normpath(path.parent / name))
        if target.is_dir():
            target = target / ("index.md" if target == REPOSITORY / DOCUMENTS / "decisions" else "README.md")
        yield link, target


def site_uri(path: Path) -> str:
    """The place of a file of the repository among the sources of the site."""
    inside = path.relative_to(REPOSITORY).as_posix()
    return (
        inside.removeprefix(f"{DOCUMENTS}/") if inside.startswith(f"{DOCUMENTS}/") else f"{OUTSIDE}/{inside}"
    )


def _of_uri(uri: str) -> Path:
    inside = PurePosixPath(uri)
    if inside.parts[0] == OUTSIDE:
        return REPOSITORY.joinpath(*inside.parts[1:])
    return REPOSITORY / DOCUMENTS / inside


def _outside_in(entries: Iterable[Any]) -> Iterator[str]:
    """The files outside the documents that the navigation names."""
    for entry in entries:
        if isinstance(entry, dict):
            yield from _outside_in(entry.values())
        elif isinstance(entry, list):
            yield from _outside_in(entry)
        elif entry.startswith(f"{OUTSIDE}/"):
            yield entry


def _replaced(entries: list[Any], pages: dict[str, list[str]]) -> list[Any]:
    """The navigation with the pages in place of an entry that stands for them."""

    def of(entry: Any) -> Any:
        if isinstance(entry, dict):
            return {title: of(value) for title, value in entry.items()}
        if isinstance(entry, list):
            return [of(each) for each in entry]
        return pages.get(entry, entry)

    return [of(entry) for entry in entries]


# ---- generated pages


def generated_pages() -> dict[str, str]:
    """Markdown by place."""
    return {DECISIONS: decisions_page(), COMMAND_LINE: command_line_page(), **api_pages()}


def _decisions() -> list[Path]:
    return sorted((REPOSITORY / DOCUMENTS / "decisions").glob("[0-9]*.md"))


def decisions_page() -> str:
    """A list of all decisions by their titles."""
    lines = []
    for path in _decisions():
        number, title = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ").split(". ", 1)
        lines.append(f"| {number} | [{title}]({path.name}) |")
    return (
        "# Decisions\n\nChoices that someone might want to reverse: what was chosen, why, and what was left.\n\n"
        "| number | decision |\n|---:|---|\n" + "\n".join(lines) + "\n"
    )


def command_line_page() -> str:
    """Every command with its arguments and options, from the command line itself, those of report plugins included."""
    import typer

    from genbench.cli.main import with_plugins
    from genbench.plugin.discovery import load_registry

    root = typer.main.get_command(with_plugins(load_registry()))
    parts = [
        "# Command line\n\nGenerated from the commands themselves; `genai-bench COMMAND --help` shows the same."
        " What they are for: [commands, suites, budgets](../commands.md).\n"
    ]
    parts += _command(root, "genai-bench")
    return "\n".join(parts)


def _command(command: Any, name: str, parent: Any = None) -> Iterator[str]:
    from rich.text import Text

    context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    if parent is not None:
        yield f"## {name}\n"
    yield f"{_paragraphs(command.help or '')}\n"
    yield f"```text\n{name} {' '.join(command.collect_usage_pieces(context))}\n```\n"
    rows = []
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            names, about = (" ".join(Text.from_markup(part).plain.split()) for part in record)
            rows.append(f"| {_code(names)} | {_cell(about)} |")
    if rows:
        yield "| option | meaning |\n|---|---|\n" + "\n".join(rows) + "\n"
    for child in getattr(command, "commands", {}).values():
        if not child.hidden:
            yield from _command(child, f"{name} {child.name}", context)


def _paragraphs(text: str) -> str:
    """The help of a command without its colours; examples, which are dimmed there, as code."""
    from rich.text import Text

    body, _, examples = text.partition("[dim]genai-bench")
    plain = Text.from_markup(body).plain.strip()
    if not examples:
        return _cell(plain)
    lines = [line.strip() for line in f"genai-bench{examples}".replace("[/dim]", "").splitlines()]
    return _cell(plain) + "\n\n" + "\n".join(f"    {line}" for line in lines if line)


def _cell(text: str) -> str:
    return re.sub(r"([\\*_\[\]<>|])", r"\\\1", text)


def _code(text: str) -> str:
    return "`" + text.replace("|", "\\|") + "`"


def api_pages() -> dict[str, str]:
    """A page per heading of docs/public-api.md, with the modules that its table lists."""
    text = (REPOSITORY / DOCUMENTS / "public-api.md").read_text(encoding="utf-8")
    pages = {}
    for section in text.split("\n## ")[1:]:
        heading, _, body = section.partition("\n")
        rows = re.findall(r"^\| (`genbench[^|]*)\|([^|]*)\|", body, flags=re.MULTILINE)
        modules = [name for cell, _ in rows for name in re.findall(r"`(genbench(?:\.\w+)*)`", cell)]
        slug = re.sub(r"\W+", "-", heading.lower())
        directives = "\n".join(map(_module, modules))
        pages[f"{API}/{slug}.md"] = (
            f"# {heading}\n\nGenerated from the source; what is public is listed in"
            f" [what packages may import](../../public-api.md).\n\n{directives}"
        )
    index = "\n".join(
        f"- [{text.splitlines()[0][2:]}]({name.rpartition('/')[2]})" for name, text in pages.items()
    )
    about = "# API\n\nWhat plugins and other programs may import, by who needs it.\n\n"
    return {f"{API}/index.md": f"{about}{index}\n", **pages}


def _module(name: str) -> str:
    """The directive of a module: the names that it exports or, if it does not say, those that it defines."""
    exported = exported_names(name)
    if name == "genbench":  # each of its names is documented under the module that it comes from
        names = [
            f"- [`{each}`][genbench.{each}]" if each[0].isupper() else f"- `{each}`" for each in exported
        ]
        return "## genbench\n\n" + "\n".join(names) + "\n"
    members = f"\n      members: {exported}" if exported else ""
    return f"::: {name}\n    options:\n      show_root_toc_entry: true{members}\n"


def exported_names(module: str) -> list[str]:
    """The `__all__` of a module of the harness, read from its source, so that torch is not imported; empty if it has
    none."""
    place = REPOSITORY / "benchmark" / Path(*module.split("."))
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return sorted(ast.literal_eval(node.value))
    return []
