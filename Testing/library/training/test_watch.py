"""What people can watch of a training agrees with what the training did."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch
import yaml

from mrienhance.cli.main import main
from mrienhance.models import ModelCard, load_model, read_header
from mrienhance.training import train
from mrienhance.training.diary import read_diary
from mrienhance.training.logbook import Logbook, read_log
from mrienhance.training.scores import read_scores
from mrienhance.training.trainer import Trainer

from .conftest import RECIPE


def run(recipe: Path, images: Path, output: Path, *, logs: Sequence[str] = ("csv",), **options: Any) -> Path:
    place: dict[str, Any] = {"data": images, "output": output, "config": recipe, "accelerator": "cpu"}
    return train("iconet", **place, progress=False, logs=logs, **options)


def test_card_scores_log_and_events_say_the_same(recipe: Path, images: Path, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    card = read_header(run(recipe, images, tmp_path / "run", logs=("csv", "tensorboard"))).card
    log, scores = read_log(tmp_path / "run" / "log.csv"), read_scores(tmp_path / "run" / "validation.csv")
    assert list(scores) == [3, 6]
    for step, psnr in log["validation/psnr"]:
        assert psnr == pytest.approx(fmean(score.prediction.psnr_db for score in scores[step]), rel=1e-5)
    best = max(log["validation/psnr"], key=lambda point: point[1])
    (table,) = card.results
    assert [row.method for row in table.rows] == ["iconet", "sinc interpolation"]
    assert table.rows[0].psnr_db == pytest.approx(best[1], rel=1e-5)
    assert table.rows[1].psnr_db == pytest.approx(dict(log["validation/baseline_psnr"])[best[0]], rel=1e-5)
    assert (table.subjects, f"after step {best[0]}:" in table.data) == (("sub-03",), True)
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    for name, points in log.items():
        found = [(event.step, event.value) for event in events.Scalars(name)]
        assert found == [(step, pytest.approx(value, rel=1e-5)) for step, value in points]
    assert [event.step for event in events.Images("validation/preview")] == [3, 6]
    report = (tmp_path / "run" / "report.html").read_bytes()
    assert main(["report", str(tmp_path / "run")]) == 0
    assert (tmp_path / "run" / "report.html").read_bytes() == report


def test_a_run_that_breaks_off_leaves_a_report_and_its_history(
    recipe: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Trainer._step

    def die(trainer: Trainer, number: int, feed: Any) -> dict[str, torch.Tensor]:
        if number == 5:
            raise KeyboardInterrupt
        return step(trainer, number, feed)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Trainer, "_step", die)
        run(recipe, images, tmp_path / "run")
    text = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "not finished" in text
    assert "stopped on request" in text
    run(recipe, images, tmp_path / "run", resume=True)
    sessions = read_diary(tmp_path / "run").sessions
    assert [(each.first_step, each.step, each.ending) for each in sessions] == [(0, 5, "stopped"), (4, 6, "done")]
    assert list(read_scores(tmp_path / "run" / "validation.csv")) == [3, 6]
    assert ">not finished<" not in (tmp_path / "run" / "report.html").read_text("utf-8")


def test_without_tensorboard_it_says_so_in_one_line_and_goes_on(
    recipe: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mrienhance.training.watch.installed", lambda: False)
    said: list[str] = []
    short = {"training.steps": 1}
    run(recipe, images, tmp_path / "run", logs=("csv", "tensorboard"), overrides=short, warn=said.append)
    assert [line.startswith("TensorBoard is not installed") for line in said] == [True]
    assert not (tmp_path / "run" / "tensorboard").exists()


def test_a_recipe_that_tells_nothing_gives_a_card_that_says_so(images: Path, tmp_path: Path) -> None:
    plain = {name: part for name, part in RECIPE.items() if name != "card"}
    path = tmp_path / "plain.yaml"
    path.write_text(yaml.safe_dump(plain))
    card = load_model(run(path, images, tmp_path / "run", overrides={"training.steps": 1})).card
    assert ModelCard.from_json(card.to_json()) == card
    assert (card.name, card.licence, card.contrasts_in) == ("iconet-untitled", "not stated", ("T1w",))
    assert card.training["data"][0]["licence"] == "not stated"
    assert "not known" in card.limits[0]
    assert card.results[0].subjects == ("sub-03",)
    text = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "licence: not stated" in text


def test_a_log_with_broken_lines_is_gone_on_with(tmp_path: Path) -> None:
    """As a power cut leaves it."""
    path = tmp_path / "log.csv"
    for step in (1, 3):
        (Logbook(path) if step == 1 else Logbook(path, resumed_at=step)).write(step, "train", {"loss": 0.25})
    path.write_bytes(path.read_bytes() + b"2,tr\0\xff\n2,train,loss,\nx,y,z,w\n2,tra")
    Logbook(path, resumed_at=2)
    assert path.read_text().splitlines() == ["step,phase,name,value", "1,train,loss,0.25"]
