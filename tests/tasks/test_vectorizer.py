"""The scikit-learn transformer: its vectors, pipelines, and scikit-learn's own checks as far as they are for text.

``check_estimator`` feeds matrices of numbers, and skips whatever does not take them. So it runs on a subclass that
writes each row as the words of a text and validates rows as scikit-learn's own transformers do. What it checks of
columns, NaN, complex numbers and sparse matrices is answered by that subclass and says nothing of texts, for which none
of them exist; the errors that texts can have are tested here. Skipped by scikit-learn itself: the array API, which is
for numbers too, unless SCIPY_ARRAY_API is set.
"""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")

import pandas as pd  # noqa: E402
import torch  # noqa: E402
from sklearn.base import clone  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402
from sklearn.utils.validation import validate_data  # noqa: E402

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, CheckpointError, ConfigError, CorpusError, Elmo  # noqa: E402
from tasks.vectorizer import ElmoVectorizer  # noqa: E402

TEXTS = ["a good film", "bad", "so so good", "a bad film"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    torch.manual_seed(0)  # the fixture is older than the test, whose seed comes too late
    characters = CharCNNConfig(embedding_dim=2, filters=((1, 3), (2, 3)), num_highway=0)
    directory = tmp_path_factory.mktemp("models") / "tiny"
    Elmo(BiLM(BiLMConfig(char_cnn=characters, dim=3, lstm_dim=3, num_layers=1))).save_pretrained(directory)
    return str(directory)


class OfNumbers(ElmoVectorizer):
    """A row of numbers is a text whose words are the numbers."""

    def fit(self, X: Any, y: Any = None) -> "OfNumbers":
        super().fit(self._written(X, reset=True))
        return self

    def transform(self, X: Any) -> np.ndarray:
        return super().transform(self._written(X, reset=False))

    def _written(self, X: Any, reset: bool) -> list[list[str]]:
        return [[f"{value:.2f}" for value in row] for row in validate_data(self, X, reset=reset, dtype=float)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.one_d_array = False
        return tags


@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_own_checks(model: str) -> None:
    results = check_estimator(OfNumbers(model), on_skip=None, on_fail=None)
    failed = {result["check_name"]: repr(result["exception"]) for result in results if result["status"] == "failed"}
    assert failed == {}
    passed = {result["check_name"] for result in results if result["status"] == "passed"}
    assert len(passed) >= 35
    assert passed >= {
        "check_dict_unchanged",
        "check_dont_overwrite_parameters",
        "check_estimator_cloneable",
        "check_estimators_pickle",
        "check_fit_idempotent",
        "check_get_params_invariance",
        "check_methods_sample_order_invariance",
        "check_methods_subset_invariance",
        "check_no_attributes_set_in_init",
        "check_parameters_default_constructible",
        "check_pipeline_consistency",
        "check_set_params",
        "check_transformer_general",
        "check_transformers_unfitted_stateless",
    }


def test_vectors_are_the_models(model: str) -> None:
    elmo = Elmo.from_pretrained(model)
    for settings in ({}, {"pool": "max", "layers": "top"}, {"layers": 0}):
        expected = elmo.embed_sentences(TEXTS, **settings)  # type: ignore[arg-type]
        np.testing.assert_array_equal(ElmoVectorizer(model, **settings).fit_transform(TEXTS), expected)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [list, tuple, np.array, pd.Series, lambda texts: np.array(texts, dtype=object)])
def test_any_column_of_texts(model: str, kind: Any) -> None:
    expected = ElmoVectorizer(model).transform(TEXTS)
    np.testing.assert_array_equal(ElmoVectorizer(model).transform(kind(TEXTS)), expected)


def test_words_and_blank_texts(model: str) -> None:
    found = ElmoVectorizer(model).transform([["a good", "film"], "", "a good film"])
    assert found.shape == (3, 6) and not found[1].any() and not np.array_equal(found[0], found[2])


def test_in_a_pipeline(model: str) -> None:
    pipeline = make_pipeline(ElmoVectorizer(model), StandardScaler(), LogisticRegression())
    found = pipeline.fit(TEXTS * 2, [1, 0, 1, 0] * 2).predict_proba(TEXTS)
    vectors = Elmo.from_pretrained(model).embed_sentences(TEXTS)
    expected = pipeline[1:].fit(np.concatenate([vectors, vectors]), [1, 0, 1, 0] * 2).predict_proba(vectors)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    search = GridSearchCV(pipeline, {"elmovectorizer__layers": ["mean", 0], "elmovectorizer__pool": ["mean"]}, cv=2)
    assert search.fit(TEXTS * 2, [1, 0, 1, 0] * 2).best_score_ > 0


def test_names_of_columns(model: str) -> None:
    vectorizer = ElmoVectorizer(model).set_output(transform="pandas")
    assert list(vectorizer.fit_transform(TEXTS).columns) == [f"elmovectorizer{number}" for number in range(6)]
    assert list(vectorizer.get_feature_names_out())[-1] == "elmovectorizer5"


def test_the_model_is_not_stored(model: str) -> None:
    vectorizer = ElmoVectorizer(model, layers="top").fit(TEXTS)
    stored = pickle.dumps(vectorizer)
    assert len(stored) < 500
    expected = vectorizer.transform(TEXTS)
    for copied in (pickle.loads(stored), clone(vectorizer)):
        assert copied.get_params() == vectorizer.get_params()
        np.testing.assert_array_equal(copied.transform(TEXTS), expected)


def test_loaded_once_until_settings_change(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    load, loaded = Elmo.from_pretrained, []
    monkeypatch.setattr(
        Elmo, "from_pretrained", lambda *args, **settings: loaded.append(settings) or load(*args, **settings)
    )
    vectorizer = ElmoVectorizer(model).fit(TEXTS)
    vectorizer.transform(TEXTS)
    assert len(loaded) == 1
    vectorizer.set_params(dtype="bfloat16").transform(TEXTS)
    assert [settings["dtype"] for settings in loaded] == ["float32", "bfloat16"]


def test_an_encoder_is_used_as_it_is(model: str) -> None:
    elmo = Elmo.from_pretrained(model)
    vectorizer = ElmoVectorizer(elmo)
    expected = elmo.embed_sentences(TEXTS)
    np.testing.assert_array_equal(vectorizer.transform(TEXTS), expected)
    np.testing.assert_array_equal(clone(vectorizer).transform(TEXTS), expected)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ("one text", "X: expected a list of texts, found one string: put it in a list"),
        ([], "X: expected at least one text, found none"),
        (["a", None], "X: expected texts or lists of words, found NoneType at index 1"),
        ([b"a"], "found bytes at index 0"),
        (np.array([["a"], ["b"]]), "X: expected one text per item, found ndarray of shape (2, 1): pass one column"),
        (pd.DataFrame({"text": ["a"]}), "found DataFrame of shape (1, 1): pass one column"),
        ([["a", 3]], "sentence 0, word 1: expected a string, found int 3"),
    ],
)
def test_bad_texts(model: str, texts: Any, expected: str) -> None:
    with pytest.raises(CorpusError) as error:
        ElmoVectorizer(model).fit(texts).transform(texts)
    assert expected in str(error.value)


def test_bad_settings_are_found_in_use(model: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="pool: expected mean or max, found 'sum'"):
        ElmoVectorizer(model, pool="sum").fit(TEXTS)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="layers: expected mean, top or a number"):
        ElmoVectorizer(model, layers="all").fit(TEXTS)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="layers: expected .*, found 7"):
        ElmoVectorizer(model, layers=7).fit(TEXTS)
    with pytest.raises(CheckpointError):
        ElmoVectorizer(str(tmp_path / "nothing")).fit(TEXTS)
