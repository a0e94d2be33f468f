"""What people and repairs decided about single rows. How they are asked is `annotation`'s and `operations/repair`'s."""
