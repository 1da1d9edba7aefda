"""Running a network on a volume: devices, precision, tiles, memory, progress, cancel."""

from typing import TYPE_CHECKING

from mrienhance._lazy import lazy

if TYPE_CHECKING:
    from mrienhance.inference.devices import choose_device, choose_precision
    from mrienhance.inference.predictor import Notes, Prediction, Predictor
    from mrienhance.inference.progress import Cancel, NullProgress, Part, Progress, ProgressTracker
    from mrienhance.inference.tiles import Tile, TilePlan, plan_tiles

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "Cancel": ".progress",
        "Notes": ".predictor",
        "NullProgress": ".progress",
        "Part": ".progress",
        "Prediction": ".predictor",
        "Predictor": ".predictor",
        "Progress": ".progress",
        "ProgressTracker": ".progress",
        "Tile": ".tiles",
        "TilePlan": ".tiles",
        "choose_device": ".devices",
        "choose_precision": ".devices",
        "plan_tiles": ".tiles",
    },
)
