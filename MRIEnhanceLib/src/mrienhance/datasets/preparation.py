"""From a data set as it is distributed to a folder that a training reads without unpacking or registering anything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from mrienhance.datasets import split as splits
from mrienhance.datasets.aligned import AUTO as AUTO_GRID
from mrienhance.datasets.aligned import NONE
from mrienhance.datasets.contrasts import in_order
from mrienhance.datasets.layouts import AUTO, layout_of
from mrienhance.datasets.manifest import Dataset, Image, Subject, Visit
from mrienhance.datasets.qc import overview
from mrienhance.datasets.scan import Found, Skipped, visit_name
from mrienhance.datasets.stored import NAME, is_prepared, write_dataset
from mrienhance.datasets.visit import WITHOUT, Job, Outcome, VisitOptions, relative
from mrienhance.datasets.work import make_all
from mrienhance.errors import ImageError, OutputError, UsageError
from mrienhance.images import atomic_path
from mrienhance.inference.progress import Cancel, Progress, ProgressTracker

_MARK = ".mrienhance-prepared"
"""A file that says whose folder it is before the manifest is there."""


@dataclass(frozen=True, kw_only=True)
class PrepareOptions:
    """How a data set is prepared.

    Attributes
    ----------
    layout
        One of `layouts.NAMES`, or ``"auto"``.
    split
        Shares of train, validation and test as in ``"70/10/20"``; the path of a CSV file with the columns subject and
        split; or ``"official"``: the one that the data set comes with, where it does, else 70/10/20.
    seed
        Of the split.
    labels
        Files of fastMRI+ that do not lie in the data set.
    visit
        What volumes depend on.
    jobs
        Processes that work at the same time.
    """

    layout: str = AUTO
    split: str = "official"
    seed: int = 0
    labels: tuple[Path, ...] = ()
    visit: VisitOptions = field(default_factory=VisitOptions)
    jobs: int = 1


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What `prepare` did: the data set, how many visits were made, and how many were there as they should be."""

    dataset: Dataset
    made: int
    kept: int


def prepare(
    folder: Path,
    output: Path,
    options: PrepareOptions | None = None,
    *,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Prepared:
    """Find the images of a data set, bring each visit to one grid, and write cache, figures, split and manifest.

    What was made before from the same files with the same options is not made again, so that a preparation that was
    stopped goes on where it was.

    Parameters
    ----------
    folder
        The data set as it is distributed; nothing in it is changed.
    output
        A new folder, or one that was prepared before. It gets ``dataset.json``, ``split.csv``, ``cache/`` and ``qc/``.
    options
        See the class.
    progress, cancel
        Who is told, and who may stop it.

    Raises
    ------
    UsageError
        If there is nothing to prepare, or the split cannot be made as asked.
    OutputError
        If `output` holds something else, or cannot be written.
    ImageError
        If something cannot be used and `VisitOptions.strict` says so.
    Cancelled
        If somebody stopped it; what was made is kept.
    """
    options, cancel = options or PrepareOptions(), cancel or Cancel()
    folder = folder.resolve()
    layout = layout_of(folder, options.layout)
    given = splits.read_wish(options.split)
    found = layout.find(folder, options.labels)
    if not found:
        raise UsageError(f"no images of {layout.title} in {folder}", hint="check the folder, or name another layout")
    _check_grid(options.visit.grid, found)
    jobs, skipped = _jobs(found, folder, output.resolve(), options.visit)
    if not jobs:
        wanted = " and ".join(options.visit.require)
        raise UsageError(f"nobody in {folder} has {wanted}", hint="ask for fewer contrasts with --require")
    _open_folder(output, folder)
    tracker = ProgressTracker(len(jobs), progress, "preparing")
    outcomes = _made(jobs, options.jobs, tracker, cancel)
    visits, doubled = _without_doubles(outcomes)
    skipped += [entry for outcome in outcomes for entry in outcome.skipped] + doubled
    if not visits:
        raise UsageError(f"no image in {folder} can be used: {_first(skipped)}", hint="see whether the files are whole")
    parts = splits.deal(list(visits), given, official=found.official, seed=options.seed)
    dataset = Dataset(
        folder=output,
        layout=layout.name,
        source=str(folder),
        options=_told(options),
        subjects=tuple(Subject(subject=name, split=parts[name], visits=tuple(visits[name])) for name in visits),
        skipped=tuple(skipped),
    )
    if options.visit.figures:
        overview(dataset)
    splits.write_split(parts, output / splits.NAME)
    write_dataset(dataset)
    tracker.finish()
    made = sum(outcome.made for outcome in outcomes)
    return Prepared(dataset=dataset, made=made, kept=len(outcomes) - made)


def _made(jobs: Sequence[Job], processes: int, tracker: ProgressTracker, cancel: Cancel) -> list[Outcome]:
    """What came of each job, in the order of the jobs."""
    outcomes: dict[tuple[str, str], Outcome] = {}
    with closing(make_all(jobs, processes=processes, cancel=cancel)) as made:
        for outcome in made:
            outcomes[outcome.subject, outcome.visit.visit] = outcome
            tracker.text = visit_name(outcome.subject, outcome.visit.visit)
            tracker.at(len(outcomes))
    return [outcomes[job.subject, job.visit] for job in jobs]


def _check_grid(grid: str, found: Found) -> None:
    """Refuse a contrast that nobody has."""
    known = in_order(scan.contrast for scan in found.scans)
    if grid not in (AUTO_GRID, NONE, *known) and found.scans:
        hint = f"choose one of {', '.join((AUTO_GRID, NONE, *known))}"
        raise UsageError(f"nobody has the contrast {grid!r} to give its grid", hint=hint)


def _jobs(found: Found, folder: Path, output: Path, options: VisitOptions) -> tuple[list[Job], list[Skipped]]:
    """One job a visit, without those that lack a contrast that is required."""
    groups: dict[tuple[str, str], Found] = defaultdict(Found)
    for scan in found.scans:
        groups[scan.subject, scan.visit].scans.append(scan)
    for label in found.labels:
        groups[label.subject, label.visit].labels.append(label)
    for raw in found.raw:
        groups[raw.subject, raw.visit].raw.append(raw)
    jobs: list[Job] = []
    skipped = [replace(entry, path=relative(Path(entry.path), folder)) for entry in found.skipped]
    broken = next((entry for entry in skipped if entry.broken), None)
    if broken is not None and options.strict:
        raise ImageError(f"{broken.path}: {broken.reason}", hint=WITHOUT)
    for (subject, visit), parts in sorted(groups.items()):
        job = Job(
            subject=subject,
            visit=visit,
            source=folder,
            output=output,
            scans=tuple(parts.scans),
            labels=tuple(parts.labels),
            raw=tuple(parts.raw),
            options=options,
        )
        has = {scan.contrast for scan in parts.scans} | {raw.contrast for raw in parts.raw}
        missing = [contrast for contrast in options.require if contrast not in has]
        if missing:
            skipped.append(Skipped(job.place, f"it has no {' and no '.join(missing)}, which is required"))
        elif job.scans or job.raw:
            jobs.append(job)
        else:
            skipped.append(Skipped(relative(job.labels[0].path, folder), "there is no image for this label map"))
    return jobs, skipped


def _open_folder(output: Path, folder: Path) -> None:
    """Make the output folder, or see that it is one of ours."""
    if output.resolve() == folder or folder in output.resolve().parents:
        hint = "choose a folder beside it: what is prepared must not be taken for the data set"
        raise OutputError(f"{output} lies in the data set itself", hint=hint)
    if output.is_dir() and any(output.iterdir()) and not (is_prepared(output) or (output / _MARK).is_file()):
        raise OutputError(f"{output} is not empty", hint="choose a new folder, or one that was prepared before")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        hint = "choose a folder that you may write to"
        raise OutputError(f"cannot make {output}: {(error.strerror or str(error)).lower()}", hint=hint) from None
    with atomic_path(output / _MARK, overwrite=True) as temporary:
        temporary.write_text(f"{NAME} is written when all is done\n", encoding="utf-8")


def _without_doubles(outcomes: Sequence[Outcome]) -> tuple[dict[str, list[Visit]], list[Skipped]]:
    """The visits of each person, without images that another person has too: such a pair could be torn by the split."""
    owners: dict[str, tuple[str, str]] = {}
    people: dict[str, list[Visit]] = {}
    doubled: list[Skipped] = []
    for outcome in outcomes:
        kept: list[Image] = []
        for image in outcome.visit.images:
            owner, source = owners.setdefault(image.source_sha256, (outcome.subject, image.source))
            if owner == outcome.subject:
                kept.append(image)
            else:
                doubled.append(Skipped(image.source, f"the same image as {source} of {owner}"))
        visit = replace(outcome.visit, images=tuple(kept))
        if visit.images or visit.raw:
            people.setdefault(outcome.subject, []).append(visit)
    return people, doubled


def _first(skipped: Sequence[Skipped]) -> str:
    return f"{skipped[0].path}: {skipped[0].reason}" if skipped else "there is nothing in it"


def _told(options: PrepareOptions) -> dict[str, Any]:
    values = asdict(options)
    lists = {"require": list(options.visit.require), "labels": [str(path) for path in options.labels]}
    told = {**values, **values["visit"], **lists}
    return {name: value for name, value in told.items() if name not in ("visit", "jobs")}
