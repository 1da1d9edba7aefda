"""What the module Reconstruct asks for: files, slices, options, and what is refused before anything runs."""

import json

import numpy as np
import pytest

import volumes


@pytest.fixture
def request_of(host):
    """`Request.of`."""
    from MRIEnhanceBridge.reconstruction import Request

    return Request.of


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "Jane Doe" / "scan.1.h5"
    path.parent.mkdir()
    path.write_bytes(b"raw")
    return path


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *((None, None), ("", None), (" all ", None), ("All", None), ("0", [0]), (7, [7]), (np.int64(7), [7])),
        *(("10-12, 15", [10, 11, 12, 15]), ("3 - 5", [3, 4, 5]), ("5,1", [5, 1]), ("2-2", [2]), ("4–6", [4, 5, 6])),
        *(([3, 1], [3, 1]), (range(2), [0, 1]), (np.array([4, 5]), [4, 5])),
    ],
)
def test_slices_are_read(host, written, meant):
    from MRIEnhanceBridge.sources import slice_numbers

    assert slice_numbers(written) == meant
    json.dumps(slice_numbers(written))


@pytest.mark.parametrize(
    "written", ["x", "1-", "-1", "3-1", "1,,2", "1.5", "0-99999999999", "2,2", "1-3,2", [], [-1], "1;2"]
)
def test_slices_that_say_nothing_are_refused(host, written):
    from MRIEnhanceBridge.errors import BridgeError
    from MRIEnhanceBridge.sources import slice_numbers

    with pytest.raises(BridgeError) as caught:
        slice_numbers(written)
    assert caught.value.hint


def test_a_file_is_read_and_nothing_else(request_of, file):
    request = request_of(file, model="cg-sense", slices="1-2", axes="coil,ky,kx", mask=str(file), seed=3, coils=5)
    assert request.path == str(file)
    assert request.read == {"axes": "coil,ky,kx", "mask": str(file), "slices": [1, 2]}
    assert request.simulate is request.retrospective is None
    assert request.options == {"model": "cg-sense", "coil_maps": "espirit", "device": "auto", "precision": "auto"}
    assert request.maps == ("attention",)


def test_an_acceleration_of_a_file_leaves_samples_out(request_of, file):
    request = request_of(file, acceleration=3, sampling="poisson-disc", lines_along="j", seed=2)
    left_out = {"acceleration": 3, "sampling": "poisson-disc", "lines_along": "j", "seed": 2}
    assert request.retrospective == left_out


def test_a_volume_is_scanned_four_times_faster_unless_said_otherwise(host, request_of):
    node = volumes.add(host)
    request = request_of(node)
    scan = {"sampling": "random-lines", "lines_along": "i", "seed": 0, "coils": 8, "snr": 50.0, "slices": None}
    assert request.simulate == {"acceleration": 4.0, **scan}
    assert request.read is request.retrospective is None
    assert (request.path, request.node) == ("", node.GetID())
    assert request_of(node, acceleration=6.5, slices=1).simulate == {**scan, "acceleration": 6.5, "slices": [1]}


def test_relative_paths_are_made_absolute(request_of, file, monkeypatch):
    monkeypatch.chdir(file.parent)
    request = request_of("scan.1.h5", mask="scan.1.h5")
    assert request.path == request.read["mask"] == str(file)


@pytest.mark.parametrize("end", [".cfl", ".hdr"])
def test_a_pair_of_bart_may_be_named_without_its_ending(request_of, tmp_path, end):
    (tmp_path / f"pair{end}").write_bytes(b"")
    assert request_of(tmp_path / "pair").path == str(tmp_path / "pair")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"sampling": "spiral"}, '"spiral"'),
        ({"lines_along": "k"}, '"k"'),
        ({"coil_maps": "guess"}, '"guess"'),
        ({"maps": ["attention", "soul"]}, '"soul"'),
        ({"acceleration": 0.5}, "acceleration cannot be 0.5"),
        ({"acceleration": float("nan")}, "acceleration cannot be nan"),
        ({"seed": -1}, "seed cannot be -1"),
        ({"mask": "nowhere.npy"}, '"nowhere.npy"'),
        ({"slices": "many"}, '"many"'),
    ],
)
def test_what_does_not_exist_is_refused(request_of, file, options, complaint):
    from MRIEnhanceBridge.errors import BridgeError

    with pytest.raises(BridgeError, match=complaint):
        request_of(file, **options)


@pytest.mark.parametrize("options", [{"snr": 0}, {"snr": float("inf")}, {"coils": 0}])
def test_a_scan_that_cannot_be_is_refused(host, request_of, options):
    """JSON has no infinity, so it must not get as far as the worker."""
    from MRIEnhanceBridge.errors import BridgeError

    with pytest.raises(BridgeError, match="cannot be"):
        request_of(volumes.add(host), **options)


@pytest.mark.parametrize("source", ["", "  ", "nowhere.h5", None, 7])
def test_what_is_no_source_is_refused(request_of, source):
    from MRIEnhanceBridge.errors import BridgeError

    with pytest.raises(BridgeError) as caught:
        request_of(source)
    assert caught.value.hint


def test_a_folder_is_no_file(request_of, tmp_path):
    from MRIEnhanceBridge.errors import BridgeError

    with pytest.raises(BridgeError, match="no file"):
        request_of(tmp_path)


def test_the_output_is_not_the_input(host, request_of, file):
    from MRIEnhanceBridge.errors import BridgeError

    node = volumes.add(host)
    with pytest.raises(BridgeError, match="input volume and is never overwritten"):
        request_of(node, output=node)
    assert request_of(file, output=node).output == node.GetID()
    labels = volumes.add(host, array=volumes.ramp(dtype=np.uint8), kind="vtkMRMLLabelMapVolumeNode")
    with pytest.raises(BridgeError, match="cannot hold the result"):
        request_of(file, output=labels)


def test_all_that_was_chosen_is_on_record(request_of, file):
    parameters = request_of(file, acceleration=2.0, model="cg-sense").parameters
    assert parameters == {
        **{"model": "cg-sense", "coil_maps": "espirit", "device": "auto", "precision": "auto"},
        **{"axes": None, "mask": None, "slices": None},
        **{"acceleration": 2.0, "sampling": "random-lines", "lines_along": "i", "seed": 0},
    }
