"""Mean field: every pixel a normal distribution of its own, fitted by stochastic gradients."""

import torch

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split


class MeanField(GenerativeModel):
    """x_d ~ N(mean_d, (scale * std_d)²); `scale` below 1 draws nearer to the mean."""

    def __init__(self, spec: DataSpec, *, scale: float = 1.0) -> None:
        super().__init__(spec)
        self.scale = scale
        self.mean = torch.nn.Parameter(torch.zeros(spec.event_shape))
        self.log_std = torch.nn.Parameter(torch.zeros(spec.event_shape))

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        optimiser = torch.optim.Adam(self.parameters(), lr=0.05)
        for batch in meter.batches(train, batch_size=64):  # batch.x: (B, *event_shape)
            normal = torch.distributions.Normal(self.mean, self.log_std.exp())
            loss = -normal.log_prob(batch.x.float()).flatten(1).sum(1).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            meter.log(loss=loss)

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        shape = (count, *self.spec.event_shape)
        noise = torch.randn(shape, generator=generator, device=self.device)
        x = self.mean + self.scale * self.log_std.exp() * noise
        if self.spec.levels is None:
            return x
        return x.round().clamp(0, self.spec.levels - 1).long()  # integers 0..levels-1, as the data have them
