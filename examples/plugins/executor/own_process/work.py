"""python -m own_process.work TASK OUTCOME: runs one job in this process."""

import sys
from pathlib import Path

import msgspec

from genbench.execution.worker import run_task
from genbench.records.task import Task

if __name__ == "__main__":
    asked, answered = map(Path, sys.argv[1:])
    outcome = run_task(msgspec.json.decode(asked.read_bytes(), type=Task))
    answered.write_bytes(msgspec.json.encode(outcome))
