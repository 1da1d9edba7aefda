"""Conjugate gradients, sample by sample, and how gradients pass through the solution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Apply = Callable[[Tensor], Tensor]


def conjugate_gradient(
    apply: Apply,
    b: Tensor,
    *,
    x0: Tensor | None = None,
    iterations: int = 10,
    tolerance: float = 0.0,
    axes: int = 2,
) -> Tensor:
    """Solve ``B x = b`` for every sample of a batch on its own (Hestenes & Stiefel, J Res NBS 1952, 49:409).

    Parameters
    ----------
    apply
        ``x -> B x``: self-adjoint, positive definite, of each sample apart.
    b
        Right-hand sides, complex or real (..., *sample).
    x0
        Warm start of the shape of ``b``; zero by default.
    iterations
        Iterations at most.
    tolerance
        A sample is left as it is once ``|b - B x| <= tolerance * |b|``; the loop ends when all are. 0: only what is
        solved exactly is left, and nothing is read back from a GPU.
    axes
        Number of trailing axes that are one sample: 2 for images, 3 for soft-SENSE.

    Returns
    -------
    Tensor
        ``x`` of the shape and type of ``b``. Gradients pass through every iteration; see `solve` for less memory.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import conjugate_gradient
    >>> weight = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> conjugate_gradient(lambda x: weight * x, torch.ones(2, 2))
    tensor([[1.0000, 0.5000],
            [0.3333, 0.2500]])
    """
    x = torch.zeros_like(b) if x0 is None else x0
    r = b if x0 is None else b - apply(x0)
    p = r
    energy = _inner(r, r, axes)
    enough = tolerance**2 * _inner(b, b, axes).detach()
    for _ in range(iterations):
        active = energy.detach() > enough
        if tolerance > 0 and not bool(active.any()):
            break
        applied = apply(p)
        curvature = _inner(p, applied, axes)
        # A sample that is solved, or whose curvature is lost in rounding, takes no step from then on.
        step = _ratio(energy, curvature, active & (curvature > 0)).to(b.dtype)
        x = torch.addcmul(x, step, p)
        r = torch.addcmul(r, step, applied, value=-1)
        energy, before = _inner(r, r, axes), energy
        p = torch.addcmul(r, _ratio(energy, before, active).to(b.dtype), p)
    return x


def solve(
    apply: Apply,
    b: Tensor,
    *,
    x0: Tensor | None = None,
    iterations: int = 10,
    tolerance: float = 0.0,
    axes: int = 2,
    gradient: Literal["implicit", "unrolled"] = "implicit",
) -> Tensor:
    """Solve as `conjugate_gradient` does, with gradients by the implicit function theorem: memory of no iteration.

    With ``x = B(t)^-1 b(t)`` and ``g`` the gradient to x, the gradient to b is ``h = B^-1 g``, by a second run, and
    that to any tensor t that ``apply`` uses is that of the form ``-Re <h, B(t) x>`` with h and x held fixed (as MoDL,
    Aggarwal et al., IEEE TMI 2019, 38:394, has it for its weight). Autograd itself finds all such tensors.

    Parameters
    ----------
    apply, b, x0, iterations, tolerance, axes
        As for `conjugate_gradient`; the second run has the same iterations and tolerance.
    gradient
        ``"implicit"``: the gradients of the exact solution, so iterate until it is one; ``x0`` gets none.
        ``"unrolled"``: the gradients of the iterations that were done, ``x0`` included.

    Returns
    -------
    Tensor
        ``x`` of the shape and type of ``b``.

    Raises
    ------
    ValueError
        If ``gradient`` is another word.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import solve
    >>> weight = torch.tensor(2.0, requires_grad=True)
    >>> x = solve(lambda x: weight * x, torch.ones(4, 4))
    >>> x.sum().backward()
    >>> weight.grad  # of 16 / weight
    tensor(-4.)
    """
    if gradient not in ("implicit", "unrolled"):
        raise ValueError(f"gradient is 'implicit' or 'unrolled', got {gradient!r}")

    def run(right: Tensor, start: Tensor | None) -> Tensor:
        return conjugate_gradient(apply, right, x0=start, iterations=iterations, tolerance=tolerance, axes=axes)

    if gradient == "unrolled" or not torch.is_grad_enabled():
        return run(b, x0)
    with torch.no_grad():
        x = run(b, x0)
    # One application with a graph leads from the solution to all tensors that it depends on.
    residual = b - apply(x)
    if not residual.requires_grad:
        return x
    attached: Tensor = _Implicit.apply(residual, x, lambda right: run(right, None))  # type: ignore[no-untyped-call]
    return attached


class _Implicit(torch.autograd.Function):
    """Give the solution, and to the residual ``b - B x`` the gradient ``B^-1 g``."""

    @staticmethod
    def forward(ctx: Any, residual: Tensor, x: Tensor, run: Apply) -> Tensor:
        ctx.run = run
        return x.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return ctx.run(grad), None, None


def _inner(a: Tensor, b: Tensor, axes: int) -> Tensor:
    """Give the real part of the inner product of each sample, (..., 1, ..., 1)."""
    if a.is_complex():
        real = [torch.view_as_real(v.resolve_conj()).flatten(-2) for v in (a, b)]
        return _inner(real[0], real[1], axes)
    return (a * b).sum(tuple(range(-axes, 0)), keepdim=True)


def _ratio(above: Tensor, below: Tensor, where: Tensor) -> Tensor:
    """Divide where it is wanted, and give 0 elsewhere, gradients included."""
    safe = where & (below > 0)
    return torch.where(safe, above / torch.where(safe, below, 1), 0)
