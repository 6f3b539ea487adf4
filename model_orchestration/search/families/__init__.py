"""How a trial of each family of models is fitted."""
