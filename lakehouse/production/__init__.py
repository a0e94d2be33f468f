"""Production: bronze rows become silver by a recipe and gold by a contract. Raw material is `reserve`'s, scores are `pilot`'s."""
