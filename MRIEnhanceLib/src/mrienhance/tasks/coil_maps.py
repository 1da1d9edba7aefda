"""Coil maps of a volume: estimated once, from the calibration lines of its slices, or taken from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from mrienhance.errors import KSpaceError, UsageError
from mrienhance.inference import Cancel, Progress
from mrienhance.inference.slices import SliceRunner
from mrienhance.kspace import KSpace
from mrienhance.physics import espirit, low_resolution_maps, rss
from mrienhance.tasks.raw_data import RawData

CoilMaps: TypeAlias = str | Tensor | ArrayLike

COIL_MAPS: Mapping[str, str] = {
    "espirit": "ESPIRiT",
    "low-resolution": "division of low-resolution images",
    "file": "the raw data's own file",
}
"""Where coil maps can come from, by name."""

_ONE_COIL, _GIVEN = "none: one coil", "given"
# Where given maps are below this fraction of their largest, there is no object.
_SUPPORT = 1e-3
# Frequencies on either side that tell where the object is, and the part of it that maps should cover.
_LOW, _ENOUGH = 8, 0.9
# Side of the centre that low-resolution maps need.
_LEAST_CENTRE = 2


def estimate_coil_maps(
    kspace: KSpace,
    *,
    method: CoilMaps = "espirit",
    device: torch.device | str = "cpu",
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Tensor:
    """Find the coil maps of every slice, for several reconstructions of the same raw data.

    Parameters
    ----------
    kspace
        With calibration lines, or a calibration scan.
    method
        A key of `COIL_MAPS`, or maps (slice, coil, H, W), which are brought to norm 1 over the coils.
    device
        Where to compute.
    progress, cancel
        Told how far the work is; asked whether to stop.

    Returns
    -------
    Tensor
        complex64 (slice, coil, H, W) on the CPU: norm 1 over the coils where there is an object, 0 elsewhere.

    Raises
    ------
    KSpaceError
        If there are no calibration lines, or maps do not fit.
    UsageError
        If there is no such method.

    Examples
    --------
    >>> import mrienhance
    >>> from mrienhance.data import sample_path
    >>> from mrienhance.tasks.coil_maps import estimate_coil_maps
    >>> kspace = mrienhance.read_kspace(sample_path("brain_8ch"))
    >>> estimate_coil_maps(kspace, method="low-resolution").shape
    torch.Size([1, 8, 230, 180])
    """
    data = RawData(kspace)
    return data.unmixed(find_maps(data, kspace, method, torch.device(device), progress, cancel)[0])


def maps_rule(kspace: KSpace, method: CoilMaps) -> str:
    """Where the coil maps come from, in words; refuses what there is not.

    Raises
    ------
    UsageError
        If there is no such method, or the file has no maps.
    """
    if not isinstance(method, str):
        return _GIVEN
    if method not in COIL_MAPS:
        raise UsageError(f"coil maps are not found by {method!r}", hint=f"choose one of {', '.join(COIL_MAPS)}")
    if method == "file" and kspace.maps is None:
        raise UsageError("the raw data bring no coil maps", hint="choose espirit or low-resolution")
    return _ONE_COIL if kspace.coils == 1 and method != "file" else COIL_MAPS[method]


def find_maps(
    data: RawData,
    kspace: KSpace,
    method: CoilMaps,
    device: torch.device,
    progress: Progress | None,
    cancel: Cancel | None,
) -> tuple[Tensor, tuple[str, ...]]:
    """As `estimate_coil_maps`; also what to say of them: what was given up when memory was short, what they miss."""
    rule = maps_rule(kspace, method)
    if rule == _ONE_COIL:
        return torch.ones_like(kspace.samples), ()
    if not isinstance(method, str):
        return _normalised(data.mixed(_given(method, kspace))), ()
    if method == "file" and kspace.maps is not None:
        return _normalised(data.mixed(kspace.maps)), ()
    estimate: Callable[[Tensor, Tensor | None], Tensor] = _espirit if method == "espirit" else _low_resolution
    maps = torch.empty_like(kspace.samples)
    held: list[float] = []
    current = 0

    def take(at: slice) -> dict[str, Tensor]:
        nonlocal current
        current = at.start
        samples, mask = data.calibration(at)
        return {"kspace": samples} | ({} if mask is None else {"mask": mask})

    def call(inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        try:
            found = estimate(inputs["kspace"], inputs.get("mask"))
        except KSpaceError as error:
            enough = method == "espirit" and kspace.calibration is None and kspace.calibration_lines >= _LEAST_CENTRE
            hint = f"{error.hint}; low-resolution coil maps do with this centre" if enough else error.hint
            raise KSpaceError(f"slice {current}: {error.message}", hint=hint) from None
        held.append(_held(inputs["kspace"], found))
        return {"maps": torch.view_as_real(found)}

    def give(at: slice, answers: Mapping[str, Tensor]) -> None:
        maps[at] = torch.view_as_complex(answers["maps"].cpu())

    # One slice after the other: the estimates are made so anyway.
    runner = SliceRunner(
        call, device=device, batch=1, progress=progress, cancel=cancel, text=f"Finding coil maps: {rule}"
    )
    fallbacks = runner.run(data.count, take, give).fallbacks
    return maps, (*fallbacks, *_missing(held, rule))


def _espirit(kspace: Tensor, mask: Tensor | None) -> Tensor:
    return espirit(kspace, mask=mask)[0]


def _low_resolution(kspace: Tensor, mask: Tensor | None) -> Tensor:
    return low_resolution_maps(kspace, mask=mask)


def _held(kspace: Tensor, maps: Tensor) -> float:
    """The part of the signal, by its lowest frequencies, that lies where there are maps."""
    height, width = kspace.shape[-2:]
    low = [torch.fft.fftfreq(side, 1 / side).abs() < _LOW for side in (height, width)]
    window = (low[0][:, None] & low[1]).to(kspace.device)
    energy = torch.fft.ifft2(kspace * window).abs().square().sum(-3)
    whole = energy.sum()
    return float((energy * (maps != 0).any(-3)).sum() / whole) if whole > 0 else 1.0


def _missing(held: list[float], rule: str) -> tuple[str, ...]:
    """A line where maps leave out much of what was measured: it is missing in the image too."""
    if not held or min(held) >= _ENOUGH:
        return ()
    if max(held) == 0:
        raise KSpaceError(f"the coil maps ({rule}) are zero everywhere", hint="take low-resolution ones")
    worst = held.index(min(held))
    return (
        f"the coil maps ({rule}) leave out {1 - held[worst]:.0%} of the signal of slice {worst}: "
        "try low-resolution ones",
    )


def _given(maps: Tensor | ArrayLike, kspace: KSpace) -> Tensor:
    """Maps from memory, of every slice."""
    tensor = maps if isinstance(maps, Tensor) else torch.from_numpy(np.array(maps))
    shape = tuple(kspace.samples.shape)
    if tuple(tensor.shape) not in (shape, shape[1:]):
        raise KSpaceError(
            f"coil maps of shape {tuple(tensor.shape)} do not fit raw data of (slice, coil, ky, kx) = {shape}",
            hint="give one map a coil, for one slice or for all",
        )
    tensor = tensor.detach().to("cpu", torch.complex64).expand(shape)
    if not bool(torch.isfinite(torch.view_as_real(tensor)).all()):
        raise KSpaceError("the coil maps hold numbers that are NaN or infinite", hint="set them to 0")
    return tensor


def _normalised(maps: Tensor) -> Tensor:
    norm = rss(maps).unsqueeze(-3)
    largest = norm.amax((-2, -1), keepdim=True)
    if not bool((largest > 0).any()):
        raise KSpaceError("the coil maps are zero everywhere", hint="give other maps, or have them estimated")
    return torch.where(norm > _SUPPORT * largest, maps / norm.clamp(min=torch.finfo(norm.dtype).tiny), 0)
