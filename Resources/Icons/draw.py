"""Draw the icons of the extension and of its modules. Needs numpy and Pillow.

The extension: a head section, coarse on the left, fine on the right. A module's icon shows the same idea with few and
large shapes on a transparent ground: Slicer shows it at 22 pixels, on light and on dark.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIZE = 128
FINE = 8  # samples a pixel and axis
BLOCKS = 16  # coarse samples across the icon
MODULE_BLOCKS = 8  # the same for a module's icon
LINES = 16  # of k-space, of which a module's icon shows some
MODULES = Path(__file__).parents[2] / "MRIEnhance" / "Resources" / "Icons"

BACKGROUND = (13, 27, 42)
COLOURS = np.array([BACKGROUND, (27, 73, 101), (98, 182, 203), (255, 255, 255)], dtype=float)
AMBER = (255, 183, 3)

# Paint inside an oval, the later over the earlier: centre x, y and half axes on [-1, 1], angle in degrees, number and
# depth of the folds of its edge, value.
OVALS = [
    (0.00, 0.00, 0.72, 0.88, 0, 0, 0.00, 1.00),  # skull
    (0.00, 0.00, 0.66, 0.82, 0, 0, 0.00, 0.00),
    (0.00, 0.00, 0.59, 0.75, 0, 18, 0.04, 0.50),  # grey matter
    (0.00, 0.00, 0.45, 0.60, 0, 18, 0.11, 0.80),  # white matter
    (0.00, -0.55, 0.02, 0.24, 0, 0, 0.00, 0.00),  # between the hemispheres
    (0.00, 0.55, 0.02, 0.24, 0, 0, 0.00, 0.00),
    (-0.11, -0.14, 0.07, 0.22, -22, 0, 0.00, 0.10),  # ventricles
    (0.11, -0.14, 0.07, 0.22, 22, 0, 0.00, 0.10),
    (-0.12, 0.20, 0.06, 0.18, 32, 0, 0.00, 0.10),
    (0.12, 0.20, 0.06, 0.18, -32, 0, 0.00, 0.10),
    (-0.23, 0.02, 0.07, 0.15, 12, 0, 0.00, 0.50),  # deep grey matter
    (0.23, 0.02, 0.07, 0.15, -12, 0, 0.00, 0.50),
]

# The head of a module's icon, in the same terms.
HEAD = [(0.00, 0.00, 0.84, 0.97, 0, 0, 0.00, 1.00)]
BRAIN = [
    (0.00, 0.00, 0.84, 0.97, 0, 0, 0.00, 0.45),  # skull
    (0.00, 0.00, 0.70, 0.83, 0, 16, 0.05, 1.00),  # brain
    (0.00, -0.62, 0.05, 0.30, 0, 0, 0.00, 0.45),  # between the hemispheres
    (0.00, 0.62, 0.05, 0.30, 0, 0, 0.00, 0.45),
    (-0.20, -0.05, 0.10, 0.34, -16, 0, 0.00, 0.10),  # ventricles
    (0.20, -0.05, 0.10, 0.34, 16, 0, 0.00, 0.10),
]


def section(samples: int, ovals: list[tuple[float, ...]] = OVALS) -> NDArray[np.float64]:
    """The section, at `samples` points along each axis."""
    axis = (np.arange(samples) + 0.5) / samples * 2 - 1
    x, y = np.meshgrid(axis, axis)
    image = np.zeros_like(x)
    for centre_x, centre_y, a, b, angle, folds, depth, value in ovals:
        c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        u, v = ((x - centre_x) * c + (y - centre_y) * s) / a, ((y - centre_y) * c - (x - centre_x) * s) / b
        image[np.hypot(u, v) < 1 + depth * np.cos(folds * np.arctan2(v, u))] = value
    return image


def coloured(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map values from 0 to 1 to colours."""
    steps = np.linspace(0, 1, len(COLOURS))
    return np.stack([np.interp(values, steps, COLOURS[:, channel]) for channel in range(3)], axis=-1)


def blocks(image: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """The same image, of `count` by `count` blocks."""
    size = len(image) // count
    return image.reshape(count, size, count, size).mean(axis=(1, 3)).repeat(size, 0).repeat(size, 1)


def small(rgb: NDArray[np.float64], alpha: NDArray[np.float64]) -> Image.Image:
    """The picture at its final size; `alpha` from 0 to 1."""
    rgba = np.concatenate([rgb, 255.0 * alpha[..., None]], axis=-1)
    return Image.fromarray(rgba.round().astype(np.uint8)).resize((SIZE, SIZE), Image.Resampling.BOX)


def draw() -> Image.Image:
    """The extension's icon, with round corners on a transparent ground."""
    n = SIZE * FINE
    fine = section(n)
    rgb = coloured(np.where(np.arange(n) < n // 2, blocks(fine, BLOCKS), fine))
    rgb[:, n // 2 - FINE : n // 2 + FINE] = AMBER

    distance = np.abs(np.arange(n) + 0.5 - n / 2) - (n / 2 - 20 * FINE)
    x, y = np.meshgrid(distance.clip(0), distance.clip(0))
    return small(rgb, (np.hypot(x, y) < 20 * FINE).astype(float))


def draw_super_resolve() -> Image.Image:
    """SuperResolve: half a head of large blocks becomes a fine one."""
    n = SIZE * FINE
    left = np.arange(n) < n // 2
    brain, head = section(n, BRAIN), section(n, HEAD)
    rgb = coloured(np.where(left, blocks(brain, MODULE_BLOCKS), brain))
    alpha = np.where(left, blocks(head, MODULE_BLOCKS) > 0.35, head)
    line = slice(n // 2 - 4 * FINE, n // 2 + 4 * FINE)
    rgb[:, line], alpha[:, line] = AMBER, 1
    return small(rgb, alpha)


def draw_reconstruct() -> Image.Image:
    """Reconstruct: the lines of k-space, of which some are missing, become a head."""
    n = SIZE * FINE
    left = np.arange(n) < n // 2
    brain, head = section(n, BRAIN), section(n, HEAD)
    row = np.arange(n)[:, None] // (n // LINES)
    measured = (row % 4 == 0) | (abs(row - LINES // 2 + 0.5) < 2)
    bright = np.interp(abs(row - LINES // 2 + 0.5), [0, LINES / 2], [1.0, 0.4])
    middle = np.arange(n)[:, None] % (n // LINES) < 0.75 * n / LINES
    lines = np.broadcast_to(measured & middle, brain.shape)
    rgb = coloured(np.where(left, np.broadcast_to(bright, brain.shape), brain))
    alpha = np.where(left, lines & (np.arange(n) > 0.06 * n), head).astype(float)
    line = slice(n // 2 - 4 * FINE, n // 2 + 4 * FINE)
    rgb[:, line], alpha[:, line] = AMBER, 1
    return small(rgb, alpha)


def draw_synthesize() -> Image.Image:
    """Synthesize: the other half of a head, in another contrast: what was dark is bright."""
    n = SIZE * FINE
    brain, head = section(n, BRAIN), section(n, HEAD)
    other = np.interp(brain, [0.1, 0.45, 1.0], [1.0, 0.7, 0.3])
    rgb, alpha = coloured(np.where(np.arange(n) < n // 2, brain, other)), head.copy()
    line = slice(n // 2 - 4 * FINE, n // 2 + 4 * FINE)
    rgb[:, line], alpha[:, line] = AMBER, 1
    return small(rgb, alpha)


if __name__ == "__main__":
    draw().save(Path(__file__).with_name("MRIEnhance.png"), optimize=True)
    draw_super_resolve().save(MODULES / "SuperResolve.png", optimize=True)
    draw_reconstruct().save(MODULES / "Reconstruct.png", optimize=True)
    draw_synthesize().save(MODULES / "Synthesize.png", optimize=True)
