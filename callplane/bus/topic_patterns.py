"""Topic patterns: whether a routing key matches a binding, as RabbitMQ's topic exchanges judge it."""


def matches(pattern: str, key: str) -> bool:
    """``*`` is one word, ``#`` any number of them, none as well."""
    return _matches(pattern.split("."), key.split(".") if key else [])


def _matches(pattern: list[str], words: list[str]) -> bool:
    if not pattern:
        return not words
    head, rest = pattern[0], pattern[1:]
    if head == "#":
        return any(_matches(rest, words[skipped:]) for skipped in range(len(words) + 1))
    return bool(words) and head in ("*", words[0]) and _matches(rest, words[1:])
