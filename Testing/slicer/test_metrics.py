"""Comparisons with the truth: made by the worker, and put into the scene."""

import json
import math

import numpy as np
import pytest

import volumes
import workers

ROWS = [
    {"method": "zero-filled", "psnr_db": 27.126, "ssim": None, "nmae": 0.05},
    {"method": "LF-MRI", "psnr_db": "Infinity", "ssim": 1.0, "nmae": 0.0, "lf_psnr_db": 31.5, "lf_ssim": 0.91},
]
EVALUATION = {"rows": ROWS, "definitions": {"lf_ssim": "inside the boxes"}, "notes": []}


@pytest.fixture
def metrics(host):
    from MRIEnhanceBridge import metrics

    return metrics


@pytest.fixture
def received(answer):
    """A difference that came back."""
    from MRIEnhanceBridge.job import Received

    return Received(*answer(window=(-3.0, 8.0)))


class Clerk:
    """A job that answers as it is told."""

    def __init__(self, received=None, error=None):
        self.received, self.error, self.asked = received, error, []

    def ask(self, what, **fields):
        self.asked.append((what, fields))
        if self.error is not None:
            raise self.error
        yield
        return {"rows": [], "evaluation": {}, "differences": dict.fromkeys(fields["differences"], "difference")}

    def receive(self, image):
        assert image == "difference"
        yield
        return self.received


def run(steps):
    """What steps return."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def columns(node):
    table = node.GetTable()
    found = [table.GetColumn(index) for index in range(table.GetNumberOfColumns())]
    return {column.GetName(): [column.GetValue(row) for row in range(column.GetNumberOfTuples())] for column in found}


# From an answer


def test_the_figures_are_the_answers_and_the_difference_is_asked_for(metrics, received):
    clerk = Clerk(received)
    judgement = run(metrics.judged(clerk, {"image": "image", "rows": ROWS, "evaluation": EVALUATION}, "truth"))
    assert judgement == metrics.Judgement(ROWS, EVALUATION, received)
    (what, fields), *others = clerk.asked
    assert (what, others) == ("evaluate", [])
    (name,) = fields["differences"]
    assert fields["results"] == {name: "image"}
    assert fields["reference"] == "truth"


def test_without_a_truth_nothing_is_asked(metrics):
    clerk = Clerk()
    judgement = run(metrics.judged(clerk, {"image": "image", "rows": ROWS, "evaluation": EVALUATION}, None))
    assert judgement == metrics.Judgement(ROWS, EVALUATION, None)
    assert not clerk.asked


def test_a_difference_that_cannot_be_had_does_not_cost_the_figures(host, metrics):
    from MRIEnhanceBridge.errors import BridgeError

    clerk = Clerk(error=BridgeError("the disk is full", kind="OutputError"))
    judgement = run(metrics.judged(clerk, {"image": "image", "rows": ROWS, "evaluation": EVALUATION}, "truth"))
    assert judgement == metrics.Judgement(ROWS, EVALUATION, None, "the disk is full")
    result = volumes.add(host, name="Result")
    metrics.add(result, judgement)
    assert result.GetNodeReference("MRIEnhance.metrics").GetNumberOfRows() == 2
    assert result.GetNodeReference("MRIEnhance.difference") is None
    assert "No difference volume: the disk is full" in metrics.summary(result)


@pytest.mark.parametrize("kind", ["Crash", "Cancelled"])
def test_an_end_of_the_run_is_no_refusal(metrics, kind):
    from MRIEnhanceBridge.errors import BridgeError

    clerk = Clerk(error=BridgeError("gone", kind=kind))
    with pytest.raises(BridgeError, match="gone"):
        run(metrics.judged(clerk, {"image": "image", "rows": ROWS, "evaluation": EVALUATION}, "truth"))


def test_the_worker_subtracts_the_truth_from_a_reconstruction(application, monkeypatch):
    """A real worker, and a simulated scan of a disc that is all sampled, but noisy."""
    from MRIEnhanceBridge import job, metrics, steps, worker

    workers.use(monkeypatch, workers.this_python().executable)
    j, i = np.mgrid[:48, :40]
    disc = (100 + i) * (np.hypot(i - 20, j - 24) < 16)
    source = volumes.add(application, array=np.stack([disc, 2 * disc]).astype(np.float32), name="disc")
    images = {}

    def body(work):
        sent = yield from work.send(source, "input")
        answer = yield from work.ask(
            "reconstruct",
            input=sent,
            simulate={"acceleration": 1, "snr": 20, "coils": 4},
            maps=[],
            options={"model": "zero-filled", "coil_maps": "low-resolution", "device": "cpu"},
        )
        images["result"] = yield from work.receive(answer["image"])
        judgement = yield from metrics.judged(work, answer, sent)
        return answer["rows"], judgement

    rows, judgement = steps.run_now(job.run(worker.shared(), body))
    assert judgement.refusal == ""
    assert judgement.rows == rows
    assert rows[0]["psnr_db"] > 10
    from vtk.util.numpy_support import vtk_to_numpy

    result, difference = (
        vtk_to_numpy(each.data.GetPointData().GetScalars()).reshape(2, 48, 40)
        for each in (images["result"], judgement.difference)
    )
    expected = result - application.util.arrayFromVolume(source)
    assert np.abs(expected).max() > 1, "there is something to see"
    np.testing.assert_allclose(difference, expected, atol=1e-3)


# In the scene


def test_all_figures_are_in_the_table_also_those_of_lesions(host, metrics, received):
    result = volumes.add(host, name="Result")
    metrics.add(result, metrics.Judgement(ROWS, EVALUATION, received))
    table = result.GetNodeReference("MRIEnhance.metrics")
    found = columns(table)
    assert list(found) == ["Method", "PSNR (dB)", "SSIM", "NMAE", "LF-PSNR (dB)", "LF-SSIM"]
    assert found["PSNR (dB)"] == [27.126, math.inf]
    assert math.isnan(found["SSIM"][0])
    assert math.isnan(found["LF-PSNR (dB)"][0])
    assert found["LF-SSIM"][1] == 0.91
    assert table.GetColumnDescription("LF-SSIM") == "inside the boxes"
    assert table.GetColumnUnitLabel("LF-PSNR (dB)") == "dB"
    assert json.loads(table.GetAttribute("MRIEnhance.evaluation"))["rows"] == ROWS


def test_a_figure_that_nobody_knows_yet_is_shown_under_its_own_name(metrics, host):
    result = volumes.add(host, name="Result")
    rows = [{"method": "a", "psnr_db": 1.0, "boxes": 7, "rule": "words", "flag": True}]
    metrics.add(result, metrics.Judgement(rows, {}, None))
    assert columns(result.GetNodeReference("MRIEnhance.metrics")) == {
        "Method": ["a"],
        "PSNR (dB)": [1.0],
        "boxes": [7.0],
    }


def test_table_and_difference_are_beside_the_result_where_there_is_no_source(host, metrics, received):
    result = volumes.add(host, name="Result", parent=volumes.add_transform(host, volumes.affine(shift=(1, 2, 3))))
    study = volumes.put_in_study(host, result)
    metrics.add(result, metrics.Judgement(ROWS, EVALUATION, received))
    difference = result.GetNodeReference("MRIEnhance.difference")
    assert difference.GetName() == "Result − difference"
    assert difference.GetTransformNodeID() == result.GetTransformNodeID()
    assert (difference.GetDisplayNode().GetWindowLevelMin(), difference.GetDisplayNode().GetWindowLevelMax()) == (-8, 8)
    for node in (difference, result.GetNodeReference("MRIEnhance.metrics")):
        hierarchy, item = volumes.item_of(host, node)
        assert hierarchy.GetItemParent(item) == study


def test_the_summary_tells_the_figures_that_there_are(host, metrics):
    result = volumes.add(host, name="Result")
    metrics.add(result, metrics.Judgement(ROWS, EVALUATION, None))
    assert metrics.summary(result).splitlines() == [
        "Done: Result",
        "zero-filled: PSNR 27.13 dB",
        "LF-MRI: PSNR inf dB, SSIM 1.0000, LF-PSNR 31.50 dB, LF-SSIM 0.9100",
    ]


def test_a_refusal_alone_leaves_no_nodes(host, metrics):
    result = volumes.add(host, name="Result")
    before = host.mrmlScene.GetNumberOfNodes()
    metrics.add(result, metrics.Judgement([], {}, None, "another grid"))
    assert host.mrmlScene.GetNumberOfNodes() == before
    assert metrics.summary(result).splitlines() == ["Done: Result", "No metrics: another grid"]
