import pytest

from shapewright.dataset.model_licenses import author_in_folder, short_license

HTML = "<style>x{}</style><p>Released by <b>victor&amp;bied</b>. Added texture</p>"


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("Public domain", "CC0-1.0"),
        ("Creative Commons Attribution 3.0 license", "CC-BY-3.0"),
        ("Creative Commons Attribution 3.0 United States license  Copyright X", "CC-BY-3.0-US"),
        ("MIT", "MIT"),
    ],
)
def test_short_names(text, short):
    assert short_license(text) == short


def test_authors_in_text_and_html(tmp_path):
    assert author_in_folder(tmp_path) is None
    (tmp_path / "93 - LICENSE.html").write_text(HTML)
    assert author_in_folder(tmp_path) == "victor&bied"
    (tmp_path / "93 - LICENSE.html").unlink()
    (tmp_path / "BLENDSWAP_LICENSE.txt").write_text(
        'downloading "Deck Chair" by north.star\nReleased under\n'
    )
    assert author_in_folder(tmp_path) == "north.star"
