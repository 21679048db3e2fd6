import pickle

import numpy as np
import pandas
import pytest

from unroll.errors import UserError
from unroll.sklearn import Forecaster

FEW = {"hidden": 8, "steps": 3, "horizon": 3, "history": 14, "random_state": 0}
VALUES = np.sin(np.arange(120) / 3)


def test_values_alone():
    model = Forecaster(**FEW).fit(VALUES)
    assert model.predict().shape == (3,) and model.predict(VALUES[-40:]).shape == (3,)
    assert model.score(VALUES) < 0
    assert np.array_equal(pickle.loads(pickle.dumps(model)).predict(), model.predict())


def test_a_series_with_times_and_a_table():
    days = pandas.date_range("2024-01-01", periods=120)
    series = pandas.Series(VALUES, index=days, name="sales")
    found = Forecaster(**FEW).fit(series).predict()
    assert found.time.tolist() == ["2024-04-30", "2024-05-01", "2024-05-02"]
    frame = pandas.DataFrame({"day": days, "sales": VALUES})
    of_frame = Forecaster(target="sales", **FEW).fit(frame).predict()
    assert of_frame.prediction.tolist() == found.prediction.tolist()
    two = pandas.concat([frame.assign(store="A"), frame.assign(store="B", sales=VALUES * 2 + 5)])
    model = Forecaster(target="sales", by="store", **FEW).fit(two)
    assert model.predict().series.tolist() == ["A"] * 3 + ["B"] * 3


def test_times_beside_values():
    days = pandas.date_range("2024-01-01", periods=120)
    found = Forecaster(**FEW).fit(days, VALUES).predict()
    assert list(found) == ["time", "prediction", "low", "high"]
    with pytest.raises(UserError, match="X has 120 rows and y 5 values"):
        Forecaster(**FEW).fit(days, VALUES[:5])


def test_no_values_are_refused():
    with pytest.raises(UserError, match="X got None; expected the values of one series"):
        Forecaster().fit(None)
