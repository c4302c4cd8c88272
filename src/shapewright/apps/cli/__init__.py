"""The command `shapewright`: one module per command; heavy imports wait until a command runs."""
