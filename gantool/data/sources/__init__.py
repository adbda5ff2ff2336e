"""One source a file: its settings, and how its pictures are found."""
