"""Data sets as they are distributed, and what `prepare` makes of them: a cache, a split, figures and a manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mrienhance._lazy import lazy

if TYPE_CHECKING:
    from mrienhance.datasets.manifest import Dataset
    from mrienhance.datasets.preparation import Prepared, PrepareOptions, prepare
    from mrienhance.datasets.stored import is_prepared, read_dataset
    from mrienhance.datasets.visit import VisitOptions

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "Dataset": ".manifest",
        "PrepareOptions": ".preparation",
        "Prepared": ".preparation",
        "VisitOptions": ".visit",
        "is_prepared": ".stored",
        "prepare": ".preparation",
        "read_dataset": ".stored",
    },
)
