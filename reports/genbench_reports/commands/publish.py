"""The command `publish`: runs become a part of a collection that others can read, extend and merge."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from genbench.errors import UsageError
from genbench.plugin.registry import registry_of
from genbench_reports.format.text import clean, plural

_BRANCH = re.compile(r"git:(?P<repository>[^#]*)#(?P<branch>.+)")
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def publish(
    context: typer.Context,
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders of runs, or of published results.")
    ],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="TARGET",
            help="A folder; [cyan]git:REPOSITORY#BRANCH[/cyan]; or [cyan]hf:USER/NAME[/cyan], a data set of the"
            " Hugging Face Hub.",
        ),
    ],
    hub_name: Annotated[
        str | None,
        typer.Option(
            "--hub-name",
            metavar="USER/NAME",
            help="The data set on the Hub that .eval_results refer to.  [dim]\\[default: that of --to][/dim]",
        ),
    ] = None,
    publisher: Annotated[
        str, typer.Option("--publisher", metavar="NAME", help="Who ran the jobs, for exports.")
    ] = "unknown",
) -> None:
    """Add runs to published results, and make their site and exports anew. No published record is changed or removed,
    and publishing twice changes nothing.

    [dim]genai-bench publish runs/quick --to published\n
    genai-bench publish runs/quick --to git:.#results[/dim]
    """
    from genbench_reports.publish.git_branch import publish_onto
    from genbench_reports.publish.hugging_face import publish_to_hub
    from genbench_reports.publish.publishing import Options, Published, publish_into

    registry = registry_of(context)
    on_hub = to.removeprefix("hf:") if to.startswith("hf:") else None
    for name in filter(None, (on_hub, hub_name)):
        if not _HUB_NAME.fullmatch(name):
            raise UsageError(f"{name!r} is no name on the Hub; expected USER/NAME")
    options = Options(hub_name or on_hub, clean(publisher) or "unknown")
    done: list[Published] = []

    def publish_here(folder: Path, others: list[Path] | None = None) -> bool:
        done.append(publish_into(folder, [*(others or []), *runs], registry, options))
        return done[-1].is_changed

    if on_hub is not None:
        message = f"genai-bench publish: {', '.join(run.name for run in runs)}"
        where = publish_to_hub(on_hub, message, publish_here)
        said = f"uploaded: {where}" if where else f"nothing new for hf:{on_hub}"
    elif to.startswith("git:"):
        match = _BRANCH.fullmatch(to)
        if match is None:
            raise UsageError(f"--to {to}: expected git:REPOSITORY#BRANCH, as in git:.#results")
        message = f"genai-bench publish: {', '.join(run.name for run in runs)}"
        commit = publish_onto(Path(match["repository"] or "."), match["branch"], message, publish_here)
        said = (
            f"commit {commit[:10]} on {match['branch']}" if commit else f"nothing new for {match['branch']}"
        )
    else:
        publish_here(Path(to))
        said = f"{to}/index.html" if done[-1].is_changed else f"nothing new for {to}"
    (published,) = done[-1:]
    typer.echo(
        f"{plural(published.added.new, 'new record')}, {published.added.present} published already, {published.total}"
        f" in all; {clean(said)}"
    )
    for line in published.added.damaged:
        typer.echo(f"left out: {clean(line)}", err=True)
