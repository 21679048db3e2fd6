"""What every task lets one set: training, the recurrent network, and how words become settings.

What one task alone lets one set stands in its folder, `unroll/tasks/NAME/settings.py`. No torch here:
`unroll train --help` and wrong values answer at once.
"""

from unroll.settings.parse import parse_assignments, settings_from
from unroll.settings.recurrent import RecurrentSettings
from unroll.settings.training import TrainingSettings

__all__ = ["RecurrentSettings", "TrainingSettings", "parse_assignments", "settings_from"]
