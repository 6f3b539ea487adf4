"""An alarm on drift that holds however often one looks: shares of rows, block after block, against a reference."""
