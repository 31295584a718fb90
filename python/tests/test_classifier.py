"""The classifier, by the conventions of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

munas = pytest.importorskip("munas", reason="the package is not installed", exc_type=ImportError)
pytest.importorskip("sklearn", minversion="1.6", reason="scikit-learn is not installed")

from sklearn.base import clone  # noqa: E402
from sklearn.datasets import load_digits  # noqa: E402
from sklearn.model_selection import cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import FunctionTransformer, StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

QUICK: dict[str, Any] = {"time": None, "trials": 4, "workers": 2, "settings": {"train.epochs": 4, "search.rungs": 1}}


@parametrize_with_checks([munas.Classifier(**QUICK)])
def test_conventions(estimator: Any, check: Any) -> None:
    check(estimator)


def test_cross_validation_of_a_pipeline() -> None:
    digits = load_digits()
    classifier = munas.Classifier(max_peak_memory="2KB", **{**QUICK, "trials": 6})
    pipeline = make_pipeline(StandardScaler(), classifier)
    scores = cross_val_score(pipeline, digits.data, digits.target, cv=3)
    assert scores.shape == (3,) and (scores > 0.3).all(), scores


def test_pictures_and_texts() -> None:
    digits = load_digits(n_class=3)
    names = np.array(["zero", "one", "two"])[digits.target]
    classifier = munas.Classifier(**QUICK).fit(digits.images.astype(np.uint8), names)
    assert list(classifier.classes_) == ["one", "two", "zero"]
    assert classifier.network_.input_shape == (8, 8, 1)
    assert classifier.score(digits.images.astype(np.uint8), names) > 0.5
    assert (classifier.network_.predict_int8(digits.images) == classifier.predict(digits.images)).all()
    again = clone(classifier).fit(digits.images.astype(np.uint8), names)
    assert (again.predict_proba(digits.images) == classifier.predict_proba(digits.images)).all(), "same seed"


def test_reshaping_in_a_pipeline() -> None:
    digits = load_digits(n_class=2)
    pictures = FunctionTransformer(lambda rows: np.asarray(rows).reshape(-1, 8, 8))
    pipeline = make_pipeline(pictures, munas.Classifier(**QUICK)).fit(digits.data, digits.target)
    assert pipeline.score(digits.data, digits.target) > 0.6
