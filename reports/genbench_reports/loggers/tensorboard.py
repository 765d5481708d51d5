"""TensorBoard's event files, written by its own writer, so that the main process needs neither torch nor TensorFlow.

FOLDER/[RUN/]DATASET/VARIANT/seed-N holds the events of one job; there is no RUN in the folder of the run itself.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genbench.records.job import Job
from genbench.records.result import CurvePoint, Result
from genbench.records.run_folder import Run
from genbench_reports.loggers import tracked

if TYPE_CHECKING:
    from tensorboard.summary.writer.event_file_writer import EventFileWriter


def open_logger(run: Run, target: str | None) -> TensorBoardLogger:
    """target: the folder; None stands for "tensorboard" in the run's folder. Raises UsageError where it cannot be
    written."""
    if target is None:
        return TensorBoardLogger(run, tracked.writable_folder(run.folder / "tensorboard"))
    return TensorBoardLogger(run, tracked.writable_folder(Path(target).expanduser()) / tracked.run_name(run))


class TensorBoardLogger:
    """See `genbench.runner.logger_threads.JobLogger`."""

    def __init__(self, run: Run, folder: Path) -> None:
        self._run = run
        self._folder = folder
        self._writers: dict[str, EventFileWriter] = {}

    def job_started(self, job: Job) -> None:
        self._writer(job)

    def job_progress(self, job: Job, fraction: float, losses: dict[str, float]) -> None:
        self._scalars(job, tracked.training_losses(losses), tracked.step(fraction))

    def job_checkpoint(self, job: Job, point: CurvePoint) -> None:
        metrics = tracked.checkpoint_metrics(point) | tracked.training_losses(point.losses)
        self._scalars(job, metrics, tracked.step(point.fraction))
        self._writer(job).flush()

    def job_finished(self, job: Job, result: Result) -> None:
        from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS
        from tensorboard.plugins.hparams.metadata import SESSION_END_INFO_TAG
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo

        self._scalars(job, tracked.final_metrics(result), tracked.LAST_STEP)
        for name, text in tracked.final_texts(result).items():
            self._text(job, name, text)
        status = STATUS_SUCCESS if result.status == "ok" else STATUS_FAILURE
        ended = SessionEndInfo(status=status, end_time_secs=time.time())
        self._hyperparameters(job, SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=ended))
        self._writers.pop(job.id).close()

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _writer(self, job: Job) -> EventFileWriter:
        if job.id not in self._writers:
            from tensorboard.plugins.hparams.metadata import SESSION_START_INFO_TAG
            from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionStartInfo
            from tensorboard.summary.writer.event_file_writer import EventFileWriter

            folder = self._folder / _name(job.dataset) / _name(job.variant) / f"seed-{job.seed}"
            self._writers[job.id] = EventFileWriter(str(folder))
            tags, settings = tracked.tags(job, self._run), tracked.parameters(job)
            known = {name: value for name, value in settings.items() if value is not None} | tags
            started = SessionStartInfo(
                group_name=f"{job.variant} on {job.dataset}", start_time_secs=time.time()
            )
            for name, value in known.items():
                field = started.hparams[name]
                if isinstance(value, bool):
                    field.bool_value = value
                elif isinstance(value, int | float):
                    field.number_value = value
                else:
                    field.string_value = value
            self._hyperparameters(job, SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=started))
            for name, value in known.items():
                self._text(job, name, str(value))
        return self._writers[job.id]

    def _scalars(self, job: Job, scalars: dict[str, float], step: int) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=name, simple_value=value) for name, value in scalars.items()]
        self._summary(job, Summary(value=values), step)

    def _text(self, job: Job, name: str, text: str) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
        from tensorboard.compat.proto.tensor_pb2 import TensorProto
        from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
        from tensorboard.compat.proto.types_pb2 import DT_STRING

        value = Summary.Value(
            tag=name,
            metadata=SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text")),
            tensor=TensorProto(
                dtype=DT_STRING,
                string_val=[text.encode()],
                tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)]),
            ),
        )
        self._summary(job, Summary(value=[value]))

    def _hyperparameters(self, job: Job, tag: str, data: Any) -> None:
        """For the HPARAMS tab. `tensorboard.plugins.hparams.summary` does this too, but needs TensorFlow."""
        from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
        from tensorboard.plugins.hparams.metadata import PLUGIN_DATA_VERSION, PLUGIN_NAME

        data.version = PLUGIN_DATA_VERSION
        plugin_data = SummaryMetadata.PluginData(plugin_name=PLUGIN_NAME, content=data.SerializeToString())
        value = Summary.Value(tag=tag, metadata=SummaryMetadata(plugin_data=plugin_data))
        self._summary(job, Summary(value=[value]))

    def _summary(self, job: Job, summary: object, step: int = 0) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._writer(job).add_event(Event(wall_time=time.time(), step=step, summary=summary))


def _name(text: str) -> str:
    """The text as the name of a folder."""
    return re.sub(r"[^\w.,=+@-]+", "_", text).strip(".") or "_"
