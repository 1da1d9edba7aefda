"""The request ``evaluate``."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrienhance.cli.worker.desk import Desk, Folder
from mrienhance.cli.worker.fields import Fields, path, text, tuple_of
from mrienhance.cli.worker.protocol import ProtocolError
from mrienhance.cli.worker.voxels import Described

if TYPE_CHECKING:
    import SimpleITK as sitk

    from mrienhance.evaluation import Evaluation

BASELINE = "sinc interpolation"
"""Name of the row of the interpolated input."""

_READ, _COMPARED = 0.1, 0.95


@dataclass(frozen=True)
class _Wish:
    """The request, taken apart."""

    results: dict[str, Described]
    reference: Described
    mask: Described | None
    coarse: Described | None
    folder: Path
    differences: tuple[str, ...]

    @classmethod
    def of(cls, fields: Fields) -> _Wish:
        results = fields.part("results")
        mask, coarse = fields.optional_part("mask"), fields.optional_part("interpolate")
        wish = cls(
            results={name: Described.of(results.part(name)) for name in results.names},
            reference=Described.of(fields.part("reference")),
            mask=None if mask is None else Described.of(mask),
            coarse=None if coarse is None else Described.of(coarse),
            folder=fields.required("folder", path),
            differences=fields.optional("differences", tuple_of(text), ()),
        )
        fields.finish()
        if not wish.results or BASELINE in wish.results:
            message = "evaluate: 'results' must hold one image or more, none of them called"
            raise ProtocolError(f"{message} {BASELINE!r}", hint="name the results by their methods")
        strangers = [name for name in wish.differences if name not in wish.results]
        if strangers:
            message = f"evaluate: 'differences' names {strangers[0]!r}, which is none of the results"
            raise ProtocolError(message, hint=f"results: {', '.join(wish.results)}")
        return wish


def evaluate(fields: Fields, desk: Desk) -> dict[str, Any]:
    """Compare results with the truth; difference images are in the request's folder."""
    wish = _Wish.of(fields)
    desk.load_libraries()
    from mrienhance.evaluation import evaluate_all

    desk.stage(0.0, "Reading the images")
    reference = wish.reference.read("reference")
    mask = None if wish.mask is None else wish.mask.read("mask")
    results = {name: described.read(name) for name, described in wish.results.items()}
    note = ""
    if wish.coarse is not None:
        desk.stage(_READ / 2, "Interpolating the input")
        baseline, note = _baseline(wish.coarse.read("coarse input"), reference)
        results |= {} if baseline is None else {BASELINE: baseline}
    desk.stage(_READ, "Comparing with the truth")

    def step(fraction: float) -> None:
        desk.stage(_READ + (_COMPARED - _READ) * fraction, "Comparing with the truth")

    evaluation = evaluate_all(results, reference, mask=mask, step=step)
    if note:
        evaluation = replace(evaluation, notes=(*evaluation.notes, note))
    return _answer(evaluation, wish, desk)


def _answer(evaluation: Evaluation, wish: _Wish, desk: Desk) -> dict[str, Any]:
    desk.stage(_COMPARED, "Writing the differences")
    with Folder(wish.folder, desk.cancel) as folder:
        differences = {
            name: folder.write(evaluation.differences[name], f"difference-{number}", symmetric=True)
            for number, name in enumerate(dict.fromkeys(wish.differences))
        }
        desk.cancel.check()
    rows = [{key: _finite(value) for key, value in row.items()} for row in evaluation.rows]
    return {"rows": rows, "evaluation": evaluation.to_dict(), "differences": differences}


def _finite(value: Any) -> Any:
    """JSON has neither NaN nor infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _baseline(coarse: sitk.Image, reference: sitk.Image) -> tuple[sitk.Image | None, str]:
    """The coarse input on the reference's grid by sinc interpolation, or why there is none."""
    from mrienhance.images import Grid
    from mrienhance.physics import KSpaceTruncation
    from mrienhance.tasks.interpolate import interpolate

    there, here = Grid.of(reference), Grid.of(coarse)
    i, j, k = (max(1, fine // size) for fine, size in zip(there.size, here.size, strict=True))
    if not here.finer((i, j, k), alignment=KSpaceTruncation.alignment).matches(there):
        return None, f"no {BASELINE}: the input's grid is not the reference's, made coarser by whole factors"
    return interpolate(coarse, factors=(i, j, k), kinds=("sinc",))["sinc"], ""
