"""What a person sees in a browser: the form of a table, its result, and errors as pages."""
