"""Parts of the evaluation `fine_tune`: a pre-trained encoder, its training, and what is told of it."""
