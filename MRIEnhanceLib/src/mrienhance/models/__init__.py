"""Model files: their cards, how they are read without trusting them, and where they lie."""

from typing import TYPE_CHECKING

from mrienhance._lazy import lazy

if TYPE_CHECKING:
    from mrienhance.models.card import CardPaper, ModelCard, ResultRow, ResultTable
    from mrienhance.models.catalogue import Entry, find_model, user_folder
    from mrienhance.models.checkpoint import Model, load_model, save_model
    from mrienhance.models.header import Header, read_header

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "CardPaper": ".card",
        "Entry": ".catalogue",
        "Header": ".header",
        "Model": ".checkpoint",
        "ModelCard": ".card",
        "ResultRow": ".card",
        "ResultTable": ".card",
        "find_model": ".catalogue",
        "load_model": ".checkpoint",
        "read_header": ".header",
        "save_model": ".checkpoint",
        "user_folder": ".catalogue",
    },
)
