"""From a plan to numbers: how a plan is stored, and how it runs over time."""
