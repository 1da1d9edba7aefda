"""What a classifier found: as a table, and as places to go to."""

import json

import numpy as np
import pytest

import volumes
from outcomes import TRICKY, save_and_load
from screens import NAMES

SCORES = [
    {"name": "lesion", "highest": 0.987654321098765, "slice": 6},
    {"name": TRICKY, "highest": 0.0, "slice": 0},
]
REPORT = {"task": "reconstruct", "reconstruction": {"coils": 8, "scores": SCORES}}


@pytest.fixture
def scores(host):
    from MRIEnhanceBridge import scores

    return scores


def columns(node):
    table = node.GetTable()
    found = [table.GetColumn(index) for index in range(table.GetNumberOfColumns())]
    return {column.GetName(): [column.GetValue(row) for row in range(column.GetNumberOfTuples())] for column in found}


def test_the_rows_are_the_reports(scores):
    lesion, tricky = scores.rows(REPORT)
    assert (lesion.name, lesion.probability, lesion.slice) == ("lesion", 0.987654321098765, 6)
    assert tricky.name == TRICKY


@pytest.mark.parametrize(
    "report", [{}, {"reconstruction": None}, {"reconstruction": {}}, {"reconstruction": {"scores": []}}]
)
def test_without_a_classifier_there_is_no_table(host, scores, report):
    before = host.mrmlScene.GetNumberOfNodes()
    assert scores.rows(report) == []
    assert scores.table(report, name="Scores") is None
    assert host.mrmlScene.GetNumberOfNodes() == before


def test_the_table_is_typed_exact_and_locked(scores):
    node = scores.table(REPORT, name="Scores")
    assert columns(node) == {
        "Class": ["lesion", TRICKY],
        "Probability": [0.987654321098765, 0.0],
        "Slice": [6, 0],
    }
    kinds = [node.GetTable().GetColumn(index).GetClassName() for index in range(3)]
    assert kinds == ["vtkStringArray", "vtkDoubleArray", "vtkIntArray"]
    assert node.GetLocked()
    assert "no diagnosis" in node.GetColumnDescription("Probability")


@pytest.mark.parametrize(("order", "letter"), [((0, 1, 2), "S"), ((1, 2, 0), "R"), ((0, 2, 1), "A")])
def test_the_place_of_a_slice_is_that_of_its_middle_in_the_world(host, scores, order, letter):
    matrix = np.eye(4)
    matrix[:3, :3] = volumes.rotation((0.97, 0.12, 0.1, 0.08))[:, order] * (0.8, 0.9, -4.0)
    parent = volumes.add_transform(host, volumes.affine((0.98, 0.05, -0.1, 0.1), shift=(70, -20, 5)))
    volume = volumes.add(host, array=volumes.ramp((21, 31, 8)), matrix=matrix, parent=parent)
    places = columns(scores.table(REPORT, name="Scores", volume=volume))[f"{letter} (mm)"]
    expected = [volumes.world(host, volume, (10, 15, k))["RAS".index(letter)] for k in (6, 0)]
    assert places == pytest.approx(expected, abs=1e-9)


def test_it_is_beside_its_source_or_outside_any_study(host, scores):
    source = volumes.add(host)
    study = volumes.put_in_study(host, source)
    nodes = [scores.table(REPORT, name="Scores", source=source), scores.table(REPORT, name="Scores")]
    assert [node.GetName() for node in nodes] == ["Scores", "Scores_1"]
    hierarchy, _ = volumes.item_of(host, source)
    parents = [hierarchy.GetItemParent(volumes.item_of(host, node)[1]) for node in nodes]
    assert parents == [study, hierarchy.GetSceneItemID()]


def test_it_is_kept_with_the_scene(host, scores, tmp_path):
    node = scores.table(REPORT, name="Scores", volume=volumes.add(host))
    node.AddDefaultStorageNode()
    node.GetStorageNode().SetFileName(str(tmp_path / "scores.tsv"))
    assert node.GetStorageNode().WriteData(node)
    loaded = save_and_load(host, tmp_path).GetFirstNodeByName("Scores")
    for found in (node, loaded):
        assert json.loads(found.GetAttribute("MRIEnhance.scores")) == SCORES
        assert found.GetAttribute("MRIEnhance.disclaimer") == "For research, not for diagnosis."
        table = found.GetTable()
        assert table.GetColumnByName("Class").GetValue(0) == "lesion"
        assert table.GetColumnByName("Slice").GetValue(0) == 6
        assert table.GetColumnByName("Probability").GetValue(0) == pytest.approx(0.98765, abs=1e-4)
        assert found.GetColumnUnitLabel("S (mm)") == "mm"


def test_the_views_of_the_image_go_to_the_slice(host, scores, screen, pair):
    source, other = pair
    screen.composite("Red").SetBackgroundVolumeID(source.GetID())
    screen.composite("Green").SetBackgroundVolumeID(other.GetID())
    screen.view("Red").RotateToVolumePlane(source)
    screen.view("Red").SetFieldOfView(33, 22, 1)
    others = [screen.state()[1][name] for name in NAMES[1:]]
    assert scores.show(source, scores.rows(REPORT)[0]) == 1
    for corner in ((0, 0, 6), (39, 29, 6)):
        assert screen.seen("Red", volumes.world(host, source, corner))[1] == pytest.approx(0, abs=1e-6)
    assert screen.view("Red").GetFieldOfView() == (33, 22, 1)
    assert [screen.state()[1][name] for name in NAMES[1:]] == others


def test_where_no_view_shows_it_nothing_happens(scores, screen, pair):
    before = screen.state()
    assert scores.show(pair[0], scores.rows(REPORT)[0]) == 0
    assert screen.state() == before
