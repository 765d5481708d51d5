"""One job, or one stage of it, in this process. MAIN PATH of the child: `run_task`.

    train | evaluate | score

The local executor runs each stage in a process of its own: it sends a task that names the stage. What happens outside
this process (limits, signals, logs, storing the result) is the supervisor's business.
"""

from __future__ import annotations

import shutil
import traceback

import msgspec

from genbench.execution.failures import circumstance_of, classify
from genbench.execution.stages.evaluation import EvaluationStage
from genbench.execution.stages.scoring import ScoringStage
from genbench.execution.stages.stage import Stage
from genbench.execution.stages.stage_folder import new_stage_folder
from genbench.execution.stages.training import TrainingStage
from genbench.records.task import Observer, Outcome, StageName, StageRequest, Task, stages_of

_STAGES: dict[StageName, type[Stage]] = {
    "train": TrainingStage,
    "evaluate": EvaluationStage,
    "score": ScoringStage,
}


def run_task(task: Task, observer: Observer | None = None) -> Outcome:
    """Run the stage that the task names, or all stages one after another in this process.

    What a plugin raises is not raised: it is the status and reason of the outcome. If all stages share a process,
    settings and functions that the model has changed stay changed when its samples are scored; an executor that runs
    stage by stage, as the local one does, avoids that.
    """
    observer = observer or Observer()
    if task.rescoring is not None or task.stage is not None:
        return _run_stage(task, observer)
    folder = new_stage_folder(task)
    outcome = Outcome()
    try:
        for name in stages_of(task.job):
            request = StageRequest(name=name, folder=str(folder), so_far=outcome)
            outcome = _run_stage(msgspec.structs.replace(task, stage=request), observer)
            if outcome.status != "ok":
                break
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return outcome


def _run_stage(task: Task, observer: Observer) -> Outcome:
    stage = _STAGES[task.stage.name if task.stage is not None else "score"](task, observer)
    outcome = stage.outcome
    try:
        stage.run()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        traceback.print_exc()
        outcome.status, outcome.reason = classify(error, stage.phase)
        outcome.circumstance = circumstance_of(error)
    return outcome
