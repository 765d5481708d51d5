"""What planning and reports cost with many records: processor time and peak memory of each command, as a table.

    python tests/performance/measure_many_records.py FOLDER --records 1000 10000 100000

The synthetic runs (`tests/helpers/many_records.py`) are written into FOLDER first, and stay there for the next time;
100,000 records take 5 GB. Each command runs alone, with at most the memory that `--memory` says. A command that needs
more, or fails otherwise, has its exit code in the table instead.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

HELPER = Path(__file__).parents[1] / "helpers" / "many_records.py"
FIRST = "planning, the first time"
"""Planning before there is an index of the records."""
GENAI_BENCH = (sys.executable, "-m", "genbench")


def commands(folder: Path, records: int, output: Path) -> dict[str, tuple[str, ...]]:
    """The command lines to measure, by what the table calls them."""
    run, planned, suite = (str(folder / f"{records}{end}") for end in ("", "-planned", "-planned.toml"))
    plan = ("run", "--suite", suite, "-j", "2", "--threads", "1", "--out", planned, "--dry-run")
    reports = {
        f"report --format {kind}": ("report", run, "--format", kind, "-o", str(output / f"report.{kind}"))
        for kind in ("json", "csv", "md", "html")
    }
    return {
        FIRST: plan,
        "planning": plan,
        "show": ("show", run),
        "show --statistics": ("show", run, "--statistics"),
        **reports,
        "compare": ("compare", run, run),
    }


def make_runs(folder: Path, records: int) -> None:
    """Write the runs that are not there yet, each in a process of its own, so that this one stays small: the peak of a
    process is at least that of the one that started it."""
    run, planned = folder / str(records), folder / f"{records}-planned"
    command = (sys.executable, str(HELPER))
    if not (run / "run.json").exists():
        subprocess.run([*command, str(run), "--records", str(records)], check=True, stdout=subprocess.DEVNULL)
    if not (planned / "complete").exists():
        suite = folder / f"{records}-planned.toml"
        arguments = (str(planned), "--records", str(records), "--suite", str(suite))
        subprocess.run([*command, *arguments], check=True, stdout=subprocess.DEVNULL)
        (planned / "complete").touch()


def measure(command: tuple[str, ...], folder: Path, memory: int) -> str:
    """Processor seconds and peak memory of a command with all of its processes, or how it failed."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

    # an index that planning keeps is to be that of these runs
    environment = {**os.environ, "GENBENCH_DATA": str(folder / "cache"), "COLUMNS": "160"}
    process = subprocess.Popen(
        [*GENAI_BENCH, *command],
        env=environment,
        preexec_fn=limit,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 2):  # 2: some of the jobs have failed
        return f"exit code {process.returncode}"
    seconds = usage.ru_utime + usage.ru_stime
    return f"{seconds:.1f} s, {usage.ru_maxrss * 1024 / 1e9:.2f} GB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--records", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--memory", type=float, default=9.0, metavar="GB")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="commands, as the table calls them")
    wanted = parser.parse_args()
    wanted.folder.mkdir(parents=True, exist_ok=True)
    print("| records | command | processor time, peak memory |\n|---:|---|---:|", flush=True)
    for records in wanted.records:
        make_runs(wanted.folder, records)
        for name, command in commands(wanted.folder, records, wanted.folder).items():
            if name == FIRST:
                shutil.rmtree(wanted.folder / "cache", ignore_errors=True)
            if wanted.only is None or name in wanted.only:
                measured = measure(command, wanted.folder, int(wanted.memory * 1e9))
                print(f"| {records:,} | {name} | {measured} |", flush=True)


if __name__ == "__main__":
    main()
