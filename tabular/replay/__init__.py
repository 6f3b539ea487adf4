"""A stored prediction made once more, by the model that made it."""
