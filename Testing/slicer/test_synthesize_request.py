"""What the module Synthesize asks for, and what is refused before anything runs; the same in a script."""

import json

import numpy as np
import pytest

import panels
import slicerhost
import volumes
import workers


@pytest.fixture
def request_of(host):
    """`Request.of`."""
    from MRIEnhanceBridge.synthesis import Request

    return Request.of


@pytest.fixture
def scan(host):
    return volumes.add(host, name="T1w")


def test_a_request_holds_what_was_chosen(host, request_of, scan):
    flair = volumes.add(host, name="FLAIR")
    request = request_of(scan, to=("T2w", "T1c"), contrast="T1w", others={"FLAIR": flair}, model="m", register=False)
    assert (request.input, request.truth) == (scan.GetID(), "")
    assert request.to == ("T2w", "T1c")
    assert request.others == {"FLAIR": flair.GetID()}
    assert request.options == {"model": "m", "register": False}
    assert request.watched == [scan, flair]
    kept = {"source": "T1w", "to": ["T2w", "T1c"], "others": ["FLAIR"], "uncertainty": False}
    assert request.parameters == {**kept, "model": "m", "register": False}
    json.dumps(request.parameters)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"to": []}, "No contrast"),
        ({"to": ["T2w", "T2w"]}, "named twice"),
        ({"to": ["T1w"], "contrast": "T1w"}, "T1w was scanned"),
        ({"to": ["FLAIR"], "others": {"FLAIR": "other"}}, "FLAIR was scanned"),
        ({"to": ["FLAIR"], "contrast": "T2w", "others": {"T2w": "other"}}, "Two sources have the contrast T2w"),
        ({"to": ["FLAIR"], "others": {"": "other"}}, "has no contrast"),
        ({"to": ["FLAIR"], "others": {"T2w": "scan"}}, "chosen twice"),
        ({"to": ["FLAIR"], "others": {"T2w": "labels"}}, "label map"),
        ({"to": ["FLAIR"], "others": {"T2w": None}}, "no further source"),
        ({"to": ["FLAIR"], "truth": "labels"}, "label map"),
        ({"to": ["FLAIR", "T2w"], "truth": "other"}, "one contrast, and 2 are wanted"),
        ({"to": ["FLAIR"], "outputs": {"FLAIR": "scan"}}, "never overwritten"),
        ({"to": ["FLAIR"], "outputs": {"FLAIR": "other"}, "others": {"T2w": "other"}}, "never overwritten"),
        ({"to": ["FLAIR"], "outputs": {"FLAIR": "other"}, "truth": "other"}, "never overwritten"),
        ({"to": ["FLAIR"], "outputs": {"FLAIR": "labels"}}, "cannot hold the result"),
        ({"to": ["FLAIR"], "outputs": {"T2w": "other"}}, "output for T2w"),
    ],
)
def test_what_makes_no_sense_is_refused(host, request_of, scan, options, complaint):
    from MRIEnhanceBridge.errors import BridgeError

    kind = "vtkMRMLLabelMapVolumeNode"
    nodes = {"scan": scan, "other": volumes.add(host), None: None}
    nodes["labels"] = volumes.add(host, array=volumes.ramp(dtype=np.uint8), kind=kind)
    for name in ("others", "outputs"):
        if name in options:
            options = {**options, name: {contrast: nodes[key] for contrast, key in options[name].items()}}
    if "truth" in options:
        options = {**options, "truth": nodes[options["truth"]]}
    with pytest.raises(BridgeError, match=complaint) as caught:
        request_of(scan, **options)
    assert caught.value.hint


def test_a_source_under_a_warp_is_refused(host, request_of, scan):
    from MRIEnhanceBridge.errors import BridgeError

    other = volumes.add(host, name="bent")
    warp = host.mrmlScene.AddNewNodeByClass("vtkMRMLGridTransformNode")
    other.SetAndObserveTransformNodeID(warp.GetID())
    with pytest.raises(BridgeError, match="not linear"):
        request_of(scan, to=["FLAIR"], others={"T2w": other})


# In a script


@pytest.fixture
def logic(application, monkeypatch, tmp_path):
    """`SynthesizeLogic` in front of a fake worker, without a panel."""
    workers.use(monkeypatch, workers.FakeInterpreter(tmp_path, "works").path)
    return slicerhost.load_module(panels.SYNTHESIZE).python.SynthesizeLogic()


def test_one_contrast_gives_a_node_several_a_dict(logic, application):
    scan = volumes.add(application, name="T1w", array=volumes.ramp(dtype=np.float32))
    one = logic.process(scan, to="FLAIR", source="T1w")
    assert one.GetName() == "T1w (synthetic FLAIR)"
    several = logic.process(scan, to=["FLAIR", "T2w"], source="T1w")
    assert list(several) == ["FLAIR", "T2w"]
    assert several["T2w"].GetName() == "T1w (synthetic T2w)"
    difference = application.util.arrayFromVolume(one) - application.util.arrayFromVolume(scan)
    assert set(difference.ravel()) == {300.0}


def test_outputs_are_replaced(logic, application):
    scan = volumes.add(application, name="T1w", array=volumes.ramp(dtype=np.float32))
    first, second = volumes.add(application, name="mine"), volumes.add(application, name="yours")
    assert logic.process(scan, to="FLAIR", outputVolumes=first) is first
    assert first.GetAttribute("MRIEnhance.contrast") == "FLAIR"
    made = logic.process(scan, to=["T1w", "T2w"], outputVolumes={"T2w": second})
    assert made["T2w"] is second
    assert second.GetName() == "yours"
    assert made["T1w"] not in (first, second, scan)


def test_an_output_that_was_compared_once_forgets_it(logic, application):
    scan = volumes.add(application, name="T1w", array=volumes.ramp(dtype=np.float32))
    truth = volumes.add(application, name="T2w")
    result = logic.process(scan, to="T2w", truth=truth, uncertainty=True)
    assert result.GetNodeReference("MRIEnhance.groundTruth") is truth
    assert logic.process(scan, to="FLAIR", outputVolumes=result) is result
    for role in ("groundTruth", "metrics", "difference", "uncertainty"):
        assert result.GetNodeReference(f"MRIEnhance.{role}") is None


def test_nothing_is_left_behind_in_the_temporary_folder(logic, application):
    from pathlib import Path

    scan = volumes.add(application, name="T1w", array=volumes.ramp(dtype=np.float32))
    logic.process(scan, to=["FLAIR", "T2w"], uncertainty=True)
    assert not list(Path(application.app.temporaryPath).glob("MRIEnhance-*"))


def test_the_self_test_can_fail(application):
    """It would see the input given back, an image elsewhere, and one that does not say what it is."""
    from MRIEnhanceBridge import selftest

    head = np.pad(np.random.default_rng(0).uniform(200, 900, (4, 20, 22)), ((0, 0), (9, 9), (9, 9)))
    scan = application.util.addVolumeFromArray(head, np.eye(4), "T1w")

    def made(voxels, origin=0.0, **attributes):
        node = application.util.addVolumeFromArray(voxels, np.eye(4), "T1w (synthetic T2w)")
        node.SetOrigin(origin, 0, 0)
        for name, value in {"synthetic": "1", "sha256": "0" * 64, **attributes}.items():
            node.SetAttribute(f"MRIEnhance.{name}", value)
        return node

    other = np.where(head > 0, 1000 - head, 0)
    selftest.check_synthetic(scan, made(other))
    for node, complaint in (
        (made(head * 2), "the input again"),
        (made(other, origin=1.0), "moved"),
        (made(other[:, :-1].copy()), "became"),
        (made(np.full_like(head, 500)), "the ground"),
        (made(other, synthetic=""), "synthetic"),
        (made(other, sha256=""), "comes from"),
    ):
        with pytest.raises(AssertionError, match=complaint):
            selftest.check_synthetic(scan, node)
