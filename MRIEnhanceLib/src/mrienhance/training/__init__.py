"""The one trainer, on Lightning Fabric, and the data that it reads (extra ``mrienhance[train]``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mrienhance._lazy import lazy

if TYPE_CHECKING:
    from mrienhance.training.recipe import Recipe, read_recipe
    from mrienhance.training.run import train

__getattr__, __dir__, __all__ = lazy(__name__, {"Recipe": ".recipe", "read_recipe": ".recipe", "train": ".run"})
