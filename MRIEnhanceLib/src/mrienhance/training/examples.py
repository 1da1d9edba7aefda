"""What a training draws from: single images, subjects with their contrasts, heads to simulate scans of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from torch import Tensor

from mrienhance.training.block_plan import BlockPlan
from mrienhance.training.blocks import BlockExamples, BlockVolume
from mrienhance.training.draw import Examples
from mrienhance.training.head import Head
from mrienhance.training.measured import MeasuredScan, ScanSettings
from mrienhance.training.simulated import CONTRASTS, Simulated
from mrienhance.training.simulated_blocks import SimulatedBlocks
from mrienhance.training.subjects import Report, load_subjects
from mrienhance.training.volumes import SIMULATED, Source, load_volume

ANY = ("image",)
"""The contrasts of an objective that takes one image of any contrast."""


def load_examples(
    sources: Sequence[Source],
    contrasts: Sequence[str],
    *,
    min_foreground: float,
    labels: Sequence[str] = (),
    scans: ScanSettings | None = None,
    report: Report = lambda name: None,
) -> Iterator[Examples]:
    """Read all that a training draws from.

    Parameters
    ----------
    sources
        What `find_images` found.
    contrasts, labels
        The objective's; contrasts of `ANY` make each image an example of its own, and of a simulated head one contrast
        is drawn.
    min_foreground
        Slices with a smaller fraction of tissue are not learned from.
    scans
        How raw k-space is learned from.
    report
        Told the name of each file before it is read.

    Raises
    ------
    UsageError
        If a file cannot be used, or a label map is not on the grid of its images.
    """
    single = tuple(contrasts) == ANY
    scanned = [source for source in sources if source.contrast != SIMULATED and source.raw is None]
    for source in sources:
        if source.raw is not None:
            report(source.path.name)
            yield MeasuredScan.load(source, scans or ScanSettings(), min_foreground=min_foreground)
    if single:
        for source in scanned:
            report(source.path.name)
            yield load_volume(source, min_foreground=min_foreground, labels=labels)
    else:
        yield from load_subjects(scanned, contrasts, min_foreground=min_foreground, labels=labels, report=report)
    for source in sources:
        if source.contrast == SIMULATED:
            report(source.path.name)
            wanted = ANY if single else tuple(name for name in contrasts if name in CONTRASTS)
            yield Simulated.load(source, wanted, min_foreground=min_foreground, lesions="lesions" in labels)


def load_blocks(
    sources: Sequence[Source], contrasts: Sequence[str], *, plan: BlockPlan, report: Report = lambda name: None
) -> Iterator[BlockExamples]:
    """Read all that blocks are cut from.

    Parameters
    ----------
    sources, contrasts, report
        As for `load_examples`.
    plan
        What blocks are wanted.

    Yields
    ------
    BlockExamples
        One for each person and grid, or each image where `contrasts` is `ANY`; those without tissue are left out.

    Raises
    ------
    UsageError
        If a file cannot be used.
    """
    scanned = [source for source in sources if source.contrast != SIMULATED]
    for owner, values, spacing in _volumes(scanned, contrasts, report):
        volume = BlockVolume.make(owner, values, spacing=spacing, plan=plan)
        if volume.views:
            yield volume
    for source in sources:
        if source.contrast == SIMULATED:
            report(source.path.name)
            wanted = ANY if tuple(contrasts) == ANY else tuple(name for name in contrasts if name in CONTRASTS)
            yield SimulatedBlocks(source, plan, Head.read(source.path), wanted)


def _volumes(
    sources: Sequence[Source], contrasts: Sequence[str], report: Report
) -> Iterator[tuple[Source, Mapping[str, Tensor], tuple[float, float, float]]]:
    """Contrasts (k, j, i) that share a grid, and the distance of its samples."""
    if tuple(contrasts) != ANY:
        for subject in load_subjects(sources, contrasts, min_foreground=0.0, report=report):
            whole = {name: values.float() for name, values in subject.values.items()}
            yield subject.source, whole, subject.spacing
        return
    for source in sources:
        report(source.path.name)
        volume = load_volume(source, min_foreground=0.0)
        yield source, {"image": volume.values.float()}, volume.spacing
