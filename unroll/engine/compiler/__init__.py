"""From one step to a plan: trace, hoist, fuse, cut, gradient, stage."""
