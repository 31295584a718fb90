"""The package as its users use it: arrays in, a front, predictions and firmware out."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

munas = pytest.importorskip("munas", reason="the package is not installed", exc_type=ImportError)
datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")

QUICK: dict[str, Any] = {"settings": {"train.epochs": 3, "search.rungs": 1}, "workers": 2, "progress": False}


@pytest.fixture(scope="module")
def digits() -> tuple[Any, Any]:
    """1,797 pictures of digits of 8x8, in 0..=16."""
    loaded = datasets.load_digits()
    return loaded.images.astype(np.uint8), loaded.target


@pytest.fixture(scope="module")
def run(digits: tuple[Any, Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A short search on them."""
    x, y = digits
    out = tmp_path_factory.mktemp("runs") / "digits"
    return munas.search(
        x[:1400], y[:1400], test=(x[1400:], y[1400:]), max_peak_memory="1KB", trials=12, out=out, **QUICK
    )


def test_a_search_of_arrays_has_a_front(run: Any) -> None:
    status = run.status()
    assert (status["done"], status["active"], status["end_reason"]) == (12, False, "trials")
    front = run._front({})
    assert front
    assert all(trial["objective_peak_memory"] <= 1000 for trial in front), "bounds are hard"
    errors = [trial["objective_error"] for trial in front]
    assert errors == sorted(errors)
    small = run._front({"max_model_size": "1KB"})
    assert all(trial["model_size"] <= 1000 for trial in small)
    assert len(run.trials()) == 12
    assert list(run.classes) == list(range(10))
    assert "peak_memory = 1000" in run.experiment
    assert [point["epoch"] for point in run.trial(1)["curve"]] == [1, 2, 3]


def test_the_front_is_a_table(run: Any) -> None:
    pandas = pytest.importorskip("pandas")
    front = run.front()
    assert isinstance(front, pandas.DataFrame)
    assert {"trial", "error", "peak_memory", "model_size", "macs", "in_bounds"} <= set(front.columns)
    assert front.shape[0] == len(run._front({}))
    assert "<table" in run._repr_html_()
    assert run.front(max_model_size=1).empty


def test_pictures_of_it(run: Any, tmp_path: Path) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    axes = run.plot()
    axes[0].figure.savefig(tmp_path / "front.png")
    assert (tmp_path / "front.png").stat().st_size > 5_000
    page = run.report(tmp_path / "report.html").read_text()
    assert page.startswith("<!DOCTYPE html>") and "arrays" in page


def test_predictions(run: Any, digits: tuple[Any, Any]) -> None:
    x, y = digits
    net = run.best()
    assert net.input_shape == (8, 8, 1)
    scores = net.scores_int8(x[1400:])
    assert scores.dtype == np.int8 and scores.shape == (397, 10)
    assert (net.predict_int8(x[1400:]) == scores.argmax(axis=1)).all()
    error = (net.predict_int8(x[1400:]) != y[1400:]).mean()
    known = run.trial(net.trial)
    assert abs((net.predict(x[1400:]) != y[1400:]).mean() - known["test_error"]) < 1e-9
    assert error < known["test_error"] + 0.1
    shares = net.predict_proba(x[1400:])
    assert np.allclose(shares.sum(axis=1), 1)
    assert (shares.argmax(axis=1) == scores.argmax(axis=1)).all()
    # The same samples with a channel axis, or as floats.
    assert (net.scores_int8(x[:5, :, :, None]) == net.scores_int8(x[:5].astype(np.float64))).all()


def test_a_network_is_pickled(run: Any, digits: tuple[Any, Any]) -> None:
    net = run.best()
    copy = pickle.loads(pickle.dumps(net))
    assert copy.trial == net.trial and copy.figures == net.figures
    assert (copy.scores_int8(digits[0]) == net.scores_int8(digits[0])).all()
    assert copy.tflite() == net.tflite()


FIRMWARE = """
#include <stdio.h>
#include "digit.h"

int main(void) {
    static uint8_t raw[DIGIT_INPUT_SIZE];
    static int8_t input[DIGIT_INPUT_SIZE], output[DIGIT_OUTPUT_SIZE];
    while (fread(raw, 1, sizeof raw, stdin) == sizeof raw) {
        digit_quantise_input(raw, input);
        digit_invoke(input, output);
        fwrite(output, 1, sizeof output, stdout);
    }
    return 0;
}
"""


def test_firmware_computes_the_same_in_every_bit(run: Any, digits: tuple[Any, Any], tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    net = run.best()
    files = net.export(tmp_path, name="digit", runtime="layers", input="external", samples=digits[0][:3])
    assert {path.name for path in files} >= {"digit.c", "digit.h", "digit_test.c", "digit.tflite"}
    (tmp_path / "main.c").write_text(FIRMWARE)
    subprocess.run([compiler, "-O2", "-o", "run", "main.c", "digit.c"], cwd=tmp_path, check=True)
    done = subprocess.run([tmp_path / "run"], input=digits[0].tobytes(), capture_output=True, check=True)
    assert (np.frombuffer(done.stdout, np.int8).reshape(-1, 10) == net.scores_int8(digits[0])).all()
    subprocess.run([compiler, "-O2", "-o", "check", "digit_test.c", "digit.c"], cwd=tmp_path, check=True)
    subprocess.run([tmp_path / "check"], check=True)
    own = net.export(tmp_path / "own")
    assert (tmp_path / "own" / "model.c").exists() and len(own) >= 4


def test_the_model_is_tflite(run: Any, tmp_path: Path) -> None:
    net = run.best()
    model = net.tflite(tmp_path / "model.tflite")
    assert model[4:8] == b"TFL3" and (tmp_path / "model.tflite").read_bytes() == model
    cost = munas.cost(tmp_path / "model.tflite")
    figures = run.trial(net.trial)
    assert (cost["macs"], cost["peak_memory"]) == (figures["macs"], figures["peak_memory"])
    assert cost["interface"]["classes"] == [str(digit) for digit in range(10)]


def test_an_architecture_is_priced_and_trained(run: Any, digits: tuple[Any, Any]) -> None:
    net = run.best()
    cost = munas.cost(net.architecture, space=net.space, input_shape=(8, 8, 1), classes=10)
    assert cost["model_size"] > 0 and cost["layers"]
    trained = munas.train(net.architecture, *digits, space=net.space, epochs=2, seed=3, progress=False)
    assert len(trained.figures["curve"]) == 2
    assert trained.predict_int8(digits[0][:7]).shape == (7,)
    again = munas.train(net.architecture, *digits, space=net.space, epochs=2, seed=3, progress=False)
    assert again.tflite() == trained.tflite(), "same seed, same network"


def test_networks_are_trained_anew_for_as_long_as_asked(tmp_path: Path, digits: tuple[Any, Any]) -> None:
    x, y = digits
    run = munas.search(x[:600], y[:600], trials=3, out=tmp_path / "run", **QUICK)
    run.refine(networks=1, seeds=2, progress=False)
    run.refine(networks=1, seeds=2, longer=5, progress=False)
    (finalist,) = run.status()["finalists"]
    assert (finalist["seeds"], finalist["epochs"]) == (2, 15), "longer trainings take the place of shorter ones"
    with pytest.raises(munas.InputError, match="times as long") as refused:
        run.refine(longer=0.0, progress=False)
    assert "longer" in str(refused.value)


def test_texts_are_labels_and_channels_may_come_first(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    y = np.array(["up", "down", "still"])[random.integers(0, 3, 240)]
    x = random.normal(size=(240, 3, 64)).astype(np.float32)
    x[y == "up", 0] += 2
    x[y == "down", 1] += 2
    subjects = np.array(["ann", "bob", "eve", "dan", "kim", "lee"])[np.arange(240) % 6]
    run = munas.search(x, y, groups=subjects, trials=3, out=tmp_path / "run", **QUICK)
    net = run.best()
    assert list(net.classes) == ["down", "still", "up"] and net.input_shape == (64, 1, 3)
    assert set(net.predict_int8(x)) <= {"up", "down", "still"}
    turned = np.ascontiguousarray(np.moveaxis(x, 1, 2))
    assert (net.scores_int8(turned[:, :, None, :]) == net.scores_int8(x)).all()


def test_two_classes(tmp_path: Path, digits: tuple[Any, Any]) -> None:
    x, y = digits[0][digits[1] < 2], digits[1][digits[1] < 2] == 1
    run = munas.search(x, y, trials=4, out=tmp_path / "run", **QUICK)
    net = run.best()
    assert list(net.classes) == ["False", "True"]
    predicted = net.predict_int8(x)
    assert (predicted == np.where(net.predict_proba(x)[:, 1] > 0.5, "True", "False")).all()
    assert (predicted == y.astype(str)).mean() > 0.8


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"y_train": [1, 2, 3]}, "1797 samples in x_train, 3 labels"),
        ({"x_train": np.full((4, 8, 8), np.nan), "y_train": [0, 1, 0, 1]}, "NaN"),
        ({"y_train": np.linspace(0, 1, 1797)}, "continuous"),
        ({"max_peak_memory": "16KBB"}, "16KBB"),
        ({"board": "nrf52841"}, "did you mean nrf52840"),
        ({"settings": {"train.epoch": 3}}, "did you mean `train.epochs`"),
        ({"time": "soon"}, "soon"),
        ({"groups": [1, 2]}, "groups has the shape"),
    ],
)
def test_bad_input_is_told(tmp_path: Path, digits: tuple[Any, Any], change: dict[str, Any], problem: str) -> None:
    asked = {"x_train": digits[0], "y_train": digits[1], "trials": 2, "progress": False, **change}
    with pytest.raises(munas.InputError, match=problem) as told:
        munas.search(asked.pop("x_train"), asked.pop("y_train"), out=tmp_path / "run", **asked)
    assert isinstance(told.value, ValueError)
    assert not list(tmp_path.iterdir()), "nothing is left behind"


def test_other_input_is_told(tmp_path: Path, run: Any, digits: tuple[Any, Any]) -> None:
    with pytest.raises(TypeError, match="max_memory"):
        run.front(max_memory=3)
    with pytest.raises(munas.InputError, match="not a run"):
        munas.load(tmp_path)
    with pytest.raises(munas.InputError, match="not those of a network of 8x8x1"):
        run.best().predict(digits[0].reshape(-1, 64))
    with pytest.raises(munas.InputError, match="no network"):
        run.best(max_model_size=1)
    with pytest.raises(munas.InputError, match="there is a run already"):
        munas.search(*digits, out=run.path, trials=1, progress=False)
    with pytest.raises(munas.InputError, match="cannot read"):
        munas.cost(tmp_path / "missing.tflite")


def test_warnings_are_those_of_python(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    x, y = random.normal(size=(60, 6, 40)), np.arange(60) % 2
    with pytest.warns(munas.MunasWarning):
        quick = {**QUICK, "progress": None}
        munas.search(x, y, trials=1, out=tmp_path / "run", **quick)


def test_news_are_heard_and_may_end_the_search(tmp_path: Path, digits: tuple[Any, Any]) -> None:
    heard: list[dict[str, Any]] = []

    def hear(news: dict[str, Any]) -> None:
        heard.append(news)
        if news["kind"] == "progress" and news["done"] >= 2:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        munas.search(*digits, trials=500, out=tmp_path / "run", **{**QUICK, "progress": hear})
    assert {news["kind"] for news in heard} >= {"note", "progress"}
    run = munas.load(tmp_path / "run")
    assert 2 <= run.status()["done"] < 500
    done = run.status()["done"] + run.status()["stopped"] + 1
    assert run.resume(trials=done, progress=False).status()["done"] == done


def test_a_log_says_how_far_it_is(tmp_path: Path, digits: tuple[Any, Any], capsys: pytest.CaptureFixture[str]) -> None:
    munas.search(*digits, trials=2, out=tmp_path / "run", **{**QUICK, "progress": None})
    assert "0/2 trials" in capsys.readouterr().err


SEARCH = """
import sys, numpy as np, munas
from sklearn.datasets import load_digits
digits = load_digits()
munas.search(digits.images, digits.target, trials=100_000, out=sys.argv[1],
             settings={"train.epochs": 4}, progress=lambda news: print(news["kind"], flush=True))
"""


def test_ctrl_c_leaves_a_run_that_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = subprocess.Popen([sys.executable, "-c", SEARCH, out], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    for _ in range(8):
        assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=20)
    assert process.returncode in (-signal.SIGINT, 1, 130) and b"KeyboardInterrupt" in error, error
    run = munas.load(out)
    status = run.status()
    assert (status["active"], status["end_reason"]) == (False, "interrupted")
    moved = tmp_path / "elsewhere"
    out.rename(moved)
    begun = len(munas.load(moved).trials())
    resumed = munas.load(moved).resume(trials=begun + 1, progress=False).status()
    assert resumed["done"] + resumed["paused"] == begun + 1 and resumed["stopped"] == 0


def test_a_resume_that_fails_loses_nothing(tmp_path: Path, digits: tuple[Any, Any]) -> None:
    out = tmp_path / "run"
    run = munas.search(*digits, trials=3, out=out, **QUICK)

    def vanish(news: dict[str, Any]) -> None:
        for name in ("journal.db", "experiment.toml"):
            (out / name).unlink(missing_ok=True)

    before = (out / "data.npz").read_bytes()
    with pytest.raises(munas.MunasError):
        run.resume(trials=500, progress=vanish)
    assert (out / "data.npz").read_bytes() == before


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="there is no /proc")
def test_neither_threads_nor_memory_grow(tmp_path: Path, digits: tuple[Any, Any]) -> None:
    x, y = digits[0][:300], digits[1][:300]
    of_searches = []
    before = threads()
    for number in range(50):
        once = {**QUICK, "settings": {"train.epochs": 1, "search.rungs": 1, "search.max_training_cost": 10_000_000}}
        net = munas.search(x, y, trials=2, out=tmp_path / str(number), **once).best()
        net.predict_int8(x)
        shutil.rmtree(tmp_path / str(number))
        of_searches.append(resident())
        assert threads() == before
    grown = of_searches[-1] - of_searches[9]
    print(f"resident memory after 10 searches {of_searches[9] >> 20} MiB, after 50 {of_searches[-1] >> 20} MiB")
    assert grown < 20 << 20, of_searches


def test_other_threads_run_meanwhile(tmp_path: Path, digits: tuple[Any, Any]) -> None:
    import threading

    ticks = 0
    stop = threading.Event()

    def tick() -> None:
        nonlocal ticks
        while not stop.is_set():
            ticks += 1
            time.sleep(0.005)

    ticking = threading.Thread(target=tick)
    ticking.start()
    begun = time.monotonic()
    with warnings.catch_warnings():
        munas.search(*digits, trials=6, out=tmp_path / "run", **QUICK)
    elapsed = time.monotonic() - begun
    stop.set()
    ticking.join()
    assert ticks > 20 * elapsed, f"{ticks} ticks in {elapsed:.1f} s"
