from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_every_module_has_a_test_file_of_its_own() -> None:
    package, tests = ROOT / "kurento_client", ROOT / "tests" / "unit" / "kurento_client"
    modules = [each.relative_to(package) for each in package.rglob("*.py") if each.name != "__init__.py"]
    assert len(modules) > 20
    assert [str(each) for each in modules if not (tests / each.parent / f"test_{each.name}").exists()] == []


def test_no_module_passes_300_lines() -> None:
    long = [each for each in (ROOT / "kurento_client").rglob("*.py") if len(each.read_text().splitlines()) > 300]
    assert long == []
