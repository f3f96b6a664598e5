"""docs/messages.md is what the classes of messages say now."""

import runpy
from typing import get_args

from callplane.contracts.messages import MessageType
from testkit.deploy.manifests import ROOT

SCRIPT = ROOT / "docs/make_messages.py"


def test_the_page_is_up_to_date() -> None:
    page = runpy.run_path(str(SCRIPT))["page"]()
    assert (ROOT / "docs/messages.md").read_text() == page, "make it again: python docs/make_messages.py"
    assert [type_ for type_ in get_args(MessageType) if f"`{type_}`" not in page] == []


def test_every_field_says_what_it_is() -> None:
    rows = [line for line in (ROOT / "docs/messages.md").read_text().splitlines() if line.startswith("| `")]
    assert len(rows) > 60
    assert [row for row in rows if row.endswith("|  |")] == []
