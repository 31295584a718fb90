"""Neural architecture search for microcontrollers.

    import munas

    run = munas.search(x_train, y_train, test=(x_test, y_test), max_peak_memory="16KB", time="15m", out="runs/mine")
    run.front()                       # the networks that trade error against memory, size and MACs best
    net = run.best()
    net.predict_int8(x_test)          # what firmware computes, to the bit
    net.export("firmware")            # C source and a .tflite model

Samples are arrays of `(samples, features)`, `(samples, height, width)`, `(samples, height, width, channels)`,
`(samples, time, channels)` or, channels first, as PyTorch has them; labels are numbers or texts, one for each sample.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._errors import InputError, MunasError, MunasWarning
from ._functions import cost, load, search, train
from ._network import Network
from ._run import Run

if TYPE_CHECKING:
    from ._classifier import Classifier

__all__ = [
    "Classifier",
    "InputError",
    "MunasError",
    "MunasWarning",
    "Network",
    "Run",
    "cost",
    "load",
    "search",
    "train",
]


def __getattr__(name: str) -> Any:
    # scikit-learn is imported by those alone who use the classifier.
    if name == "Classifier":
        from ._classifier import Classifier

        return Classifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
