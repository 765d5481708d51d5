"""Files as people have them: written by phones, spreadsheets, sequencers and other programs with habits of their own.

Each case writes its file, asks for it as a user would, and says what is right: the values that must be read, or the
reason that must be given. `PYTHONPATH=tests/helpers python tests/helpers/strangers/wild_files.py` prints how many are
read, refused and misread.
"""

from __future__ import annotations

import io
import os
import re
import struct
import sys
import tempfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Shaped
from PIL import Image

Array = Shaped[np.ndarray, "..."]
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(50, 2)).round(3)
PICTURE = RNG.integers(0, 256, (6, 9, 3), dtype=np.uint8)
GREY = RNG.integers(0, 256, (6, 9), dtype=np.uint8)
QUARTER = 480
"""Ticks per quarter note."""

Outcome = Literal["read", "refused", "misread"]


@dataclass(frozen=True)
class WildFile:
    """One file with a habit."""

    name: str
    """What is odd about it."""
    ask: str
    """What the user types behind -d, in the folder where it is written."""
    write: Callable[[], object]
    """Writes it into the current folder."""
    reason: str = ""
    """What the refusal must say, as a regular expression; empty where the file must be read."""
    is_right: Callable[[Array], bool] = lambda x: True
    """Whether these examples of all splits together, (N, ...), are what the file holds."""


def outcome(case: WildFile) -> tuple[Outcome, str]:
    """What becomes of the case in the current folder, and the card's summary or the error."""
    from own_cards import card_of, dataset_of

    from genbench.errors import GenbenchError

    case.write()
    try:
        card, data = card_of(case.ask), dataset_of(case.ask)
    except GenbenchError as error:
        said = str(error)
        right = bool(case.reason) and bool(re.search(case.reason, said)) and len(said.splitlines()) == 1
        return "refused" if right else "misread", said
    x = np.concatenate([split.x.numpy() for split in (data.train, data.valid, data.test)])
    return "read" if not case.reason and case.is_right(x) else "misread", card.summary


def holds_rows(rows: Array) -> Callable[[Array], bool]:
    """Whether the examples are these rows, in any order, as 32-bit floats."""
    wanted = sorted(map(tuple, np.asarray(rows, np.float32).tolist()))
    return lambda x: sorted(map(tuple, x.tolist())) == wanted


def holds_picture(picture: Array) -> Callable[[Array], bool]:
    """Whether one example is the picture, (height, width, 3)."""
    return lambda x: any(np.array_equal(each, picture.transpose(2, 0, 1)) for each in x)


# ---- tables


def table(text: str, name: str = "a.csv") -> Callable[[], object]:
    return lambda: Path(name).write_bytes(text.encode())


def lines(
    separator: str = ",", header: str = "x,y", end: str = "\n", *, comma: bool = False, index: bool = False
) -> str:
    cells = [[f"{value:g}".replace(".", "," if comma else ".") for value in row] for row in ROWS.tolist()]
    body = [[str(number), *row] if index else row for number, row in enumerate(cells, 1)]
    return end.join([header.replace(",", separator), *map(separator.join, body)]) + end


SECONDS = [f"{1_700_000_000 + index},{row[1]:g}" for index, row in enumerate(ROWS.tolist())]
NANOSECONDS = [f"{1_700_000_000_000_000_000 + index},{row[1]:g}" for index, row in enumerate(ROWS.tolist())]


def has_different(count: int) -> Callable[[Array], bool]:
    """Whether the first column has so many different values, of mean 0 and standard deviation 1."""
    return lambda x: (
        len(np.unique(x[:, 0])) == count and abs(x[:, 0].mean()) < 1e-5 and abs(x[:, 0].std() - 1) < 1e-5
    )


TABLES = (
    WildFile("a byte order mark", "csv:a.csv", table("\ufeff" + lines()), is_right=holds_rows(ROWS)),
    WildFile("lines that end in CR LF", "csv:a.csv", table(lines(end="\r\n")), is_right=holds_rows(ROWS)),
    WildFile("lines that end in CR", "csv:a.csv", table(lines(end="\r")), is_right=holds_rows(ROWS)),
    WildFile(
        "semicolons, not asked for", "csv:a.csv", table(lines(";")), reason=r"perhaps separator=semicolon\?$"
    ),
    WildFile("pipes", "csv:a.csv?separator=pipe", table(lines("|")), is_right=holds_rows(ROWS)),
    WildFile("tabs in a .tsv", "csv:a.tsv", table(lines("\t"), "a.tsv"), is_right=holds_rows(ROWS)),
    WildFile(
        "a first line that names the separator",
        "csv:a.csv",
        table("sep=;\r\n" + lines(";", end="\r\n")),
        is_right=holds_rows(ROWS),
    ),
    WildFile("the same in quotes", "csv:a.csv", table('"sep=|"\n' + lines("|")), is_right=holds_rows(ROWS)),
    WildFile(
        "a decimal comma, not asked for",
        "csv:a.csv",
        table(lines(";", comma=True)),
        reason=r"perhaps separator=semicolon&decimal=comma\?$",
    ),
    WildFile(
        "a decimal comma, half asked for",
        "csv:a.csv?separator=semicolon",
        table(lines(";", comma=True)),
        reason=r"line 2, column 'x': '0,126' is no number; decimal=comma reads",
    ),
    WildFile(
        "a decimal comma",
        "csv:a.csv?decimal=comma",
        table(lines(";", comma=True)),
        is_right=holds_rows(ROWS),
    ),
    WildFile(
        "points that separate thousands",
        "csv:a.csv?decimal=comma",
        table(lines(";", comma=True) + "1.234,5;1\n"),
        reason=r"line 52, column 'x': '1\.234,5' is no number",
    ),
    WildFile(
        "a column without a name that numbers the rows",
        "csv:a.csv",
        table(lines(header=",x,y", index=True)),
        reason="column 1 of 3 has no name; index=yes leaves it out",
    ),
    WildFile(
        "the same, asked for",
        "csv:a.csv?index=yes",
        table(lines(header=",x,y", index=True)),
        is_right=holds_rows(ROWS),
    ),
    WildFile(
        "a header without a name for the rows' numbers, as R writes it",
        "csv:a.csv",
        table(lines(index=True)),
        reason=r"line 2 has 3 cells, the first line 2; index=yes if the first cell",
    ),
    WildFile(
        "R's header, asked for", "csv:a.csv?index=yes", table(lines(index=True)), is_right=holds_rows(ROWS)
    ),
    WildFile(
        "seconds since 1970",
        "csv:a.csv",
        table("\n".join(["t,y", *SECONDS])),
        reason=r"column 't': 32-bit .* hold 1 of 50 different values \(49 lost\).*; standardise=yes",
    ),
    WildFile(
        "seconds since 1970, standardised",
        "csv:a.csv?standardise=yes",
        table("\n".join(["t,y", *SECONDS])),
        is_right=has_different(50),
    ),
    WildFile(
        "nanoseconds since 1970",
        "csv:a.csv",
        table("\n".join(["t,y", *NANOSECONDS])),
        reason=r"\(49 lost\)",
    ),
    WildFile(
        "nanoseconds since 1970, standardised",
        "csv:a.csv?standardise=yes",
        table("\n".join(["t,y", *NANOSECONDS])),
        is_right=has_different(50),
    ),
    WildFile("UTF-16", "csv:a.csv", lambda: Path("a.csv").write_bytes(lines().encode("utf-16")), "not UTF-8"),
    WildFile(
        "a missing value", "csv:a.csv", table(lines() + ",1\n"), r"line 52, column 'x': the cell is emp"
    ),
    WildFile("a missing value as NA", "csv:a.csv", table(lines() + "NA,1\n"), "'NA' is no number"),
    WildFile("a percent sign", "csv:a.csv", table(lines() + "12%,1\n"), "'12%' is no number"),
    WildFile("a total below the table", "csv:a.csv", table(lines() + "total\n"), "line 52 has 1 cell"),
    WildFile(
        "a workbook called .csv",
        "csv:a.csv",
        lambda: Path("a.csv").write_bytes(b"PK\3\4\x14\0\6\0\x8a\xff" * 9),
        "not UTF-8",
    ),
)

# ---- pictures


def folder(suffix: str, content: Callable[[], bytes]) -> Callable[[], object]:
    """A folder of a dozen plain pictures, and this one."""

    def write() -> None:
        Path("p").mkdir()
        for index in range(12):
            Image.fromarray(np.roll(PICTURE, index + 1, axis=1) // 2).save(f"p/{index:02}.png")
        Path(f"p/wild.{suffix}").write_bytes(content())

    return write


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def png(shape: tuple[int, int], colour: int, bits: int, rows: bytes) -> bytes:
    """By hand: Pillow writes no channels of 16 bits. colour: as the standard counts, 2 RGB, 4 grey and alpha."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", shape[1], shape[0], bits, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def deep_png(channels: int, colour: int) -> bytes:
    rows = RNG.integers(0, 2**16, (6, 9 * channels)).astype(">u2")
    return png((6, 9), colour, 16, b"".join(b"\0" + row.tobytes() for row in rows))


def deep_tiff() -> bytes:
    """RGB of 16 bits a channel, in one strip."""
    entries = [
        (256, 3, 1, 9),
        (257, 3, 1, 6),
        (258, 3, 3, 8 + 2 + 9 * 12 + 4),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
    ]
    start = 8 + 2 + 9 * 12 + 4 + 6
    entries += [(273, 4, 1, start), (277, 3, 1, 3), (278, 3, 1, 6), (279, 4, 1, 6 * 9 * 3 * 2)]
    table_ = b"".join(
        struct.pack("<HHI", *entry[:3])
        + (struct.pack("<HH", entry[3], 0) if entry[1:3] == (3, 1) else struct.pack("<I", entry[3]))
        for entry in entries
    )
    pixels = RNG.integers(0, 2**16, 6 * 9 * 3).astype("<u2").tobytes()
    return (
        b"II*\0"
        + struct.pack("<IH", 8, len(entries))
        + table_
        + bytes(4)
        + struct.pack("<HHH", 16, 16, 16)
        + pixels
    )


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def photo() -> bytes:
    first, second = Image.fromarray(PICTURE), Image.fromarray(PICTURE[::-1].copy())
    return saved(first, "MPO", save_all=True, append_images=[second], quality=100)


def first_picture() -> Array:
    with Image.open(io.BytesIO(photo())) as image:
        return np.asarray(image.convert("RGB"))


ON_ITS_SIDE = np.rot90(PICTURE, -1)
DEEP = r"p/wild\.\w+: 16 bits a channel; expected 8"
COLOUR = Image.fromarray(PICTURE)
PICTURES = (
    WildFile("PNG of 16 bits in colour", "imagefolder:p", folder("png", lambda: deep_png(3, 2)), DEEP),
    WildFile("PNG of 16 bits, grey with alpha", "imagefolder:p", folder("png", lambda: deep_png(2, 4)), DEEP),
    WildFile("PNG of 16 bits, grey", "imagefolder:p", folder("png", lambda: deep_png(1, 0)), DEEP),
    WildFile("TIFF of 16 bits in colour", "imagefolder:p", folder("tif", deep_tiff), DEEP),
    WildFile(
        "PPM of 16 bits in colour",
        "imagefolder:p",
        folder("ppm", lambda: b"P6 9 6 65535\n" + bytes(range(108)) * 3),
        DEEP,
    ),
    WildFile(
        "PPM of 10 bits, as text",
        "imagefolder:p",
        folder("ppm", lambda: b"P3 9 6 1023\n" + b"1 2 1000\n" * 54),
        DEEP,
    ),
    WildFile(
        "a TIFF on its side",
        "imagefolder:p?size=6x9",
        folder("tif", lambda: saved(COLOUR, "TIFF", exif=turned(6))),
        is_right=holds_picture(ON_ITS_SIDE),
    ),
    WildFile(
        "a PNG on its side",
        "imagefolder:p?size=6x9",
        folder("png", lambda: saved(COLOUR, "PNG", exif=turned(6))),
        is_right=holds_picture(ON_ITS_SIDE),
    ),
    WildFile(
        "a mirrored PNG",
        "imagefolder:p",
        folder("png", lambda: saved(COLOUR, "PNG", exif=turned(2))),
        is_right=holds_picture(PICTURE[:, ::-1]),
    ),
    WildFile(
        "a phone's photo of two pictures",
        "imagefolder:p",
        folder("jpg", photo),
        is_right=lambda x: holds_picture(first_picture())(x),
    ),
    WildFile(
        "EXIF data that are none",
        "imagefolder:p",
        folder("png", lambda: saved(COLOUR, "PNG", exif=bytes(range(8)))),
        is_right=holds_picture(PICTURE),
    ),
    WildFile(
        "a palette with a transparent colour",
        "imagefolder:p",
        folder(
            "png",
            lambda: saved(Image.fromarray(np.zeros((6, 9), np.uint8)).convert("P"), "PNG", transparency=0),
        ),
        is_right=holds_picture(np.full((6, 9, 3), 255, np.uint8)),
    ),
    WildFile(
        "one bit a pixel",
        "imagefolder:p",
        folder("png", lambda: saved(Image.fromarray(GREY > 127), "PNG")),
        is_right=holds_picture(np.stack([np.where(GREY > 127, 255, 0)] * 3, axis=2)),
    ),
    WildFile("CMYK", "imagefolder:p", folder("jpg", lambda: saved(COLOUR.convert("CMYK"), "JPEG"))),
    WildFile(
        "an animation",
        "imagefolder:p",
        folder("gif", lambda: saved(COLOUR, "GIF", save_all=True, append_images=[Image.fromarray(GREY)])),
        r"p/wild\.gif: 2 frames",
    ),
    WildFile(
        "EPS, which is a program",
        "imagefolder:p",
        folder("eps", lambda: saved(COLOUR, "EPS")),
        r"p/wild\.eps: PostScript, which is a program",
    ),
    WildFile(
        "SVG",
        "imagefolder:p",
        folder("svg", lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
        r"p/wild\.svg: no image, or none of a format that is read here; only=GLOB",
    ),
    WildFile(
        "a header that announces 40 gigapixels",
        "imagefolder:p",
        folder("png", lambda: png((200_000, 200_000), 2, 8, bytes(10))),
        r"p/wild\.png: announces more than [\d,]+ pixels",
    ),
    WildFile(
        "half a photo",
        "imagefolder:p",
        folder("jpg", lambda: saved(COLOUR, "JPEG")[:-200]),
        r"p/wild\.jpg: (cannot be read|broken)",
    ),
    WildFile(
        "half a photo that is skipped",
        "imagefolder:p?bad=skip",
        folder("jpg", lambda: saved(COLOUR, "JPEG")[:-200]),
        is_right=lambda x: len(x) == 12,
    ),
)

# ---- music


def track(events: Sequence[tuple[int, bytes]]) -> bytes:
    """events: (ticks since the one before, message)."""
    body = b"".join(number(ticks) + message for ticks, message in events)
    return b"MTrk" + struct.pack(">I", len(body)) + body


def number(value: int) -> bytes:
    """A number of variable length, as MIDI files write it."""
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.insert(0, 0x80 | value & 0x7F)
    return bytes(digits)


def song(*tracks: bytes, kind: int = 0) -> bytes:
    return b"MThd" + struct.pack(">IHHH", 6, kind, len(tracks), QUARTER) + b"".join(tracks)


def on(pitch: int) -> bytes:
    return bytes((0x90, pitch, 64))


def off(pitch: int) -> bytes:
    return bytes((0x80, pitch, 0))


END = (0, b"\xff\x2f\0")
STEPS = 320
REPEATED = [
    (0, on(60)),
    *[event for _ in range(79) for event in ((QUARTER, on(60)), (0, off(60)))],
    (QUARTER, off(60)),
    END,
]
PITCHES = RNG.integers(40, 80, 80).tolist()
SCALE = [event for pitch in PITCHES for event in ((0, on(pitch)), (QUARTER, off(pitch)))]


def midi(content: bytes) -> Callable[[], object]:
    return lambda: Path("a.mid").write_bytes(content)


def sounds(cells: int) -> Callable[[Array], bool]:
    return lambda x: int(x.sum()) == cells and x.shape == (20, 16, 88)


def is_scale(x: Array) -> bool:
    """Whether the rolls are a quarter note of each of the pitches."""
    rolls = x.reshape(-1, 88)
    return [int(row) + 21 for row in rolls.argmax(1)] == list(np.repeat(PITCHES, 4)) and rolls.sum() == STEPS


ASK = "midi:a.mid?window=16"
MUSIC = (
    WildFile(
        "notes handed over within one tick, struck first",
        ASK,
        midi(song(track(REPEATED))),
        is_right=sounds(STEPS),
    ),
    WildFile(
        "notes handed over between two voices that were merged",
        ASK,
        midi(
            song(
                track(
                    [(0, on(60)), (0, on(48))]
                    + [
                        event
                        for _ in range(79)
                        for event in ((QUARTER, on(60)), (0, on(48)), (0, off(48)), (0, off(60)))
                    ]
                    + [(QUARTER, off(48)), (0, off(60)), END]
                )
            )
        ),
        is_right=sounds(2 * STEPS),
    ),
    WildFile(
        "notes of no length",
        ASK,
        midi(
            song(
                track(
                    [
                        event
                        for _ in range(80)
                        for event in ((0, on(60)), (0, off(60)), (QUARTER, b"\xb0\7\x40"))
                    ]
                    + [(0, on(60)), (0, off(60)), END]
                )
            )
        ),
        is_right=lambda x: int(x.sum()) == 80,
    ),
    WildFile(
        "a key signature of eighteen sharps",
        ASK,
        midi(song(track([(0, b"\xff\x59\2\x12\1"), *SCALE, END]))),
        is_right=is_scale,
    ),
    WildFile(
        "a tempo of two bytes",
        ASK,
        midi(song(track([(0, b"\xff\x51\2\x12\1"), *SCALE, END]))),
        is_right=is_scale,
    ),
    WildFile("no end of the track", ASK, midi(song(track(SCALE))), is_right=is_scale),
    WildFile(
        "a chunk of another kind",
        ASK,
        midi(song(b"XFIH" + struct.pack(">I", 3) + b"abc" + track([*SCALE, END]))),
        is_right=is_scale,
    ),
    WildFile(
        "exclusive messages and a running status",
        ASK,
        midi(
            song(
                track(
                    [
                        (0, b"\xf0\5\x7e\x7f\x09\x01\xf7"),
                        (0, on(PITCHES[0])),
                        (QUARTER, bytes((PITCHES[0], 0))),
                    ]
                    + [
                        event
                        for pitch in PITCHES[1:]
                        for event in ((0, bytes((pitch, 64))), (QUARTER, bytes((pitch, 0))))
                    ]
                    + [END]
                )
            )
        ),
        is_right=is_scale,
    ),
    WildFile(
        "a file that breaks off", ASK, midi(song(track(SCALE))[:-7]), "a.mid: no MIDI .*: it breaks off"
    ),
    WildFile("patterns without a common time", ASK, midi(song(track([*SCALE, END]), kind=2)), r"of format 2"),
    WildFile(
        "thirty bytes that last two years",
        ASK,
        midi(song(track([(0, on(60)), (0xFFFFFFF, off(60)), END]))),
        r"lasts [\d,]+ quarter notes",
    ),
)

# ---- texts and arrays

SENTENCE = "the quick brown fox jumps\nover the lazy dog\n" * 30


def is_sentence(x: Array) -> bool:
    text = SENTENCE[: x.size]
    known = sorted(set(SENTENCE))
    return [known.index(letter) for letter in text] == x.ravel().tolist()


def text(content: bytes) -> Callable[[], object]:
    return lambda: Path("a.txt").write_bytes(content)


def array(values: Array) -> Callable[[], object]:
    return lambda: np.save("a.npy", values)


def archive() -> None:
    with open("a.npy", "wb") as file:
        np.savez(file, ROWS)


OTHERS = (
    WildFile("a text of LF", "text:a.txt?window=20", text(SENTENCE.encode()), is_right=is_sentence),
    WildFile(
        "a text of CR LF",
        "text:a.txt?window=20",
        text(SENTENCE.replace("\n", "\r\n").encode()),
        is_right=is_sentence,
    ),
    WildFile(
        "a text of CR",
        "text:a.txt?window=20",
        text(SENTENCE.replace("\n", "\r").encode()),
        is_right=is_sentence,
    ),
    WildFile(
        "a text with a byte order mark",
        "text:a.txt?window=20",
        text(b"\xef\xbb\xbf" + SENTENCE.encode()),
        is_right=is_sentence,
    ),
    WildFile(
        "a text in Latin-1",
        "text:a.txt?window=20",
        text(("é" + SENTENCE).encode("latin-1")),
        "not UTF-8 at byte 0",
    ),
    WildFile(
        "an array of seconds since 1970",
        "npy:a.npy",
        array(np.stack([1.7e9 + np.arange(50), ROWS[:, 1]], axis=1)),
        r"column 0: .*\(49 lost\)",
    ),
    WildFile(
        "a series of seconds since 1970",
        "npy:a.npy",
        array(1.7e9 + np.arange(60.0).reshape(20, 3, 1)),
        r"\(59 lost\)",
    ),
    WildFile("an archive of arrays", "npy:a.npy", archive, r"several arrays"),
    WildFile(
        "an array of Python objects",
        "npy:a.npy",
        lambda: np.save("a.npy", np.array([{}, 1], dtype=object), allow_pickle=True),
        "Python objects, which are not unpickled",
    ),
    WildFile(
        "more levels than 32-bit integers hold",
        "npy:a.npy?levels=5000000000",
        array(np.full((20, 2), 3_000_000_000)),
        r"levels=5000000000: at most 2,147,483,648",
    ),
)


def two_runs() -> None:
    import pandas as pd

    for place, count in (("run[1]", 60), ("run1", 90)):
        Path(place).mkdir()
        pd.DataFrame({"x": range(count), "y": [index**2 for index in range(count)]}).to_parquet(
            f"{place}/d.parquet"
        )


PARQUET = (
    WildFile(
        "parquet in a folder whose name is a pattern",
        "hf:run[1]/d.parquet",
        two_runs,
        is_right=holds_rows(np.array([(index, index**2) for index in range(60)])),
    ),
    WildFile("a folder of parquet whose name is a pattern", "hf:run[1]", two_runs, r"run\[1\]: .* rename it"),
)
CASES = (*TABLES, *PICTURES, *MUSIC, *OTHERS)


def main() -> None:
    os.environ["GENBENCH_DATA"] = tempfile.mkdtemp()
    counts = {"read": 0, "refused": 0, "misread": 0}
    for case in (*CASES, *PARQUET):
        with tempfile.TemporaryDirectory() as place:
            os.chdir(place)
            found, said = outcome(case)
            counts[found] += 1
            print(f"{found:8} {case.name}: {said}")
            os.chdir("/")
    total = sum(counts.values())
    print(
        f"{total} files: {counts['read']} read, {counts['refused']} refused with a reason,"
        f" {counts['misread']} misread"
    )
    sys.exit(counts["misread"] > 0)


if __name__ == "__main__":
    main()
