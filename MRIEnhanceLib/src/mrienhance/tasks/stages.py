"""What a task does around its network: told and stopped like the network itself."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeAlias

import SimpleITK as sitk

from mrienhance.inference import Cancel, NullProgress, Progress

Deliver: TypeAlias = Callable[[str, sitk.Image], None]
"""Takes a name (``"image"``, or a map's) and an image whose voxels are final."""


class Stages:
    """Whoever is interested in a task while it runs.

    Parameters
    ----------
    progress, cancel
        Told how far the work is; asked whether to stop. None for nobody.
    deliver
        Given the images as soon as their voxels are final; None for nobody.
    maps
        Which maps are wanted; None for all.
    """

    def __init__(
        self,
        progress: Progress | None,
        cancel: Cancel | None,
        deliver: Deliver | None = None,
        maps: Collection[str] | None = None,
    ) -> None:
        self.progress, self.cancel = progress or NullProgress(), cancel or Cancel()
        self.deliver: Deliver = deliver or (lambda name, image: None)
        self._maps = maps

    def wants(self, name: str) -> bool:
        """Whether an image of this name is wanted."""
        return name == "image" or self._maps is None or name in self._maps

    def check(self) -> None:
        """Stop if asked."""
        self.cancel.check()

    def enter(self, fraction: float, text: str) -> None:
        """Begin a stage, at a fraction of the whole work."""
        self.check()
        self.progress.report(fraction, None, text)

    def finish(self) -> None:
        """Say that all is done."""
        self.check()
        self.progress.report(1.0, 0.0, "Done")
