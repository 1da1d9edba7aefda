"""The report of a run folder: complete, self-contained, and harmless whatever the folder holds."""

from __future__ import annotations

import base64
import json
import math
import re
import struct
import zlib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from mrienhance.errors import UsageError
from mrienhance.evaluation.metrics import Metrics
from mrienhance.methods import get_method
from mrienhance.models import ModelCard, save_model
from mrienhance.training.curves import Chart, draw, running_mean, thinned
from mrienhance.training.diary import Diary, Folder, read_diary
from mrienhance.training.logbook import Logbook, read_log
from mrienhance.training.preview import Pictures, write_preview
from mrienhance.training.report import read_run, write_report
from mrienhance.training.scores import Score, ScoreBook, measure, read_scores, result_table, summary

EVIL = '<script>alert(1)</script>" onload="x&'
CONFIG = {"scale": 2, "channels": 8, "groups": 1, "blocks_per_group": 1, "heads": 2}


class Page(HTMLParser):
    """Tags of a page that is well nested, what they point to, and its text."""

    VOID = ("meta", "img", "br", "link")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.names: set[str] = set()
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "action", "data", "srcset")]
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data + "\n"


def score(subject: str, image: int, psnr: float, *, baseline: float = 30.0) -> Score:
    figures = Metrics(psnr_db=psnr, ssim=0.9, nmae=0.01), Metrics(psnr_db=baseline, ssim=0.8, nmae=0.02)
    return Score(subject=subject, image=image, prediction=figures[0], baseline=figures[1])


def png(shade: int) -> bytes:
    """A picture of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes([0, shade]))) + chunk(b"IEND", b"")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run of 20 steps, validated at 10 and 20, the first time better."""
    run = tmp_path / "run"
    run.mkdir()
    recipe = {"method": "iconet", "model": CONFIG, "training": {"steps": 20, "learning_rate": 1e-3}}
    (run / "recipe.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))
    log, book = Logbook(run / "log.csv"), ScoreBook(run / "validation.csv")
    for step in range(1, 21):
        numbers = {"loss": 1 / step, "learning_rate": 1e-3, "seconds/step": 0.5, "seconds/data": 0.01}
        log.write(step, "train", numbers)
    for step, first in ((10, 34.0), (20, 33.0)):
        book.write(step, [score("sub-01", 1, first), score("sub-01", 2, first + 2), score(EVIL, 1, first + 4)])
        log.write(step, "validation", {"psnr": first + 2, "baseline_psnr": 30.0})
    data = Folder(
        folder=f"ixi{EVIL}", images=7, train=("sub-03",), validation=("sub-01",), held_out=("sub-09",), licence="CC-BY"
    )
    diary = Diary(data=(data,)).begun(0, device="cpu").at(12, "stopped").begun(12, device="cuda:0").at(20, "done")
    diary.write(run)
    (run / "examples").mkdir()
    for shade, name in enumerate(("best", "median", "worst")):
        (run / "examples" / f"{name}.png").write_bytes(png(shade))
    save_best(run)
    return run


def save_best(run: Path) -> None:
    method = get_method("iconet")
    card = ModelCard(
        name="iconet-test",
        method="iconet",
        task="super-resolve",
        summary="A test & a half.",
        fidelity="none",
        paper={"citation": "none", "doi": "none"},
        contrasts_in=["T1w"],
        contrasts_out=["T1w"],
        scale=2,
        limits=["It is <b>small</b>."],
        training={
            **{"minutes": 1.5, "step": 10, "device": "cpu", "data": [{"folder": "ixi", "subjects": ["sub-01"]}]},
            "notes": ["Ask <i>them</i> before you pass it on."],
        },
    )
    state = method.build(method.Config(**CONFIG)).state_dict()
    save_model(run / "best.safetensors", method="iconet", config=CONFIG, card=card, state=state)


def test_the_page_asks_for_nothing_and_runs_nothing(folder: Path) -> None:
    page = Page(write_report(folder).read_text("utf-8"))
    assert {"script", "iframe", "object", "embed", "link", "base", "form", "b"} & set(page.tags) == {"b"}
    assert all(link.startswith("data:image/") for link in page.links)
    assert not any(name.startswith("on") for name in page.names)


def test_foreign_names_are_shown_as_they_are(folder: Path) -> None:
    text = write_report(folder).read_text("utf-8")
    assert "<script" not in text
    assert EVIL in Page(text).text
    assert "It is <b>small</b>." in Page(text).text
    assert "Ask <i>them</i> before you pass it on." in Page(text).text


def test_the_page_says_what_was_reached(folder: Path) -> None:
    page = Page(write_report(folder).read_text("utf-8"))
    assert "36.00 dB against the baseline's 30.00 dB (+6.00) on 2 people not learned from, after step 10." in page.text
    assert "finished" in page.text
    # sub-01: mean of 34 and 36, spread sqrt(2); all three: mean 36, spread 2.
    assert "35.00 ± 1.41" in page.text
    assert "36.00 ± 2.00" in page.text
    assert "2.0% of the time of a step was spent waiting for data." in page.text
    for words in ("sub-03", "licence: CC-BY", "stopped on request", "12 to 20", "cuda:0", "learning_rate: 0.001"):
        assert words in page.text
    assert f"mrienhance super-resolve IMAGE.nii.gz -o OUT.nii.gz --model {folder / 'best.safetensors'}" in page.text


def test_figures_are_in_the_page_as_they_are_in_the_folder(folder: Path) -> None:
    page = Page(write_report(folder).read_text("utf-8"))
    found = [base64.b64decode(link.partition(",")[2]) for link in page.links if link.startswith("data:image/png")]
    assert found == [png(0), png(1), png(2)]
    curves = [link for link in page.links if link.startswith("data:image/svg+xml")]
    texts = [base64.b64decode(link.partition(",")[2]).decode() for link in curves]
    assert [
        title for text in texts for title in ("Validation", "Loss", "Learning rate", "Time") if f">{title}<" in text
    ] == ["Validation", "Loss", "Learning rate", "Time"]
    assert "best, step 10" in texts[0]


def test_a_report_is_made_anew_alike(folder: Path, tmp_path: Path) -> None:
    first = write_report(folder).read_bytes()
    assert write_report(folder).read_bytes() == first
    assert write_report(folder, output=tmp_path / "other.html").read_bytes() == first


def test_what_is_missing_or_broken_is_left_out(folder: Path) -> None:
    (folder / "best.safetensors").write_bytes(b"torn")
    (folder / "run.json").write_text('{"data": [1], "sessions": 3}')
    for name in ("examples/best.png", "examples/median.png", "examples/worst.png", "validation.csv"):
        (folder / name).unlink()
    with (folder / "log.csv").open("a") as file:
        file.write("21,train,lo")
    page = Page(write_report(folder).read_text("utf-8"))
    assert "No model was written yet." in page.text
    assert "36.00 dB" in page.text
    (folder / "log.csv").unlink()
    assert "no validation yet" in Page(write_report(folder).read_text("utf-8")).text


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not the folder of a training"):
        write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_was_stopped_says_so(folder: Path) -> None:
    lines = [line for line in (folder / "log.csv").read_text().splitlines() if not re.match("1[3-9],|20,", line)]
    (folder / "log.csv").write_text("\n".join(lines) + "\n")
    diary = read_diary(folder)
    replace(diary, sessions=diary.sessions[:1]).write(folder)
    assert read_run(folder).step == 12
    assert "not finished" in Page(write_report(folder).read_text("utf-8")).text


def test_a_diary_comes_back(folder: Path) -> None:
    diary = read_diary(folder)
    assert [(each.first_step, each.step, each.ending) for each in diary.sessions] == [
        (0, 12, "stopped"),
        (12, 20, "done"),
    ]
    assert diary.data[0].validation == ("sub-01",)
    assert json.loads((folder / "run.json").read_text())["format"] == "mrienhance-run"


def test_scores_come_back_and_a_resumed_run_drops_later_ones(folder: Path) -> None:
    path = folder / "validation.csv"
    assert [len(scores) for scores in read_scores(path).values()] == [3, 3]
    book = ScoreBook(path, resumed_at=10)
    assert list(read_scores(path)) == [10]
    assert book.latest[0] == 10
    assert book.latest[1][2].subject == EVIL
    assert read_log(folder / "log.csv")["validation/psnr"] == [(10, 36.0), (20, 35.0)]


def test_a_table_for_the_card_holds_means() -> None:
    scores = [score("a", 1, 30.0), score("a", 2, 34.0), score("b", 1, 35.0)]
    table = result_table(scores, model="iconet", baseline="sinc", data="somewhere")
    assert table is not None
    assert (table.subjects, [row.method for row in table.rows]) == (("a", "b"), ["iconet", "sinc"])
    assert (table.rows[0].psnr_db, table.rows[1].psnr_db) == (33.0, 30.0)
    assert result_table([score("a", 1, math.inf)], model="iconet", baseline="sinc", data="x") is None


def test_measures_are_those_of_the_evaluation() -> None:
    truth = torch.zeros(1, 1, 16, 16)
    truth[..., 2:14, 2:14] = 0.8
    found = measure(truth + 0.1, truth)
    assert found.psnr_db == pytest.approx(20.0, abs=1e-4)
    assert found.nmae == pytest.approx(0.1, abs=1e-6)
    assert math.isnan(measure(truth * math.nan, truth).psnr_db)
    assert math.isnan(summary([measure(truth * math.nan, truth)])["ssim"][0])


def test_curves_are_thinned_by_means() -> None:
    points = [(float(step), float(step)) for step in range(1000)]
    few = thinned(points, most=10)
    assert len(few) == 10
    assert few[0] == (49.5, 49.5)
    assert running_mean([(0, 1.0), (1, 2.0), (2, 6.0)], 3) == [(0, 1.5), (1, 3.0), (2, 4.0)]
    picture = draw(Chart(title="$x_2$", unit="", curves={"a": [(1, -1.0), (2, 1.0)]}, logarithmic=True))
    assert "$x_2$" in base64.b64decode(picture.partition(",")[2]).decode()


def test_a_preview_shows_all_pictures_beside_each_other(tmp_path: Path) -> None:
    from matplotlib.image import imread

    target = torch.rand(40, 50, generator=torch.Generator().manual_seed(0))
    one = Pictures(target[::2, ::2], target * 0.9, target, target)
    write_preview(tmp_path / "p" / "one.png", one, heading="step $1$ of sub-01")
    two = replace(one, beside={"attention": target.square(), "reference": target})
    write_preview(tmp_path / "p" / "two.png", two, heading="step 1", score=score("sub-01", 1, 31.0))
    first, second = imread(tmp_path / "p" / "one.png"), imread(tmp_path / "p" / "two.png")
    assert first.shape[1] < second.shape[1]
    assert first.shape[0] == second.shape[0]
    # The map of the baseline's error is not dark; that of a prediction without any error is.
    assert np.ptp(first) > 0.9
