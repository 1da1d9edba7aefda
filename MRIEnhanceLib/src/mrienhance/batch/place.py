"""Which process of how many this is, as a launcher says it in the environment; and which devices are its own."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mrienhance.batch.hashes import text_hash
from mrienhance.batch.processes import Process
from mrienhance.errors import UsageError

_HINT_DEVICES = "give how many, cpu, or a list such as cuda:0,1"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where this process stands in its job.

    Parameters
    ----------
    launcher
        ``"slurm"``, ``"torchrun"``, or ``"plain"``: nobody has started others like this one.
    rank, world
        Its number, from 0, and how many there are.
    local_rank, local_world
        The same on its machine.
    nodes
        How many machines there are; None if nobody says.
    run
        A name that all processes of the job share, and no other job has.
    """

    launcher: str
    rank: int = 0
    world: int = 1
    local_rank: int = 0
    local_world: int = 1
    nodes: int | None = None
    run: str

    @classmethod
    def find(cls, environ: Mapping[str, str] | None = None, *, nodes: int | None = None) -> Place:
        """Find it out.

        Parameters
        ----------
        environ
            The environment; None for this process's.
        nodes
            On how many machines the user says that it runs. Without a launcher, it is started by hand on each of them.

        Raises
        ------
        UsageError
            If the launcher says that there are other machines than that.
        """
        environ = os.environ if environ is None else environ
        if "RANK" in environ and "WORLD_SIZE" in environ and "LOCAL_RANK" in environ:
            place = _torchrun(environ)
        elif "SLURM_PROCID" in environ and "SLURM_STEP_ID" in environ:  # a script of sbatch is no step: it has no peers
            place = _slurm(environ)
        else:
            world = nodes or 1
            first = int(text_hash([Process.this().machine]), 16) % world
            return cls(launcher="plain", rank=first, world=world, nodes=nodes, run=f"plain-{secrets.token_hex(8)}")
        if nodes is not None and place.nodes not in (None, nodes):
            message = f"--nodes {nodes}, but {place.launcher} runs this on {place.nodes}"
            raise UsageError(message, hint="leave --nodes out: the launcher says it")
        return place


def _torchrun(environ: Mapping[str, str]) -> Place:
    world, local = _number(environ, "WORLD_SIZE", 1), _number(environ, "LOCAL_WORLD_SIZE", 1)
    # The default name of a job is always the same, so the agent's process tells one job from the next.
    names = [environ.get(name, "") for name in ("TORCHELASTIC_RUN_ID", "MASTER_ADDR", "MASTER_PORT")]
    job = text_hash([*names, Process.this().machine, str(os.getppid())])[:16]
    return Place(
        launcher="torchrun",
        rank=_number(environ, "RANK", 0),
        world=world,
        local_rank=_number(environ, "LOCAL_RANK", 0),
        local_world=local,
        nodes=_number(environ, "GROUP_WORLD_SIZE", max(world // max(local, 1), 1)),
        run=f"torchrun-{job}",
    )


def _slurm(environ: Mapping[str, str]) -> Place:
    world = _number(environ, "SLURM_STEP_NUM_TASKS", _number(environ, "SLURM_NTASKS", 1))
    node = _number(environ, "SLURM_NODEID", 0)
    names = ("SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_RESTART_COUNT")
    nodes = next((name for name in ("SLURM_STEP_NUM_NODES", "SLURM_NNODES") if name in environ), "")
    return Place(
        launcher="slurm",
        rank=_number(environ, "SLURM_PROCID", 0),
        world=world,
        local_rank=_number(environ, "SLURM_LOCALID", 0),
        local_world=_tasks_of(environ.get("SLURM_STEP_TASKS_PER_NODE", ""), node) or world,
        nodes=_number(environ, nodes, 1) if nodes else None,
        run="slurm-" + "-".join(re.sub(r"\W", "_", environ.get(name, "0")) for name in names),
    )


def _tasks_of(text: str, node: int) -> int:
    """How many tasks a machine has, of SLURM's list such as ``4(x2),1``; 0 if that is not known."""
    counts: list[int] = []
    for count, _, times in re.findall(r"(\d+)(\(x(\d+)\))?", text):
        counts += [int(count)] * min(int(times or 1), 1 << 16)
    return counts[node] if node < len(counts) else 0


def _number(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "")
    if not text:
        return default
    try:
        return int(text)
    except ValueError:
        hint = "let the launcher set it, or unset it"
        raise UsageError(f"{name}={text} in the environment is no number", hint=hint) from None


def parse_devices(text: str | None, found: Callable[[], Sequence[str]]) -> list[str]:
    """Read ``--devices``.

    Parameters
    ----------
    text
        ``"4"``, ``"cpu"``, ``"cuda:0,1"``, ``"cpu,cpu"``; None for all accelerators, or else the processor.
    found
        Tells the accelerators of this machine.

    Returns
    -------
    list
        A device a process, such as ``["cuda:0", "cuda:1"]``; a number on a machine without accelerators is so many
        processes on the processor.

    Raises
    ------
    UsageError
        If that names no devices, or more than there are.

    Examples
    --------
    >>> parse_devices("cuda:0,1", list), parse_devices("2", list), parse_devices(None, lambda: ["cuda:0"])
    (['cuda:0', 'cuda:1'], ['cpu', 'cpu'], ['cuda:0'])
    """
    if text is None:
        return list(found()) or ["cpu"]
    parts = [part.strip() for part in text.split(",")]
    if len(parts) == 1 and parts[0].isdecimal():
        count, here = int(parts[0]), list(found())
        if count < 1 or (here and count > len(here)):
            there = f"there are {len(here)}: {', '.join(here)}" if here else "one or more are needed"
            raise UsageError(f"--devices {text}: {there}", hint=_HINT_DEVICES)
        return here[:count] or ["cpu"] * count
    devices: list[str] = []
    for part in parts:
        if part.isdecimal() and devices and devices[-1].startswith("cuda:"):
            devices.append(f"cuda:{part}")
        elif re.fullmatch(r"cpu|mps|cuda:\d+", part):
            devices.append(part)
        elif part == "cuda":
            devices.append("cuda:0")
        else:
            raise UsageError(f"--devices {text}: there is no device {part!r}", hint=_HINT_DEVICES)
    return devices


def own_devices(devices: Sequence[str], place: Place) -> list[str]:
    """Which devices of a machine belong to this process, of all that a launcher has started on it.

    Examples
    --------
    >>> place = Place(launcher="slurm", rank=1, world=2, local_rank=1, local_world=2, run="job")
    >>> own_devices(["cuda:0", "cuda:1", "cuda:2", "cuda:3"], place), own_devices(["cuda:0"], place)
    (['cuda:1', 'cuda:3'], ['cuda:0'])
    """
    # Where a launcher shows every process one device only, that is the first one for all of them.
    shared = list(devices[place.local_rank :: place.local_world])
    return shared or [devices[place.local_rank % len(devices)]]
