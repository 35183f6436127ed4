"""Counts where a program makes the host wait for a device, on a machine that has none."""

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

# Their results have a size, or are a number, that only the data tell.
WAITING_OPERATIONS = {
    *("_local_scalar_dense", "nonzero", "masked_select", "_unique2", "unique_dim", "equal"),
    *("unique_consecutive", "is_nonzero", "bincount"),
}
# Without a device they make tensors on the host.
FACTORIES = {torch.randperm, torch.randint}
WAITING_METHODS = {
    Tensor.cpu: "cpu",
    Tensor.numpy: "numpy",
    Tensor.tolist: "tolist",
    Tensor.__bool__: "bool",
    Tensor.__int__: "int",
    Tensor.__float__: "float",
}


class HostReads(TorchDispatchMode):
    """Collects in ``found`` what reads a tensor on the host while it is entered.

    Args:
        on_host: tensors that lie on the host on purpose.
    """

    def __init__(self, on_host: list[Tensor] = ()) -> None:
        super().__init__()
        self.found: list[str] = []
        self._methods = _Methods(self.found, list(on_host))

    def __enter__(self):
        self._methods.__enter__()
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        self._methods.__exit__(*error)

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        masked = name.startswith("index") and any(
            isinstance(index, Tensor) and str(index.dtype) == "torch.bool"
            for given in args[1:2]
            for index in (given if isinstance(given, (list, tuple)) else [given])
        )
        if name in WAITING_OPERATIONS or masked:
            self.found.append(f"aten::{name}")
        return function(*args, **(kwargs or {}))


class _Methods(TorchFunctionMode):
    """Notes methods that never reach the dispatcher where the tensor is on the host already."""

    def __init__(self, found: list[str], on_host: list[Tensor]) -> None:
        self._found, self._on_host = found, on_host

    def __torch_function__(self, function, types, args=(), kwargs=None):
        name = WAITING_METHODS.get(function)
        if name and not self._is_on_host(args[0]):
            self._found.append(f"Tensor.{name}")
        result = function(*args, **(kwargs or {}))
        if function in FACTORIES and "device" not in (kwargs or {}):
            self._on_host.append(result)
        return result

    def _is_on_host(self, tensor: Tensor) -> bool:
        place = tensor.untyped_storage().data_ptr()
        return any(place == other.untyped_storage().data_ptr() for other in self._on_host)
