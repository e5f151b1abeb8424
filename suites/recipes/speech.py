"""Ten recordings of speech from the Debian package `pocketsphinx-testdata`, and where somebody speaks in each, by energy."""

from __future__ import annotations

import argparse
import hashlib
import io
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile
from scipy import ndimage

if TYPE_CHECKING:
    import numpy.typing as npt

PACKAGE = "pocketsphinx-testdata"
SHA256 = "eaeb7a01d54f20b799d1a81ef110ec544b2cb47ea006614078220737a33019f0"
FOLDER = "./usr/share/pocketsphinx/test/data"
SOURCES = ("cards", "librivox")
FRAME_MS = 10
SPEECH_DECIBELS = -30.0  # of a frame, below the 95th percentile of the recording's frames
LONGEST_PAUSE, SHORTEST_SPEECH = 20, 10  # frames: shorter pauses are speech, and shorter speech is none
TARGET = Path(__file__).parents[1] / "data" / "speech.parquet"


@dataclass(frozen=True)
class Recording:
    """16-bit samples, and how many of them there are in a second."""

    name: str
    source: str
    samples: npt.NDArray[np.int16]
    rate: int


def read_package(file: Path | None) -> list[Recording]:
    """The recordings by their names; the package is downloaded with apt where no file of it is given."""
    with tempfile.TemporaryDirectory() as folder:
        archive = file or download(Path(folder))
        if (digest := hashlib.sha256(archive.read_bytes()).hexdigest()) != SHA256:
            raise SystemExit(f"{archive} has the SHA-256 {digest}, and {SHA256} is expected")
        command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
        content = subprocess.run(command, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(content)) as files:
        names = sorted(name for name in files.getnames() if name.endswith(".wav"))
        return [
            read_recording(files, name, source) for source in SOURCES for name in names if f"{FOLDER}/{source}/" in name
        ]


def download(folder: Path) -> Path:
    """The package, downloaded into a folder by apt."""
    subprocess.run(["apt-get", "download", PACKAGE], cwd=folder, check=True)
    return next(folder.glob("*.deb"))


def read_recording(files: tarfile.TarFile, name: str, source: str) -> Recording:
    """One WAV file of the package."""
    member = files.extractfile(name)
    assert member is not None
    samples, rate = soundfile.read(io.BytesIO(member.read()), dtype="int16")
    return Recording(f"{source}-{Path(name).stem[-4:].strip('_')}", source, samples, rate)


def find_speech(recording: Recording) -> list[dict[str, object]]:
    """Where frames are loud, pauses and noises left out: spans in milliseconds."""
    size = recording.rate * FRAME_MS // 1000
    number = len(recording.samples) // size
    frames = recording.samples[: number * size].reshape(number, size).astype(np.float64)
    decibels = 10 * np.log10(np.square(frames).mean(axis=1) + 1e-3)
    is_speech = decibels > np.quantile(decibels, 0.95) + SPEECH_DECIBELS
    is_speech = ndimage.binary_closing(np.pad(is_speech, LONGEST_PAUSE), np.ones(LONGEST_PAUSE, bool))
    is_speech = ndimage.binary_opening(is_speech[LONGEST_PAUSE:-LONGEST_PAUSE], np.ones(SHORTEST_SPEECH, bool))
    edges = np.flatnonzero(np.diff(np.pad(is_speech.astype(np.int8), 1))).reshape(-1, 2) * FRAME_MS
    return [{"start": int(start), "end": int(end), "label": "speech"} for start, end in edges]


def encode_flac(recording: Recording) -> bytes:
    """The recording as the bytes of a FLAC file, without loss."""
    content = io.BytesIO()
    soundfile.write(content, recording.samples, recording.rate, format="FLAC")
    return content.getvalue()


def write(recordings: list[Recording], path: Path) -> None:
    """Write the recordings as Parquet: an id, the FLAC, the spans of speech, and where they come from."""
    spans = pa.list_(pa.struct([("start", pa.int64()), ("end", pa.int64()), ("label", pa.string())]))
    columns = {
        "id": pa.array([one.name for one in recordings]),
        "audio": pa.array([encode_flac(one) for one in recordings], pa.binary()),
        "target": pa.array([find_speech(one) for one in recordings], spans),
        "source": pa.array([one.source for one in recordings]),
    }
    pq.write_table(pa.table(columns), path, compression="none", use_dictionary=False)


def main() -> None:
    """Make the file and print its size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--package", type=Path, help=f"the file of the package {PACKAGE}, already downloaded")
    parser.add_argument("--out", type=Path, default=TARGET, help="the file to write")
    arguments = parser.parse_args()
    write(read_package(arguments.package), arguments.out)
    print(f"{arguments.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
