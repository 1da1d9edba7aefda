"""slicer.packaging as in Slicer 5.12: checks are real, installing is only recorded."""

import dataclasses
from typing import Any


@dataclasses.dataclass
class Installation:
    """One call that would have run pip."""

    command: str
    requirements: list[str]
    options: dict[str, Any] = dataclasses.field(default_factory=dict)


installations: list[Installation] = []
