"""A drill: the whole story of a model that goes wrong and is replaced, played in minutes on a stack of its own."""
