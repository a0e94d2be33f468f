"""A language model behind an endpoint: requests, answers, and answers that are kept. Which rows ask is an operator's."""
