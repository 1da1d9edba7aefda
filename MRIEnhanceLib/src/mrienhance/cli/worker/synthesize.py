"""The request ``synthesize``."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrienhance.cli.worker.desk import Desk, Folder
from mrienhance.cli.worker.fields import Fields, flag, path, text, tuple_of, whole
from mrienhance.cli.worker.protocol import ProtocolError
from mrienhance.cli.worker.voxels import Described
from mrienhance.inference.progress import Part

if TYPE_CHECKING:
    import SimpleITK as sitk

    from mrienhance.evaluation import Evaluation
    from mrienhance.models import Model
    from mrienhance.tasks.result import Result

# Fractions of the progress at which the images are read, the model is loaded, and the results are there if they are
# compared.
_READ, _LOADED, _MADE = 0.01, 0.03, 0.8


@dataclass(frozen=True)
class _Wish:
    """The request, taken apart."""

    image: Described
    source: str | None
    to: tuple[str, ...]
    others: dict[str, Described]
    reference: Described | None
    folder: Path
    maps: tuple[str, ...]
    model: str | None
    register: bool
    options: dict[str, Any]

    @classmethod
    def of(cls, fields: Fields) -> _Wish:
        reference = fields.optional_part("reference")
        options = fields.optional_part("options") or Fields({}, f"{fields.where}: 'options'")
        wish = cls(
            image=Described.of(fields.part("input")),
            source=fields.optional("source", text),
            to=fields.required("to", tuple_of(text)),
            others=_others(fields),
            reference=None if reference is None else Described.of(reference),
            folder=fields.required("folder", path),
            maps=fields.optional("maps", tuple_of(text), ()),
            model=options.optional("model", text),
            register=options.optional("register", flag, True),
            options={
                "device": options.optional("device", text, "auto"),
                "precision": options.optional("precision", text, "auto"),
                "batch": options.optional("batch", whole(1)),
            },
        )
        options.finish()
        fields.finish()
        if wish.reference is not None and len(wish.to) != 1:
            message = f"synthesize: a reference is of one contrast, and 'to' names {len(wish.to)}"
            raise ProtocolError(message, hint="ask for one contrast, or leave the reference out")
        return wish


def _others(fields: Fields) -> dict[str, Described]:
    """The further scans, which come in a list since a contrast is no key."""
    found: dict[str, Described] = {}
    where = f"{fields.where}: 'others'"
    for values in fields.optional("others", tuple_of(_anything), ()):
        item = Fields(values, where)
        contrast = item.required("contrast", text)
        if contrast in found:
            raise ProtocolError(f"{where} has two images of {contrast!r}", hint="give each contrast once")
        found[contrast] = Described.of(item.part("image"))
        item.finish()
    return found


def _anything(value: Any) -> Any:
    """`Fields` looks at it."""
    return value


def synthesize(fields: Fields, desk: Desk) -> dict[str, Any]:
    """Synthesize contrasts; the results and the maps that were asked for are in the request's folder."""
    started = time.perf_counter()
    wish = _Wish.of(fields)
    desk.load_libraries()
    from mrienhance.images import check_room
    from mrienhance.tasks import synthesis_model

    targets = synthesis_model.check_wish(wish.to, wish.source, wish.others)
    desk.stage(0.0, "Reading the images")
    image = wish.image.read("image")
    others = {name: described.read(f"{name} image") for name, described in wish.others.items()}
    reference = None if wish.reference is None else wish.reference.read("reference")
    entry = synthesis_model.find_for(wish.model, source=wish.source, to=targets, others=wish.others)
    model, warm = desk.models.get(entry, lambda text: desk.stage(_READ, text))
    volumes = len(targets) * (1 + ("uncertainty" in wish.maps)) + (reference is not None)
    check_room(wish.folder, 4 * volumes * math.prod(wish.image.size))
    with Folder(wish.folder, desk.cancel) as folder:
        results, images = _make(wish, desk, folder, model, image, others, last=1.0 if reference is None else _MADE)
        evaluation = None if reference is None else _judge(results[targets[0]], reference, wish, desk)
        difference = None if evaluation is None else folder.write(evaluation.difference, "difference", symmetric=True)
        desk.cancel.check()
        return {
            "results": [
                {
                    "contrast": target,
                    "image": images[target].pop("image"),
                    "maps": images[target],
                    "report": results[target].report.to_dict(),
                }
                for target in targets
            ],
            "rows": None if evaluation is None else _rows(evaluation),
            "evaluation": None if evaluation is None else evaluation.to_dict(),
            "difference": difference,
            "warm": warm,
            "seconds": round(time.perf_counter() - started, 4),
        }


def _make(
    wish: _Wish,
    desk: Desk,
    folder: Folder,
    model: Model,
    image: sitk.Image,
    others: dict[str, sitk.Image],
    *,
    last: float,
) -> tuple[dict[str, Result], dict[str, dict[str, Any]]]:
    """The results, and the descriptions of their images by contrast and name; `last` is the progress at the end."""
    from mrienhance.tasks.synthesize import synthesize_all

    images: dict[str, dict[str, Any]] = {target: {} for target in wish.to}

    def deliver(contrast: str, name: str, volume: sitk.Image) -> None:
        images[contrast][name] = folder.write(volume, f"{name}-{wish.to.index(contrast)}")

    results = synthesize_all(
        image,
        to=wish.to,
        source=wish.source,
        others=others,
        model=model,
        register=wish.register,
        uncertainty="uncertainty" in wish.maps,
        progress=Part(desk.reports, _LOADED, last),
        cancel=desk.cancel,
        deliver=deliver,
        **wish.options,
    )
    return results, images


def _judge(result: Result, reference: sitk.Image, wish: _Wish, desk: Desk) -> Evaluation:
    from mrienhance.tasks.synthesis_truth import compare

    part = Part(desk.reports, _MADE, 1.0)
    return compare(result, reference, register=wish.register, progress=part, cancel=desk.cancel)


def _rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """JSON has neither NaN nor infinity."""
    return [
        {key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()}
        for row in evaluation.rows
    ]
