"""The batch script as it is started: by the application, in a process of its own, with a worker process."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import scans
import workers

ROOT = Path(__file__).resolve().parents[2]
MODULES = ROOT / "MRIEnhance"
SCRIPT = MODULES / "MRIEnhanceBridge" / "batch.py"
SLICER = [
    *(sys.executable, "-m", "slicerhost", "--no-splash", "--no-main-window", "--exit-after-startup"),
    *("--python-script", str(SCRIPT), "--", "--ignore-slicerrc"),
]
COMMON = ("super-resolve", "--input", "scans", "--output", "results")


@pytest.fixture
def start(tmp_path):
    """Start the application with the script, in `tmp_path`, with this interpreter for the worker."""
    running = []

    def start(python, *words):
        environment = dict(os.environ) | {
            "MRIENHANCE_PYTHON": str(python),
            "PYTHONPATH": str(ROOT / "Testing" / "host"),
            "OMP_NUM_THREADS": "1",
        }
        process = subprocess.Popen(
            [*SLICER, *words],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()


@pytest.fixture
def run(start):
    """Run it to its end: exit code, output, errors."""

    def run(python, *words):
        process = start(python, *words)
        out, err = process.communicate(timeout=300)
        return process.returncode, out, err

    return run


@pytest.fixture
def image(tmp_path):
    return scans.write(tmp_path / "scans" / "anna.nrrd", size=(20, 16, 3))


def head():
    """A volume with air around what is in it, as coil maps need it."""
    frame = scans.volume(size=(64, 48, 4))
    k, j, i = np.indices(sitk.GetArrayViewFromImage(frame).shape)
    inside = ((i - 31) / 24) ** 2 + ((j - 23) / 18) ** 2 < 1
    image = sitk.GetImageFromArray((inside * (400 + 100 * np.cos(i / 3) + 50 * np.sin(j / 2 + k))).astype(np.float32))
    image.CopyInformation(frame)
    return image


def summary(tmp_path):
    return json.loads((tmp_path / "results" / "summary.json").read_text())


def test_the_real_thing(run, image, tmp_path):
    """Module, worker process and network: the fine volume lies where the coarse one does, and is it, seen coarsely."""
    code, out, err = run(sys.executable, *COMMON, "--scale", "2", "--device", "cpu")
    assert code == 0, out + err
    assert "[1/1] anna: done" in out
    assert "1 of 1 cases done" in out
    (case,) = summary(tmp_path)["cases"]
    assert case["report"]["model"]["name"] == "iconet-x2"
    assert case["report"]["consistency_residual"] < 1e-2
    fine = sitk.ReadImage(str(tmp_path / "results" / "anna_SRx2.nrrd"))
    assert fine.GetSize() == (40, 32, 3)
    # Truncation of k-space keeps sample 0 where it is.
    for index in ((0, 0, 0), (19, 15, 2)):
        there = fine.TransformIndexToPhysicalPoint((2 * index[0], 2 * index[1], index[2]))
        assert there == pytest.approx(image.TransformIndexToPhysicalPoint(index), abs=1e-4)


def test_raw_data_become_images(run, tmp_path):
    """The sample's image is the library's own, also where half of the file's samples are left out."""
    import mrienhance
    from mrienhance.data import sample_path
    from mrienhance.kspace import write_kspace

    raw = tmp_path / "raw"
    raw.mkdir()
    shutil.copy(sample_path("brain_8ch"), raw)
    write_kspace(mrienhance.simulate_kspace(head(), coils=4, acceleration=1, center_fraction=1.0), raw / "full.npz")
    (raw / "half.cfl").write_bytes(b"no header")
    words = ("reconstruct", "--input", "raw", "--model", "cg-sense", "--device", "cpu")
    code, out, err = run(sys.executable, *words, "--output", "results", "--maps", "zero-filled")
    assert code == 1, out + err
    assert [case["status"] for case in summary(tmp_path)["cases"]] == ["ok", "ok", "failed"]
    assert "half.hdr" in summary(tmp_path)["cases"][2]["message"]
    kspace = mrienhance.read_kspace(raw / "brain_8ch.npz")
    expected = mrienhance.reconstruct(kspace, model="cg-sense", device="cpu")
    for name, image in (
        ("brain_8ch_recon", expected.image),
        ("brain_8ch_recon_zero-filled", expected.maps["zero-filled"]),
    ):
        found = sitk.ReadImage(str(tmp_path / "results" / f"{name}.nrrd"))
        truth = sitk.GetArrayFromImage(image)
        assert np.abs(sitk.GetArrayFromImage(found) - truth).max() < 1e-4 * truth.max()
        assert found.GetSpacing() == pytest.approx(image.GetSpacing())
    assert summary(tmp_path)["cases"][0]["report"]["reconstruction"]["coils"] == 8
    words = (*words, "--pattern", "full*", "--retrospective", "2", "--output", "fewer")
    code, out, err = run(sys.executable, *words, "--maps", "zero-filled", "full")
    assert code == 0, out + err
    (case,) = json.loads((tmp_path / "fewer" / "summary.json").read_text())["cases"]
    assert [row["method"] for row in case["metrics"]] == ["zero-filled", "cg-sense"]
    assert case["metrics"][1]["psnr_db"] > case["metrics"][0]["psnr_db"]
    assert sorted(case["maps"]) == ["full", "zero-filled"]
    assert (tmp_path / "fewer" / "full_recon_R2_full.nrrd").is_file()


def test_scans_of_volumes_are_simulated(run, tmp_path):
    """What comes of a simulated scan lies where the volume does, and is compared with it."""
    image = head()
    (tmp_path / "scans").mkdir()
    sitk.WriteImage(image, str(tmp_path / "scans" / "anna.nrrd"))
    words = ("reconstruct", "--simulate", "--input", "scans", "--output", "results", "--device", "cpu")
    words = (*words, "--acceleration", "2", "--snr", "1000", "--coils", "6", "--lines-along", "j", "--slices", "1:3")
    words = (*words, "--coil-maps", "low-resolution", "--model", "cg-sense", "--format", "nii.gz")
    code, out, err = run(sys.executable, *words)
    assert code == 0, out + err
    (case,) = summary(tmp_path)["cases"]
    assert [row["method"] for row in case["metrics"]] == ["cg-sense"]
    assert case["metrics"][0]["psnr_db"] > 20
    found = sitk.ReadImage(str(tmp_path / "results" / "anna_recon_R2.nii.gz"))
    assert found.GetSize() == (64, 48, 2)
    for index in ((0, 0, 0), (63, 47, 1)):
        there = found.TransformIndexToPhysicalPoint(index)
        assert there == pytest.approx(image.TransformIndexToPhysicalPoint((*index[:2], index[2] + 1)), abs=1e-4)


def test_somebody_elses_python_without_torch(run, image, tmp_path):
    fake = workers.FakeInterpreter(tmp_path, "lacks-torch")
    code, out, err = run(fake.path, *COMMON, "--install")
    assert code == 1, out + err
    assert f"{fake.path} -m pip install 'torch>=" in out + err
    assert not fake.requests


def test_a_worker_that_dies_is_started_again(run, image, tmp_path):
    scans.write(tmp_path / "scans" / "bert.nrrd")
    fake = workers.FakeInterpreter(tmp_path, "dies")
    code, out, err = run(fake.path, *COMMON)
    assert code == 1, out + err
    assert [case["status"] for case in summary(tmp_path)["cases"]] == ["failed", "failed"]
    assert len(fake.processes) >= 2
    assert not any(map(workers.alive, fake.processes))


def test_stopped_from_outside(start, image, tmp_path):
    """Also when the worker listens to nothing: it and its child are gone, and the summary is written."""
    fake = workers.FakeInterpreter(tmp_path, "deaf")
    process = start(fake.path, *COMMON)
    deadline = time.monotonic() + 300
    while not any('"super-resolve"' in line for line in fake.requests):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130, out + err
    told = summary(tmp_path)
    assert (told["finished"], told["error"]) == (True, "stopped")
    assert [case["status"] for case in told["cases"]] == ["skipped"]
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == ["summary.json"]
    assert len(fake.processes) == 2
    assert not any(map(workers.alive, fake.processes))
