"""What the optimiser saves, system by system: each section measures its own baselines in the same run."""
