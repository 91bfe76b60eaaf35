"""What every document must hold to: its links lead somewhere, and the README stays short."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
MOST_README_LINES = 150
# Places that an installation has; any other absolute path is somebody's own machine.
INSTALLED = ("/etc/", "/opt/afpd", "/run/credstore", "/usr/", "/var/lib", "/var/backups")
_CODE = re.compile(r"```.*?```|^(?: {4}|\t)[^\n]*$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
_PATH = re.compile(r"(?<![\w/.:*>…-])/(?:home|root|tmp|work|Users|mnt|srv|etc|opt|usr|var|run)\b[\w./-]*")


def links(document: Path) -> Iterator[str]:
    """Yield the targets of a document's links, those in code left out."""
    yield from _LINK.findall(_CODE.sub("", document.read_text()))


def anchors(document: Path) -> set[str]:
    """Return the anchors that a document's headings get on a page."""
    headings = re.findall(r"^#+ +(.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def broken(document: Path, target: str) -> bool:
    """Tell whether a link within the project leads nowhere."""
    if re.match(r"[a-z]+:", target):
        return False
    name, _, anchor = target.partition("#")
    file = document.parent / name if name else document
    return not file.exists() or bool(anchor and anchor not in anchors(file))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_of_a_document_leads_somewhere(document):
    assert [target for target in links(document) if broken(document, target)] == []


def test_a_link_to_a_missing_file_or_heading_is_noticed(tmp_path):
    document = tmp_path / "one.md"
    document.write_text("# One thing\n[a](#one-thing) [b](two.md) [c](one.md#two) [d](https://example.com)\n")
    assert [target for target in links(document) if broken(document, target)] == ["two.md", "one.md#two"]


def test_the_readme_has_at_most_150_lines_and_names_the_two_commands():
    readme = (ROOT / "README.md").read_text()
    assert len(readme.splitlines()) <= MOST_README_LINES
    assert "make demo" in readme
    assert "make test" in readme


def test_the_readme_leads_to_every_document():
    found = set(links(ROOT / "README.md"))
    missing = [path.name for path in ROOT.glob("docs/*.md") if f"docs/{path.name}" not in found]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_document_names_a_path_of_a_developers_machine(document):
    found = _PATH.findall(document.read_text())
    assert [path for path in found if not path.startswith(INSTALLED)] == []
