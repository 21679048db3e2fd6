"""What a person can set: one field a setting, its sentence is also the help of `--set`.

No torch here: `unroll train --help` and wrong values answer at once.
"""

from unroll.settings.language import LanguageSettings
from unroll.settings.recurrent import RecurrentSettings
from unroll.settings.training import TrainingSettings
from unroll.settings.words import parse_assignments, settings_from

__all__ = [
    "LanguageSettings",
    "RecurrentSettings",
    "TrainingSettings",
    "parse_assignments",
    "settings_from",
]
