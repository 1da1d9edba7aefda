"""How good a result is: PSNR, SSIM and NMAE against a reference, tables, difference images and figures; VIF and NIQE.

The functions `evaluate`, `niqe` and `vif` share their modules' names, so take them from the modules.
"""

from typing import TYPE_CHECKING

from mrienhance._lazy import lazy

if TYPE_CHECKING:
    from mrienhance.evaluation.comparison import comparison_figure
    from mrienhance.evaluation.evaluate import Evaluation, evaluate_all
    from mrienhance.evaluation.figure import Panel, Style, Zoom, side_by_side
    from mrienhance.evaluation.lesion_metrics import (
        AttentionMetrics,
        LesionEvaluation,
        LesionMetrics,
        evaluate_lesions,
    )
    from mrienhance.evaluation.lesions import Box, boxes_of_mask, read_boxes
    from mrienhance.evaluation.metrics import SSIM_WINDOW, Metrics, nmae, psnr, ssim
    from mrienhance.evaluation.niqe import Naturalness, load_fit, niqe_contrasts
    from mrienhance.evaluation.synthetic import SyntheticFigures, SyntheticMetrics, evaluate_synthetic
    from mrienhance.evaluation.table import as_csv, as_json, as_markdown, as_text, write_table
    from mrienhance.evaluation.vif import vif_slices

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "AttentionMetrics": ".lesion_metrics",
        "Box": ".lesions",
        "Evaluation": ".evaluate",
        "LesionEvaluation": ".lesion_metrics",
        "LesionMetrics": ".lesion_metrics",
        "Metrics": ".metrics",
        "Naturalness": ".niqe",
        "Panel": ".figure",
        "SSIM_WINDOW": ".metrics",
        "Style": ".figure",
        "Zoom": ".figure",
        "SyntheticFigures": ".synthetic",
        "SyntheticMetrics": ".synthetic",
        "as_csv": ".table",
        "as_json": ".table",
        "as_markdown": ".table",
        "as_text": ".table",
        "boxes_of_mask": ".lesions",
        "comparison_figure": ".comparison",
        "evaluate_all": ".evaluate",
        "evaluate_lesions": ".lesion_metrics",
        "evaluate_synthetic": ".synthetic",
        "load_fit": ".niqe",
        "niqe_contrasts": ".niqe",
        "nmae": ".metrics",
        "psnr": ".metrics",
        "read_boxes": ".lesions",
        "side_by_side": ".figure",
        "ssim": ".metrics",
        "vif_slices": ".vif",
        "write_table": ".table",
    },
)
