"""The settings that every task shares, of training and of the network, and how words become settings.

The settings of one task alone are in its folder, `unroll/tasks/NAME/settings.py`. No torch here:
`unroll train --help` and wrong values answer at once.
"""

from unroll.settings.parse import parse_assignments, settings_from
from unroll.settings.recurrent import RecurrentSettings
from unroll.settings.training import TrainingSettings

__all__ = ["RecurrentSettings", "TrainingSettings", "parse_assignments", "settings_from"]
