"""The network that is trained and shipped: a generator under labels, and a recogniser beside it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrienhance.blocks.recognizer import Recognizer
from mrienhance.methods.unified_gan.config import Config
from mrienhance.methods.unified_gan.generators import ResUNet, StarGAN, UNet

_GENERATORS: dict[str, type[StarGAN | ResUNet | UNet]] = {"stargan": StarGAN, "resunet": ResUNet, "unet": UNet}


class UnifiedGAN(nn.Module):
    """One generator for every pair of contrasts (Dai et al., Medical Physics 2020; form: StarGAN).

    The image goes in as it is, in [0, 1], so that the zeros around it continue its background; what comes out of tanh
    in [-1, 1] is brought to [0, 1].

    Parameters
    ----------
    config
        Hyper-parameters.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.methods.unified_gan.config import Config
    >>> from mrienhance.methods.unified_gan.network import UnifiedGAN
    >>> network = UnifiedGAN(Config(width=8, residual_blocks=1))
    >>> t1, flair = torch.tensor([0]), torch.tensor([3])
    >>> network(torch.rand(1, 1, 33, 50), t1, flair).shape
    torch.Size([1, 1, 33, 50])
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.generator = _GENERATORS[config.generator](config)
        width = config.recognizer_width
        self.recognizer = Recognizer(len(config.contrasts), width=width) if config.recognizer else None

    def forward(self, image: Tensor, source: Tensor, target: Tensor | None) -> Tensor:
        """Translate slices.

        Parameters
        ----------
        image
            Slices (B, 1, H, W) of any size, brightest tissue about 1, background 0.
        source, target
            Their contrasts and those to make (B,): places in `Config.contrasts`. With ``"target"`` labels the source is
            not looked at; with ``"source"`` labels, and only then, the target may be None for all contrasts.

        Returns
        -------
        Tensor
            float32 (B, 1, H, W) in [0, 1]; of all contrasts (B, contrasts, H, W).
        """
        every = self.config.label_mode == "source"
        assert every or target is not None
        code = self._code(source, target).to(image.dtype)
        height, width = image.shape[-2:]
        padded = functional.pad(image, (0, self._missing(width), 0, self._missing(height)))
        planes = code[..., None, None].expand(-1, -1, *padded.shape[-2:])
        logits = self.generator(torch.cat((padded, planes), dim=1), code)[..., :height, :width]
        if every and target is not None:
            logits = logits[torch.arange(len(image), device=image.device), target][:, None]
        made: Tensor = (torch.tanh(logits.float()) + 1) / 2
        return made

    def _code(self, source: Tensor, target: Tensor | None) -> Tensor:
        """The labels that the generator sees, one-hot (B, planes)."""
        mode = self.config.label_mode
        labels = {"target": (target,), "source+target": (source, target), "source": (source,)}[mode]
        count = len(self.config.contrasts)
        return torch.cat([functional.one_hot(label, count) for label in labels if label is not None], dim=1)

    def _missing(self, side: int) -> int:
        """Rows or columns to add: up to the next multiple, and to two pixels at the coarsest level."""
        multiple = self.config.multiple
        return max(-side % multiple, 2 * multiple - side)


def macs_per_pixel(config: Config, *, size: int = 64) -> float:
    """Multiply-accumulates of the generator per pixel of the image, counted on a ``size`` x ``size`` one."""
    from torch.utils.flop_counter import FlopCounterMode

    network, label = UnifiedGAN(config).eval(), torch.tensor([0])
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 1, size, size), label, label)
    operations: int = counter.get_total_flops()
    return operations / 2 / size**2
