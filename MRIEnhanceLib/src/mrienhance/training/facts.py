"""What a report says in words and numbers, as plain text; the page escapes it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from mrienhance.errors import MRIEnhanceError
from mrienhance.evaluation.metrics import Metrics
from mrienhance.methods.registry import get_method
from mrienhance.models.card import ModelCard
from mrienhance.training.diary import Folder
from mrienhance.training.report import Run
from mrienhance.training.scores import FIGURES, Score, summary

_DECIMALS = {"psnr_db": 2, "ssim": 4, "nmae": 4}
_ENDINGS = {
    "done": "finished",
    "stopped": "stopped on request",
    "failed": "stopped by an error",
    "": "still running, or killed",
}
_MOST_NAMED = 12


def best_scores(run: Run) -> tuple[int, list[Score]]:
    """The best validation's step and scores; of a run without such a step the last validation's."""
    if run.best_step in run.scores:
        return run.best_step, run.scores[run.best_step]
    return max(run.scores.items(), key=lambda pair: pair[0], default=(0, []))


def summary_line(run: Run) -> str:
    """The run in a sentence."""
    method = _title(run)
    step, scores = best_scores(run)
    psnr = dict(run.log.get("validation/psnr", ())).get(run.best_step, math.nan)
    baseline = dict(run.log.get("validation/baseline_psnr", ())).get(run.best_step, math.nan)
    if math.isnan(psnr):
        return f"{method}; {run.step} of {run.steps} steps, and no validation yet."
    people = len({score.subject for score in scores})
    on = f" on {_count(people, 'person', 'people')} not learned from" if people else ""
    gain = f" against the baseline's {baseline:.2f} dB ({psnr - baseline:+.2f})" if baseline == baseline else ""
    return f"{method}: {psnr:.2f} dB{gain}{on}, after step {step or run.best_step}."


def figures_of(run: Run) -> dict[str, str]:
    """The numbers that come first."""
    found = {"steps": f"{run.step} of {run.steps}" if run.steps else str(run.step)}
    if run.best_step:
        found["best step"] = str(run.best_step)
    if run.card is not None:
        minutes = run.card.training.get("minutes")
        found["minutes" + ("" if run.step == run.card.training.get("step") else " up to the model")] = str(minutes)
        found["parameters"] = _short(run.parameters)
        found["device"] = str(run.card.training.get("device", "unknown"))
    return found


def what_rows(run: Run) -> list[tuple[str, str]]:
    """Method, paper, and how near to it."""
    try:
        paper = get_method(str(run.recipe.get("method", ""))).paper
        told = [("paper", f"{paper.citation}. doi {paper.doi}"), ("fidelity", paper.fidelity)]
    except MRIEnhanceError:
        told = []
    if run.card is not None:
        told.append(("task", run.card.task))
        origins = run.card.training.get("started_from") or ()
        named = ", ".join(f"{each.get('name')} ({str(each.get('sha256'))[:12]})" for each in origins)
        told.append(("started from", named or "fresh weights"))
    return [("method", _title(run)), *told]


def subject_rows(scores: Sequence[Score]) -> list[tuple[str, int, list[str]]]:
    """Person, images and figures of prediction and baseline; at the end of all of them, if there are several."""
    rows = []
    for subject in dict.fromkeys(score.subject for score in scores):
        mine = [score for score in scores if score.subject == subject]
        rows.append((subject, len(mine), _figures(mine)))
    return rows if len(rows) == 1 else [*rows, ("all", len(scores), _figures(scores))]


def data_rows(run: Run) -> list[list[str]]:
    """Folder, images, people of each part, origin and licence."""
    folders = run.diary.data or (() if run.card is None else _told(run.card))
    rows = []
    for folder in folders:
        origin = "; ".join(part for part in (folder.name, folder.citation) if part)
        licence = f"licence: {folder.licence or 'not stated'}"
        people = [_people(part) for part in (folder.train, folder.validation, folder.held_out)]
        rows.append([folder.folder, str(folder.images), *people, f"{origin}; {licence}" if origin else licence])
    return rows


def card_rows(card: ModelCard) -> list[tuple[str, str]]:
    """What matters of a model card."""
    low, high = card.spacing_mm
    rows = [("name", f"{card.name} {card.version}"), ("summary", card.summary), ("intended use", card.intended_use)]
    same = card.contrasts_in == card.contrasts_out
    names = (", ".join(card.contrasts_in) or "not known", ", ".join(card.contrasts_out) or "not known")
    rows.append(("contrasts", names[0] if same else f"{names[0]} to {names[1]}"))
    if card.scale is not None:
        rows.append(("factor", f"x{card.scale} {card.axes}, of images made coarse by {card.degradation}"))
    if card.reference_contrasts:
        need = "needed" if card.reference_required else "used where there is one"
        rows.append(("reference", f"{', '.join(card.reference_contrasts)}; {need}"))
    rows.append(("spacing", f"{low:g} to {high:g} mm"))
    notes = card.training.get("notes")
    for name, lines in (("limits", card.limits), ("notes", notes if isinstance(notes, list | tuple) else ())):
        rows += [(name if number == 0 else "", str(line)) for number, line in enumerate(lines)]
    return [*rows, ("licence", card.licence)]


def commands(card: ModelCard, model: Path) -> list[list[str]]:
    """Command lines that use a model."""
    given = ["KSPACE.h5" if card.task == "reconstruct" else "IMAGE.nii.gz"]
    if card.task == "synthesize" and card.contrasts_out:
        given += ["--to", card.contrasts_out[-1]]
    if card.reference_contrasts:
        given += ["--reference", "REFERENCE.nii.gz"]
    use = ["mrienhance", card.task, *given, "-o", "OUT.nii.gz", "--model", str(model)]
    return [use, ["mrienhance", "models", str(model)]]


def session_rows(run: Run) -> list[list[str]]:
    """When the run began, went on and ended."""
    rows = []
    for session in run.diary.sessions:
        times = [time.replace("T", " ").removesuffix("+00:00") for time in (session.began, session.last)]
        steps = f"{session.first_step} to {session.step}"
        rows.append(
            [
                f"{times[0]} UTC",
                times[1],
                steps,
                _ENDINGS.get(session.ending, session.ending),
                session.device,
                session.software,
            ]
        )
    return rows


def _title(run: Run) -> str:
    name = str(run.recipe.get("method", "unknown method"))
    try:
        return get_method(name).title
    except MRIEnhanceError:
        return name


def _figures(scores: Sequence[Score]) -> list[str]:
    kinds: Mapping[str, list[Metrics]] = {
        "prediction": [score.prediction for score in scores],
        "baseline": [score.baseline for score in scores],
    }
    means = {kind: summary(values) for kind, values in kinds.items()}
    return [_pair(name, *means[kind][name]) for name in FIGURES for kind in kinds]


def _pair(name: str, mean: float, spread: float) -> str:
    if math.isnan(mean):
        return "-"
    digits = _DECIMALS[name]
    return f"{mean:.{digits}f}" + ("" if math.isnan(spread) else f" ± {spread:.{digits}f}")


def _told(card: ModelCard) -> list[Folder]:
    """The data that a card tells of, where there is no diary."""
    validation = card.training.get("validation", ())
    folders = []
    for entry in card.training.get("data", ()):
        people = [str(name) for name in entry.get("subjects", ())]
        said = {name: str(entry.get(name, "")) for name in ("name", "licence", "citation")}
        parts = [tuple(name for name in people if (name in validation) == judged) for judged in (False, True)]
        images = int(entry.get("images", 0))
        folders.append(
            Folder(folder=str(entry.get("folder", "")), images=images, train=parts[0], validation=parts[1],
                   held_out=(), **said)
        )  # fmt: skip
    return folders


def _people(names: Sequence[str]) -> str:
    if not names:
        return "-"
    shown = ", ".join(names[:_MOST_NAMED])
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{_count(len(names), 'person', 'people')}: {shown}{more}"


def _count(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"


def _short(number: int) -> str:
    return f"{number / 1e6:.2f} million" if number >= 1e5 else str(number)
