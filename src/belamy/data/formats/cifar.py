"""The binary version of CIFAR-10 or CIFAR-100: its folder, its archive, or one batch file."""

from __future__ import annotations

from pathlib import Path

from belamy.data.cifar import TEN, layout_of, open_archive, open_file, open_folder
from belamy.data.dataset import Dataset
from belamy.data.load_options import LoadOptions


class Format:
    """Records of label and pixels in ``.bin`` files, in a folder or a ``.tar.gz``."""

    def claim(self, path: Path) -> int:
        """2 for a folder with CIFAR's files, one of them, or a tar archive."""
        if path.is_dir():
            return 2 if layout_of({entry.name for entry in path.iterdir()}) else 0
        archive = path.name.lower().endswith((".tar.gz", ".tgz", ".tar"))
        return 2 if archive or path.name in {*TEN.train, *TEN.test} else 0

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """The photographs; the archive's own train and test splits where both are there."""
        if path.is_dir():
            return open_folder(path, path.absolute().name, options)
        opened = open_file if path.suffix == ".bin" else open_archive
        return opened(path, path.name.split(".")[0], options)
