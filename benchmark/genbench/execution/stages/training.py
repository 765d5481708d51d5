"""The stage "train" of a job: the model is built and trained, and the states that are evaluated are saved.

    load | build | train (timed), paused for checkpoints

The test split is not loaded.
"""

from __future__ import annotations

from genbench.api.compute_meter import ComputeMeter, Spent
from genbench.execution.stages.checkpoints import CheckpointChoice, judge_on_validation, ranking_metric
from genbench.execution.stages.job_context import JobContext
from genbench.execution.stages.loose_tensors import loose_tensors, lost_by_state
from genbench.execution.stages.peak_costs import peak_costs
from genbench.execution.stages.stage import Stage
from genbench.execution.stages.state_files import checked_state, save_state, state_hash
from genbench.measure.gauges import PhaseGauges
from genbench.records.result import CurvePoint, LikeliestCheckpoint
from genbench.util.seeding import preserved_generators, seed_everything

CHOSEN, LAST, LIKELIEST = "chosen.safetensors", "last.safetensors", "likeliest.safetensors"
"""The files of the chosen state, of the last one, and of the one that is best by likelihood. The last two exist only if
they are other states."""


class TrainingStage(Stage):
    """Trains the model and saves the states that are evaluated."""

    def run(self) -> None:
        self.context = JobContext.load_and_build(self, with_test=False)
        self.train()  # and `checkpoint` at fixed shares of the budget, and at the end
        self.save_states()

    def train(self) -> None:
        self.enter("train")
        context, model = self.context, self.context.model
        self.choice = CheckpointChoice(ranking_metric(context))
        gauges = PhaseGauges(context.gauges)

        def on_checkpoint(spent: Spent) -> None:
            gauges.stop()
            self.checkpoint(spent, meter.losses())
            self.enter("train")
            gauges.start()

        def on_progress(spent: Spent, losses: dict[str, float]) -> None:
            gauges.look()
            self.observer.progress(spent.fraction, losses)

        meter = ComputeMeter(
            self.job.training_budget,
            device=context.device,
            seed=context.seed("data"),
            valid=context.dataset.valid.to(context.device),
            on_checkpoint=on_checkpoint,
            on_progress=on_progress,
            construction_seconds=context.construction_seconds,
            construction_cpu_seconds=context.construction_cpu_seconds,
        )
        seed_everything(context.seed("training"))
        model.train()
        loose = loose_tensors(model)
        gauges.start()
        meter.start()
        model.fit(context.dataset.train, meter)
        spent = meter.finish()
        meter.check_charged()
        gauges.stop()
        self.observer.progress(spent.fraction, meter.losses())
        self.checkpoint(spent, meter.losses())
        peak = gauges.peak
        joules, energy_note = gauges.joules()
        in_fit = spent.seconds - context.construction_seconds
        for warning in (meter.warning(), lost_by_state(loose, loose_tensors(model))):
            if warning is not None:
                self.warn(warning)
        self.add_cost(
            train_seconds=spent.seconds,
            train_cpu_seconds=spent.cpu_seconds,
            construction_seconds=context.construction_seconds,
            outside_batches_seconds=meter.seconds_outside_batches,
            budget_overrun=meter.overrun(),
            bound_by=meter.bound_by(),
            steps=spent.steps,
            examples=spent.examples,
            flops=spent.flops,
            flops_per_step=spent.flops / spent.steps if spent.steps else None,
            parameters=sum(parameter.numel() for parameter in model.parameters()),
            train_examples_per_second=spent.examples / in_fit if spent.examples else None,
            **peak_costs(peak, "train"),
            peak_cuda_reserved_bytes_by_gpu=peak.reserved_bytes_by_gpu,
            train_energy_joules=joules,
            energy_source=context.gauges.energy_source,
            energy_note=energy_note,
        )
        self.report()

    def checkpoint(self, spent: Spent, losses: dict[str, float]) -> None:
        """Judge the model as it is now on the validation split. Meter and gauges of the training are stopped."""
        self.enter("checkpoint")
        model = self.context.model
        was_training = model.training
        before = state_hash(checked_state(model.state_dict()))
        with preserved_generators(self.context.device):
            model.eval()
            if not self.outcome.curve:
                self.context.check_pace(self.job.drawn_samples)
            seed_everything(self.context.seed("checkpoint"))
            metrics = judge_on_validation(self.context, self.observer.scoring)
        model.train(was_training)
        if state_hash(checked_state(model.state_dict())) != before:
            self.warn("the model's state changed while a checkpoint was judged, outside its training")
        self.outcome.curve.append(
            CurvePoint(
                fraction=spent.fraction,
                seconds=spent.seconds,
                cpu_seconds=spent.cpu_seconds,
                steps=spent.steps,
                examples=spent.examples,
                flops=spent.flops,
                losses=losses,
                metrics=metrics,
                is_last_stage=spent.is_last_stage,
            )
        )
        self.choice.offer(model, spent, metrics)
        self.report()

    def save_states(self) -> None:
        """Write the states that are evaluated."""
        chosen, likeliest = self.choice.chosen, self.choice.likeliest
        self.outcome.selected_fraction = chosen.fraction
        save_state(chosen.state, self.folder / CHOSEN)
        if likeliest is not None and likeliest.steps != chosen.steps:
            self.outcome.likeliest = LikeliestCheckpoint(fraction=likeliest.fraction, metrics=[])
            save_state(likeliest.state, self.folder / LIKELIEST)
        if chosen.steps != self.choice.last_steps:
            save_state(checked_state(self.context.model.state_dict()), self.folder / LAST)
        self.report()
