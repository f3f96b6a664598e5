"""Every word of docs/glossary.md has its code name in its file, and each word stands there once."""

import re
from collections import Counter

from testkit.deploy.manifests import ROOT

ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs/glossary.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith(("| word ", "| seen "))
]
WORDS = [row for row in ROWS if len(row) == 5]


def test_every_code_name_is_in_its_file() -> None:
    assert len(WORDS) > 40
    missing = [(word, code, file) for word, _, code, _, file in WORDS if not is_in(code.strip("`"), file.strip("`"))]
    assert missing == []


def test_every_word_has_one_row() -> None:
    assert [word for word, times in Counter(row[0] for row in WORDS).items() if times > 1] == []


def is_in(name: str, file: str) -> bool:
    """Whether the file has the name, as a whole word."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", (ROOT / file).read_text()) is not None
