"""What the evaluations of a model's inference share: the model, its noise, its numbers and their pictures."""
