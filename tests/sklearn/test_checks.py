"""scikit-learn's own checks of the estimators that take no 2-D arrays.

`check_estimator` runs one check for them, and leaves out all that fit on 2-D arrays. These need no
data. `SequenceClassifier` passes all of them, in test_classifiers.py.
"""

import warnings

import pytest

checks = pytest.importorskip("sklearn.utils.estimator_checks")

from unroll.sklearn import Forecaster, SequenceTagger, TextClassifier, Translator  # noqa: E402

ESTIMATORS = [TextClassifier, SequenceTagger, Translator, Forecaster]
NAMES = [
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_get_params_invariance",
    "check_set_params",
    "check_valid_tag_types",
    "check_estimator_tags_renamed",
    "check_mixin_order",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ESTIMATORS, ids=lambda kind: kind.__name__)
def test_checks_without_data(kind, name):
    check = getattr(checks, name, None)
    if check is None:
        pytest.skip("this scikit-learn has no such check")
    check(kind.__name__, kind())


@pytest.mark.parametrize("kind", ESTIMATORS, ids=lambda kind: kind.__name__)
def test_checks_that_scikit_learn_chooses(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it leaves out those on 2-D arrays
        checks.check_estimator(kind())
