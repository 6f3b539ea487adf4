"""How good a model is, and whether it may become the champion."""
