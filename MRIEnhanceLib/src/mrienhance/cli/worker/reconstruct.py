"""The request ``reconstruct``."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrienhance.cli.worker.desk import Desk, Folder
from mrienhance.cli.worker.fields import Fields, number, one_of, path, positive, text, tuple_of, whole
from mrienhance.cli.worker.protocol import ProtocolError
from mrienhance.cli.worker.voxels import Described
from mrienhance.inference.progress import Part

if TYPE_CHECKING:
    import SimpleITK as sitk

    from mrienhance.evaluation import Evaluation
    from mrienhance.kspace import KSpace
    from mrienhance.tasks.result import Result

# Fractions of the progress at which the raw data are there, and the model is loaded.
_READ, _LOADED = 0.05, 0.07
_SAMPLING = one_of("random-lines", "equispaced-lines", "poisson-disc")
_MAPS = one_of("espirit", "low-resolution", "file")


@dataclass(frozen=True)
class _Wish:
    """The request, taken apart."""

    kspace: Path | None
    read: dict[str, Any]
    image: Described | None
    simulate: dict[str, Any]
    retrospective: dict[str, Any] | None
    folder: Path
    maps: tuple[str, ...]
    model: str | None
    options: dict[str, Any]

    @classmethod
    def of(cls, fields: Fields) -> _Wish:
        image, tried = fields.optional_part("input"), fields.optional_part("retrospective")
        options = _part(fields, "options")
        wish = cls(
            kspace=fields.optional("kspace", path),
            read=_reading(_part(fields, "read")),
            image=None if image is None else Described.of(image),
            simulate=_simulation(_part(fields, "simulate")),
            retrospective=None if tried is None else _undersampling(tried),
            folder=fields.required("folder", path),
            maps=fields.optional("maps", tuple_of(text), ()),
            model=options.optional("model", text),
            options={
                "coil_maps": options.optional("coil_maps", _MAPS, "espirit"),
                "device": options.optional("device", text, "auto"),
                "precision": options.optional("precision", text, "auto"),
                "batch": options.optional("batch", whole(1)),
            },
        )
        options.finish()
        fields.finish()
        if (wish.kspace is None) == (wish.image is None):
            message = "reconstruct: give either 'kspace', a file, or 'input', an image to simulate a scan of"
            raise ProtocolError(message, hint="the other one is null, or left out")
        if wish.image is not None and wish.retrospective is not None:
            raise ProtocolError(
                "reconstruct: 'retrospective' is for files of full scans", hint="'simulate' leaves samples out itself"
            )
        return wish


def _part(fields: Fields, name: str) -> Fields:
    return fields.optional_part(name) or Fields({}, f"{fields.where}: {name!r}")


def _given(fields: Fields, checks: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are there; what is null or left out has the library's default."""
    found = {name: fields.optional(name, check) for name, check in checks.items()}
    fields.finish()
    return {name: value for name, value in found.items() if value is not None}


def _reading(fields: Fields) -> dict[str, Any]:
    checks = {"format": text, "axes": text, "mask": path, "slices": tuple_of(whole(0))}
    found = _given(fields, checks)
    return found | ({"slices": list(found["slices"])} if "slices" in found else {})


def _simulation(fields: Fields) -> dict[str, Any]:
    checks = {
        "coils": whole(1),
        "acceleration": positive,
        "sampling": _SAMPLING,
        "lines_along": one_of("i", "j"),
        "snr": positive,
        "phase": number,
        "seed": whole(0),
        "slices": tuple_of(whole(0)),
    }
    found = _given(fields, checks)
    return found | ({"slices": list(found["slices"])} if "slices" in found else {})


def _undersampling(fields: Fields) -> dict[str, Any]:
    checks = {"acceleration": positive, "sampling": _SAMPLING, "lines_along": one_of("i", "j"), "seed": whole(0)}
    return _given(fields, checks)


def reconstruct(fields: Fields, desk: Desk) -> dict[str, Any]:
    """Reconstruct raw data; the image and the maps that were asked for are in the request's folder."""
    started = time.perf_counter()
    wish = _Wish.of(fields)
    desk.load_libraries()
    from mrienhance.images import check_room
    from mrienhance.tasks import reconstruct as task
    from mrienhance.tasks.classical import Classical

    kspace = _kspace(wish, desk)
    found, warm = task.find_for(wish.model), True
    options: dict[str, Any] = {"model": wish.model, **wish.options}
    if not isinstance(found, Classical):
        options["model"], warm = desk.models.get(found, lambda text: desk.stage(_READ, text))
    count = 1 + len(wish.maps) + (wish.retrospective is not None)
    check_room(wish.folder, 4 * count * kspace.samples.shape[0] * math.prod(kspace.crop))
    images: dict[str, Any] = {}
    with Folder(wish.folder, desk.cancel) as folder:

        def deliver(name: str, volume: sitk.Image) -> None:
            images[name] = folder.write(volume, "image" if name == "image" else f"map-{len(images)}")

        options |= {"progress": Part(desk.reports, _LOADED, 1.0), "cancel": desk.cancel, "deliver": deliver}
        if wish.retrospective is None:
            result = task.reconstruct(kspace, maps=wish.maps, **options)
            full, evaluation = None, _against_image(result, kspace) if wish.image is not None else None
        else:
            from mrienhance.tasks.retrospective import retrospective

            tried = retrospective(kspace, maps=wish.maps, **wish.retrospective, **options)
            result, evaluation = tried.result, tried.evaluation
            full = folder.write(tried.full, "full")
        desk.cancel.check()
        return {
            "image": images.pop("image"),
            "maps": images,
            "full": full,
            "report": result.report.to_dict(),
            "rows": None if evaluation is None else _rows(evaluation),
            "evaluation": None if evaluation is None else evaluation.to_dict(),
            "warm": warm,
            "seconds": round(time.perf_counter() - started, 4),
        }


def _kspace(wish: _Wish, desk: Desk) -> KSpace:
    """Raw data from a file, or of a scan that never was."""
    if wish.image is None:
        from mrienhance.kspace import read_kspace

        desk.stage(0.0, "Reading the raw data")
        return read_kspace(wish.kspace or "", **wish.read)
    from mrienhance.tasks.simulate_kspace import simulate_kspace

    desk.stage(0.0, "Reading the image")
    image = wish.image.read("image")
    desk.stage(_READ / 2, "Simulating the scan")
    return simulate_kspace(image, **wish.simulate)


def _against_image(result: Result, kspace: KSpace) -> Evaluation | None:
    """How far the reconstruction is from the image whose scan was simulated."""
    from mrienhance.images import Grid, to_image
    from mrienhance.tasks.retrospective import compare

    if kspace.reference is None:
        return None
    return compare(result, to_image(kspace.reference, Grid.of(result.image)))


def _rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """JSON has neither NaN nor infinity."""
    return [
        {key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()}
        for row in evaluation.rows
    ]
