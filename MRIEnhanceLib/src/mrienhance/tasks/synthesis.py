"""The work behind `synthesize`: scans onto one grid, the network on each of them, means, records."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

import SimpleITK as sitk
import torch

from mrienhance.errors import UsageError
from mrienhance.images import Grid, to_image
from mrienhance.images.metadata import mark_synthetic
from mrienhance.inference import Notes, Part, Predictor
from mrienhance.models import Model
from mrienhance.tasks.cautions import spacing_warning
from mrienhance.tasks.orientation import Axial
from mrienhance.tasks.result import ImageRecord, ModelRecord, Report, Result
from mrienhance.tasks.scans import Scan, gather
from mrienhance.tasks.stages import Stages
from mrienhance.tasks.synthesis_model import TASK, check_new
from mrienhance.tasks.synthesis_record import SYNTHETIC_UNIT, SourceRecord, SynthesisRecord
from mrienhance.tasks.translation import Translation, doubts, identify
from mrienhance.tasks.uncertainty import LOOKS, Spread

DeliverOf: TypeAlias = Callable[[str, str, sitk.Image], None]
"""Takes a contrast, a name (``"image"`` or ``"uncertainty"``) and an image whose voxels are final."""

# Fractions of the progress at which all scans are on one grid (if one is not there yet), and the network has done.
_PLACED_SHARE, _NETWORK_SHARE, _RECORD_SHARE = 0.2, 0.97, 0.98


@dataclass(frozen=True, kw_only=True)
class Synthesis:
    """What is to be done, with what, for whom.

    Parameters
    ----------
    image, source, others
        The scans, checked, and their contrasts; None for a source that has yet to be told.
    targets
        Contrasts to make.
    model, able
        Which model does it, and the contrasts that it takes.
    registered, uncertainty, batch
        As `synthesize_all` has them.
    device, precision
        Where, and in which arithmetic.
    stages, deliver
        Who is told, may stop it, and gets the images.
    """

    image: sitk.Image
    source: str | None
    others: Mapping[str, sitk.Image]
    targets: tuple[str, ...]
    model: Model
    able: tuple[str, ...]
    registered: bool
    uncertainty: bool
    device: torch.device
    precision: torch.dtype
    batch: int | None
    stages: Stages
    deliver: DeliverOf

    def run(self, started: float) -> dict[str, Result]:
        """Do it; `started` is when the task began, by `time.perf_counter`."""
        grid = Grid.of(self.image)
        axial = Axial.of(grid)
        with ThreadPoolExecutor(2) as aside:  # large images take a while to hash and to write: neither needs Python
            seen = [aside.submit(ImageRecord.of, self.image, role="image")]
            seen += [aside.submit(ImageRecord.of, other, role=name) for name, other in self.others.items()]
            share = 0.0 if all(Grid.of(other).matches(grid) for other in self.others.values()) else _PLACED_SHARE
            scans = self._scans(axial, share)
            self.stages.enter(share, "Looking at the contrasts")
            sources = self._sources(scans)
            spreads, notes = self._predict(scans, sources, share)
            self.stages.enter(_NETWORK_SHARE, "Putting the images into place")
            made = {target: self._images(axial, target, spread, sources) for target, spread in spreads.items()}
            self.stages.enter(_RECORD_SHARE, "Recording how the results came to be")
            outputs = {
                target: aside.submit(ImageRecord.of, images["image"], role="result") for target, images in made.items()
            }
            named = [(target, name, image) for target, images in made.items() for name, image in images.items()]
            for delivery in [aside.submit(self.deliver, *each) for each in named]:
                delivery.result()
            warnings = self._warnings(axial, sources, notes)
            inputs = tuple(record.result() for record in seen)
            results = {}
            for target, images in made.items():
                record = SynthesisRecord(target=target, sources=sources, predictions=spreads[target].count)
                report = self._report(record, notes, inputs, outputs[target].result(), warnings, started)
                results[target] = Result(images.pop("image"), images, report)
        self.stages.finish()
        return results

    def _scans(self, axial: Axial, share: float) -> list[Scan]:
        return gather(
            self.image,
            self.source,
            self.others,
            axial,
            registered=self.registered,
            progress=Part(self.stages.progress, 0.0, share),
            cancel=self.stages.cancel,
        )

    def _sources(self, scans: Sequence[Scan]) -> tuple[SourceRecord, ...]:
        """What the scans are; refused if the model finds that there is nothing to do."""
        self.model.module.to(self.device)
        sources = []
        for scan in scans:
            self.stages.check()
            sources.append(identify(scan, self.model, self.able))
        first, *rest = (source.contrast for source in sources)
        if first in rest:
            raise UsageError(f"there are two images of {first}: the model takes the first one for it", hint=_HINT)
        check_new(self.targets, [first, *rest])
        return tuple(sources)

    def _predict(
        self, scans: Sequence[Scan], sources: Sequence[SourceRecord], began: float
    ) -> tuple[dict[str, Spread], list[Notes]]:
        """Each target's predictions from every scan, and every look at it; and how the network ran."""
        spreads = {target: Spread(deviation=self.uncertainty) for target in self.targets}
        looks = LOOKS if self.uncertainty else LOOKS[:1]
        step = (_NETWORK_SHARE - began) / (len(scans) * len(looks))
        notes: list[Notes] = []
        for scan, source in zip(scans, sources, strict=True):
            for look in looks:
                start = began + step * len(notes)
                predictor = Predictor(
                    self.model.module,
                    Translation(self.model.method, source.contrast, self.targets),
                    self.model.config,
                    self.device,
                    self.precision,
                    batch=self.batch,
                    progress=Part(self.stages.progress, start, start + step),
                    cancel=self.stages.cancel,
                    text=f"Running {self.model.method.title} on {source.contrast}",
                )
                predicted, ran = predictor.run(look.show(scan.volume))
                for target, spread in spreads.items():
                    spread.add(look.back(predicted[target]), scan.where)
                notes.append(ran)
        return spreads, notes

    def _images(
        self, axial: Axial, target: str, spread: Spread, sources: Sequence[SourceRecord]
    ) -> dict[str, sitk.Image]:
        """The result and its map, on the grid of the image, in the unit of synthetic images."""
        volumes = {"image": spread.mean} | ({"uncertainty": spread.deviation} if self.uncertainty else {})
        made = f"{target} from {'+'.join(source.contrast for source in sources)} by {self.model.name}"
        said = {"image": f"synthetic {made}", "uncertainty": f"uncertainty of synthetic {made}"}
        images = {}
        for name, volume in volumes.items():
            images[name] = to_image(axial.undo(volume) * SYNTHETIC_UNIT, Grid.of(self.image))
            mark_synthetic(images[name], said[name])
        return images

    def _warnings(self, axial: Axial, sources: Sequence[SourceRecord], notes: Sequence[Notes]) -> tuple[str, ...]:
        return (
            *(doubt for source in sources for doubt in doubts(source, self.model)),
            *axial.warnings,
            *spacing_warning(axial.spacing(Grid.of(self.image)), self.model),
            *_fallbacks(notes),
        )

    def _report(
        self,
        record: SynthesisRecord,
        notes: Sequence[Notes],
        inputs: tuple[ImageRecord, ...],
        output: ImageRecord,
        warnings: tuple[str, ...],
        started: float,
    ) -> Report:
        peaks = [ran.peak_memory_bytes for ran in notes if ran.peak_memory_bytes is not None]
        return Report(
            task=TASK,
            model=ModelRecord.of(self.model),
            inputs=inputs,
            output=output,
            scale=None,
            consistency=False,
            consistency_residual=None,
            device=notes[-1].device,
            precision=notes[-1].precision,
            tile=notes[-1].tile,
            fallbacks=_fallbacks(notes),
            seconds=time.perf_counter() - started,
            seconds_network=sum(ran.seconds_network for ran in notes),
            peak_memory_bytes=max(peaks, default=None),
            warnings=warnings,
            synthesis=record,
        )


_HINT = "say what the first one is, or leave the other one out"


def _fallbacks(notes: Sequence[Notes]) -> tuple[str, ...]:
    """What was given up in any of the runs, each once."""
    return tuple(dict.fromkeys(text for ran in notes for text in ran.fallbacks))
