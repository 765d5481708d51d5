"""Export of data cards as Croissant 1.0, a description of data sets in JSON-LD that `mlcroissant` and data set searches
read (https://docs.mlcommons.org/croissant/docs/croissant-spec.html).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from genbench.api import DatasetCard, RemoteFile
from genbench_reports.format.text import clean, file_name

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context that the specification recommends."""
_ENCODINGS = {
    ".gz": "application/gzip",
    ".zip": "application/zip",
    ".csv": "text/csv",
    ".txt": "text/plain",
    ".json": "application/json",
    ".parquet": "application/x-parquet",
    ".tar": "application/x-tar",
}
_ANY_BYTES = "application/octet-stream"


def croissant_files(cards: Mapping[str, DatasetCard]) -> dict[str, bytes]:
    """By path: a file for each data set."""
    return {
        f"exports/croissant/{file_name(clean(name))}.json": (
            json.dumps(croissant(card), indent=1, ensure_ascii=False) + "\n"
        ).encode("utf-8", "backslashreplace")
        for name, card in sorted(cards.items())
    }


def croissant(card: DatasetCard) -> dict[str, Any]:
    """The description of one data set. Files with a checksum that Croissant does not know (it has SHA-256 and MD5) and
    embedded data, which come with a package, have no entry in `distribution`."""
    spec, (train, valid, test) = card.spec, card.sizes
    values = "real values" if spec.levels is None else f"integers from 0 to {spec.levels - 1}"
    description = (
        f"{clean(card.summary)}. {clean(spec.modality)} of shape {'x'.join(map(str, spec.event_shape))}, {values};"
        f" {train:,} examples to train, {valid:,} to validate, {test:,} to test: {clean(card.splits)}."
        f" Source: {clean(card.source)}."
    )
    found = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": clean(card.name),
        "description": description,
        "license": clean(card.licence),
        "citeAs": clean(card.citation),
        "version": _semantic(card.version),
        "creator": {"@type": "sc:Organization", "name": clean(card.source)},
        "distribution": [each for file in card.files if (each := _file(file)) is not None],
    }
    if card.files and card.files[0].addresses:
        found["url"] = clean(card.files[0].addresses[0])
    return found


def _file(file: RemoteFile) -> dict[str, Any] | None:
    algorithm, colon, digits = file.checksum.rpartition(":")
    kind = algorithm if colon else "sha256"
    if kind not in ("sha256", "md5") or not file.addresses:
        return None
    name = clean(file.name)
    found = {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": clean(file.addresses[0]),
        "encodingFormat": next((kind for end, kind in _ENCODINGS.items() if name.endswith(end)), _ANY_BYTES),
        kind: digits,
    }
    if file.size_bytes is not None:
        found["contentSize"] = f"{file.size_bytes} B"
    return found


def _semantic(version: str) -> str:
    """The version with three numbers, which the specification asks for."""
    parts = clean(version).split(".")
    if all(part.isdigit() for part in parts) and len(parts) <= 3:
        return ".".join([*parts, "0", "0"][:3])
    return f"1.0.0+{file_name(clean(version))}"
