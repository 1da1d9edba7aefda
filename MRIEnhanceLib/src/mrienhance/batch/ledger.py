"""The folder in which processes agree who does what, and remember what is done.

``cases/KEY.json`` is written when a case is done, and stays. ``claims/KEY.N`` says who works on a case: only one
process can create it. Whoever finds that the holder of claim N has died creates N + 1, which again only one can; so a
claim is never taken from somebody by renaming or deleting, where two could do so at once. A holder who was thought dead
and was only slow sees N + 1 and stops. Claims are deleted after the case has been noted as done, and a new holder looks
at that note again: no case is done twice.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from mrienhance.batch.claim import Claim
from mrienhance.batch.processes import Process
from mrienhance.images.files import atomic_path, refusal

FOLDER = ".mrienhance-batch"
STALE_SECONDS = 300.0
"""A claim of another machine that its holder has not touched for so long is nobody's. Holders touch theirs every few
seconds, but file servers show that late, and a library may hold up Python for a while."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """A case that is done.

    Parameters
    ----------
    name
        Of the case, for people.
    digest
        Of what its outputs depend on, as `Case.digest` gives it.
    outputs
        SHA-256 of every output, by its path.
    model, warnings, seconds
        As in the summary.
    process
        Who did it.
    """

    name: str
    digest: str
    outputs: dict[str, str]
    model: str
    warnings: tuple[str, ...]
    seconds: float
    process: str = ""


@dataclass
class Ledger:
    """The folder of one output directory, as one process sees it.

    Parameters
    ----------
    root
        The output directory. The folder in it is made by `open`.
    run
        Which run this is part of: deaths of processes are counted in one run.
    process
        Who we are.
    clock
        Seconds from any origin: only how long something was not seen to change counts, since the clocks of two machines
        and of a file server differ.
    """

    root: Path
    run: str
    process: Process = field(default_factory=Process.this)
    clock: Callable[[], float] = time.monotonic
    _seen: dict[str, tuple[tuple[int, int], float]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where it all lies."""
        return self.root / FOLDER

    def open(self) -> Ledger:
        """Make the folder.

        Raises
        ------
        OutputError
            If it cannot be made.
        """
        try:
            for name in ("cases", "claims", "runs"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise refusal(self.folder, error) from error
        return self

    def knows(self, key: str) -> bool:
        """Whether this case was done or begun by a batch: its outputs are not somebody else's."""
        return bool(self._generations(key)) or self._note(key).exists()

    @contextlib.contextmanager
    def beginning(self, key: str, outputs: Iterable[Path]) -> Iterator[None]:
        """Have it known that outputs which appear in the block are ours, also if the block ends before `note`.

        What fails and leaves no output is forgotten: what somebody puts there by hand later is not ours.

        Raises
        ------
        OutputError
            If that cannot be written.
        """
        path = self._note(key)
        if path.exists():
            yield
            return
        try:
            path.write_text("{}", encoding="ascii")
        except OSError as error:
            raise refusal(path, error) from error
        try:
            yield
        except BaseException:
            if not any(output.exists() for output in outputs):
                with contextlib.suppress(OSError):
                    path.unlink()
            raise

    def record(self, key: str) -> Record | None:
        """What is known of a case that was done; None if it was not, or if that cannot be understood."""
        values = _read(self._note(key))
        try:
            outputs = {str(path): str(digest) for path, digest in values["outputs"].items()}
            texts = {name: str(values[name]) for name in ("name", "digest", "model", "process")}
            warnings = tuple(str(warning) for warning in values["warnings"])
            return Record(outputs=outputs, warnings=warnings, seconds=float(values["seconds"]), **texts)
        except (KeyError, TypeError, ValueError, AttributeError):
            return None

    def note(self, key: str, record: Record) -> None:
        """Note that a case is done.

        Raises
        ------
        OutputError
            If that cannot be written.
        """
        with atomic_path(self._note(key), overwrite=True) as temporary:
            temporary.write_text(json.dumps(asdict(record), indent=1), encoding="utf-8")

    def claim(self, key: str) -> Claim | None:
        """Claim a case for this process; None if another one works on it.

        Raises
        ------
        OutputError
            If nothing can be written.
        """
        number, deaths = 1, 0
        if generations := self._generations(key):
            latest = self._claim_file(key, generations[-1])
            values = _read(latest)
            if not self._is_dead(latest, values):
                return None
            number = generations[-1] + 1
            deaths = _deaths(values) + 1 if values.get("run") == self.run else 0
        path = self._claim_file(key, number)
        about = {"run": self.run, "deaths": deaths, **asdict(self.process)}
        try:
            _create(path, json.dumps(about), self.process.name)
        except FileExistsError:
            return None
        except OSError as error:
            raise refusal(path, error) from error
        claim = Claim(path, deaths=deaths, generations=partial(self._generations, key))
        if not claim.overtaken:
            return claim
        claim.release()  # its former holder had ended by itself, and somebody else went on from there
        return None

    def give_back(self) -> None:
        """Give back what this process has claimed: an interruption may come before the block of a claim is entered."""
        for path in (self.folder / "claims").glob("[!.]*"):
            if Process.parse(_read(path)) == self.process:
                Claim(path, deaths=0, generations=partial(self._generations, path.stem)).release()

    def _note(self, key: str) -> Path:
        return self.folder / "cases" / f"{key}.json"

    def _claim_file(self, key: str, number: int) -> Path:
        return self.folder / "claims" / f"{key}.{number}"

    def _generations(self, key: str) -> list[int]:
        """Numbers of the claims that there are; there is hardly more than one a process in the whole folder."""
        try:
            names = os.listdir(self.folder / "claims")
        except FileNotFoundError:
            return []
        parts = (name.partition(".") for name in names)
        return sorted(int(number) for other, _, number in parts if other == key and number.isdecimal())

    def _is_dead(self, path: Path, values: dict[str, Any]) -> bool:
        """Whether the holder of a claim is no more."""
        holder = Process.parse(values)
        if holder is not None and (ended := holder.ended()) is not None:
            return ended
        try:
            with open(path, "rb") as file:  # opening it makes a file server tell its present state
                status = os.fstat(file.fileno())
        except OSError:
            return False  # it was given back a moment ago: the next look will tell
        now, state = self.clock(), (status.st_mtime_ns, status.st_size)
        before, since = self._seen.get(path.name, (None, now))
        if before != state:
            since = now
        self._seen[path.name] = state, since
        return now - since >= STALE_SECONDS


def _create(path: Path, text: str, name: str) -> None:
    """Create a file that is not there: one process succeeds, the others get a `FileExistsError`."""
    temporary = path.with_name(f".{name}")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.link(temporary, path)  # it appears with its contents: who dies in between leaves nothing unreadable
    except FileExistsError:
        raise
    except OSError:  # no links on this file system
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _read(path: Path) -> dict[str, Any]:
    """What a file says; nothing if it is not there, or cut short, or damaged."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        values = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(values, dict):
            return values
    return {}


def _deaths(values: dict[str, Any]) -> int:
    deaths = values.get("deaths")
    return deaths if type(deaths) is int and deaths >= 0 else 0
