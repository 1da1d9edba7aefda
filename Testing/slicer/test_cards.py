"""Cards as the panel shows them."""

import json

import pytest


@pytest.fixture
def card():
    from mrienhance.models.catalogue import find_model

    return json.loads(find_model("iconet-x2").card.to_json())


@pytest.fixture
def shown(host):
    """What a text browser makes of a card: its plain text."""
    import qt

    from MRIEnhanceBridge.cards import card_html

    def show(card):
        browser = qt.QTextBrowser()
        browser.setHtml(card_html(card))
        return browser.toPlainText()

    return show


def test_what_matters_is_there(shown, card):
    text = shown(card)
    for fact in ("iconet-x2", "T1w, T1c, T2w, FLAIR", "×2 in plane", "1 – 2.1 mm", card["fidelity"], card["licence"]):
        assert fact in text
    assert all(limit in text for limit in card["limits"])
    assert "Kui, Ji, Zou" in text
    assert "OpenNeuro ds002748" in text
    assert text.rstrip().endswith("For research, not for diagnosis.")


def test_what_a_model_takes_and_what_it_makes(shown, card):
    names = "T1w, T1c, T2w, FLAIR"
    assert f"Contrasts: {names}\n" in shown(card), "super-resolved, each stays what it is"
    assert f"Contrasts: {names} → {names}\n" in shown({**card, "task": "synthesize"})
    assert f"Contrasts: {names} → T2w\n" in shown({**card, "contrasts_out": ["T2w"]})


def test_every_measured_figure_is_there(shown, card):
    text = shown(card)
    for table in card["results"]:
        for row in table["rows"]:
            assert f"{row['psnr_db']:.2f}" in text
            assert f"{row['ssim']:.4f}" in text


def test_a_card_cannot_bring_anything_but_words(shown, host, card):
    from MRIEnhanceBridge.cards import card_html

    card["summary"] = "<img src='file:///etc/passwd'><script>x</script> & <a href='http://x'>y</a>"
    page = card_html(card)
    assert "<img" not in page
    assert "<script" not in page
    assert "<a " not in page
    assert card["summary"] in shown(card)


def test_a_card_without_results_scale_or_data(shown, card):
    card.update(results=[], scale=None, training={}, limits=[])
    text = shown(card)
    assert "Measured" not in text
    assert "Scale" not in text
    assert "Learned" not in text


# Models to reconstruct


@pytest.fixture
def reconstructs(card):
    rows = [
        {
            "method": "LF-MRI",
            "psnr_db": 33.456,
            "ssim": 0.91234,
            "nmae": 0.01,
            "lf_psnr_db": 30.126,
            "lf_ssim": 0.88888,
        },
        {"method": "CG-SENSE", "psnr_db": 30.1, "ssim": 0.85, "nmae": 0.02},
    ]
    table = {"data": "patient 19", "subjects": ["19"], "rows": rows}
    card.update(task="reconstruct", scale=None, results=[table])
    return {**card, "acceleration": [4, 8.5], "sampling": ["random-lines", "poisson-disc"], "coils": [8, 8]}


def test_what_raw_data_a_model_was_made_for(shown, reconstructs):
    text = shown(reconstructs)
    assert "Acceleration: 4 – 8.5-fold" in text
    assert "Sampling: random lines, Poisson discs" in text
    assert "Receive coils: 8\n" in text
    assert "Spacing of the image:" in text


def test_a_card_that_says_nothing_of_raw_data(shown, card, reconstructs):
    for text in (shown(card), shown({**reconstructs, "acceleration": None, "sampling": None, "coils": None})):
        assert "Acceleration" not in text
        assert "Sampling" not in text
        assert "coils" not in text


def test_the_librarys_card_is_shown(shown, reconstructs):
    from mrienhance.models import ModelCard

    text = shown(json.loads(ModelCard.from_dict(reconstructs).to_json()))
    assert "Acceleration: 4 – 8.5-fold" in text
    assert "30.13" in text


def test_figures_of_lesions_have_columns_and_missing_ones_a_dash(shown, reconstructs):
    lines = [line.strip() for line in shown(reconstructs).splitlines()]
    assert lines[lines.index("Method") :][:18] == [
        *("Method", "PSNR (dB)", "SSIM", "NMAE", "LF-PSNR (dB)", "LF-SSIM"),
        *("LF-MRI", "33.46", "0.9123", "0.0100", "30.13", "0.8889"),
        *("CG-SENSE", "30.10", "0.8500", "0.0200", "–", "–"),
    ]


def test_the_best_row_is_bold(host, reconstructs):
    from MRIEnhanceBridge.cards import card_html

    page = card_html(reconstructs)
    assert "<b>33.46</b>" in page
    assert "<span>30.10</span>" in page


def test_columns_of_another_kind_are_shown_too(shown, card):
    card["results"] = [{"data": "d", "subjects": [], "rows": [{"method": "m", "lf_psnr_db": 12.0, "boxes<": 3}]}]
    text = shown(card)
    assert "boxes<" in text
    assert "12.00" in text
    assert "SSIM" not in text.replace("LF-SSIM", "")
