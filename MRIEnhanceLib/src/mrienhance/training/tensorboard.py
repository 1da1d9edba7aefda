"""The log of a training as TensorBoard reads it, where the package is installed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrienhance.images.files import refusal

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FOLDER = "tensorboard"


class TensorBoard:
    """Event files: the numbers of ``log.csv``, the preview figures, and the recipe as text.

    Parameters
    ----------
    folder
        Where the event files go.
    recipe
        YAML text of the recipe, and the facts that a run is compared by.
    resumed_at
        Later steps than this are dropped from what is shown; None in a new run.

    Raises
    ------
    OutputError
        If the files cannot be written; by all that writes.
    """

    def __init__(self, folder: Path, *, recipe: str, resumed_at: int | None = None) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._folder, purged = folder, None if resumed_at is None else resumed_at + 1
        with self._writing():
            self._writer: SummaryWriter = SummaryWriter(str(folder), purge_step=purged)
            # Indented by four, as Markdown has it for text that stays as it is.
            self._writer.add_text("recipe", "\n".join(f"    {line}" for line in recipe.splitlines()))

    def write(self, step: int, phase: str, values: Mapping[str, float]) -> None:
        """Write numbers under ``phase/name``."""
        with self._writing():
            for name, value in values.items():
                self._writer.add_scalar(f"{phase}/{name}", value, step)

    def figure(self, step: int, path: Path) -> None:
        """Write a PNG figure."""
        from matplotlib.image import imread

        with self._writing():
            self._writer.add_image("validation/preview", imread(path), step, dataformats="HWC")

    def compare(self, settings: Mapping[str, Any], scores: Mapping[str, float]) -> None:
        """Write what runs are compared by: numbers of the recipe, and the best scores."""
        plain = {name: value for name, value in settings.items() if isinstance(value, bool | int | float | str)}
        with self._writing():
            self._writer.add_hparams(plain, {f"best/{name}": value for name, value in scores.items()}, run_name=".")

    def close(self) -> None:
        """Write what is still to be written."""
        with self._writing():
            self._writer.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        # The package writes in a thread: what went wrong there is raised by a later call.
        try:
            yield
        except OSError as error:
            raise refusal(self._folder, error) from None


def installed() -> bool:
    """Whether there is a TensorBoard to write for."""
    return find_spec("tensorboard") is not None
