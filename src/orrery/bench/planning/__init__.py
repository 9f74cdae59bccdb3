"""What planners reach, one module for each kind; `orrery bench planners` prints the rows of them all."""
