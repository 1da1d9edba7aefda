"""Linear operators that read like the formula: ``A(x)``, ``A.H(y)``, ``A.normal(x)``, ``A @ B``."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

Shape = tuple[int, ...]


class LinearOperator(ABC):
    """A linear map on the last axes of a tensor, with its exact adjoint.

    Any leading axes are a batch. `forward` and `adjoint` take and give floating tensors (complex64, complex128 or real)
    of any device, keep the precision, and let gradients through. The adjoint is exact for the inner product
    ``sum(conj(a) * b)``: ``<A x, y> == <x, A.H y>``.

    Attributes
    ----------
    domain_shape, range_shape : tuple of int or None
        The last axes of what `forward` takes and gives; None where any size is welcome.
    """

    domain_shape: Shape | None = None
    range_shape: Shape | None = None

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Apply the operator to ``x`` of shape (..., *domain_shape)."""

    @abstractmethod
    def adjoint(self, y: Tensor) -> Tensor:
        """Apply the adjoint (conjugate transpose) to ``y`` of shape (..., *range_shape)."""

    def normal(self, x: Tensor) -> Tensor:
        """Apply ``A.H A``, the matrix of the normal equations, to ``x``."""
        return self.adjoint(self.forward(x))

    @property
    def H(self) -> LinearOperator:  # noqa: N802 - the field's name for the adjoint
        """The adjoint as an operator; ``A.H.H is A``."""
        return _Adjoint(self)

    def __call__(self, x: Tensor) -> Tensor:
        """Apply the operator: the same as `forward`."""
        return self.forward(x)

    def __matmul__(self, other: LinearOperator) -> LinearOperator:
        """Compose: ``(A @ B)(x) == A(B(x))``.

        Raises
        ------
        ValueError
            If the shapes do not meet.
        """
        if not isinstance(other, LinearOperator):
            return NotImplemented
        return _Composition(self, other)


class _Adjoint(LinearOperator):
    """The adjoint of an operator."""

    def __init__(self, operator: LinearOperator) -> None:
        self._operator = operator
        self.domain_shape, self.range_shape = operator.range_shape, operator.domain_shape

    def forward(self, x: Tensor) -> Tensor:
        return self._operator.adjoint(x)

    def adjoint(self, y: Tensor) -> Tensor:
        return self._operator.forward(y)

    @property
    def H(self) -> LinearOperator:  # noqa: N802
        return self._operator

    def __repr__(self) -> str:
        return f"{self._operator!r}.H"


class _Composition(LinearOperator):
    """One operator after another."""

    def __init__(self, outer: LinearOperator, inner: LinearOperator) -> None:
        taken, given = outer.domain_shape, inner.range_shape
        if taken is not None and given is not None and taken != given:
            raise ValueError(f"cannot compose: {inner!r} gives shape {given}, {outer!r} takes {taken}")
        self._outer, self._inner = outer, inner
        self.domain_shape, self.range_shape = inner.domain_shape, outer.range_shape

    def forward(self, x: Tensor) -> Tensor:
        return self._outer.forward(self._inner.forward(x))

    def adjoint(self, y: Tensor) -> Tensor:
        return self._inner.adjoint(self._outer.adjoint(y))

    @property
    def H(self) -> LinearOperator:  # noqa: N802
        return _Composition(self._inner.H, self._outer.H)

    def __repr__(self) -> str:
        return f"({self._outer!r} @ {self._inner!r})"


def check_last_axes(x: Tensor, shape: Shape, *, what: str) -> None:
    """Refuse a tensor whose last axes are not ``shape``, or that is of an integer type.

    Raises
    ------
    ValueError
        If the shape differs.
    TypeError
        If the tensor is neither floating nor complex.
    """
    if tuple(x.shape[-len(shape) :]) != shape:
        raise ValueError(f"{what} takes (..., {', '.join(map(str, shape))}), got {tuple(x.shape)}")
    if not (x.is_floating_point() or x.is_complex()):
        raise TypeError(f"{what} takes a floating or complex tensor, got {x.dtype}")
