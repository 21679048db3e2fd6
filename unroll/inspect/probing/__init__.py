"""What the units of a network say about a label of one's own: rules, files of labels, scores."""
