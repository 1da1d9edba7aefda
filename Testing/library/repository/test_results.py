"""The README claims what the cards say, and the cards say what was measured."""

from mrienhance.models.catalogue import catalogue
from mrienhance.training.watch import WHILE_TRAINING
from repository.results import README, with_blocks


def test_readme_and_cards_agree() -> None:
    text = README.read_text(encoding="utf-8")
    assert with_blocks(text) == text, "run `python Testing/library/repository/results.py`"


def test_shipped_models_are_measured_on_subjects_they_have_not_seen() -> None:
    shipped = [entry for entry in catalogue() if entry.source == "shipped"]
    assert {entry.name for entry in shipped} >= {"iconet-x2", "iconet-x4", "lf-mri-brain", "unrolled-brain"}
    for entry in shipped:
        card = entry.card
        assert card is not None
        assert card.results
        assert card.limits
        assert all(source["licence"] and source["citation"] and source["subjects"] for source in card.training["data"])
        seen = {subject for source in card.training["data"] for subject in source["subjects"]}
        for table in card.results:
            subjects = set(table.subjects)
            if table.data.startswith(WHILE_TRAINING):
                assert subjects <= set(card.training["validation"])
                continue
            assert not seen & subjects
            psnr = {row.method: row.psnr_db for row in table.rows}
            if card.task == "super-resolve":
                assert max(psnr, key=lambda method: psnr[method]).partition(", ")[0] == entry.name
            elif card.task == "synthesize":  # of brightness alone the regression knows most
                ssim = {row.method: row.ssim for row in table.rows}
                assert ssim[entry.name] > ssim["regression on the intensity"]
            else:  # where classical methods are better, the tables say so
                assert psnr[entry.name] > psnr["zero-filled"]
                assert {"cg-sense", "l1-wavelet", "total-variation"} <= set(psnr)
