"""What a network would look like, found out before any memory is given to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mrienhance.errors import ModelError, UsageError
from mrienhance.methods.base import Method
from mrienhance.methods.configs import config_from_dict
from mrienhance.methods.registry import get_method
from mrienhance.models.card import ModelCard
from mrienhance.models.header import Header, TensorInfo
from mrienhance.models.strict import shown

# A float tensor of a network may be stored in any of these.
FLOATS = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
_OTHERS = {
    torch.float64: "F64",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
_HINT = "get the file again from where it came from, or update MRIEnhance"
# Room for tensors that are computed rather than stored, such as interpolation taps, and for steps of initialisation.
_COMPUTED_BYTES = 2**26
_STEPS = 2_000
_STEPS_PER_TENSOR = 20


def check_network(header: Header, name: str) -> tuple[Method, Any]:
    """See that method and configuration give a network that the file's tensors fit exactly.

    The network is built without memory ("meta" tensors), and its building is stopped when it turns out far larger
    than the file: a configuration from a stranger may ask for anything.

    Parameters
    ----------
    header
        What the file says.
    name
        Of the file, for messages.

    Returns
    -------
    Method
        The method.
    config
        Its configuration.

    Raises
    ------
    ModelError
        If the method is unknown, the configuration is out of range, or the tensors are others.
    """
    try:
        method = get_method(header.method)
        config = config_from_dict(method.Config, header.config)
    except UsageError as error:
        raise ModelError(f"{name}: {error.message}", hint=error.hint) from None
    except (ValueError, TypeError, ArithmeticError) as error:
        raise ModelError(f"{name}: broken configuration: {_line(error)}", hint=_HINT) from None
    expected = _expected(method, config, header.tensors, name)
    _compare(header.tensors, expected, name)
    if not _agrees(header.card, method, config):
        raise ModelError(f"{name}: the model card contradicts the configuration", hint=_HINT)
    return method, config


def _agrees(card: ModelCard, method: Method, config: Any) -> bool:
    """Whether a card says of axes, factors and reference what the configuration gives; of the task, if it decides."""
    tiling = method.tiling(config)
    factors = card.factors[::-1][-tiling.ndim :]
    use = method.reference(config)
    return (
        (len(method.tasks) == 1 or card.task == method.task(config))
        and card.dimensions == tiling.ndim
        and (card.scale is None or factors == tiling.scales)
        and card.reference_required == (use == "required")
        and bool(card.reference_contrasts) <= (use != "none")
    )


def _expected(method: Method, config: Any, tensors: Mapping[str, TensorInfo], name: str) -> dict[str, Tensor]:
    """The network's state as meta tensors."""
    stored = sum(tensor.end - tensor.begin for tensor in tensors.values())
    # float16 in the file is float32 in memory; initialisation may need a copy.
    limit = _Limit(steps=_STEPS + _STEPS_PER_TENSOR * len(tensors), size=4 * stored + _COMPUTED_BYTES)
    try:
        with torch.device("meta"), limit:
            return method.build(config).state_dict()
    except Exception as error:  # a method that somebody else wrote, on values that a stranger chose
        raise ModelError(f"{name}: its configuration gives no network: {_line(error)}", hint=_HINT) from None


def _compare(tensors: Mapping[str, TensorInfo], expected: Mapping[str, Tensor], name: str) -> None:
    for what, names in (("lacks", set(expected) - set(tensors)), ("has an unknown", set(tensors) - set(expected))):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise ModelError(f"{name} {what} tensor {shown(min(names))}{more}", hint=_HINT)
    for key, tensor in expected.items():
        found = tensors[key]
        if found.shape != tuple(tensor.shape):
            raise ModelError(
                f"{name}: tensor {shown(key)} has shape {shown(found.shape)}, not {tuple(tensor.shape)}", hint=_HINT
            )
        good = found.dtype in FLOATS if tensor.dtype in FLOATS.values() else found.dtype == _OTHERS.get(tensor.dtype)
        if not good:
            raise ModelError(f"{name}: tensor {shown(key)} has type {found.dtype}, not {tensor.dtype}", hint=_HINT)


def _line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:200] or type(error).__name__


class _Limit(TorchDispatchMode):
    """Stops whatever makes too many or too large tensors."""

    def __init__(self, *, steps: int, size: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._steps, self._size = steps, size

    def __torch_dispatch__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        self._steps -= 1
        largest = max((leaf.nbytes for leaf in tree_leaves(result) if isinstance(leaf, Tensor)), default=0)
        if self._steps < 0 or largest > self._size:
            raise ValueError("it is far larger than the file's weights")
        return result
