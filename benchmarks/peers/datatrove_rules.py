"""Run inside a virtualenv with datatrove: FineWeb's rules, or MinHash signatures, over a folder of JSON lines.

`python datatrove_rules.py rules|same_words|signatures INPUT OUTPUT MODEL`, MODEL being fastText's lid.176 in a file.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.dedup import MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    LanguageFilter,
)
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter


class Prepared(PipelineStep):
    """Passes documents on; before the first, in the worker, puts the model and the words in their places."""

    def __init__(self, model: str, same_words: bool) -> None:
        super().__init__()
        self.model, self.same_words = model, same_words

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Any:
        """One pass."""
        from datatrove.pipeline.filters import fineweb_quality_filter, gopher_quality_filter, gopher_repetition_filter
        from datatrove.utils import lid

        # The model would be downloaded: the one that the other side uses too takes its place.
        model = self.model
        lid.cached_asset_path_or_download = lambda *args, **kwargs: model
        if self.same_words:
            for module in (gopher_quality_filter, gopher_repetition_filter, fineweb_quality_filter):
                module.split_into_words = lambda text, language="en": text.split()
        yield from data


def main(job: str, source: str, target: str, model: str) -> None:
    """Run one job with two workers."""
    if job == "signatures":
        steps = [MinhashDedupSignature(output_folder=target, config=MinhashConfig())]
    else:
        steps = [
            LanguageFilter(languages=["en"], language_threshold=0.65),
            GopherRepetitionFilter(),
            GopherQualityFilter(),
            C4QualityFilter(filter_no_terminal_punct=False),
            FineWebQualityFilter(),
            JsonlWriter(target, compression=None),
        ]
    pipeline = [JsonlReader(source, glob_pattern="*.jsonl"), Prepared(model, job == "same_words"), *steps]
    LocalPipelineExecutor(pipeline=pipeline, tasks=2, workers=2, logging_dir=str(Path(target) / "logs")).run()


if __name__ == "__main__":
    main(*sys.argv[1:5])
