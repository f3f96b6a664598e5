"""Shell completion: what bash offers, run in bash; what zsh and fish are given."""

import subprocess

import pytest

from cli import __main__ as command
from cli.verbs import completion


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert command.main(["completion", shell]) == 0
    return capsys.readouterr().out


def offered(given: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    """What bash offers behind these words, of which the last is being typed."""
    words = " ".join(f"'{word}'" for word in given.split(" "))
    ask = (
        f'COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _callplane; printf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    run = subprocess.run(
        ["bash", "-euc", f"{script('bash', capsys)}\n{ask}"], capture_output=True, text=True, check=True, timeout=20
    )
    return set(run.stdout.split())


@pytest.mark.parametrize(
    ("given", "among"),
    [
        ("callplane ", {"up", "check", "join", "tail", "load", "sessions", "completion"}),
        ("callplane se", {"sessions"}),
        ("callplane sessions ", {"list", "show", "close", "--help"}),
        ("callplane sessions list --st", {"--status"}),
        ("callplane ", {"participants", "signal", "replay", "profile"}),
        ("callplane participants ", {"list", "mute", "unmute", "grant", "stop-stream", "kick", "bans", "unban"}),
        ("callplane participants grant --", {"--publish", "--no-chat", "--role", "--profile"}),
        ("callplane profile ", {"add", "list", "use", "remove"}),
        ("callplane join --re", {"--record"}),
        ("callplane sessions list --", {"--watch", "--json", "--url"}),
        ("callplane completion ", {"bash", "zsh", "fish"}),
    ],
)
def test_bash_offers_verbs_and_options(given: str, among: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    found = offered(given, capsys)
    assert among <= found
    assert all(word.startswith(given.rpartition(" ")[2]) for word in found)


def test_zsh_uses_what_bash_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert script("zsh", capsys).startswith("#compdef callplane\n")
    assert script("bash", capsys) in script("zsh", capsys)


def test_fish_knows_every_verb_and_option(capsys: pytest.CaptureFixture[str]) -> None:
    lines = script("fish", capsys).splitlines()
    assert any("__fish_use_subcommand" in line and "sessions" in line for line in lines)
    assert any("from sessions && __fish_seen_subcommand_from list" in line and "-l watch" in line for line in lines)
    assert set(completion.SHELLS) == {"bash", "zsh", "fish"}
