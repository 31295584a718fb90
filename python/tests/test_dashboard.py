"""The live page in a real browser, as its users see it: while a search goes on, and afterwards.

`MUNAS` names the binary, else it is the release build of this repository; `MUNAS_CHROMIUM` names the browser, else it
is Debian's. With `MUNAS_PICTURES`, pictures of the page are kept in that folder.
"""

from __future__ import annotations

import http.client
import io
import json
import os
import shutil
import signal
import subprocess
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import HERE

MUNAS = Path(os.environ.get("MUNAS") or HERE.parents[1] / "target" / "release" / "munas")
if not MUNAS.exists():
    pytest.skip(f"there is no munas at {MUNAS}; the variable MUNAS names another", allow_module_level=True)

CHROMIUM = os.environ.get("MUNAS_CHROMIUM") or shutil.which("chromium")
QUICK = ["--data", "glyphs", "--set", "train.epochs=4", "--max-macs", "60K", "--max-peak-memory", "1KB"]


def search(out: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A search that goes on."""
    with (out.parent / f"{out.name}.log").open("wb") as log:
        return subprocess.Popen([MUNAS, "search", *QUICK, "--out", out, *arguments], stdout=log, stderr=log)


class Dashboard:
    """A server of the page."""

    def __init__(self, *places: Path) -> None:
        command = [MUNAS, "dashboard", *places, "--json"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self.process.stdout
        text = b""
        while not text.endswith(b"}\n"):
            line = self.process.stdout.readline()
            assert line, self.process.stderr.read() if self.process.stderr else b""
            text += line
        document = json.loads(text)
        self.address, self.port = document["address"], document["port"]
        self.token = self.address.split("token=")[1]

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """A request as anything on this machine can send it; `headers` may take the cookie away."""
        given = {"Host": f"127.0.0.1:{self.port}", "Cookie": f"munas-{self.port}={self.token}"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.putrequest(method, path, skip_host=True)
        for name, value in given.items():
            if value:
                connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), content

    def end(self) -> tuple[int, bytes]:
        """Ends it with Ctrl-C: its status, and all that it has said on standard error."""
        self.process.send_signal(signal.SIGINT)
        _, error = self.process.communicate(timeout=10)
        return self.process.returncode, error


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a run that has ended, and one whose search goes on."""
    folder = tmp_path_factory.mktemp("runs")
    assert search(folder / "ended", "--trials", "12", "--seed", "1").wait() == 0
    going = search(folder / "going", "--trials", "100000")
    until((folder / "going" / "journal.db").exists, "the search does not begin")
    yield folder
    going.send_signal(signal.SIGINT)
    going.wait()


@pytest.fixture(scope="module")
def dashboard(runs: Path) -> Iterator[Dashboard]:
    """The page of that folder."""
    dashboard = Dashboard(runs)
    yield dashboard
    status, error = dashboard.end()
    assert status == 0
    assert dashboard.token.encode() not in error, "the token is in no log"


def test_only_the_page_itself_is_answered(dashboard: Dashboard) -> None:
    status, headers, page = dashboard.ask("/")
    assert status == 200 and b"<title>munas</title>" in page
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    refused = [
        dashboard.ask("/", Host="evil.example"),
        dashboard.ask("/api/runs", Host=f"evil.example:{dashboard.port}"),
        dashboard.ask("/api/runs", Origin="http://evil.example"),
        dashboard.ask("/api/runs", Origin="null"),
        dashboard.ask("/api/runs", Sec_Fetch_Site="cross-site"),
        dashboard.ask("/", Cookie=""),
        dashboard.ask("/script.js", Cookie=""),
        dashboard.ask("/api/runs", Cookie=f"munas-{dashboard.port}=0123"),
        dashboard.ask("/?token=0123", Cookie=""),
    ]
    assert [status for status, *_ in refused] == [403] * len(refused)
    assert all("set-cookie" not in headers for _, headers, _ in refused)
    assert dashboard.ask("/api/runs", method="POST")[0] == 405
    status, headers, _ = dashboard.ask(f"/?token={dashboard.token}", Cookie="")
    assert status == 200 and "HttpOnly" in headers["set-cookie"] and "SameSite=Strict" in headers["set-cookie"]


def test_nothing_outside_the_runs_is_read(dashboard: Dashboard) -> None:
    assert len(json.loads(dashboard.ask("/api/runs")[2])["runs"]) == 2
    for path in (
        "/api/runs/7",
        "/api/runs/..%2f..%2fetc",
        "/api/runs/0/trials/..%2f..%2f..%2fjournal.db",
        "/api/runs/0/trials/99999",
        "/../../etc/passwd",
        "/api/runs/0/%2e%2e/%2e%2e/experiment.toml",
        "/experiment.toml",
    ):
        status, _, content = dashboard.ask(path)
        assert status in (400, 404) and b"root:" not in content, path


def test_networks_are_downloaded(dashboard: Dashboard, runs: Path) -> None:
    front = subprocess.run([MUNAS, "front", runs / "ended", "--json"], capture_output=True, check=True)
    trial = json.loads(front.stdout)[0]["trial"]
    status, headers, model = dashboard.ask(f"/api/runs/0/trials/{trial}/model.tflite")
    assert status == 200 and model[4:8] == b"TFL3"
    assert headers["content-disposition"] == f'attachment; filename="trial-{trial}.tflite"'
    archive = zipfile.ZipFile(io.BytesIO(dashboard.ask(f"/api/runs/0/trials/{trial}/c.zip")[2]))
    assert {"model.c", "model.h", "model_test.c", "README.md"} <= set(archive.namelist())
    names = [row["trial"] for row in json.loads(front.stdout)]
    other = next(number for number in range(1, 13) if number not in names)
    status, _, reason = dashboard.ask(f"/api/runs/0/trials/{other}/model.tflite")
    assert status == 404 and b"not kept" in reason


def test_what_is_missing_is_said(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "ended", tmp_path / "damaged")
    (tmp_path / "damaged" / "journal.db").write_bytes(b"no database")
    shutil.copytree(runs / "ended", tmp_path / "whole")
    dashboard = Dashboard(tmp_path)
    listed = json.loads(dashboard.ask("/api/runs")[2])
    assert [run["name"] for run in listed["runs"]] == ["whole"]
    assert len(listed["unreadable"]) == 1 and "damaged" in listed["unreadable"][0], listed
    assert dashboard.end()[0] == 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any, dashboard: Dashboard) -> Iterator[Any]:
    """The page of the search that goes on; whatever goes wrong in it is an error."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    problems: list[str] = []
    outside: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    own = ("http://127.0.0.1", "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(own) else outside.append(request.url))
    page.goto(dashboard.address)
    until(lambda: "networks" in page.text_content("#shown"), "the page shows no networks")
    yield page
    assert not problems, problems
    assert not outside, outside
    page.close()


def shown(page: Any) -> int:
    """Networks that pass the filters."""
    return int(page.text_content("#shown").split()[0])


def choose(page: Any, run: str) -> None:
    """Shows another run."""
    page.select_option("#run", label=run)
    until(lambda: page.text_content("#state").startswith(f"{run}:"), "the other run is not shown")
    until(lambda: shown(page) > 2, "no networks")


def until(condition: Any, what: str, limit: float = 30) -> None:
    """Waits for something on the page."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < limit, what
        time.sleep(0.1)


def test_points_appear_while_the_search_goes_on(page: Any, dashboard: Dashboard) -> None:
    assert dashboard.token not in page.url, "the token does not stay in the address"
    assert "going" in page.text_content("#run option:checked") and "searching" in page.text_content("#state")
    before = shown(page)
    until(lambda: shown(page) > before + 3, "no points appear")
    until(lambda: page.locator("#curves canvas").count() > 0, "no training is shown")
    until(lambda: page.locator("#progress svg").count() > 0, "no hypervolume is shown")
    assert painted(page, "#plots canvas") > 200
    assert painted(page, "#parallel") > 200


def painted(page: Any, selector: str) -> int:
    """Pixels of a canvas that are not empty."""
    return int(
        page.eval_on_selector(
            selector,
            "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data"
            ".filter((value, at) => at % 4 === 3 && value > 0).length",
        )
    )


def test_filters_and_order(page: Any) -> None:
    choose(page, "ended")
    everything = shown(page)
    slider = page.locator("#filters input[data-field='z']")
    slider.fill("500")
    assert 0 < shown(page) < everything
    assert "≤" in slider.locator("xpath=..").text_content()
    page.click("#reset")
    assert shown(page) == everything
    page.click("#table th[data-field='c'] button")
    sizes = page.locator("#table tbody tr").evaluate_all("rows => rows.map(row => row.dataset.key)")
    page.click("#table th[data-field='c'] button")
    assert page.locator("#table tbody tr").evaluate_all("rows => rows.map(row => row.dataset.key)")[0] == sizes[-1]
    # The keyboard does what a click does.
    page.locator("#table tbody tr").first.focus()
    page.keyboard.press("Enter")
    until(lambda: page.locator("#chosen article").count() == 1, "Enter opens nothing")
    page.keyboard.press("Escape")
    until(lambda: page.locator("#chosen article").count() == 0, "Escape closes nothing")


def test_a_click_opens_a_network_and_two_stand_side_by_side(page: Any, tmp_path: Path) -> None:
    choose(page, "ended")
    page.check("#whole")
    box = page.locator("#plots canvas").first.bounding_box()
    left, top, width, height = box["x"], box["y"], box["width"], box["height"]
    for across in range(60, int(width) - 12, 6):
        for down in range(12, int(height) - 40, 6):
            if page.locator("#chosen article").count() == 0:
                page.mouse.move(left + across, top + down)
                if page.eval_on_selector("#plots canvas", "canvas => canvas.style.cursor") == "pointer":
                    page.mouse.click(left + across, top + down)
    until(lambda: page.locator("#chosen article svg").count() >= 1, "no memory is shown")
    assert "Training" in page.text_content("#chosen article")
    page.locator("#table tbody tr:not(.chosen-row)").first.click()
    until(lambda: page.locator("#chosen article").count() == 2, "not two")
    boxes = [article.bounding_box() for article in page.locator("#chosen article").all()]
    assert boxes[0]["y"] == boxes[1]["y"] and boxes[0]["x"] < boxes[1]["x"], "side by side"
    key = page.locator("#table tbody tr:has(.key.front)").first
    if "chosen-row" not in (key.get_attribute("class") or ""):
        key.click()
    trial = key.get_attribute("data-key").split("/")[1]
    article = page.locator("#chosen article", has_text=f"trial {trial}").first
    with page.expect_download() as download:
        article.get_by_text(".tflite").click()
    download.value.save_as(tmp_path / "model.tflite")
    priced = subprocess.run([MUNAS, "cost", tmp_path / "model.tflite", "--json"], capture_output=True, check=True)
    assert json.loads(priced.stdout)["model_size"] > 0
    checker = os.environ.get("MUNAS_PYTHON")
    if checker:
        loads = (
            "import sys; from tflite_micro.python.tflite_micro import runtime; "
            "runtime.Interpreter.from_file(sys.argv[1])"
        )
        subprocess.run([checker, "-c", loads, tmp_path / "model.tflite"], check=True)


def test_two_runs_side_by_side(page: Any) -> None:
    choose(page, "ended")
    alone = shown(page)
    going = page.locator("#other option", has_text="going").get_attribute("value")
    page.select_option("#other", value=going)
    until(lambda: shown(page) > alone, "the other run has no points")
    until(lambda: page.is_visible("#other-key"), "no key of the other run")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_narrow_wide_light_and_dark(page: Any, width: int, theme: str) -> None:
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 900})
    choose(page, "ended")
    page.locator("#table tbody tr").first.click()
    until(lambda: page.locator("#chosen article svg").count() >= 1, "no memory is shown")
    until(lambda: page.locator("#progress svg").count() > 0, "no hypervolume is shown")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, f"the page is {wide} pixels wide"
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = sum(int(part) for part in background.strip("rgb()").split(",")) < 200
    assert dark == (theme == "dark"), background
    if folder := os.environ.get("MUNAS_PICTURES"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"dashboard-{width}-{theme}.png", full_page=True)
