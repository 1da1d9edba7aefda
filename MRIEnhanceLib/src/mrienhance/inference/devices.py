"""Where the network runs, and in which arithmetic."""

from __future__ import annotations

import torch

from mrienhance.errors import DependencyError, UsageError

DEVICES = "auto, cuda, cuda:1, mps or cpu"
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def choose_device(name: str = "auto") -> torch.device:
    """Choose the device that the network runs on.

    Parameters
    ----------
    name
        ``"cuda"``, ``"cuda:1"``, ``"mps"``, ``"cpu"``, or ``"auto"``: the first of CUDA, MPS and CPU that works.

    Raises
    ------
    UsageError
        If there is no such kind of device.
    DependencyError
        If the device is not here or does not work.

    Examples
    --------
    >>> from mrienhance.inference import choose_device
    >>> choose_device("cpu")
    device(type='cpu')
    """
    if name == "auto":
        return _first_that_works()
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cuda", "mps", "cpu"):
        raise UsageError(f"unknown device {name!r}", hint=f"devices: {DEVICES}")
    reason = _missing(device) or _broken(device)
    if reason:
        raise DependencyError(f"device {name!r} cannot be used: {reason}", hint="device cpu works everywhere")
    return device


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """Choose the arithmetic of the network's large products.

    Parameters
    ----------
    name
        ``"float32"``, ``"bfloat16"``, ``"float16"``, or ``"auto"``: float32 on CPU and MPS; on CUDA bfloat16 where the
        hardware multiplies it, else float16.
    device
        Where the network will run.

    Raises
    ------
    UsageError
        If there is no such precision.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.inference import choose_precision
    >>> choose_precision("auto", torch.device("cpu"))
    torch.float32
    """
    if name == "auto":
        return _fast_precision(device)
    if name not in PRECISIONS:
        raise UsageError(f"unknown precision {name!r}", hint=f"precisions: auto, {', '.join(PRECISIONS)}")
    return PRECISIONS[name]


def describe_device(device: torch.device) -> str:
    """Name the device for a report: ``"cpu"``, ``"cuda:0 (NVIDIA H200)"``."""
    return f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else str(device)


def device_title(device: torch.device) -> str:
    """Name the device for people: ``"CPU"``, ``"NVIDIA H200"``, ``"Apple GPU"``."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return {"cpu": "CPU", "mps": "Apple GPU"}.get(device.type, str(device))


def available_devices() -> list[torch.device]:
    """Every device that works here, in the order in which ``"auto"`` prefers them; the CPU is the last.

    Examples
    --------
    >>> from mrienhance.inference.devices import available_devices
    >>> available_devices()[-1]
    device(type='cpu')
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    devices = [*(torch.device("cuda", index) for index in range(count)), torch.device("mps")]
    return [*(device for device in devices if not (_missing(device) or _broken(device))), torch.device("cpu")]


def listed_accelerators() -> list[str]:
    """The accelerators that the drivers list, by their names; counting starts nothing on them, so they may be broken.

    Examples
    --------
    >>> from mrienhance.inference.devices import listed_accelerators
    >>> "cpu" in listed_accelerators()
    False
    """
    if torch.cuda.is_available():
        return [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return ["mps"] if torch.backends.mps.is_available() else []


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what it was told; the CPU always has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _first_that_works() -> torch.device:
    for name in ("cuda", "mps"):
        device = torch.device(name)
        if not (_missing(device) or _broken(device)):
            return device
    return torch.device("cpu")


def _missing(device: torch.device) -> str:
    """Why the device is not here, or nothing."""
    if device.type == "mps" and not torch.backends.mps.is_available():
        return "this computer or this build of torch has no MPS"
    if device.type == "cuda":
        if not torch.cuda.is_available():
            return "torch finds no CUDA device"
        if (device.index or 0) >= torch.cuda.device_count():
            return f"there are {torch.cuda.device_count()} CUDA devices, counted from 0"
    return ""


def _broken(device: torch.device) -> str:
    """Why the simplest computation fails on the device, or nothing.

    A driver may list a card that is too old for this build of torch, or that another process holds alone.
    """
    if device.type == "cpu":
        return ""
    try:
        torch.ones(1, device=device).add_(1).item()
    except RuntimeError as error:
        return str(error).partition("\n")[0]
    return ""


def _fast_precision(device: torch.device) -> torch.dtype:
    if device.type != "cuda":
        return torch.float32
    with torch.cuda.device(device):
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if native else torch.float16
