"""Others that know Gmail, installed by `make node-env`: Google's client for Node, and an independent server."""

import shutil
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def node() -> str:
    """The path of Node, where it and the packages of package.json are there."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("Node is not installed: the second opinions of its packages are not asked")
    if not (HERE / "node_modules" / "emulate").is_dir():
        pytest.skip("the packages of tests/second_opinions/package.json are not installed: run `make node-env`")
    return found
