"""Examples of the help and of the pages: every one of them is a command line that there is."""

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.__main__ import _parser
from testkit.deploy.manifests import ROOT

PAGE = ROOT / "docs/howto/use-the-command-line.md"
PARSER = _parser()
EXAMPLE = re.compile(r"^ +callplane ((?:[^\n\\]|\\\n)+)$", re.M)


def helps(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    """Each verb, and what stands before and behind its options."""
    yield parser.prog, f"{parser.description or ''}\n{parser.epilog or ''}"
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                yield from helps(verb)


def examples(text: str) -> list[list[str]]:
    """The command lines in it, without what is said of them behind two spaces, and without what a shell does."""
    lines = [re.sub(r"\\\n\s*", "", line) for line in EXAMPLE.findall(text)]
    return [shlex.split(re.split(r"\s{2,}(?=[a-z])|\s[>|]\s", line)[0]) for line in lines]


def parsed(words: list[str]) -> argparse.Namespace:
    return PARSER.parse_args([word.replace("...", "x") for word in words])


def test_every_example_of_the_help_is_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hook.secret").write_text("whsec_" + "A" * 32)  # an option that is a file is read with the command line
    among = [(verb, text) for verb, text in helps(PARSER) if verb != "callplane"]  # which lists the verbs
    found = [(verb, words) for verb, text in among for words in examples(text)]
    assert len(found) > 30
    for verb, words in found:
        try:
            parsed(words)
        except SystemExit:
            pytest.fail(f"{verb}: callplane {shlex.join(words)}: {capsys.readouterr().err}")


def test_every_verb_has_an_example() -> None:
    silent = [verb for verb, text in helps(PARSER) if len(verb.split()) == 2 and not examples(text)]
    assert silent == ["callplane version"]


def test_every_line_of_the_page_is_one() -> None:
    found = examples(PAGE.read_text())
    assert len(found) > 8
    for words in found:
        parsed(words)
