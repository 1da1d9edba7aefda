"""The request ``super-resolve``."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrienhance.cli.worker.desk import Desk, Folder
from mrienhance.cli.worker.fields import Fields, flag, path, text, tuple_of, whole
from mrienhance.cli.worker.voxels import Described
from mrienhance.images.pixel_types import PIXEL_BYTES
from mrienhance.inference.progress import Part

if TYPE_CHECKING:
    import SimpleITK as sitk

    from mrienhance.models import ModelCard

# Fractions of the progress at which the image is read, and the model loaded.
_READ, _LOADED = 0.01, 0.03


@dataclass(frozen=True)
class _Wish:
    """The request, taken apart."""

    image: Described
    reference: Described | None
    folder: Path
    maps: tuple[str, ...]
    model: str | None
    scale: int | None
    contrast: str | None
    reference_contrast: str | None
    options: dict[str, Any]

    @classmethod
    def of(cls, fields: Fields) -> _Wish:
        reference = fields.optional_part("reference")
        options = fields.optional_part("options") or Fields({}, f"{fields.where}: 'options'")
        wish = cls(
            image=Described.of(fields.part("input")),
            reference=None if reference is None else Described.of(reference),
            folder=fields.required("folder", path),
            maps=fields.optional("maps", tuple_of(text), ()),
            model=options.optional("model", text),
            scale=options.optional("scale", whole(1)),
            contrast=fields.optional("contrast", text),
            reference_contrast=fields.optional("reference_contrast", text),
            options={
                "register": options.optional("register", flag, True),
                "device": options.optional("device", text, "auto"),
                "precision": options.optional("precision", text, "auto"),
                "consistency": options.optional("consistency", flag, True),
                "tile": options.optional("tile", whole(1)),
                "batch": options.optional("batch", whole(1)),
            },
        )
        options.finish()
        fields.finish()
        return wish


def super_resolve(fields: Fields, desk: Desk) -> dict[str, Any]:
    """Super-resolve an image; the result and the maps that were asked for are in the request's folder."""
    started = time.perf_counter()
    wish = _Wish.of(fields)
    desk.load_libraries()
    from mrienhance.images import check_room
    from mrienhance.tasks import super_resolve as task

    desk.stage(0.0, "Reading the image")
    image = wish.image.read("image")
    reference = None if wish.reference is None else wish.reference.read("reference")
    entry = task.find_for(
        wish.model,
        wish.scale,
        reference=reference is not None,
        image=image,
        contrast=wish.contrast,
        reference_contrast=wish.reference_contrast,
    )
    model, warm = desk.models.get(entry, lambda text: desk.stage(_READ, text))
    check_room(wish.folder, _result_bytes(wish.image, model.card))
    images: dict[str, Any] = {}
    with Folder(wish.folder, desk.cancel) as folder:

        def deliver(name: str, volume: sitk.Image) -> None:
            images[name] = folder.write(volume, "image" if name == "image" else f"map-{len(images)}")

        result = task.super_resolve(
            image,
            model=model,
            scale=wish.scale,
            reference=reference,
            contrast=wish.contrast,
            reference_contrast=wish.reference_contrast,
            maps=wish.maps,
            progress=Part(desk.reports, _LOADED, 1.0),
            cancel=desk.cancel,
            deliver=deliver,
            **wish.options,
        )
        return {
            "image": images.pop("image"),
            "maps": images,
            "report": result.report.to_dict(),
            "warm": warm,
            "seconds": round(time.perf_counter() - started, 4),
        }


def _result_bytes(image: Described, card: ModelCard) -> int:
    """How large the file of the result will be."""
    bytes_per_voxel = PIXEL_BYTES["float32" if image.pixel_type == "float64" else image.pixel_type]
    return math.prod(image.size) * math.prod(card.factors) * bytes_per_voxel
