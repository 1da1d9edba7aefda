from typing import Any


def register(module: Any) -> None:
    """Nothing yet."""
