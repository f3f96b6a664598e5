"""What comments, docstrings and pages cite exists: sections of the design and the protocol, decisions, files, names."""

import io
import itertools
import re
import subprocess
import tokenize
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from testkit.deploy.manifests import ROOT

PACKAGES = (
    "api",
    "bench",
    "callplane",
    "cli",
    "hooks",
    "kurento_client",
    "mediaserver",
    "testkit",
    "tests",
    "web",
    "wrapper",
)
FOLDERS = (*PACKAGES, "docker", "docs", "k8s")
NUMBER = r"\d+(?:\.\d+)?"
NUMBERS = rf"{NUMBER}(?:(?:, and | and |, |-){NUMBER})*"
SECTION = re.compile(rf"\b(design|protocol|checklist|decision)s? ({NUMBERS})(?![\d.]*\w)", re.I)
BARE = re.compile(r"\((\d{1,2}(?:\.\d{1,2})?(?:, \d{1,2}\.\d{1,2})*)\)")
"""In the protocol's own rooms a section is cited without its page."""
PATH = re.compile(rf"(?<![\w./-])(?:{'|'.join(FOLDERS)})/[\w./*-]*[\w*/]")
NAME = re.compile(rf"`{{1,2}}((?:{'|'.join(PACKAGES)})(?:\.\w+)+)`{{1,2}}")
COMMENTS = {".js": r"/\*.*?\*/|(?<!:)//[^\n]*", ".mjs": r"/\*.*?\*/|(?<!:)//[^\n]*"}
NO_FILES = re.compile(r"callplane/(?:enters|media)|docker/\.env")
"""Labels of Kubernetes, and what whoever starts compose writes."""
HISTORY = ("CHANGELOG.md",)
"""What it names was there then."""


def committed() -> list[Path]:
    """Every file that git knows, or would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=20).stdout
    return [path for line in listed.splitlines() if (path := ROOT / line).is_file()]


def said_in_python(text: str) -> Iterator[str]:
    """Comments, joined where one follows another, and texts that stand alone: docstrings."""
    comments, begins = [], True
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            comments.append((token.start[0], token.string.lstrip("#")))
        elif token.type == tokenize.STRING and begins:
            yield token.string
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            begins = token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    for _, run in itertools.groupby(enumerate(comments), lambda item: item[1][0] - item[0]):
        yield " ".join(comment for _, (_, comment) in run)


def said_in(path: Path) -> Iterator[str]:
    """What a file says to people, in pieces."""
    if path.suffix in (".py", ".md", *COMMENTS) or path.suffix in (".yaml", ".yml", ".sh", "") or "Docker" in path.name:
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            return
        if path.suffix == ".py":
            yield from said_in_python(text)
        elif path.suffix == ".md":
            yield text
        else:
            yield from re.findall(COMMENTS.get(path.suffix, r"(?m)^\s*#.*$|\s#.*$"), text, re.S | re.M)


SAID = [(str(path.relative_to(ROOT)), re.sub(r"\s+", " ", piece)) for path in committed() for piece in said_in(path)]


def sections_of(page: str) -> set[str]:
    """The numbers of a page's headings, and of the numbered points below them."""
    numbers, within = set(), ""
    for line in (ROOT / page).read_text().splitlines():
        if heading := re.match(r"#{2,3} (\d+(?:\.\d+)?)\.? ", line):
            within = heading[1]
            numbers.add(within)
        elif point := re.match(r"(\d+)\. ", line):
            numbers.add(f"{within}.{point[1]}")
    return numbers


DESIGN, PROTOCOL = sections_of("docs/design.md"), sections_of("docs/kurento-protocol.md")
KNOWN = {
    "design": DESIGN,
    "protocol": PROTOCOL,
    "checklist": {number.removeprefix("16.") for number in PROTOCOL if number.startswith("16.")},
    "decision": {path.name[:4].lstrip("0") for path in (ROOT / "docs/decisions").glob("0*.md")},
}


def test_every_section_that_is_cited_exists() -> None:
    cited = [(where, page.lower(), number) for where, page, number in citations()]
    assert len(cited) > 250
    assert [one for one in cited if one[2] not in KNOWN[one[1]]] == []


def citations() -> Iterator[tuple[str, str, str]]:
    """Where, which page, which section: of a range its two ends."""
    for where, piece in SAID:
        for page, numbers in SECTION.findall(piece):
            yield from ((where, page, number) for number in re.findall(NUMBER, numbers))
        if where.startswith(("kurento_client/", "docs/kurento-protocol.md")):
            for numbers in BARE.findall(piece):
                yield from ((where, "protocol", number) for number in re.findall(NUMBER, numbers))


def test_every_file_that_is_cited_exists() -> None:
    cited = [(where, name) for where, piece in SAID if where not in HISTORY for name in PATH.findall(piece)]
    assert len(cited) > 100
    assert [one for one in cited if not there(one[1])] == []


def there(name: str) -> bool:
    """A file, a folder, or a pattern of some."""
    if NO_FILES.fullmatch(name):
        return True
    return any(ROOT.glob(name.strip("/"))) if "*" in name else (ROOT / name.rstrip(".")).exists()


def test_every_name_of_ours_that_is_cited_exists() -> None:
    cited = [(where, name) for where, piece in SAID if where not in HISTORY for name in NAME.findall(piece)]
    assert len(cited) > 5
    assert [one for one in cited if not is_name(one[1])] == []


def is_name(dotted: str) -> bool:
    """A package, a module, or what a module says itself: ``package.module.Thing`` and its attribute."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:length])
        if path.is_dir():
            return length == len(parts) or (path / parts[length]).exists() or _says(path / "__init__.py", parts[length])
        if path.with_suffix(".py").is_file():
            return length == len(parts) or _says(path.with_suffix(".py"), parts[length])
    return find_spec(parts[0]) is not None


def _says(path: Path, name: str) -> bool:
    return path.is_file() and re.search(rf"\b{re.escape(name)}\b", path.read_text()) is not None


@pytest.mark.parametrize("piece", ["(protocol 9.4, 1.4)", "design 5 and 7.2", "checklist 15-19, 21", "Design 3.4: so"])
def test_citations_are_seen(piece: str) -> None:
    assert SECTION.search(piece)
