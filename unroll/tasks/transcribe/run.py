"""A run of the task transcribe: it can also transcribe live sound."""

from __future__ import annotations

from unroll.errors import UserError
from unroll.tasks.run import Run
from unroll.tasks.transcribe.live import LiveTranscriber
from unroll.tasks.transcribe.network import Transcriber
from unroll.tasks.transcribe.preprocessor import TranscribePreprocessor
from unroll.tasks.transcribe.settings import TranscribeSettings


class TranscribeRun(Run):
    """A trained recogniser with its folder.

    Attributes: those of `Run`.
    """

    settings: TranscribeSettings
    preprocessor: TranscribePreprocessor
    model: Transcriber

    def live(self) -> LiveTranscriber:
        """The run for live sound; see `unroll.tasks.transcribe.live.LiveTranscriber`.

        Raises:
            UserError: where the run was not trained with streaming=true.
        """
        if not self.settings.streaming:
            raise UserError(
                f"{self.path} needs a whole recording at once, and cannot transcribe live sound. Train "
                "a run with --set streaming=true."
            )
        return LiveTranscriber(self.model.stream(), self.preprocessor)
