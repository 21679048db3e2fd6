"""One file a task. Tasks never import each other, and none is loaded before it is wanted."""
