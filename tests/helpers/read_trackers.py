"""Reads what MLflow and Weights & Biases kept, with their own libraries, and prints it as JSON. A process of its own:
the libraries are slow to import and warn of themselves."""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path
from typing import Any


def mlflow_runs(uri: str) -> list[dict[str, Any]]:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    (experiment,) = [each for each in client.search_experiments() if each.name == "genbench"]
    return [
        {
            "id": run.info.run_id,
            "name": run.info.run_name,
            "status": run.info.status,
            "metrics": run.data.metrics,
            "params": run.data.params,
            "tags": run.data.tags,
            "losses": [
                (each.step, each.value)
                for each in client.get_metric_history(run.info.run_id, "training/loss")
            ],
        }
        for run in client.search_runs([experiment.experiment_id])
    ]


def wandb_run(path: Path) -> dict[str, Any]:
    """A .wandb file is a LevelDB log of protobuf records."""
    from wandb.proto import wandb_internal_pb2

    run: dict[str, Any] = {"config": {}, "history": [], "summary": {}}
    for data in _leveldb_records(path.read_bytes()[7:], 7):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        kind = record.WhichOneof("record_type")
        if kind == "run":
            run |= {"name": record.run.display_name, "group": record.run.run_group}
            run |= {"project": record.run.project, "type": record.run.job_type, "tags": list(record.run.tags)}
            run["config"] |= _items(record.run.config.update)
        elif kind == "history":
            run["history"].append(_items(record.history.item))
        elif kind == "summary":
            run["summary"] |= _items(record.summary.update)
        elif kind == "exit":
            run["exit_code"] = record.exit.exit_code
    return run


def _items(items: Any) -> dict[str, Any]:
    return {
        item.key or "/".join(item.nested_key): json.loads(item.value_json)
        for item in items
        if item.value_json
    }


def _leveldb_records(data: bytes, begin: int) -> list[bytes]:
    """Blocks of 32 KiB; records in pieces: checksum, length, kind (1 whole, 2 first, 3 middle, 4 last)."""
    records, record, offset = [], b"", begin
    data = b"\0" * begin + data
    while offset < len(data):
        room = 2**15 - offset % 2**15
        if room < 7:
            offset += room
            continue
        _, length, kind = struct.unpack("<IHB", data[offset : offset + 7])
        record += data[offset + 7 : offset + 7 + length]
        offset += 7 + length
        if kind in (1, 4):
            records.append(record)
            record = b""
    return records


if __name__ == "__main__":
    uri, folder = sys.argv[1:]
    found = {
        "mlflow": mlflow_runs(uri),
        "wandb": [wandb_run(path) for path in sorted(Path(folder).glob("wandb/offline-run-*/*.wandb"))],
    }
    print(json.dumps(found))
