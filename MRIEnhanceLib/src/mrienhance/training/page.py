"""The page of a report: HTML without scripts, that asks no network for anything."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Iterator, Sequence
from html import escape
from statistics import fmean

import yaml

from mrienhance.models.card import DISCLAIMER, ModelCard
from mrienhance.training.curves import Chart, draw
from mrienhance.training.facts import (
    best_scores,
    card_rows,
    commands,
    data_rows,
    figures_of,
    session_rows,
    subject_rows,
    summary_line,
    what_rows,
)
from mrienhance.training.report import Run

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; color: #22282d; background: #f4f6f8; margin: 0; }
main { max-width: 1120px; margin: 0 auto; padding: 28px 24px 48px; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 0 0 12px; }
section { background: #fff; border: 1px solid #dfe4e8; border-radius: 8px; padding: 18px 22px; margin: 16px 0; }
.lead { font-size: 17px; margin: 4px 0 0; } .small { color: #5b6770; font-size: 13px; margin: 6px 0; }
.state { font-size: 13px; border-radius: 10px; padding: 2px 10px; margin-left: 10px; vertical-align: middle; }
.done { background: #dcf2e3; color: #14612f; } .open { background: #fdecd2; color: #8a4b00; }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin-top: 16px; }
.tile { background: #f4f6f8; border-radius: 6px; padding: 8px 16px; } .tile b { display: block; font-size: 20px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(440px, 1fr)); gap: 12px; }
img { max-width: 100%; display: block; } figure { margin: 0 0 16px; } figcaption { font-weight: 600; margin: 0 0 6px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 5px 12px 5px 0; border-bottom: 1px solid #e8ecef; vertical-align: top; }
th { font-weight: 600; color: #44505a; } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
tr.all td { font-weight: 600; border-top: 2px solid #c9d0d6; } .facts th { width: 170px; }
.wide { overflow-x: auto; }
pre { background: #f4f6f8; border-radius: 6px; padding: 12px 14px; overflow-x: auto; font-size: 13px; margin: 0; }
details > summary { cursor: pointer; font-weight: 600; font-size: 18px; }
details[open] > summary { margin-bottom: 12px; }
@media print { body { background: #fff; } section { break-inside: avoid; border: 0; padding: 8px 0; } }
"""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_SCORE_HEADS = ("PSNR [dB]", "baseline", "SSIM", "baseline", "NMAE", "baseline")
_CAPTIONS = {
    "best": "The image with the highest PSNR",
    "median": "The image in the middle",
    "worst": "The image with the lowest PSNR",
}


def page(run: Run) -> str:
    """The whole page; what comes from outside is escaped."""
    sections = [
        _head(run),
        _section("Validation", _validation(run)),
        _section("Examples", _examples(run)),
        _section("Curves", _charts(run)),
        _section("What was trained", _facts(what_rows(run))),
        _section("Data", _data(run)),
        _section("The model and how to use it", _model(run)),
        _section("How the run went", _history(run)),
        _recipe(run),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(run.title)}</title><style>{_STYLE}</style></head>\n<body><main>\n"
        + "\n".join(part for part in sections if part)
        + f'\n<p class="small">{escape(DISCLAIMER)}</p>\n</main></body></html>\n'
    )


def _section(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>\n{content}</section>" if content else ""


def _head(run: Run) -> str:
    state, good = ("finished", "done") if run.steps and run.step >= run.steps else ("not finished", "open")
    tiles = "".join(
        f'<div class="tile"><b>{escape(value)}</b>{escape(name)}</div>' for name, value in figures_of(run).items()
    )
    return (
        f'<section><h1>{escape(run.title)}<span class="state {good}">{state}</span></h1>'
        f'<p class="lead">{escape(summary_line(run))}</p><div class="tiles">{tiles}</div></section>'
    )


def _validation(run: Run) -> str:
    step, scores = best_scores(run)
    if not scores:
        points = run.log.get("validation/psnr")
        return "" if points else '<p class="small">There was no validation yet.</p>'
    note = (
        f"The averaged weights of step {step}, the best one, on {len(scores)} images of people that were not learned "
        "from; mean, and ± the standard deviation over images. PSNR in dB, SSIM and NMAE where the truth exceeds 0.02 "
        "of the brightest tissue, for a data range of 1."
    )
    chosen = (
        "This step was chosen by these very images: on others, expect a little less. Measure on held-out people before "
        "anything is claimed."
    )
    rows = [[name, str(count), *figures] for name, count, figures in subject_rows(scores)]
    table = _table(("person", "images", *_SCORE_HEADS), rows, numbers=1, last=len(rows) > 1)
    return f'{table}<p class="small">{escape(note)}</p><p class="small">{escape(chosen)}</p>'


def _examples(run: Run) -> str:
    parts = []
    for name, data in run.pictures.items():
        caption = _CAPTIONS.get(name, f"An image of the validation, {name}")
        source = f"data:image/png;base64,{base64.b64encode(data).decode()}"
        parts.append(
            f'<figure><figcaption>{escape(caption)}</figcaption><img alt="{escape(caption)}" src="{source}"></figure>'
        )
    return "\n".join(parts)


def _charts(run: Run) -> str:
    pictures = "".join(f'<img alt="{escape(chart.title)}" src="{draw(chart)}">' for chart in _wanted(run))
    waited = _waited(run)
    return (f'<div class="charts">{pictures}</div>' if pictures else "") + waited


def _wanted(run: Run) -> Iterator[Chart]:
    log, best = run.log, run.best_step
    marked = (best, f"best, step {best}") if best else None
    names = {"validation/psnr": "prediction", "validation/baseline_psnr": "baseline"}
    curves = {title: log[name] for name, title in names.items() if log.get(name)}
    if curves:
        yield Chart(title="Validation", unit="PSNR [dB]", curves=curves, marked=marked)
    if log.get("train/loss"):
        loss = {"loss": log["train/loss"]}
        yield Chart(title="Loss", unit="loss", curves=loss, logarithmic=True, smooth=True, marked=marked)
    terms = {
        name.removeprefix("train/"): points
        for name, points in log.items()
        if name.startswith("train/") and not name.startswith(("train/seconds/", "train/loss", "train/learning_rate"))
    }
    if terms:
        several = dict(list(terms.items())[:8])
        yield Chart(title="Parts of the loss", unit="value", curves=several, logarithmic=True, smooth=True)
    if log.get("train/learning_rate"):
        yield Chart(title="Learning rate", unit="rate", curves={"rate": log["train/learning_rate"]}, from_zero=True)
    seconds = {"whole step": "train/seconds/step", "waiting for data": "train/seconds/data"}
    curves = {title: log[name] for title, name in seconds.items() if log.get(name)}
    if curves:
        yield Chart(title="Time", unit="seconds a step", curves=curves, smooth=True, from_zero=True)


def _waited(run: Run) -> str:
    steps, data = (run.log.get(f"train/seconds/{name}", []) for name in ("step", "data"))
    if not steps or not data:
        return ""
    whole = fmean(value for _, value in steps)
    share = fmean(value for _, value in data) / whole if whole else 0.0
    return f'<p class="small">{share:.1%} of the time of a step was spent waiting for data.</p>'


def _data(run: Run) -> str:
    rows = data_rows(run)
    heads = ("folder", "images", "learned from", "validation", "held out", "origin and licence")
    return _table(heads, rows) if rows else ""


def _model(run: Run) -> str:
    if run.card is None or run.model is None:
        return '<p class="small">No model was written yet.</p>'
    lines = "\n".join(shlex.join(command) for command in commands(run.card, run.model))
    return f"<pre>{escape(lines)}</pre>\n{_facts(card_rows(run.card))}{_results(run.card)}"


def _results(card: ModelCard) -> str:
    """The measured results that the card itself holds."""
    parts = []
    for table in card.results:
        rows = [[row.method, f"{row.psnr_db:.2f}", f"{row.ssim:.4f}", f"{row.nmae:.4f}"] for row in table.rows]
        parts.append(f'<p class="small">{escape(table.data)}</p>')
        parts.append(_table(("in the card", "PSNR [dB]", "SSIM", "NMAE"), rows, numbers=1))
    return "".join(parts)


def _history(run: Run) -> str:
    rows = session_rows(run)
    return _table(("began", "last written", "steps", "ending", "device", "software"), rows) if rows else ""


def _recipe(run: Run) -> str:
    if not run.recipe:
        return ""
    text = yaml.safe_dump(dict(run.recipe), sort_keys=False, allow_unicode=True)
    return f"<section><details><summary>Recipe</summary><pre>{escape(text)}</pre></details></section>"


def _facts(rows: Sequence[tuple[str, str]]) -> str:
    lines = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f'<table class="facts">{lines}</table>' if lines else ""


def _table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: int | None = None, last: bool = False
) -> str:
    """A table; columns from `numbers` on are aligned right, and the last row may be a sum of the others."""

    def cells(kind: str, values: Sequence[str]) -> str:
        marks = (' class="n"' if numbers is not None and column >= numbers else "" for column in range(len(values)))
        return "".join(f"<{kind}{mark}>{escape(value)}</{kind}>" for mark, value in zip(marks, values, strict=True))

    body = "".join(
        f"<tr{' class=all' if last and number == len(rows) - 1 else ''}>{cells('td', row)}</tr>"
        for number, row in enumerate(rows)
    )
    return f'<div class="wide"><table><tr>{cells("th", heads)}</tr>{body}</table></div>'
