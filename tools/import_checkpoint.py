"""Look into a foreign checkpoint, or write it in our layout or under torchvision's names.

    import_checkpoint.py --ckpt FILE [--method moco]               what it is, what would be loaded
    import_checkpoint.py --ckpt FILE --out NEW.pyth                for MODEL.INIT_METHOD slowfast
    import_checkpoint.py --ckpt FILE --out NEW.pth --to torchvision

Beside each file written lies one ending in ``.json`` with the SHA-256, source and licence of the
original.
"""

import sys
from pathlib import Path

from slowfast.checkpoint.convert import LAYOUTS, convert, inspect
from slowfast.engine.failures import run_cli
from slowfast.utils.arguments import tool_parser
from slowfast.utils.paths import local_path


def main(argv: list[str] | None = None) -> int:
    """Inspect, or convert where ``--out`` is given."""
    parser = tool_parser(__doc__)
    parser.add_argument("--ckpt", required=True, help="the checkpoint")
    parser.add_argument("--method", default="auto", help="its format, as MODEL.INIT_METHOD")
    parser.add_argument("--arch", default="", help="MODEL.ARCH, where several networks fit")
    parser.add_argument("--out", type=Path, help="file to write; without it, only look")
    parser.add_argument("--to", choices=LAYOUTS, default="slowfast", help="layout of --out")
    parser.add_argument("--source", default="", help="where the file was fetched")
    parser.add_argument("--licence", default="", help="licence of the weights")
    parser.add_argument("--inflate", action="store_true", help="as CHECKPOINT.INFLATE")
    parser.add_argument("--reverse-channels", action="store_true", help="as in CHECKPOINT")
    parser.add_argument("--at", default="", help="as CHECKPOINT.AT")
    parser.add_argument("--trust-pickle", action="store_true", help="as CHECKPOINT.TRUST_PICKLE")
    args = parser.parse_args(argv)
    return run_cli(lambda: _run(args))


def _run(args) -> None:
    what = {"path": Path(local_path(args.ckpt, "--ckpt")), "method": args.method, "arch": args.arch}
    names = ("inflate", "reverse_channels", "trust_pickle", "at")
    options = {name: getattr(args, name) for name in names}
    if args.out is None:
        print(inspect(**what, **options))
        return
    origin = {"source": args.source, "licence": args.licence}
    report = convert(**what, out=args.out, layout=args.to, **origin, **options)
    print(f"{report.title}: {report}\nWrote {args.out} and {args.out}.json")


if __name__ == "__main__":
    sys.exit(main())
