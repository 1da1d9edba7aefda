"""The protocol's page says what is so: its requests are understood, its answers are those that come."""

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from cli.worker_client import WorkerClient, environment, hand_over
from mrienhance import errors
from mrienhance.cli.worker.fields import Fields
from mrienhance.cli.worker.listing import TASKS
from mrienhance.cli.worker.protocol import PROTOCOL, parse
from mrienhance.cli.worker.serve import ANSWERS
from mrienhance.images import PIXEL_BYTES
from mrienhance.kspace import write_kspace
from mrienhance.tasks.synthesis_record import Placed, RegistrationRecord
from repository.source import PROJECT
from tasks.samples import head, tiny_model
from tasks.scans import scan

TEXT = (PROJECT / "docs" / "worker-protocol.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
LINES = [line for kind, block in BLOCKS if kind == "json" for line in block.splitlines()]
MESSAGES: list[dict[str, Any]] = [json.loads(line) for line in LINES]
REQUESTS = [line for line, message in zip(LINES, MESSAGES, strict=True) if "do" in message]


def of_type(kind: str) -> list[dict[str, Any]]:
    return [message for message in MESSAGES if message.get("type") == kind]


def test_it_is_of_this_version():
    assert TEXT.startswith(f"# The worker's protocol, version {PROTOCOL}\n")


def test_every_request_has_an_example():
    assert {json.loads(line)["do"] for line in REQUESTS} == {*ANSWERS, "cancel", "exit"}


@pytest.mark.parametrize("line", REQUESTS, ids=lambda line: json.loads(line)["do"])
def test_requests_are_understood(line: str):
    request = parse(line.encode(), tuple(ANSWERS))
    assert request.do == json.loads(line)["do"]


def test_answers_are_those_that_come(synthesizing: WorkerClient, toy: Path, tmp_path: Path):
    """The very requests of the page, with files that are there; all keys of the page's answers, and no others."""
    examples = {json.loads(line)["do"]: json.loads(line) for line in reversed(REQUESTS)}
    documented = {message["id"]: message for message in of_type("result")}
    coarse, fine = head((8, 6, 2)), head((16, 12, 2), spacing=(0.85, 0.85, 3.0))
    model = str(tiny_model(tmp_path / "tiny-x2.safetensors"))
    write_kspace(scan(2, acceleration=1), tmp_path / "full.npz")
    raw = {
        "kspace": str(tmp_path / "full.npz"),
        "read": None,
        "options": {"model": "cg-sense", "coil_maps": "low-resolution"},
    }
    here = {"folder": str(tmp_path)}
    synthesis = {"reference": None, "others": [], "options": {"model": str(toy), "device": "cpu"}}
    sent = {name: hand_over(image, tmp_path / name) for name, image in {"coarse": coarse, "fine": fine}.items()}
    changes: dict[str, dict[str, Any]] = {
        "models": {},
        "devices": {},
        "super-resolve": here | {"input": sent["coarse"], "options": {"model": model}},
        "synthesize": here | {"input": sent["coarse"]} | synthesis,
        "reconstruct": here | raw,
        "evaluate": here
        | {"results": {"ICONet": sent["fine"]}, "reference": sent["fine"], "interpolate": sent["coarse"]},
    }
    for do, changed in changes.items():
        example = examples[do]
        assert changed.keys() <= example.keys()
        fields = {key: value for key, value in (example | changed).items() if key not in ("protocol", "id", "do")}
        answered = synthesizing.answered(synthesizing.send(do, **fields))
        expected = documented[example["id"]]
        assert skeleton(answered.end, expected) == skeleton(expected, expected)
        assert all(line.keys() == of_type("progress")[0].keys() for line in answered.progress)


def skeleton(value: Any, like: Any) -> Any:
    """Keys, as deep as the page goes; of lists the first item. Empty objects on the page stand for any."""
    if isinstance(like, dict) and like:
        if set(like) in ({"task"}, {"name"}):  # a report and a card, of which the page shows one key
            return next(iter(like)) in value
        return {key: skeleton(value[key], like.get(key)) for key in value}
    if isinstance(like, list) and like:
        return [skeleton(value[0], like[0])] if isinstance(like[0], dict) else type(value)
    return None


def test_the_options_are_all_of_them():
    [request] = [json.loads(line) for line in REQUESTS if json.loads(line)["do"] == "super-resolve"]
    from mrienhance.cli.worker.super_resolve import _Wish

    fields = {key: value for key, value in request.items() if key not in ("protocol", "id", "do")}
    wish = _Wish.of(Fields(fields, "super-resolve"))
    assert request["options"].keys() == {"model", "scale", *wish.options}


def test_the_options_of_synthesize_are_all_of_them():
    full, short = [json.loads(line) for line in REQUESTS if json.loads(line)["do"] == "synthesize"]
    from mrienhance.cli.worker.synthesize import _Wish

    wishes = []
    for request in (full, short):
        fields = {key: value for key, value in request.items() if key not in ("protocol", "id", "do")}
        wishes.append(_Wish.of(Fields(fields, "synthesize")))
    assert full["options"].keys() == {"model", "register", *wishes[0].options}
    assert (wishes[1].source, wishes[1].others, wishes[1].maps, wishes[1].register) == (None, {}, (), True)


def test_what_a_report_says_of_a_synthesis(synthesizing: WorkerClient, toy: Path, tmp_path: Path):
    [shown] = [message["synthesis"] for message in MESSAGES if "synthesis" in message]
    image = hand_over(head((8, 6, 5)), tmp_path / "image")
    fields = {"input": image, "source": "T1w", "to": ["FLAIR"], "folder": str(tmp_path)}
    answer = synthesizing.result("synthesize", **fields, options={"model": str(toy), "device": "cpu"})
    made = answer["results"][0]["report"]["synthesis"]
    assert made.keys() == shown.keys()
    assert made["unit"] == shown["unit"]
    assert made["sources"][0].keys() == shown["sources"][0].keys()
    assert shown["sources"][1]["registration"].keys() == {
        field.name for field in dataclasses.fields(RegistrationRecord)
    }
    assert {"as it is", "registered", "resampled"} == set(get_args(Placed))
    assert all(f"`{placed}`" in TEXT for placed in get_args(Placed))


def test_the_options_of_reconstruct_are_all_of_them():
    file, simulated = [json.loads(line) for line in REQUESTS if json.loads(line)["do"] == "reconstruct"]
    from mrienhance.cli.worker import reconstruct

    wishes = []
    for request in (file, simulated):
        fields = {key: value for key, value in request.items() if key not in ("protocol", "id", "do")}
        wishes.append(reconstruct._Wish.of(Fields(fields, "reconstruct")))
    assert file["options"].keys() == {"model", *wishes[0].options}
    assert file["retrospective"] == wishes[0].retrospective
    assert simulated["simulate"] == wishes[1].simulate


def test_the_classical_ones_are_listed(worker: WorkerClient):
    [request] = [json.loads(line) for line in REQUESTS if json.loads(line).get("task") == "reconstruct"]
    [shown] = [message for message in of_type("result") if message["id"] == request["id"]]
    answer = worker.result("models", task="reconstruct")
    assert answer.keys() == {**shown, "type": "result"}.keys()
    first, example = answer["classical"][0], shown["classical"][0]
    assert {key: first[key] for key in ("name", "title", "parameters")} == {
        key: example[key] for key in ("name", "title", "parameters")
    }
    assert first["text"].startswith(example["text"].rstrip(" …"))


def test_greeting_and_error_have_these_keys(worker: WorkerClient):
    [error] = of_type("error")
    assert worker.error("super-resolve").keys() == error.keys()
    with WorkerClient() as client:
        [hello] = of_type("hello")
        assert client.message().keys() == hello.keys()


def test_the_kinds_are_all_of_them():
    listed = set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE))
    known = {name for name, value in vars(errors).items() if isinstance(value, type)} - {"MRIEnhanceError"}
    assert listed == known | {"Protocol", "Internal"}


def test_pixel_types_and_tasks_are_named():
    assert all(f"`{name}`" in TEXT for name in PIXEL_BYTES)
    assert any(task in TEXT for task in TASKS)


def test_the_example_in_python_runs():
    code = [block for kind, block in BLOCKS if kind == "python"][-1]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment(), timeout=300
    )
    assert "iconet-x2 (x2 in-plane)" in done.stdout.splitlines()


def test_the_example_for_a_shell_is_a_request():
    [block] = [block for kind, block in BLOCKS if kind == "sh"]
    line = re.search(r"echo '(.*?)'", block)[1]
    assert parse(line.encode(), tuple(ANSWERS)).do == "models"
