"""Run inside a virtualenv with datatrove: its MinHash signature of every document's shingle hashes.

`python datatrove_minima.py HASHES.npz OUT.npy`, the archive holding `hashes` (uint64, all documents one after the other) and `offsets`.
"""

from __future__ import annotations

import itertools
import sys

import numpy as np
from datatrove.pipeline.dedup import MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig

if __name__ == "__main__":
    given = np.load(sys.argv[1])
    step = MinhashDedupSignature(output_folder="/tmp", config=MinhashConfig())
    hashes, offsets = given["hashes"], given["offsets"]
    signatures = [np.concatenate(step.get_signature(hashes[start:end].reshape(-1, 1))) for start, end in itertools.pairwise(offsets)]
    np.save(sys.argv[2], np.array(signatures, dtype=np.uint64))
