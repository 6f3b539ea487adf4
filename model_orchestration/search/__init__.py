"""The hyperparameter sweep: trials, the engines that run them, and the runs they leave."""
