"""What people see."""

import json

import pytest

from cli.verbs.printing import print_facts, print_json, print_table


def test_columns_line_up(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"name": "a", "memory_MiB": 7, "cordoned": True}, {"name": "longer", "memory_MiB": None, "cordoned": False}]
    print_table(rows, "name", "memory_MiB", "cordoned", nothing="none")
    assert capsys.readouterr().out.splitlines() == [
        "NAME    MEMORY MIB  CORDONED",
        "a       7           yes",
        "longer  -           no",
    ]


def test_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([], "name", nothing="There is nothing.")
    assert capsys.readouterr().out == "There is nothing.\n"


def test_what_others_wrote_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_facts({"id": 1, "custom_id": "\x1b[2Jé\n", "metadata": {"a": "b"}})
    assert capsys.readouterr().out == 'id         1\ncustom id  \ufffd[2Jé\ufffd\nmetadata   {"a": "b"}\n'


def test_json_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "é", "none": None})
    assert json.loads(capsys.readouterr().out) == {"name": "é", "none": None}
