"""Networks for the tasks, made of layers."""
