"""From probabilities to sequences."""
