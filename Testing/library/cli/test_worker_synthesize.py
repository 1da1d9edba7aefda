"""What the worker makes of scans: the library's results to the bit, compared with the truth where there is one."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from cli.worker_client import WorkerClient, hand_over, take_back
from mrienhance.tasks.synthesis_truth import compare
from mrienhance.tasks.synthesize import synthesize_all
from tasks.samples import OBLIQUE, head, tiny_model, voxels


def asked(folder: Path, model: Path, image: sitk.Image | None = None, **fields: Any) -> dict[str, Any]:
    """The fields of a request."""
    (folder / "out").mkdir(exist_ok=True)
    given = {
        "input": hand_over(head() if image is None else image, folder / "in.raw"),
        "source": "T1w",
        "to": ["T2w"],
        "folder": str(folder / "out"),
        "options": {"model": str(model), "device": "cpu"},
    }
    return given | fields


def same(described: dict[str, Any], wanted: sitk.Image) -> None:
    result = take_back(described)
    assert np.array_equal(voxels(result), voxels(wanted))
    for fact in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):  # not to a rounding: exactly
        assert getattr(result, fact)() == getattr(wanted, fact)()


def test_the_results_are_those_of_the_library(synthesizing: WorkerClient, toy: Path, tmp_path: Path):
    image, other = (
        head(direction=OBLIQUE, origin=(0.1, -1 / 3, 1e5)),
        head(direction=OBLIQUE, origin=(0.1, -1 / 3, 1e5), seed=3),
    )
    others = [{"contrast": "T1c", "image": hand_over(other, tmp_path / "other.raw")}]
    fields = asked(tmp_path, toy, image, to=["FLAIR", "T2w"], others=others, maps=["uncertainty"])
    answered = synthesizing.answered(synthesizing.send("synthesize", **fields))
    answer = answered.end
    expected = synthesize_all(
        image, to=["FLAIR", "T2w"], source="T1w", others={"T1c": other}, model=toy, device="cpu", uncertainty=True
    )
    assert [item["contrast"] for item in answer["results"]] == ["FLAIR", "T2w"]
    for item in answer["results"]:
        wanted = expected[item["contrast"]]
        same(item["image"], wanted.image)
        assert item["maps"].keys() == {"uncertainty"}
        same(item["maps"]["uncertainty"], wanted.maps["uncertainty"])
        report, told = item["report"], json.loads(wanted.report.to_json())
        for key in ("seconds", "seconds_network", "peak_memory_bytes", "created"):
            report.pop(key), told.pop(key)
        assert report == told
    assert (answer["rows"], answer["evaluation"], answer["difference"]) == (None, None, None)
    assert len(list((tmp_path / "out").iterdir())) == 4
    texts = dict.fromkeys(line["text"] for line in answered.progress)
    for text in ("Reading the images", "Running Toy synthesizer on T1w", "Done"):
        assert text in texts
    fractions = [line["fraction"] for line in answered.progress]
    assert fractions == sorted(fractions)


def test_only_what_was_asked_for_is_written(synthesizing: WorkerClient, toy: Path, tmp_path: Path):
    [item] = synthesizing.result("synthesize", **asked(tmp_path, toy))["results"]
    assert [str(path) for path in (tmp_path / "out").iterdir()] == [item["image"]["voxels"]]
    assert item["maps"] == {}


def test_a_result_is_compared_with_the_truth(synthesizing: WorkerClient, toy: Path, tmp_path: Path):
    truth = head((20, 24, 3), seed=6) * 0.01
    fields = asked(tmp_path, toy, reference=hand_over(truth, tmp_path / "truth.raw"))
    answer = synthesizing.result("synthesize", **fields)
    result = synthesize_all(head(), to=["T2w"], source="T1w", model=toy, device="cpu")["T2w"]
    evaluation = compare(result, truth)
    assert answer["rows"] == evaluation.to_dict()["rows"]  # where VIF and NIQE are not defined, null
    assert answer["evaluation"] == json.loads(json.dumps(evaluation.to_dict()))
    same(answer["difference"], evaluation.difference)
    low, high = answer["difference"]["window"]
    assert low == -high
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_scans_on_other_grids(synthesizing: WorkerClient, toy: Path, tmp_path: Path):
    """By their headers, the truth as well as the further source."""
    part = head((20, 24, 4), seed=2)[:, 2:, :]
    sent = hand_over(part, tmp_path / "part.raw")
    fields = asked(
        tmp_path,
        toy,
        head((20, 24, 4)),
        others=[{"contrast": "FLAIR", "image": sent}],
        reference=sent,
        options={"model": str(toy), "device": "cpu", "register": False},
    )
    answer = synthesizing.result("synthesize", **fields)
    [item] = answer["results"]
    assert item["report"]["synthesis"]["sources"][1]["placed"] == "resampled"
    assert "resampled" in answer["evaluation"]["notes"][-1]
    assert answer["difference"]["size"] == [20, 24, 4]


def test_the_source_is_guessed(synthesizing: WorkerClient, toy: Path, tmp_path: Path):
    [item] = synthesizing.result("synthesize", **asked(tmp_path, toy, source=None))["results"]
    [source] = item["report"]["synthesis"]["sources"]
    assert (source["contrast"], source["guessed"], source["probabilities"]["T1w"]) == ("T1w", True, 0.75)


def test_a_model_stays_warm(synthesizing: WorkerClient, toy: Path, tmp_path: Path):
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(toy.read_bytes())
    fields = asked(tmp_path, copy)
    assert [synthesizing.result("synthesize", **fields)["warm"] for _ in range(2)] == [False, True]


def test_cancel(synthesizing: WorkerClient, toy: Path, tmp_path: Path):
    """The network is at its work when it is told, since it works slice by slice on a thousand of them."""
    fields = asked(tmp_path, toy, head((96, 96, 1000)), to=["T2w", "FLAIR", "T1c"], maps=["uncertainty"])
    fields["options"]["batch"] = 1
    number = synthesizing.send("synthesize", **fields)
    while not synthesizing.message().get("text", "").startswith("Running"):
        pass
    synthesizing.cancel(number)
    assert synthesizing.answered(number).end["kind"] == "Cancelled"
    assert list((tmp_path / "out").iterdir()) == []


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "no target": ({"to": []}, "UsageError", "no contrast to synthesize"),
    "a text as targets": ({"to": "T2w"}, "Protocol", "'to' must be a list"),
    "a target twice": ({"to": ["T2w", "T2w"]}, "UsageError", "T2w is asked for twice"),
    "the source": ({"to": ["T1w"]}, "UsageError", "T1w was scanned"),
    "unknown target": ({"to": ["PDw"]}, "ModelError", "makes T1w, T1c, T2w, FLAIR, not PDw"),
    "unknown source": ({"source": "T2"}, "ModelError", "takes T1w, T1c, T2w, FLAIR, not T2"),
    "unknown key": ({"target": "T2w"}, "Protocol", "unknown key 'target'"),
    "unknown option": ({"options": {"tile": 3}}, "Protocol", "unknown key 'tile'"),
    "no flag": ({"options": {"register": 1}}, "Protocol", "'register' must be true or false"),
    "others that are no list": ({"others": {"FLAIR": {}}}, "Protocol", "'others' must be a list"),
    "another one without a contrast": ({"others": [{"image": {}}]}, "Protocol", "'others': 'contrast' is missing"),
    "another one without an image": ({"others": [{"contrast": "FLAIR"}]}, "Protocol", "'image' is missing"),
    "another one that is no object": ({"others": ["FLAIR"]}, "Protocol", "'others' must be an object"),
    "no folder": ({"folder": "/nowhere/at/all"}, "OutputError", "nowhere"),
}


@pytest.mark.parametrize(("changes", "kind", "said"), BAD.values(), ids=BAD)
def test_requests_are_checked(
    synthesizing: WorkerClient, toy: Path, tmp_path: Path, changes: dict[str, Any], kind: str, said: str
):
    end = synthesizing.error("synthesize", **asked(tmp_path, toy) | changes)
    assert (end["kind"], said in end["message"]) == (kind, True), end["message"]
    assert list((tmp_path / "out").iterdir()) == []


def test_a_truth_is_of_one_contrast(synthesizing: WorkerClient, toy: Path, tmp_path: Path):
    sent = hand_over(head(), tmp_path / "truth.raw")
    end = synthesizing.error("synthesize", **asked(tmp_path, toy, to=["T2w", "FLAIR"], reference=sent))
    assert (end["kind"], "of one contrast" in end["message"]) == ("Protocol", True)


def test_two_further_scans_of_one_contrast(synthesizing: WorkerClient, toy: Path, tmp_path: Path):
    other = {"contrast": "FLAIR", "image": hand_over(head(), tmp_path / "other.raw")}
    end = synthesizing.error("synthesize", **asked(tmp_path, toy, others=[other, other]))
    assert (end["kind"], "two images of 'FLAIR'" in end["message"]) == ("Protocol", True)


def test_a_model_for_another_task(synthesizing: WorkerClient, tmp_path: Path):
    other = tiny_model(tmp_path / "other-x2.safetensors")
    assert synthesizing.error("synthesize", **asked(tmp_path, other))["kind"] == "ModelError"
