"""Control characters of strangers never reach a terminal: real ones, through pseudo-terminals."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from genbench.util.terminal import SafeConsole, printable

pty = pytest.importorskip("pty", reason="no pseudo-terminals on this system")
EVIL = "a\x1b]0;owned\x07b\x1b[8mc\x9b31md\re\u202ef\x08"
SHOWN = r"a\x1b]0;owned\x07b\x1b[8mc\x9b31md\re\u202ef\x08"
_OWN = re.compile(rb"\x1b\[(?:[\d;]*[mABCDHJKsu]|\?\d+[hl])|\r\n")
"""What rich writes for colours and the cursor, and what a terminal makes of a line end."""


def on_a_terminal(*arguments: str, cwd: Path) -> str:
    """What a program writes on a terminal, both streams together, without rich's own sequences."""
    main, side = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=side,
        stderr=side,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200", "TERM": "xterm", "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    os.close(side)
    written = b""
    while True:
        try:
            block = os.read(main, 65_536)
        except OSError:  # the other side is closed
            break
        if not block:
            break
        written += block
    os.close(main)
    process.wait()
    return _OWN.sub(b"\n", written).decode()


def test_what_is_printable_stays() -> None:
    text = "plain ü 音 ±\ttab\nline\n"
    assert printable(text) == text
    assert printable("a\r\nb\x00") == "a\nb\\x00"
    assert printable(EVIL) == SHOWN


def test_a_console_escapes_text_in_whatever_holds_it() -> None:
    file = io.StringIO()
    console = SafeConsole(file=file, force_terminal=True, width=200, color_system="truecolor")
    table = Table("x")
    table.add_row(escape(EVIL))
    for each in (escape(EVIL), Text(EVIL, style="red"), table):
        console.print(each)
    console.print(EVIL, markup=False)
    plain = _OWN.sub(b"", file.getvalue().encode()).decode()
    assert printable(plain) == plain
    assert plain.count(r"]0;owned") == 4
    assert "\x1b[31m" in file.getvalue()  # our own colour passes


def test_no_command_prints_by_another_console(repository: Path) -> None:
    """Own data are read by a package that imports public names alone, and escape what they show themselves."""
    allowed = {"benchmark/genbench/util/terminal.py", "datasets/genbench_datasets/own_data/progress.py"}
    found = {
        str(path.relative_to(repository))
        for root in ("benchmark/genbench", "reports/genbench_reports", "datasets/genbench_datasets")
        for path in (repository / root).rglob("*.py")
        if re.search(r"\bConsole\(", path.read_text(encoding="utf-8"))
    }
    assert found <= allowed


def test_no_command_sends_a_strangers_sequences(tmp_path: Path) -> None:
    """A folder, a suite and an option with hostile names; a plain print, a table and an error."""
    (tmp_path / EVIL).mkdir()
    code = (
        "import sys; from genbench.cli import main\n"
        f"evil = {EVIL!r}\n"
        "def command(arguments):\n"
        "    print(evil); print(evil, file=sys.stderr); sys.stdout.writelines([evil, '\\n'])\n"
        "    return original(arguments)\n"
        "original, main.run_command_line = main.run_command_line, command\n"
        "sys.argv = ['genai-bench', 'compare', evil, evil]\n"
        "main.main()\n"
    )
    said = on_a_terminal("-c", code, cwd=tmp_path)
    assert printable(said) == said, repr(said)
    assert said.count(r"\x1b]0;owned") >= 4
    assert "genai-bench: " in said


LIVE = f"""
import time
from rich.live import Live
from rich.text import Text
from genbench.util.terminal import SafeConsole, guard_terminals

guard_terminals()
with Live(Text("vae", style="bold"), console=SafeConsole(), refresh_per_second=20) as live:
    print({EVIL!r})
    time.sleep(0.2)
    live.update(Text("gan", style="bold"))
"""


def test_a_live_view_is_drawn_and_what_is_printed_above_it_is_escaped(tmp_path: Path) -> None:
    """The view's own sequences pass, though rich wraps the stream that `guard_terminals` has wrapped. What is printed
    above the view goes through rich, which drops sequences for colours and titles."""
    (tmp_path / "live.py").write_text(LIVE)
    written = on_a_terminal("live.py", cwd=tmp_path)
    assert "vae" in written
    assert "gan" in written
    assert r"\u202e" in written
    assert r"\x1b" not in written  # the view as text
    assert "\x1b" not in written
    assert "owned" not in written
