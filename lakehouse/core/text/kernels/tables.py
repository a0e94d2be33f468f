"""Tables that take Python a tenth of a second to make, kept beside the compiled kernels as numba keeps those."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def kept(source: str, name: str, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
    """The array that `make` gives: as it was kept under `name` for this state of the module file `source` and this Unicode database.

    A folder that cannot be written, or a file that cannot be read, costs the making and nothing else. The array is read-only.
    """
    about = Path(source).stat()
    stamp = f"{about.st_mtime_ns:x}-{about.st_size:x}-{unicodedata.unidata_version}"
    file = Path(source).parent / "__pycache__" / f"{name}-{stamp}.npy"
    try:
        array: NDArray[Any] = np.load(file, allow_pickle=False)
    except (OSError, ValueError):
        array = make()
        part = file.with_suffix(f".{os.getpid()}.part")
        try:
            file.parent.mkdir(exist_ok=True)
            with part.open("wb") as handle:
                np.save(handle, array, allow_pickle=False)
            part.replace(file)
        except OSError:
            part.unlink(missing_ok=True)
    array.setflags(write=False)
    return array
