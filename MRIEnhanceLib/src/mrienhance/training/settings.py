"""The numbers of a training that are not the model's."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How a network learns.

    Attributes
    ----------
    steps
        Optimisation steps.
    accumulate
        Parts of a step whose gradients add up: each draws `Sampling.images` on every device. Memory for one part is
        enough, where a method has one loss; a GAN keeps its synthetic images of all parts.
    workers
        Threads that draw images ahead, on each device; None: as many as the machine suggests.
    learning_rate, final_learning_rate
        Adam's learning rate after the warm-up and at the end; a cosine between them.
    warmup
        Steps over which the learning rate rises linearly from zero.
    betas
        Adam's decay rates.
    gradient_clip
        Largest norm of the gradient; 0 does not clip.
    ema
        Decay per step of the averaged weights that are validated and shipped; 0 uses the raw weights.
    precision
        ``"auto"`` (bfloat16 where the hardware multiplies it), ``"32-true"``, ``"bf16-mixed"`` or ``"16-mixed"``.
    weights
        Type of the numbers in the model file: ``"float32"``, or ``"float16"`` for half the size; a network computes in
        float32 with either.
    seed
        Of the weights, the samples and the augmentation.
    validate_every, checkpoint_every, log_every
        Steps between validations (with preview), between states for resuming, and between lines of the log.
    validation_slices
        Slices (or blocks) of each validation image that are scored.
    """

    steps: int = 20000
    accumulate: int = 1
    workers: int | None = None
    learning_rate: float = 5e-4
    final_learning_rate: float = 1e-6
    warmup: int = 200
    betas: tuple[float, float] = (0.9, 0.999)
    gradient_clip: float = 1.0
    ema: float = 0.999
    precision: str = "auto"
    weights: Literal["float32", "float16"] = "float32"
    seed: int = 0
    validate_every: int = 1000
    checkpoint_every: int = 500
    log_every: int = 50
    validation_slices: int = 8

    def __post_init__(self) -> None:
        for name in ("steps", "accumulate", "validate_every", "checkpoint_every", "log_every", "validation_slices"):
            if getattr(self, name) < 1:
                raise ValueError(f"training: {name} must be at least 1, not {getattr(self, name)}")
        for name in ("seed", "workers"):
            if (getattr(self, name) or 0) < 0:
                raise ValueError(f"training: {name} must be at least 0, not {getattr(self, name)}")
        if not 0 <= self.ema < 1:
            raise ValueError(f"training: ema must be in [0, 1), not {self.ema}")
        if self.precision not in ("auto", "32-true", "bf16-mixed", "16-mixed"):
            raise ValueError(f"training: precision {self.precision!r} is not auto, 32-true, bf16-mixed or 16-mixed")

    def learning_rate_at(self, step: int) -> float:
        """Learning rate of the step with this number (from 0): a pure function, so that resuming needs no state."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        done = (step - self.warmup) / max(self.steps - self.warmup, 1)
        span = self.learning_rate - self.final_learning_rate
        return self.final_learning_rate + span * (1 + cos(pi * min(done, 1.0))) / 2
