"""Draw the icon: a head section, coarse on the left, fine on the right. Needs numpy and Pillow."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIZE = 128
FINE = 8  # samples a pixel and axis
BLOCKS = 16  # coarse samples across the icon

BACKGROUND = (13, 27, 42)
COLOURS = np.array([BACKGROUND, (27, 73, 101), (98, 182, 203), (255, 255, 255)], dtype=float)

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


def section(samples: int) -> NDArray[np.float64]:
    """The section, at `samples` points along each axis."""
    axis = (np.arange(samples) + 0.5) / samples * 2 - 1
    x, y = np.meshgrid(axis, axis)
    image = np.zeros_like(x)
    for centre_x, centre_y, a, b, angle, folds, depth, value in OVALS:
        c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        u, v = ((x - centre_x) * c + (y - centre_y) * s) / a, ((y - centre_y) * c - (x - centre_x) * s) / b
        image[np.hypot(u, v) < 1 + depth * np.cos(folds * np.arctan2(v, u))] = value
    return image


def coloured(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map values from 0 to 1 to colours."""
    steps = np.linspace(0, 1, len(COLOURS))
    return np.stack([np.interp(values, steps, COLOURS[:, channel]) for channel in range(3)], axis=-1)


def draw() -> Image.Image:
    """The icon, with round corners on a transparent ground."""
    n = SIZE * FINE
    fine = section(n)
    block = n // BLOCKS
    coarse = fine.reshape(BLOCKS, block, BLOCKS, block).mean(axis=(1, 3)).repeat(block, 0).repeat(block, 1)
    rgb = coloured(np.where(np.arange(n) < n // 2, coarse, fine))
    rgb[:, n // 2 - FINE : n // 2 + FINE] = (255, 183, 3)

    distance = np.abs(np.arange(n) + 0.5 - n / 2) - (n / 2 - 20 * FINE)
    x, y = np.meshgrid(distance.clip(0), distance.clip(0))
    alpha = 255.0 * (np.hypot(x, y) < 20 * FINE)
    rgba = np.concatenate([rgb, alpha[..., None]], axis=-1)
    return Image.fromarray(rgba.round().astype(np.uint8)).resize((SIZE, SIZE), Image.Resampling.BOX)


if __name__ == "__main__":
    draw().save(Path(__file__).with_name("MRIEnhance.png"), optimize=True)
