"""One browser and one page for all tests of the page."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from psci.graphs.page.assemble import page


def _module() -> ModuleType:
    # tests are imported by path, so that their helpers are not packages
    spec = importlib.util.spec_from_file_location("browser_of_the_page", Path(__file__).with_name("browser.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("page") / "psci.html"
    file.write_text(page(), encoding="utf-8")
    return file.as_uri()


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """A function that starts a browser; all are ended at last."""
    module = _module()
    if module.executable() is None:
        pytest.skip("NO BROWSER: the explorer page is not tested; apt-get install chromium")
    started: list[Any] = []

    def begin(**how: Any) -> Any:
        started.append(module.Browser(tmp_path_factory.mktemp("profile"), **how))
        return started[-1]

    yield begin
    for browser in started:
        browser.__exit__(None, None, None)


@pytest.fixture(scope="session")
def browser(start: Callable[..., Any]) -> Any:
    return start()


@pytest.fixture
def opened(browser: Any, address: str) -> Iterator[Any]:
    """The page as it is at first; a test fails if the page threw meanwhile."""
    browser.problems.clear()
    browser.open(address)
    yield browser
    assert browser.problems == []
