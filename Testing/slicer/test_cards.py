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
