"""ISMRMRD files, written by the ismrmrd library: every readout where its counters say."""

from pathlib import Path

import numpy as np
import pytest
import torch

from kspace.makers import Header, acquisition, noise, readouts, write_mrd
from mrienhance import KSpaceError, UsageError, read_kspace

SHAPE = (2, 3, 16, 24)
NOISE, CALIBRATION, CALIBRATION_AND_IMAGING, REVERSE, NAVIGATION, PHASE_CORRECTION = 19, 20, 21, 22, 23, 24


def test_readouts_are_sorted(tmp_path: Path) -> None:
    data = noise(*SHAPE)
    lines = readouts(data)
    np.random.default_rng(0).shuffle(lines)
    kspace = read_kspace(write_mrd(tmp_path / "a.h5", Header(), lines))
    assert kspace.source == "ISMRMRD"
    assert kspace.samples.dtype == torch.complex64
    assert np.array_equal(kspace.samples.numpy(), data)
    assert kspace.mask.shape == (16, 24)
    assert kspace.mask.all()
    assert kspace.crop == (16, 12)
    assert (kspace.noise, kspace.calibration, kspace.reference, kspace.notes) == (None, None, None, ())


def test_another_name_of_the_group(tmp_path: Path) -> None:
    kspace = read_kspace(write_mrd(tmp_path / "a.mrd", Header(), readouts(noise(*SHAPE)), group="scan 7"))
    assert kspace.coils == 3


def test_facts_without_a_person(tmp_path: Path) -> None:
    facts = read_kspace(write_mrd(tmp_path / "a.h5", Header(), readouts(noise(*SHAPE)))).facts
    assert (facts.tr_ms, facts.te_ms, facts.contrast) == (6000, 80, None)
    assert "Doe" not in repr(facts)


def test_undersampled_lines(tmp_path: Path) -> None:
    data = noise(*SHAPE)
    data[:, :, 1::2] = 0
    data[:, :, [7, 9]] = 1
    kspace = read_kspace(write_mrd(tmp_path / "a.h5", Header(), readouts(data)))
    assert np.array_equal(kspace.samples.numpy(), data)
    assert kspace.mask[:, 0].nonzero().flatten().tolist() == [0, 2, 4, 6, 7, 8, 9, 10, 12, 14]
    assert kspace.calibration_lines == 5


def test_averages_are_averaged(tmp_path: Path) -> None:
    first, second, third = noise(*SHAPE), noise(*SHAPE, seed=1), noise(*SHAPE, seed=2)
    third[:, :, 3:] = 0  # only some of the lines were acquired three times
    lines = [*readouts(first, average=0), *readouts(second, average=1), *readouts(third, average=2)]
    kspace = read_kspace(write_mrd(tmp_path / "a.h5", Header(), lines))
    wanted = (first + second) / 2
    wanted[:, :, :3] = ((first + second + third) / 3)[:, :, :3]
    np.testing.assert_allclose(kspace.samples.numpy(), wanted, rtol=1e-6)


def test_noise_scans_are_kept_apart(tmp_path: Path) -> None:
    scans = [noise(3, 40, seed=1), noise(3, 40, seed=2)]
    lines = [acquisition(scan, flags=[NOISE], encoding=0) for scan in scans]
    kspace = read_kspace(write_mrd(tmp_path / "a.h5", Header(), [lines[0], *readouts(noise(*SHAPE)), lines[1]]))
    assert np.array_equal(kspace.samples.numpy(), noise(*SHAPE))
    assert np.array_equal(kspace.noise.numpy(), np.concatenate(scans, axis=1))


@pytest.mark.parametrize("flag", [NAVIGATION, PHASE_CORRECTION, 26, 27, 28, 29])
def test_what_is_no_image_is_left_out(tmp_path: Path, flag: int) -> None:
    extra = [acquisition(100 * noise(3, 24), ky=8, flags=[flag], contrast=5)]
    kspace = read_kspace(write_mrd(tmp_path / "a.h5", Header(), extra + readouts(noise(*SHAPE))))
    assert np.array_equal(kspace.samples.numpy(), noise(*SHAPE))


def test_embedded_calibration_lines_join_the_image(tmp_path: Path) -> None:
    """Lines between those of the image are for calibration only; where the image has a line, it counts alone."""
    data = noise(*SHAPE)
    image = data.copy()
    image[:, :, 1::2] = 0
    between = np.zeros_like(data)
    between[:, :, [7, 9]] = data[:, :, [7, 9]]
    again = np.zeros_like(data)
    again[:, :, 8] = 100
    lines = readouts(image, flags=[CALIBRATION_AND_IMAGING])
    lines += readouts(between, flags=[CALIBRATION]) + readouts(again, flags=[CALIBRATION])
    header = Header(calibration_mode="embedded")
    kspace = read_kspace(write_mrd(tmp_path / "a.h5", header, lines))
    assert np.array_equal(kspace.samples.numpy(), image + between)
    assert kspace.calibration is None
    assert kspace.calibration_lines == 5


def test_a_separate_calibration_scan_is_kept_apart(tmp_path: Path) -> None:
    data = noise(*SHAPE)
    data[:, :, 1::2] = 0
    scan = np.zeros_like(data)
    scan[:, :, 5:11] = noise(2, 3, 6, 24, seed=3)
    header = Header(calibration_mode="separate")
    path = write_mrd(tmp_path / "a.h5", header, readouts(scan, flags=[CALIBRATION]) + readouts(data))
    kspace = read_kspace(path)
    assert np.array_equal(kspace.samples.numpy(), data)
    assert np.array_equal(kspace.calibration.numpy(), scan)
    assert np.array_equal(read_kspace(path, slices=1).calibration.numpy(), scan[1:])


def test_lines_are_placed_by_the_centre_of_the_limits(tmp_path: Path) -> None:
    """The example of the standard: lines 0 to 83 with centre 28 on a matrix of 140 are lines 42 to 125."""
    data = noise(1, 2, 84, 24)
    header = Header(
        encoded=(24, 140, 1), recon=(12, 116, 1), encoded_fov=(48, 140, 5), recon_fov=(24, 116, 5),
        limits={"kspace_encoding_step_1": (0, 83, 28)},
    )  # fmt: skip
    kspace = read_kspace(write_mrd(tmp_path / "a.h5", header, readouts(data)))
    assert kspace.mask[:, 0].nonzero().flatten().tolist() == list(range(42, 126))
    assert np.array_equal(kspace.samples[:, :, 42:126].numpy(), data)
    assert kspace.crop == (116, 12)


@pytest.mark.parametrize("center", [None, 0, 7])
def test_a_full_set_of_lines_fills_the_matrix_whatever_the_centre_says(tmp_path: Path, center: int | None) -> None:
    header = Header(limits={"kspace_encoding_step_1": (0, 15, center)})
    kspace = read_kspace(write_mrd(tmp_path / "a.h5", header, readouts(noise(*SHAPE))))
    assert np.array_equal(kspace.samples.numpy(), noise(*SHAPE))


def test_an_asymmetric_echo_is_centred(tmp_path: Path) -> None:
    data = noise(*SHAPE)
    lines = readouts(data[..., 7:], center=5)  # sample 12, the centre of 24, is now sample 5
    kspace = read_kspace(write_mrd(tmp_path / "a.h5", Header(), lines))
    assert np.array_equal(kspace.samples[..., 7:].numpy(), data[..., 7:])
    assert not kspace.samples[..., :7].any()
    assert not kspace.mask[:, :7].any()


def test_discarded_samples(tmp_path: Path) -> None:
    data = noise(2, 3, 16, 30)
    lines = readouts(data, center=4 + 12, discard=(4, 2))
    kspace = read_kspace(write_mrd(tmp_path / "a.h5", Header(), lines))
    assert np.array_equal(kspace.samples.numpy(), data[..., 4:28])


def test_a_readout_backwards(tmp_path: Path) -> None:
    data = noise(*SHAPE)
    part = data[..., 7:][..., ::-1]  # samples 7 to 23 in reverse; the centre is the 12th of them
    lines = readouts(part, center=11, flags=[REVERSE])
    kspace = read_kspace(write_mrd(tmp_path / "a.h5", Header(), lines))
    assert np.array_equal(kspace.samples[..., 7:].numpy(), data[..., 7:])


@pytest.mark.parametrize("counter", ["contrast", "phase", "repetition", "set"])
def test_one_of_several_images(tmp_path: Path, counter: str) -> None:
    images = [noise(*SHAPE, seed=seed) for seed in range(3)]
    lines = [line for number, data in enumerate(images) for line in readouts(data, **{counter: number})]
    path = write_mrd(tmp_path / "a.h5", Header(echo_times=(10.0, 20.0, 30.0)), lines)
    with pytest.raises(KSpaceError, match=rf"holds 3 {counter}s: 0, 1, 2") as refusal:
        read_kspace(path)
    assert f"select={{'{counter}': 0}}" in refusal.value.hint
    kspace = read_kspace(path, select={counter: 2})
    assert np.array_equal(kspace.samples.numpy(), images[2])
    assert kspace.facts.te_ms == (30 if counter == "contrast" else 10)
    with pytest.raises(KSpaceError, match=f"no {counter} 7"):
        read_kspace(path, select={counter: 7})
    with pytest.raises(UsageError, match="flavour"):
        read_kspace(path, select={"flavour": 1})


def test_several_encodings(tmp_path: Path) -> None:
    lines = readouts(noise(*SHAPE)) + readouts(noise(*SHAPE, seed=1), encoding=1)
    path = write_mrd(tmp_path / "a.h5", Header(encodings=2), lines)
    with pytest.raises(KSpaceError, match="holds 2 encodings: 0, 1"):
        read_kspace(path)
    assert np.array_equal(read_kspace(path, select={"encoding": 1}).samples.numpy(), noise(*SHAPE, seed=1))


@pytest.mark.parametrize("trajectory", ["radial", "spiral", "epi", "goldenangle", "other"])
def test_only_cartesian(tmp_path: Path, trajectory: str) -> None:
    path = write_mrd(tmp_path / "a.h5", Header(trajectory=trajectory), readouts(noise(*SHAPE)))
    with pytest.raises(KSpaceError, match=f"{trajectory}.*not Cartesian"):
        read_kspace(path)


@pytest.mark.parametrize(
    ("lines", "header", "why"),
    [
        ([acquisition(noise(3, 24), flags=[NOISE])], Header(), "no readouts of an image"),
        (readouts(noise(1, 3, 16, 24)) + readouts(noise(1, 2, 16, 24)), Header(), "differ in their number of coils"),
        (readouts(noise(1, 3, 16, 24), encoding=1), Header(), "does not describe encoding 1"),
        (readouts(noise(1, 3, 16, 25)), Header(), "readouts of 25 to 25 samples for a matrix of 24"),
        (readouts(noise(1, 3, 16, 24), discard=(12, 12)), Header(), "readouts of 0 to 0 samples"),
        (readouts(noise(1, 3, 17, 24)), Header(), "lines from 0 to 16, which do not fit a matrix of 16"),
        (readouts(noise(1, 3, 16, 24), flags=[53]), Header(), "are compressed"),
    ],
)
def test_files_that_contradict_themselves(tmp_path: Path, lines: list[object], header: Header, why: str) -> None:
    with pytest.raises(KSpaceError, match=why) as refusal:
        read_kspace(write_mrd(tmp_path / "a.h5", header, lines))
    assert refusal.value.hint
