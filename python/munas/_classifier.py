"""A search as a classifier of scikit-learn."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from ._arrays import class_name
from ._errors import InputError
from ._functions import search
from ._progress import Listener


class Classifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Searches a network within bounds when it is fitted, and predicts with the best one in int8, as firmware does.

    Parameters are those of `munas.search`. The run is in `out`, or in a folder for temporary files, which goes when the
    classifier does.

    Attributes: `network_`, the best network; `classes_`, the labels; `n_features_in_`.
    """

    def __init__(
        self,
        *,
        max_peak_memory: str | int | None = None,
        max_model_size: str | int | None = None,
        max_macs: str | int | None = None,
        board: str | None = None,
        time: str | float | None = "5m",
        trials: int | None = None,
        layout: str | None = None,
        workers: int | None = None,
        seed: int | None = 0,
        settings: Mapping[str, Any] | None = None,
        out: str | None = None,
        progress: bool | Listener | None = False,
    ) -> None:
        self.max_peak_memory = max_peak_memory
        self.max_model_size = max_model_size
        self.max_macs = max_macs
        self.board = board
        self.time = time
        self.trials = trials
        self.layout = layout
        self.workers = workers
        self.seed = seed
        self.settings = settings
        self.out = out
        self.progress = progress

    def fit(self, X: Any, y: Any, groups: Any = None) -> Classifier:
        """Searches. X: samples as for `munas.search`, y: labels, groups: what samples belong together."""
        X, y = validate_data(self, X, y, allow_nd=True, dtype="numeric")
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError(f"y has one class, {self.classes_[0]!r}: a classifier needs two classes at least")
        # Names of classes, which firmware has, are those of the labels where these are told apart by them.
        names = [class_name(label) for label in self.classes_]
        labels = y if len(set(names)) == len(names) else numbers
        with tempfile.TemporaryDirectory(prefix="munas-") as folder:
            run = search(
                X,
                labels,
                groups=groups,
                layout=self.layout,
                max_peak_memory=self.max_peak_memory,
                max_model_size=self.max_model_size,
                max_macs=self.max_macs,
                board=self.board,
                time=self.time,
                trials=self.trials,
                workers=self.workers,
                seed=self.seed,
                settings=self.settings,
                out=self.out or Path(folder) / "run",
                progress=self.progress,
            )
            self.network_ = run.best()
        known = [class_name(label) for label in np.unique(labels)]
        self._order = np.array([known.index(name) for name in self.network_._native.class_names])
        return self

    def predict(self, X: Any) -> Any:
        """The labels of samples, by the network in int8."""
        shares = self.predict_proba(X)
        return self.classes_[shares.argmax(axis=1)]

    def predict_proba(self, X: Any) -> Any:
        """Shares of the classes: (samples, classes), in the order of `classes_`."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, allow_nd=True, dtype="numeric")
        shares = np.empty((len(X), len(self.classes_)))
        shares[:, self._order] = self.network_.predict_proba(X)
        return shares
