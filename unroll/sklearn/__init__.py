"""Estimators of scikit-learn: `fit`, `predict`, `score`, in pipelines and searches."""

from unroll.sklearn.classifiers import SequenceClassifier as SequenceClassifier
from unroll.sklearn.classifiers import TextClassifier as TextClassifier
from unroll.sklearn.forecaster import Forecaster as Forecaster
from unroll.sklearn.tagger import SequenceTagger as SequenceTagger
from unroll.sklearn.translator import Translator as Translator
