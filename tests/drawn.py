"""What every exhibit must do: be drawn and said in both languages, with a label for every column."""

from __future__ import annotations

from kamlib import words


def drawn_in_both_languages(table, plot, claim):
    """Draw and say `table`; every column has a label, no claim holds a missing value, the languages differ."""
    assert not [column for column in table.columns if column not in words.LABELS]
    said = {}
    for lang in words.LANGUAGES:
        words.speak(lang, "CNY")
        said[lang] = claim(table, lang=lang)
        assert "nan" not in said[lang]
        assert plot(table).figure
    assert said["en"] != said["zh"]
    return said
