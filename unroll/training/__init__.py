"""The one training loop, run folders, checkpoints, schedules. It knows no task."""
