"""Fuzzes every reader, or the ones that are named, and prints how many inputs were read and how many refused.

    export PYTHONPATH=tests/helpers
    python tests/helpers/strangers/fuzz.py [--inputs N] [--seed N] [TARGET...]      random damage to good inputs
    python tests/helpers/strangers/fuzz.py --atheris TARGET [libFuzzer options]     guided by coverage

It stops at the first input that is neither, and writes it to crash-TARGET.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fuzz_targets import Target

NUMBERS = (b"0", b"-1", b"1e999", b"NaN", b"9" * 400, b"null", b"[]", b"{}", b'""', b"\xff" * 4, b"\0" * 8)
_MEMORY_BYTES = 16 * 2**30
"""Address space, torch included; an input that wants more has found a bomb."""


def damaged(good: bytes, chance: random.Random) -> bytes:
    """The input with a few places replaced, doubled, flipped, exchanged for a number, or cut off."""
    content = bytearray(good)
    for _ in range(chance.randint(1, 5)):
        at = chance.randint(0, len(content))
        kind = chance.choice(("replace", "insert", "flip", "number", "double", "cut"))
        piece = chance.choice(NUMBERS) if kind == "number" else chance.randbytes(chance.randint(1, 6))
        if kind == "cut" and chance.random() < 0.3:
            del content[at:]
        elif kind == "flip" and at < len(content):
            content[at] ^= 1 << chance.randint(0, 7)
        elif kind == "double":
            content[at:at] = content[at : at + chance.randint(1, 64)]
        else:
            content[at : at + len(piece) * (kind != "insert")] = piece
    return bytes(content)


def fuzz(target: Target, inputs: int, chance: random.Random) -> tuple[int, int]:
    """How many inputs were read and how many refused. Raises what the reader should not have raised."""
    from fuzz_targets import outcome

    read = refused = 0
    good = target.good()
    for _ in range(inputs if good else 0):
        content = damaged(chance.choice(good), chance) if chance.random() < 0.95 else chance.randbytes(64)
        try:
            said = outcome(target, content)
        except BaseException:
            path = Path(f"crash-{target.name.replace(' ', '-')}").absolute()
            path.write_bytes(content)
            print(f"{target.name}: see {path}", file=sys.stderr)
            raise
        read += said == "read"
        refused += said != "read"
    return read, refused


def guided(name: str, options: Sequence[str]) -> None:
    """Runs until libFuzzer's options say otherwise."""
    import atheris

    with atheris.instrument_imports(include=["genbench", "genbench_datasets", "genbench_reports"]):
        from fuzz_targets import TARGETS, outcome
    target = next(target for target in TARGETS if target.name == name)
    corpus = Path(tempfile.mkdtemp())
    for number, good in enumerate(target.good()):
        (corpus / str(number)).write_bytes(good)

    def read(content: bytes) -> None:
        outcome(target, content)

    atheris.Setup([sys.argv[0], *options, str(corpus)], read)
    atheris.Fuzz()


def main() -> None:
    os.environ["GENBENCH_DATA"] = tempfile.mkdtemp()
    parser = argparse.ArgumentParser()
    parser.add_argument("--inputs", type=int, default=1_000, help="for each reader")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--atheris", action="store_true")
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    chosen, options = parser.parse_known_args()
    if chosen.atheris:
        guided(chosen.targets[0], options)
        return
    from fuzz_targets import TARGETS

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    by_name = {target.name: target for target in TARGETS}
    total = [0, 0]
    for name in chosen.targets or by_name:
        found = fuzz(by_name[name], chosen.inputs, random.Random(f"{chosen.seed} {name}"))
        total = [total[0] + found[0], total[1] + found[1]]
        print(f"{name:22} {found[0]:7,} read, {found[1]:7,} refused", flush=True)
    print(f"{sum(total):,} inputs: {total[0]:,} read, {total[1]:,} refused in one line, 0 of another outcome")


if __name__ == "__main__":
    main()
