"""What cutting sequences into windows costs, in nats per step: the same steps with and without what comes before their
window.

    python tests/helpers/measure_window_costs.py

Music by an `lstm` that is trained for ten processor seconds on whole pieces; text by interpolated Kneser-Ney of context
5, and by an `lstm` that is trained for ten processor seconds on windows. The published files must be in the cache or in
a mirror.
"""

from __future__ import annotations

import torch

from genbench import Budget, ComputeMeter, Dataset
from genbench.api import step_mask
from genbench.datasets.pieces import cut_windows
from genbench.datasets.prepared import load_dataset
from genbench.plugin.discovery import load_registry
from genbench_models.autoregressive.sequences.lstm import LSTM
from genbench_models.classical.kneser_ney import KneserNey


@torch.enable_grad()
def trained(data: Dataset) -> LSTM:
    torch.manual_seed(0)
    model = LSTM(data.spec)
    model.fit(data.train, ComputeMeter(Budget.parse("10cpu-s"), valid=data.valid))
    return model.eval()


@torch.no_grad()
def cost_in_music(name: str) -> tuple[float, float]:
    """Nats per frame of the frames that windows hold: in their pieces, and in their windows."""
    card = load_registry().datasets[name]
    data = load_dataset(card)
    model, x, lengths = trained(data), data.test.tensor(), data.test.lengths
    assert lengths is not None
    assert card.window is not None
    held = step_mask(lengths // card.window * card.window, x.shape[1])
    windows, _ = cut_windows(x, lengths, card.window)
    total = sum(
        float(model.log_prob_each(model.read(piece[None])).sum(2)[0, inside].sum())
        for piece, inside in zip(x, held, strict=True)
    )
    return -total / int(held.sum()), float(-model.log_prob(windows).sum()) / windows.shape[:2].numel()


@torch.no_grad()
def cost_in_text(name: str, model: LSTM | KneserNey, data: Dataset) -> tuple[float, float]:
    """Nats per character of all windows but the first: behind the window before them, and alone."""
    x = data.test.tensor()
    before, alone = model.log_prob(x[:-1]).sum(), model.log_prob(x[1:]).sum()
    both = model.log_prob(torch.cat([x[:-1], x[1:]], 1)).sum()
    return float(before - both) / x[1:].numel(), float(-alone) / x[1:].numel()


def main() -> None:
    torch.set_num_threads(1)
    for name in ("jsb-chorales-pieces", "nottingham-pieces"):
        whole, cut = cost_in_music(name)
        print(
            f"{name}, lstm: {whole:.3f} whole, {cut:.3f} in windows, {cut - whole:+.3f} nats/frame",
            flush=True,
        )
    text = load_dataset(load_registry().datasets["tiny-shakespeare"])
    grams = KneserNey(text.spec, max_context=5)
    grams.fit(text.train, ComputeMeter(Budget.parse("100cpu-s"), valid=text.valid))
    for label, model in (("Kneser-Ney", grams.eval()), ("lstm", trained(text))):
        after, alone = cost_in_text("tiny-shakespeare", model, text)
        print(
            f"tiny-shakespeare, {label}: {after:.3f} after another window, {alone:.3f} alone, {alone - after:+.3f}"
        )


if __name__ == "__main__":
    main()
