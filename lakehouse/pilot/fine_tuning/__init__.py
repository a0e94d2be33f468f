"""Parts of the evaluation `fine_tune`: a pre-trained encoder, its training, and its results."""
