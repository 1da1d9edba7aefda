"""The methods, one folder a paper, and the contract that they keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mrienhance._lazy import lazy

if TYPE_CHECKING:
    from mrienhance.methods.base import Contrasts, Method, Paper, ReferenceUse, Tiling
    from mrienhance.methods.configs import config_from_dict, config_to_dict
    from mrienhance.methods.objective import Batch, Loss, Objective, Sampling
    from mrienhance.methods.registry import all_methods, get_method

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "Batch": ".objective",
        "Contrasts": ".base",
        "Loss": ".objective",
        "Method": ".base",
        "Objective": ".objective",
        "Paper": ".base",
        "ReferenceUse": ".base",
        "Sampling": ".objective",
        "Tiling": ".base",
        "all_methods": ".registry",
        "config_from_dict": ".configs",
        "config_to_dict": ".configs",
        "get_method": ".registry",
    },
)
