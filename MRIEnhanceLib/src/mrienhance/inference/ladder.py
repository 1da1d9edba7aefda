"""How a volume is fed to the network, and what to give up next when memory runs out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import torch

from mrienhance.inference.memory import memory_budget
from mrienhance.inference.tile_shape import cheapest_windows
from mrienhance.inference.tiles import Edge, plan_tiles, round_up, smallest_edge, window_size
from mrienhance.methods.base import Tiling

# Input voxels of one call beyond which a larger batch gains nothing: the CPU's caches are small, a GPU is wide.
USEFUL_VOXELS = {"cpu": 2**16, "cuda": 2**21, "mps": 2**18}
# A whole slice of at most this many voxels is not measured first on the CPU: no network of ours fills memory with it.
SMALL_VOXELS = 2**17
# Kernels' workspaces and the allocator's losses come on top of the tensors: 1.9 times them on the CPU with oneDNN.
MARGIN = 2.0
# Bytes of tensors that a tile of a local network of volumes takes on a CPU though there were room for more: tiles
# change nothing then, and other programs run beside. With CRFM the process took hardly more than its tensors, and 5 GiB
# are two tiles to a volume of 128 voxels a side.
CPU_TILE_BYTES = 5 * 2**30
TILES_DIFFER = "the network looks at the whole image, so results may differ slightly at tile borders"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How the network is called.

    Attributes
    ----------
    device, precision
        Where, and in which arithmetic.
    batch
        Slices or tiles a call.
    edge
        Largest side of a tile in input voxels, or that of each axis; None for whole slices or volumes.
    """

    device: torch.device
    precision: torch.dtype
    batch: int
    edge: Edge | None

    def settings(self) -> str:
        """Say it in words."""
        size = "whole" if self.edge is None else f"tiles of {_shown(self.edge)}"
        precision = str(self.precision).removeprefix("torch.")
        return f"{self.device.type}, {precision}, {size}, batch {self.batch}"


@dataclass(frozen=True, kw_only=True)
class Work:
    """What there is to do, and what is known about it.

    Attributes
    ----------
    count
        Slices (or volumes: 1).
    size
        Voxels of each along the tiled axes.
    tiling
        How the network may be fed.
    batch, edge
        What the user asked for; None to choose.
    bytes_per_voxel
        Memory of the network per input voxel as measured; None if it was not.
    """

    count: int
    size: tuple[int, ...]
    tiling: Tiling
    batch: int | None = None
    edge: int | None = None
    bytes_per_voxel: float | None = None

    def voxels(self, edge: Edge | None) -> int:
        """Input voxels of one slice or tile."""
        return prod(window_size(self.size, self.tiling, edge=edge))

    def pieces(self, edge: Edge | None) -> int:
        """Slices or tiles altogether."""
        return self.count * len(plan_tiles(self.size, self.tiling, edge=edge).tiles)

    def needs_measuring(self, device: torch.device) -> bool:
        """Whether the memory of one slice must be known before it is tried.

        An operating system that runs out of memory ends the process rather than refusing, so on the CPU nothing may be
        left to trial; on a GPU the measurement also gives the batch.
        """
        return device.type != "cpu" or self.voxels(None) > SMALL_VOXELS


def first_plan(work: Work, device: torch.device, precision: torch.dtype) -> tuple[Plan, list[str]]:
    """Choose batch and tile so that the network fits into memory.

    Returns
    -------
    Plan
        The plan.
    list of str
        What the user should know about it.
    """
    notes: list[str] = []
    affordable = float("inf")
    if work.bytes_per_voxel is not None:
        affordable = memory_budget(device) / (MARGIN * work.bytes_per_voxel)
    edge: Edge | None = work.edge
    if edge is None and work.voxels(None) > affordable:
        edge = _largest_edge(work, affordable)
        share = work.voxels(None) / affordable
        notes.append(
            f"one piece would take {share:.1f} times the memory allowed on {device.type}: "
            f"tiles of {_shown(edge)} voxels"
        )
    elif edge is None and work.voxels(None) > _comfortable(work, device):
        edge = _largest_edge(work, _comfortable(work, device))
    if edge is not None and work.pieces(edge) == work.count:
        edge = None
    if edge is not None and work.tiling.halo is None:
        notes.append(TILES_DIFFER)
    useful = min(USEFUL_VOXELS[device.type], affordable)
    batch = work.batch or max(1, int(useful // work.voxels(edge)))
    return Plan(device=device, precision=precision, batch=min(batch, work.pieces(edge)), edge=edge), notes


def next_plan(plan: Plan, work: Work) -> tuple[Plan, list[str]] | None:
    """Give something up after memory ran out: the batch, then whole images, then the device.

    Returns
    -------
    tuple or None
        The new plan and what the user should know; None if nothing is left to give up.
    """
    said = f"memory ran out ({plan.settings()})"
    if plan.batch > 1:
        return replace(plan, batch=plan.batch // 2), [f"{said}: batch {plan.batch // 2}"]
    smaller = _half_edge(plan, work)
    if smaller is not None:
        warn = [TILES_DIFFER] if plan.edge is None and work.tiling.halo is None else []
        return replace(plan, edge=smaller), [f"{said}: tiles of {smaller} voxels", *warn]
    if plan.device.type == "cpu":
        return None
    if work.bytes_per_voxel is not None and plan.precision != torch.float32:
        work = replace(work, bytes_per_voxel=2 * work.bytes_per_voxel)
    slower, notes = first_plan(work, torch.device("cpu"), torch.float32)
    return slower, [f"{said}: on the CPU from here ({slower.settings()})", *notes]


def _half_edge(plan: Plan, work: Work) -> int | None:
    """Half the side of the windows now, or the smallest side possible; None if that is reached."""
    now = max(window_size(work.size, work.tiling, edge=plan.edge))
    half = max(round_up(-(-now // 2), work.tiling.multiple_of), smallest_edge(work.tiling))
    return half if half < now else None


def _comfortable(work: Work, device: torch.device) -> float:
    """Voxels of a tile beyond which more memory brings nothing."""
    if work.bytes_per_voxel is None or device.type != "cpu" or work.tiling.ndim == 2 or work.tiling.halo is None:
        return float("inf")
    return CPU_TILE_BYTES / work.bytes_per_voxel


def _shown(edge: Edge) -> str:
    return str(edge) if isinstance(edge, int) else " x ".join(map(str, edge))


def _largest_edge(work: Work, affordable: float) -> Edge:
    """The largest tiles that are affordable, else the smallest there are: squares of slices, any shape of volumes."""
    if work.tiling.ndim == 3:
        return cheapest_windows(work.size, work.tiling, voxels=affordable)
    smallest = smallest_edge(work.tiling)
    edge = round_up(max(work.size), work.tiling.multiple_of)
    while edge > smallest and work.voxels(edge) > affordable:
        edge = max(edge - work.tiling.multiple_of, smallest)
    return max(edge, smallest)
