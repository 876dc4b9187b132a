"""The events as a TensorBoard log: curves of every number, and the pictures and sounds made on the way."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import soundfile
from PIL import Image
from tensorboardX import SummaryWriter

from compute.recipes.events import Field

NOT_CURVES = frozenset({"step", "of"})


class Board:
    """Hears events and writes them under `folder`. After a resume, later points of the lost attempt are void."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._purge: int | None = None
        self._open: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._open:
            self._open.close()

    def hear(self, event: str, fields: Mapping[str, Field]) -> None:
        if event == "resume":
            self._purge = int(str(fields["step"])) + 1
        elif event == "step":
            self._curves(fields)
        elif event == "metric":
            self._writer().add_scalar(f"metric/{fields['name']}", fields["value"], fields["step"])
            self._writer().flush()
        elif event == "sample":
            self._sample(fields)

    def _curves(self, fields: Mapping[str, Field]) -> None:
        for name, value in fields.items():
            if name not in NOT_CURVES and isinstance(value, int | float):
                self._writer().add_scalar(f"training/{name}", value, fields["step"])
        self._writer().flush()

    def _sample(self, fields: Mapping[str, Field]) -> None:
        path = Path(str(fields["path"]))
        if path.suffix == ".png":
            with Image.open(path) as picture:
                pixels = np.asarray(picture.convert("RGB"))
            self._writer().add_image("samples", pixels, fields["step"], dataformats="HWC")
        elif path.suffix == ".wav":
            samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
            self._writer().add_audio("samples", samples, fields["step"], sample_rate=rate)
        self._writer().flush()

    def _writer(self) -> Any:
        if self._open is None:
            self._open = SummaryWriter(str(self._folder), purge_step=self._purge)
        return self._open
