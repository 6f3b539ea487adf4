"""How the models of a table are measured."""
