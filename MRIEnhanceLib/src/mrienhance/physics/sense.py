"""The operator of parallel imaging: coil maps, Fourier transform, sampling (Pruessmann et al., MRM 1999, 42:952)."""

from __future__ import annotations

import torch
from torch import Tensor

from mrienhance.errors import KSpaceError
from mrienhance.physics.calibration import fit_mask
from mrienhance.physics.operator import LinearOperator, Shape, check_last_axes
from mrienhance.physics.sense_normal import CoilByCoil


class Sense(LinearOperator):
    """Image to multi-coil k-space, ``A x = mask * F(maps * x)``, with F orthonormal and shift-free.

    Parameters
    ----------
    maps
        Coil maps, complex (..., coil, H, W); or, if ``soft``, sets of them, (..., maps, coil, H, W).
    mask
        What is sampled, bool, or float weights: (..., H, W), lines (W,) or (1, W), or (H, 1); None: everything.
        Shift-free: index 0 is the centre of k-space.
    soft
        Soft-SENSE: the image has an axis of sets, (..., maps, H, W), and k-space is the sum over the sets (Uecker et
        al., MRM 2014, 71:990).

    Raises
    ------
    KSpaceError
        If maps are not complex of enough axes, or the mask does not fit them.

    Notes
    -----
    `normal` costs least. Where the mask is the same along rows or along columns, the transform along them cancels
    exactly, and only that along the other axis is done. On a CPU, where no gradient is asked for, it works coil by coil
    within the cache and holds a conjugate copy of the maps, so maps and mask must not be changed in place after its
    first use. Batches of images, maps and masks broadcast.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import Sense
    >>> maps = torch.full((4, 16, 16), 0.5 + 0j)
    >>> operator = Sense(maps, torch.arange(16) % 2 == 0)
    >>> image = torch.rand(2, 16, 16) + 0j
    >>> operator(image).shape
    torch.Size([2, 4, 16, 16])
    >>> bool(torch.allclose(operator.normal(image), operator.H(operator(image)), atol=1e-6))
    True
    """

    domain_shape: Shape
    range_shape: Shape

    def __init__(self, maps: Tensor, mask: Tensor | None = None, *, soft: bool = False) -> None:
        if not maps.is_complex() or maps.ndim < 3 + soft:
            axes = "(..., maps, coil, H, W)" if soft else "(..., coil, H, W)"
            raise KSpaceError(f"coil maps are complex {axes}, got {maps.dtype} {tuple(maps.shape)}")
        self.soft = soft
        # Inside there is always an axis of sets.
        self._maps = maps if soft else maps.unsqueeze(-4)
        height, width = maps.shape[-2:]
        self.domain_shape = (maps.shape[-4], height, width) if soft else (height, width)
        self.range_shape = tuple(maps.shape[-3:])
        self._mask: Tensor | None = None
        self._axes: tuple[int, ...] = ()
        if mask is not None:
            self._mask, self._axes = self._read(mask)
        self._fast: CoilByCoil | None = None

    @property
    def maps(self) -> Tensor:
        """The coil maps, as they were given."""
        return self._maps if self.soft else self._maps.squeeze(-4)

    def forward(self, x: Tensor) -> Tensor:
        """Measure an image (..., H, W), or (..., maps, H, W) if soft: complex (..., coil, H, W)."""
        kspace: Tensor = torch.fft.fftn(self._spread(x), dim=(-2, -1), norm="ortho")
        return kspace if self._mask is None else kspace * self._mask

    def adjoint(self, y: Tensor) -> Tensor:
        """Zero-fill, transform and combine k-space (..., coil, H, W): complex (..., H, W), or with sets if soft.

        Raises
        ------
        KSpaceError
            If coils or sizes are not those of the maps.
        """
        if tuple(y.shape[-3:]) != self.range_shape:
            raise KSpaceError(f"k-space of {tuple(y.shape)} does not fit (coil, H, W) = {self.range_shape} of the maps")
        if self._mask is not None:
            y = y * self._mask
        return self._gather(torch.fft.ifftn(y, dim=(-2, -1), norm="ortho"))

    def normal(self, x: Tensor) -> Tensor:
        """Apply ``A.H A`` to an image, with the fewest transforms."""
        graph = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in (x, self._maps, self._mask))
        if not graph and x.device.type == "cpu" and x.dtype == self._maps.dtype:
            check_last_axes(x, self.domain_shape, what="Sense")
            if self._fast is None:
                self._fast = CoilByCoil(self._maps, self._weight(), self._axes)
            return self._fast(x) if self.soft else self._fast(x.unsqueeze(-3)).squeeze(-3)
        images = self._spread(x)
        weight = self._weight()
        if weight is not None:
            images = torch.fft.fftn(images, dim=self._axes, norm="ortho") * weight
            images = torch.fft.ifftn(images, dim=self._axes, norm="ortho")
        return self._gather(images)

    def bound(self) -> Tensor:
        """Give an upper bound of the largest eigenvalue of ``A.H A``: real (...), one a sample.

        1 for normalised maps and a bool mask.
        """
        gram = torch.einsum("...mchw,...nchw->...mnhw", self._maps.conj(), self._maps)
        largest = gram.abs().sum(-3).amax((-3, -2, -1))
        weight = self._weight()
        return largest if weight is None else largest * weight.amax((-3, -2, -1))

    def __repr__(self) -> str:
        mask = "all" if self._mask is None else tuple(self._mask.squeeze(-3).shape)
        return f"Sense(maps={tuple(self.maps.shape)}, mask={mask}, soft={self.soft})"

    def _read(self, mask: Tensor) -> tuple[Tensor, tuple[int, ...]]:
        """Give the mask as real (..., 1, H or 1, W or 1), and the axes it varies along."""
        height, width = self.range_shape[-2:]
        mask = fit_mask(mask, (height, width)).to(self._maps.real.dtype).to(self._maps.device)
        if mask.requires_grad:
            rows, columns = mask.shape[-2] == 1, mask.shape[-1] == 1
        else:
            rows, columns = (bool((mask == mask.narrow(axis, 0, 1)).all()) for axis in (-2, -1))
        if rows:
            return mask[..., :1, :].expand(*mask.shape[:-2], 1, width).unsqueeze(-3), (-1,)
        return (mask[..., :1].unsqueeze(-3), (-2,)) if columns else (mask.unsqueeze(-3), (-2, -1))

    def _weight(self) -> Tensor | None:
        return None if self._mask is None else self._mask.square()

    def _spread(self, x: Tensor) -> Tensor:
        """Make coil images of an image."""
        check_last_axes(x, self.domain_shape, what="Sense")
        if self.soft:
            return (self._maps * x.unsqueeze(-3)).sum(-4)
        return self._maps.squeeze(-4) * x.unsqueeze(-3)

    def _gather(self, images: Tensor) -> Tensor:
        """Combine coil images."""
        if self.soft:
            return (self._maps.conj() * images.unsqueeze(-4)).sum(-3)
        return (self._maps.squeeze(-4).conj() * images).sum(-3)
