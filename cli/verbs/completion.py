"""`callplane completion`: what a shell needs to complete the verbs and their options."""

import argparse
from collections.abc import Callable, Iterator

_ABOUT = """\
Print a script that lets your shell complete verbs and options."""

_EXAMPLES = """\
  callplane completion bash > ~/.local/share/bash-completion/completions/callplane
  callplane completion zsh > "${fpath[1]}/_callplane"
  callplane completion fish > ~/.config/fish/completions/callplane.fish"""

Node = tuple[tuple[str, ...], list[str], list[str]]
"""The verbs so far, the verbs that may follow, and the options."""


def nodes(parser: argparse.ArgumentParser, path: tuple[str, ...] = ()) -> Iterator[Node]:
    """Every place of the command line."""
    verbs: dict[str, argparse.ArgumentParser] = {}
    words: list[str] = []
    options: list[str] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            verbs |= action.choices
        elif action.option_strings:
            options += [option for option in action.option_strings if option.startswith("--")]
        elif action.choices:
            words += [str(choice) for choice in action.choices]
    yield path, [*verbs, *words], options
    for name, verb in verbs.items():
        yield from nodes(verb, (*path, name))


def bash(parser: argparse.ArgumentParser) -> str:
    """For bash, from 4 on."""
    cases = "\n".join(
        f'    "{" ".join(path)}") words="{" ".join(verbs + options)}" ;;' for path, verbs, options in nodes(parser)
    )
    return f"""\
_callplane() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" path="" word words=""
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$word" in -*) break ;; *) path="${{path:+$path }}$word" ;; esac
  done
  case "$path" in
{cases}
    *) words="" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ ${{#COMPREPLY[@]}} -gt 0 ] || compopt -o default 2>/dev/null
}}
complete -F _callplane callplane
"""


def zsh(parser: argparse.ArgumentParser) -> str:
    """For zsh, which runs functions of bash."""
    return f"#compdef callplane\nautoload -U +X bashcompinit && bashcompinit\n{bash(parser)}"


def fish(parser: argparse.ArgumentParser) -> str:
    """For fish."""
    lines = ["complete -c callplane -f"]
    for path, verbs, options in nodes(parser):
        seen = " && ".join(f"__fish_seen_subcommand_from {verb}" for verb in path)
        when = seen or "__fish_use_subcommand"
        if verbs:
            but = f" && not __fish_seen_subcommand_from {' '.join(verbs)}" if path else ""
            lines.append(f'complete -c callplane -n "{when}{but}" -a "{" ".join(verbs)}"')
        lines += [f'complete -c callplane -n "{when}" -l {option[2:]}' for option in options if path]
    return "\n".join(lines) + "\n"


SHELLS: dict[str, Callable[[argparse.ArgumentParser], str]] = {"bash": bash, "zsh": zsh, "fish": fish}


def add(among: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Put the verb on the command line."""
    parser = among.add_parser(
        "completion",
        help="print a script that completes verbs and options",
        description=_ABOUT,
        epilog=f"examples:\n{_EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=list(SHELLS))
