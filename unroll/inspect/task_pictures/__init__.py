"""The pictures of each task as findings: what a run does with its validation set."""
