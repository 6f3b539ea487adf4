"""The figures of a model on the rows that were held out: when it is made, and again whenever somebody asks."""
