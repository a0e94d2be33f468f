"""What a review row promises."""

import pandera.polars as pa


class Reviews(pa.DataFrameModel):
    """Chinese product reviews, one sentiment label each."""

    text: str = pa.Field(str_length={"min_value": 2, "max_value": 10_000}, description="The review as written, private data redacted.")
    label: str = pa.Field(isin=["negative", "positive"], description="Sentiment of the whole review.")
