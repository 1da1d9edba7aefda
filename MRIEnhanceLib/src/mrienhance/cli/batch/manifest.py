"""The manifest of a batch: a table in, cases and problems out. Nothing of it is run before all of it is right."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mrienhance.batch.case import Case
from mrienhance.cli.batch.checks import Checks
from mrienhance.cli.batch.rows import Arguments, plain_options
from mrienhance.cli.batch.tasks import tasks
from mrienhance.errors import MRIEnhanceError, UsageError

_HINT_TABLE = "the first line names the columns: id, task, input, output, and options such as model or scale"


@dataclass(frozen=True)
class Row:
    """A line of the manifest: where it is, and what is in its cells, without empty ones."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """How a manifest is read.

    Parameters
    ----------
    path
        A file with commas, or with tabs if its name ends in ``.tsv``.
    base
        Folder that relative inputs are in.
    root
        Folder that relative outputs go to.
    task
        Of rows that name none; None if they must.
    """

    path: Path
    base: Path
    root: Path
    task: str | None = None
    problems: list[str] = field(default_factory=list)

    def cases(self) -> list[Case]:
        """Read the cases; what is wrong with any of them is added to `problems`, a line each.

        Raises
        ------
        UsageError
            If it is no table.
        """
        cases: list[Case] = []
        for row in self._rows():
            try:
                cases.append(self._case(row))
            except MRIEnhanceError as error:
                self._complain(row.line, row.cells.get("id", ""), error.message, error.hint)
        return cases

    def check(self, cases: Sequence[Case], *, is_ours: Callable[[Case], bool], force: bool) -> None:
        """Find what is wrong with the files and models of the cases, and add it to `problems`; see `Checks`."""
        checks = Checks(cases, self.path, is_ours, force)
        for case in cases:
            for message, hint in checks.problems(case):
                self._complain(case.line, case.name, message, hint)

    def _complain(self, line: int, name: str, message: str, hint: str) -> None:
        where = f"line {line} ({name})" if name else f"line {line}"
        self.problems.append(f"{where}: {message}; {hint}" if hint else f"{where}: {message}")

    def _rows(self) -> list[Row]:
        try:
            with open(self.path, encoding="utf-8-sig", newline="") as file:
                delimiter = "\t" if self.path.suffix.lower() == ".tsv" else ","
                table = csv.reader(file, delimiter=delimiter, strict=True)
                lines = [(table.line_num, [cell.strip() for cell in cells]) for cells in table]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            reason = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)
            raise UsageError(
                f"cannot read the manifest {self.path}: {reason}", hint="see its path and format"
            ) from error
        lines = [(number, cells) for number, cells in lines if any(cells)]
        if len(lines) < 2:
            raise UsageError(f"there is no case in {self.path}", hint=_HINT_TABLE)
        columns = self._columns(lines[0][1])
        rows: list[Row] = []
        for number, cells in lines[1:]:
            if len(cells) > len(columns):
                self._complain(
                    number, "", f"{len(cells)} cells, but {len(columns)} columns", "put cells with commas in quotes"
                )
            else:
                rows.append(Row(number, {name: cell for name, cell in zip(columns, cells, strict=False) if cell}))
        return rows

    def _columns(self, names: Sequence[str]) -> Sequence[str]:
        known = sorted({"id", "task", "input", *(option for task in tasks().values() for option in task.options)})
        for name in names:
            if names.count(name) > 1:
                raise UsageError(f"{self.path} has two columns {name!r}", hint="rename one of them")
            if name not in known:
                near = difflib.get_close_matches(name.lstrip("-").replace("_", "-"), known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"columns: {', '.join(known)}"
                raise UsageError(f"{self.path} has an unknown column {name!r}", hint=hint)
        for name in ("input", "output"):
            if name not in names:
                raise UsageError(f"{self.path} has no column {name!r}", hint=_HINT_TABLE)
        return names

    def _case(self, row: Row) -> Case:
        cells = dict(row.cells)
        name, kind = cells.pop("id", ""), cells.pop("task", self.task)
        if kind is None or kind not in tasks():
            message = f"there is no task {kind!r}" if kind else "no task"
            raise UsageError(message, hint=f"tasks: {', '.join(tasks())}; for all rows: --task")
        task = tasks()[kind]
        for option in cells:
            if option != "input" and option not in task.options:
                raise UsageError(f"{kind} has no option {option!r}", hint="leave this cell empty")
        for needed in ("input", "output"):
            if needed not in cells:
                raise UsageError(f"no {needed}", hint="every case needs one")
        output = cells["output"]
        args = task.parser.parse_args(Arguments(task, self.base, self.root).of(cells))
        files = task.files(args)
        return Case(
            name=name or output,
            line=row.line,
            task=task.name,
            inputs=files.inputs,
            outputs=(*files.images, *files.files),
            root=self.root,
            options=plain_options(task, args, cells),
            model=cells.get("model", ""),
            args=args,
        )
