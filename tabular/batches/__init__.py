"""Tables of any size, read and encoded a batch of rows at a time, by Arrow."""
