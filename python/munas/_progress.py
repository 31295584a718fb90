"""What one sees of a search: a line on a terminal, a bar in a notebook, else a line now and then."""

from __future__ import annotations

import html
import importlib
import shutil
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from ._errors import MunasWarning

News = dict[str, Any]
"""`kind`: `note`, `warning` or `progress`; `text`; of progress also `done` and `of`, which may be None."""

Listener = Callable[[News], object]


class Display(AbstractContextManager["Display"]):
    """Shows news until its end."""

    def __call__(self, news: News) -> None:
        """Shows news. A warning is one of Python's."""
        if news["kind"] == "warning":
            warnings.warn(news["text"], MunasWarning, stacklevel=2)

    def __exit__(self, *_: object) -> None:
        """Takes the display away."""


class Terminal(Display):
    """The latest progress in the last line; notes scroll by above it."""

    def __call__(self, news: News) -> None:
        super().__call__(news)
        columns = shutil.get_terminal_size().columns - 1
        if news["kind"] == "note":
            sys.stderr.write(f"\r\x1b[K{plain(news['text'])}\n")
        elif news["kind"] == "progress":
            sys.stderr.write(f"\r\x1b[K{plain(news['text'])[:columns]}")
        sys.stderr.flush()

    def __exit__(self, *_: object) -> None:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


class Lines(Display):
    """Where nobody sees a line change, such as in a log: how far it is, now and then."""

    every = 30.0
    """Seconds from one line to the next."""

    def __init__(self) -> None:
        self.next = time.monotonic()

    def __call__(self, news: News) -> None:
        super().__call__(news)
        if news["kind"] == "progress" and time.monotonic() >= self.next:
            self.next = time.monotonic() + self.every
            sys.stderr.write(f"{plain(news['text'])}\n")
            sys.stderr.flush()


class Notebook(Display):
    """A bar with what there is to say in its place."""

    def __init__(self) -> None:
        shown = importlib.import_module("IPython.display")
        self.html, self.handle = shown.HTML, shown.display(shown.HTML(""), display_id=True)

    def __call__(self, news: News) -> None:
        super().__call__(news)
        if news["kind"] != "progress":
            return
        done, of = news["done"], news["of"]
        bar = f'<progress value="{done}" max="{of}"></progress> ' if of else ""
        self.handle.update(self.html(f"<div>{bar}{html.escape(news['text'])}</div>"))


def plain(text: str) -> str:
    """Text without what a terminal would obey."""
    return "".join(letter if letter.isprintable() or letter == "\n" else repr(letter)[1:-1] for letter in text)


def display() -> Display:
    """The display that goes with where the program runs."""
    if "IPython" in sys.modules:
        shell = sys.modules["IPython"].get_ipython()
        if shell is not None and type(shell).__name__ == "ZMQInteractiveShell":
            return Notebook()
    return Terminal() if sys.stderr.isatty() else Lines()


def listener(progress: bool | Listener | None) -> AbstractContextManager[Listener | None]:
    """What is called with news: the display where nothing else is asked for, nobody where it is False."""
    if progress is None or progress is True:
        return display()
    if progress is False:
        return Quiet()
    return Calling(progress)


class Quiet(Display):
    """Shows nothing, not even warnings."""

    def __call__(self, news: News) -> None:
        """Nothing."""


class Calling(AbstractContextManager[Listener]):
    """Calls a function of the user's."""

    def __init__(self, function: Listener) -> None:
        self.function = function

    def __enter__(self) -> Listener:
        return self.function

    def __exit__(self, *_: object) -> None:
        """Nothing is left of it."""
