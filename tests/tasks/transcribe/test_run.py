"""What a run of the task does beyond evaluating and predicting."""

from types import SimpleNamespace

import pytest

from unroll.errors import UserError
from unroll.tasks.transcribe.run import TranscribeRun


def test_only_a_streaming_run_is_live(untrained):
    data, settings, network = untrained(streaming=True)
    run = SimpleNamespace(
        settings=settings, model=network, preprocessor=data.preprocessor, path="run"
    )
    assert TranscribeRun.live(run).rate == 8000
    run.settings = settings.model_copy(update={"streaming": False})
    with pytest.raises(UserError, match="streaming=true"):
        TranscribeRun.live(run)
