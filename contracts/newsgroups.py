"""What a newsgroup post promises."""

import pandera.polars as pa


class Newsgroups(pa.DataFrameModel):
    """Usenet posts of 1993, labelled with the group they were posted to."""

    text: str = pa.Field(str_length={"min_value": 20}, description="The post without headers; addresses and numbers redacted.")
    label: str = pa.Field(str_matches=r"^[a-z]+(\.[a-z0-9-]+)+$", description="The newsgroup, e.g. sci.space.")
