"""Mean field: every pixel a normal distribution of its own, fitted by stochastic gradients."""

import torch

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split


class MeanField(GenerativeModel):
    """x_d ~ N(mean_d, (scale * std_d)²); `scale` below 1 draws nearer to the mean."""

    def __init__(self, spec: DataSpec, *, scale: float = 1.0) -> None:
        super().__init__(spec)
        self.scale = scale
        self.unit = 1.0 if spec.levels is None else float(spec.levels - 1)  # learned values are of order 1
        self.mean = torch.nn.Parameter(torch.zeros(spec.event_shape))
        self.log_std = torch.nn.Parameter(torch.zeros(spec.event_shape))

    @property
    def std(self) -> torch.Tensor:
        return self.log_std.exp() + 0.01  # a pixel that is constant in training would have none

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        optimiser = torch.optim.Adam(self.parameters(), lr=0.05)
        for batch in meter.batches(train, batch_size=64):  # batch.x: (B, *event_shape)
            normal = torch.distributions.Normal(self.mean, self.std)
            loss = -normal.log_prob(batch.x / self.unit).flatten(1).sum(1).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            meter.log(loss=loss)

    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        noise = torch.randn(count, *self.spec.event_shape, generator=generator, device=self.device)
        x = (self.mean + self.scale * self.std * noise) * self.unit
        if self.spec.levels is None:
            return x
        return x.round().clamp(0, self.spec.levels - 1).long()  # integers 0..levels-1, as the data have them
