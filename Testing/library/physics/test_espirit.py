from __future__ import annotations

import numpy as np
import pytest
import torch

from mrienhance.errors import KSpaceError
from mrienhance.physics import espirit, from_centred_kspace, rss, to_centred_kspace
from physics.bart import bart
from physics.battery import random
from physics.scene import Scene, kspace_for_bart, lines, scan


@pytest.fixture(scope="module")
def scene() -> Scene:
    return scan((96, 80), 8)


@pytest.fixture(scope="module")
def estimated(scene):
    """Two sets, whatever their eigenvalues."""
    return espirit(scene.kspace, maps=2, crop=-1.0)


@pytest.fixture(scope="module", params=[1, 2])
def theirs(scene, request):
    """The same by BART, whose threshold is that of energies: maps (sets, coil, H, W) and eigenvalues (sets, H, W)."""
    command = f"ecalib -m{request.param} -r24 -k6 -t 0.0004 -c 0.95"
    maps, eigenvalues = bart(command, kspace_for_bart(scene.kspace), outputs=2)
    return maps.view(-1, 8, 96, 80), eigenvalues.view(-1, 96, 80).real


def overlap(a, b):
    """|<a, b>| over the coils."""
    return (a.conj() * b).sum(-3).abs()


def test_maps_point_where_barts_do(estimated, theirs):
    """BART does some 30 power iterations: where the next eigenvalue is above 0.7 of the first, it has not arrived."""
    (maps, values), (wanted, _) = estimated, theirs
    support = rss(wanted[0]) > 0
    separate = support & (values[1] < 0.7 * values[0])
    assert separate.sum() > 0.93 * support.sum() > 0.5 * 96 * 80
    assert overlap(maps[0], wanted[0])[separate].min() > 0.999
    assert overlap(maps[0], wanted[0])[separate].mean() > 0.99999


def test_both_sets_span_what_barts_do(estimated, theirs):
    maps, (wanted, _) = estimated[0], theirs
    for number in range(len(wanted)):
        support = rss(wanted[number]) > 0
        assert support.sum() > (4000 if number == 0 else 40)
        inside = torch.stack([overlap(own, wanted[number]) for own in maps]).norm(dim=0)
        assert inside[support].min() > 0.999


def test_eigenvalues_are_near_barts(estimated, theirs):
    (_, values), (_, wanted) = estimated, theirs
    assert (values[: len(wanted)] - wanted).abs().mean() < 1e-3
    separate = values[1] < 0.7 * values[0]
    assert (values[0] - wanted[0])[separate].abs().max() < 5e-3


def test_support_is_barts_but_for_its_rim(scene, theirs):
    own = rss(espirit(scene.kspace)[0]) > 0
    assert (own != (rss(theirs[0][0]) > 0)).float().mean() < 5e-3


def reference(kspace, *, calibration, kernel, threshold):
    """The paper's steps, by singular value decomposition and an eigenvalue problem of every pixel, in float64."""
    coils, height, width = kspace.shape
    centred = to_centred_kspace(kspace).numpy().astype(complex)
    top, left = height // 2 - calibration // 2, width // 2 - calibration // 2
    region = centred[:, top : top + calibration, left : left + calibration]
    patches = np.lib.stride_tricks.sliding_window_view(region, (kernel, kernel), axis=(1, 2))
    matrix = patches.transpose(1, 2, 0, 3, 4).reshape(-1, coils * kernel**2)
    _, size, rows = np.linalg.svd(matrix, full_matrices=False)
    kernels = rows[size > threshold * size[0]].reshape(-1, coils, kernel, kernel)
    padded = np.zeros((len(kernels), coils, height, width), dtype=complex)
    y, x = height // 2 - kernel // 2, width // 2 - kernel // 2
    padded[..., y : y + kernel, x : x + kernel] = kernels
    images = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(padded, axes=(-2, -1))), axes=(-2, -1))
    images = images * height * width / kernel
    values, vectors = np.linalg.eigh(np.einsum("nchw,ndhw->hwcd", images, images.conj()))
    vectors, values = vectors.transpose(3, 2, 0, 1)[::-1].copy(), values.transpose(2, 0, 1)[::-1].copy()
    return torch.from_numpy(vectors), torch.from_numpy(values)


@pytest.mark.parametrize(("shape", "calibration", "kernel"), [((20, 26), 12, 4), ((21, 18), 11, 3)])
def test_equals_the_textbook(shape, calibration, kernel):
    kspace = scan(shape, 3, noise=0.02, dtype=torch.complex128).kspace
    wanted, wanted_values = reference(kspace, calibration=calibration, kernel=kernel, threshold=0.05)
    options = {"calibration": calibration, "kernel": kernel, "threshold": 0.05, "crop": -1.0, "maps": 2}
    maps, values = espirit(kspace, iterations=2**14, **options)
    torch.testing.assert_close(values, wanted_values[:2], rtol=0, atol=1e-8)
    for number in range(2):
        apart = (wanted_values[number] - wanted_values[number + 1]) > 0.02
        assert apart.float().mean() > 0.5
        assert (1 - overlap(maps, wanted[:2])[number, apart]).abs().max() < 1e-8


def test_maps_are_those_of_the_scan(scene):
    """Where the object is, and it has signal that kernels can tell from noise."""
    maps, values = espirit(scene.kspace)
    bright = (scene.image.abs() > 0.15) & (values > 0.99)
    assert bright.sum() > 1000
    assert overlap(maps, scene.maps)[bright].median() > 0.9995
    assert overlap(maps, scene.maps)[bright].quantile(0.01) > 0.995


def test_norm_and_support(scene):
    maps, values = espirit(scene.kspace, crop=0.9)
    torch.testing.assert_close(rss(maps), (values > 0.9).float(), rtol=0, atol=1e-5)
    assert 0 <= values.min() <= values.max() <= 1 + 1e-5
    assert maps.dtype == torch.complex64
    assert maps.is_contiguous()


def test_sets_are_orthonormal(estimated):
    maps = estimated[0]
    gram = torch.einsum("mchw,nchw->hwmn", maps.conj(), maps)
    torch.testing.assert_close(gram, torch.eye(2, dtype=maps.dtype).expand_as(gram), rtol=0, atol=1e-4)


def test_object_larger_than_the_field_of_view_needs_two_sets():
    """Columns that wrap around hold two parts of the object, with two vectors of sensitivities."""
    scene = scan((48, 96), 8, noise=0.001)
    images = torch.fft.ifft2(scene.kspace, norm="ortho")
    folded = images[..., 20:76].clone()
    folded[..., :20] += images[..., 76:]
    folded[..., 36:] += images[..., :20]
    maps, values = espirit(torch.fft.fft2(folded, norm="ortho"), maps=2, threshold=0.01, crop=0.9)
    wrapped = (scene.image[:, 76:].abs() > 0.1) & (scene.image[:, 20:40].abs() > 0.1)
    assert wrapped.sum() > 20
    assert values[1, :, :20][wrapped].min() > 0.9
    for part in (scene.maps[..., 76:], scene.maps[..., 20:40]):
        inside = torch.stack([overlap(own, part) for own in maps[..., :20]]).norm(dim=0)
        assert inside[wrapped].min() > 0.99
    alone = values[1, 18:30, 26:30]
    assert alone.max() < 0.9


def test_batch_equals_singles(scene):
    other = scan((96, 80), 8, seed=1)
    both = espirit(torch.stack([scene.kspace, other.kspace])[:, None])
    assert both[0].shape == (2, 1, 8, 96, 80)
    assert both[1].shape == (2, 1, 96, 80)
    for number, one in enumerate((scene, other)):
        for found, wanted in zip(both, espirit(one.kspace), strict=True):
            torch.testing.assert_close(found[number, 0], wanted, rtol=0, atol=1e-4)


def test_masks_of_a_batch_are_its_own(scene):
    masks = torch.stack([lines(80, centre=10), lines(80, centre=20)])[:, None]
    _, both = espirit(torch.stack([scene.kspace] * 2), mask=masks)
    for mask, values in zip(masks, both, strict=True):
        torch.testing.assert_close(values, espirit(scene.kspace * mask)[1], rtol=0, atol=1e-5)
    assert (both[0] - both[1]).abs().max() > 0.1


def test_order_phase_and_scale_of_coils(scene):
    maps, values = espirit(scene.kspace)
    order = [3, 1, 0, 2, 7, 6, 5, 4]
    permuted, same = espirit(scene.kspace[order])
    torch.testing.assert_close(permuted, maps[order], rtol=0, atol=2e-3)
    torch.testing.assert_close(same, values, rtol=0, atol=1e-5)
    turned, same = espirit(scene.kspace * (2e5 * torch.exp(torch.tensor(1.1j))))
    torch.testing.assert_close(turned, maps, rtol=0, atol=2e-3)
    torch.testing.assert_close(same, values, rtol=0, atol=1e-5)


def test_single_precision_is_near_double(scene, estimated):
    maps, values = espirit(scene.kspace.to(torch.complex128), maps=2, crop=-1.0)
    assert maps.dtype == torch.complex128
    assert values.dtype == torch.float64
    torch.testing.assert_close(estimated[1].double(), values, rtol=0, atol=1e-5)
    separate = values[1] < 0.8 * values[0]
    torch.testing.assert_close(estimated[0][0, :, separate].cdouble(), maps[0, :, separate], rtol=0, atol=1e-4)


def test_moving_the_object_moves_the_maps(scene):
    """As an origin elsewhere does: a linear phase over k-space."""
    maps, values = espirit(scene.kspace)
    images = torch.fft.ifft2(scene.kspace, norm="ortho").roll((5, -7), dims=(-2, -1))
    moved, moved_values = espirit(torch.fft.fft2(images, norm="ortho"))
    torch.testing.assert_close(moved_values, values.roll((5, -7), dims=(-2, -1)), rtol=0, atol=1e-5)
    torch.testing.assert_close(moved, maps.roll((5, -7), dims=(-2, -1)), rtol=0, atol=2e-3)


def test_centred_files_give_maps_in_their_place(scene):
    """What `from_centred_kspace` reads gives maps pixel for pixel where the image is."""
    maps = espirit(from_centred_kspace(to_centred_kspace(scene.kspace)))[0]
    torch.testing.assert_close(maps, espirit(scene.kspace)[0], rtol=0, atol=2e-3)


def test_memory_is_bounded_by_rows(scene, monkeypatch):
    """Few rows at a time give the same as all at once."""
    from mrienhance.physics import espirit_maps

    wanted = espirit(scene.kspace)
    monkeypatch.setattr(espirit_maps, "_ON_CPU", 1)
    for found, expected in zip(espirit(scene.kspace), wanted, strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


def test_one_coil_has_maps_of_one():
    maps, values = espirit(scan((40, 40), 1).kspace, crop=0.8)
    inside = values > 0.8
    assert inside.sum() > 500
    torch.testing.assert_close(maps[0, inside], torch.ones_like(maps[0, inside]))


def test_more_sets_than_coils_are_refused():
    with pytest.raises(KSpaceError, match="3 sets of maps cannot be told apart with 2 coils"):
        espirit(random((2, 32, 32), torch.complex64), maps=3)
