"""What every stage needs of text."""
