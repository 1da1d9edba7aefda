"""slicer.i18n: text for people, and a record of what was asked for.

``slicerhost.translations.pseudo = "[[{}]]"`` makes every translated text visible as such: what a panel then shows
without brackets did not go through ``tr``. As in Slicer, a translation that loses a ``{placeholder}`` is not taken.
"""

import inspect
import re
from pathlib import Path

_PLACEHOLDER = re.compile(r"(?<!\{)\{([^{}]+)\}(?!\})")


class Translations:
    """What was asked for, as (context, text), and what is answered."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.pseudo = "{}"

    def reset(self) -> None:
        """Forget, and answer with the text itself."""
        self.asked.clear()
        self.pseudo = "{}"

    def texts(self) -> set[str]:
        """The texts that were asked for."""
        return {text for _, text in self.asked}

    def translate(self, context: str, text: str) -> str:
        """Note the question and answer it."""
        for value in (context, text):
            if not isinstance(value, str):
                raise TypeError(f"only text can be translated, not {value!r}")
        self.asked.append((context, text))
        return self.pseudo.replace("{}", text)


translations = Translations()


def translate(context: str, text: str) -> str:
    """slicer.i18n.translate: with a context that the caller names."""
    from slicer import app

    return app.translate(context, text)


def getContext(sourceFile: str) -> str:
    """slicer.i18n.getContext: ``Module``, or ``Package.module`` for a file in a package."""
    path = Path(sourceFile)
    name = path.name.removesuffix(".py")
    return f"{path.parent.name}.{name}" if (path.parent / "__init__.py").is_file() else name


def tr(text: str) -> str:
    """slicer.i18n.tr: the context is the caller's file."""
    frame = inspect.currentframe()
    caller = frame.f_back if frame else None
    translated = translate(getContext(caller.f_code.co_filename if caller else ""), text)
    return translated if set(_PLACEHOLDER.findall(text)) == set(_PLACEHOLDER.findall(translated)) else text
