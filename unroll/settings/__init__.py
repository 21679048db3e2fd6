"""What a person can set: one field a setting, its sentence is also the help of `--set`.

No torch here: `unroll train --help` and wrong values answer at once.
"""

from unroll.settings.caption import CaptionSettings
from unroll.settings.classify import ClassifySettings
from unroll.settings.forecast import ForecastSettings
from unroll.settings.frames import FramesSettings
from unroll.settings.language import LanguageSettings
from unroll.settings.music import MusicSettings
from unroll.settings.recurrent import RecurrentSettings
from unroll.settings.tag import TagSettings
from unroll.settings.training import TrainingSettings
from unroll.settings.transcribe import TranscribeSettings
from unroll.settings.translate import TranslateSettings
from unroll.settings.words import parse_assignments, settings_from

# a file is for the first of these tasks that says it is its own
SETTINGS: dict[str, type[RecurrentSettings]] = {
    "music": MusicSettings,
    "tag": TagSettings,
    "forecast": ForecastSettings,
    "frames": FramesSettings,
    "caption": CaptionSettings,
    "transcribe": TranscribeSettings,
    "classify": ClassifySettings,
    "translate": TranslateSettings,
    "language": LanguageSettings,
}

__all__ = [
    "SETTINGS",
    "CaptionSettings",
    "ClassifySettings",
    "ForecastSettings",
    "FramesSettings",
    "LanguageSettings",
    "MusicSettings",
    "RecurrentSettings",
    "TagSettings",
    "TrainingSettings",
    "TranscribeSettings",
    "TranslateSettings",
    "parse_assignments",
    "settings_from",
]
