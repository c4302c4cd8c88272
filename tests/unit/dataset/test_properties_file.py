from shapewright.dataset.properties_file import numbered_entries, read_properties


def test_escapes_comments_continuations_and_separators(tmp_path):
    path = tmp_path / "a.properties"
    path.write_bytes(
        b"# comment\r\n! another\r\nname#1=B\\u00e9b\\u00e9 \xe9\r\n  key with\\ space : v\r\n"
        b"long=one \\\r\n   two\r\nempty=\r\npath=C\\:\\\\x\\ty\r\n"
    )
    table = read_properties(path)
    assert table["name#1"] == "Bébé é"
    assert table["long"] == "one two"
    assert table["empty"] == ""
    assert table["path"] == "C:\\x\ty"


def test_numbered_entries_are_grouped_in_order():
    table = {"name#10": "b", "id": "x", "name#2": "a", "tags#2": "t", "odd#x": "no"}
    assert numbered_entries(table) == {2: {"name": "a", "tags": "t"}, 10: {"name": "b"}}
    assert list(numbered_entries(table)) == [2, 10]
