"""Every test starts from the same random numbers, on one thread."""

import shutil

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)

# the same examples everywhere: a change is judged by what it changes
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")


@pytest.fixture(scope="session", autouse=True)
def one_cache(tmp_path_factory):
    """Kernels that one test has built serve the others; nothing of the user's is touched."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def same_random_numbers():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install playwright"
    )
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, tmp_path):
    """A page in a browser without a network; what it complains of fails the test."""
    contexts, troubles = [], []

    def outside(url):
        if not url.startswith(("file:", "data:")):
            troubles.append(url)

    def open_page(html, scheme="light", width=1280):
        file = tmp_path / "page.html"
        file.write_text(html, encoding="utf-8")
        context = browser.new_context(
            color_scheme=scheme, offline=True, viewport={"width": width, "height": 900}
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on(
            "console", lambda said: troubles.append(said.text) if said.type == "error" else None
        )
        page.on("request", lambda asked: outside(asked.url))
        page.goto(file.as_uri())
        page.scheme = scheme
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not troubles
