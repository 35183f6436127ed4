"""Installs the package ``slowfast`` (distribution ``slowfast-ssl``) with ``pip install -e .``."""

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent

REQUIREMENTS = [
    "torch>=2.6",  # the framework; 2.6 is the first whose torch.load is safe by default
    "torchvision>=0.21",  # R(2+1)D, transforms, image decoding, RoIAlign
    "av>=17",  # video and audio decoding; 17 tells where key frames lie; wheels carry FFmpeg
    "pillow>=10",  # frames that were extracted to images
    "numpy>=1.26",  # annotation tables, samplers, metrics
    "pyyaml>=6",  # config files
    "yacs>=0.1.8",  # the config tree of PySlowFast
    "fvcore>=0.1.5",  # precise batch-norm statistics and operation counts
    "iopath>=0.1.10",  # files on web servers: MODEL.CKPT https://...
    "pandas>=2.1",  # large annotation tables
    "scikit-learn>=1.4",  # average precision, linear probes
    "tensorboard>=2.15",  # learning curves
    "tqdm>=4.66",  # progress bars
    "matplotlib>=3.8",  # plots in the report
]
EXTRAS = {
    "test": [
        "pytest>=8",  # test runner
        "pytest-xdist>=3.7",  # tests on both cores, in our order
        "hypothesis>=6.100",  # property tests of parsers and samplers
        "ruff>=0.8",  # lint and format
    ],
    "onnx": ["onnxruntime>=1.17"],  # tools/demo.py with a detector's ONNX file
    "sentences": ["sentence-transformers>=3"],  # ZERO_SHOT.VECTORS as the folder of an encoder
    "faiss": ["faiss-cpu>=1.8"],  # PROBE.FAISS: neighbours in large galleries
    "torchcodec": ["torchcodec"],  # DATA.DECODING_BACKEND; of the version that goes with torch
    "wandb": ["wandb>=0.17"],  # WANDB.ENABLE
    "detectron2": ["detectron2"],  # optional person detector; install it from its repository
}


class BuildWithConfigs(build_py):
    """Takes configs and tools into a wheel; a checkout has them beside the package."""

    def run(self):
        """Build the package, then copy both folders into it."""
        super().run()
        if not self.editable_mode:
            for name in ("configs", "tools"):
                target = Path(self.build_lib) / "slowfast" / name
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / name, target, dirs_exist_ok=True, ignore=ignored)


setup(
    name="slowfast-ssl",
    version="0.1.0",
    description="Pretrain video models on audio and frames, and measure any such checkpoint",
    long_description=(ROOT / "README.md").read_text() if (ROOT / "README.md").exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["slowfast", "slowfast.*"]),
    package_data={
        "slowfast": ["py.typed"],
        "slowfast.datasets": ["assets/*.json"],
        "slowfast.models.text": ["assets/*"],
    },
    cmdclass={"build_py": BuildWithConfigs},
    entry_points={"console_scripts": ["slowfast=slowfast.engine.cli:console"]},
    install_requires=REQUIREMENTS,
    extras_require=EXTRAS,
)
