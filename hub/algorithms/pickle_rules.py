"""What a pickle may import: a list of what is allowed, never of what is forbidden.

A list of forbidden names is passed by the next name that nobody thought of. Here whatever is not
listed is unsafe; each entry only builds data, whatever arguments it is given.
"""

_BUILTINS = (
    "bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object", "range", "set",
    "slice", "str", "tuple",
)  # fmt: skip
_NUMPY_SCALARS = (
    "bool_", "bool", "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32",
    "uint64", "complex64", "complex128",
)  # fmt: skip
_STORAGES = (
    "BFloat16Storage", "BoolStorage", "ByteStorage", "CharStorage", "ComplexDoubleStorage", "ComplexFloatStorage",
    "DoubleStorage", "FloatStorage", "HalfStorage", "IntStorage", "LongStorage", "QInt32Storage", "QInt8Storage",
    "QUInt2x4Storage", "QUInt4x2Storage", "QUInt8Storage", "ShortStorage",
)  # fmt: skip
_TORCH = (
    "Size", "Tensor", "device", "dtype", "bfloat16", "bool", "complex64", "complex128", "float", "float16", "float32",
    "float64", "float8_e4m3fn", "float8_e5m2", "half", "double", "int8", "int16", "int32", "int64", "uint8",
    "per_channel_affine", "per_tensor_affine", "strided", "contiguous_format", "channels_last",
)  # fmt: skip
_TORCH_REBUILD = (
    "_rebuild_meta_tensor_no_storage", "_rebuild_parameter", "_rebuild_parameter_with_state", "_rebuild_qtensor",
    "_rebuild_sparse_tensor", "_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3",
)  # fmt: skip
_ARRAYS = ("_reconstruct", "scalar")

# torch.storage._load_from_bytes is left out on purpose: it unpickles what it is given.
_ALLOWED: dict[str, tuple[str, ...]] = {
    "builtins": _BUILTINS,
    "__builtin__": (*_BUILTINS, "long", "unicode", "xrange"),
    "copyreg": ("_reconstructor",),
    "copy_reg": ("_reconstructor",),
    "collections": ("Counter", "OrderedDict", "defaultdict", "deque"),
    "_codecs": ("encode",),
    "argparse": ("Namespace",),
    "datetime": ("date", "datetime", "time", "timedelta", "timezone"),
    "decimal": ("Decimal",),
    "uuid": ("UUID",),
    "pathlib": ("PosixPath", "PurePosixPath", "PureWindowsPath", "WindowsPath"),
    "numpy": ("ndarray", "dtype", *_NUMPY_SCALARS),
    "numpy.core.multiarray": _ARRAYS,
    "numpy._core.multiarray": _ARRAYS,
    "numpy.core.numeric": ("_frombuffer",),
    "numpy._core.numeric": ("_frombuffer",),
    "numpy.dtypes": tuple(f"{name}DType" for name in ("Bool", "Float16", "Float32", "Float64", "Int32", "Int64")),
    "torch": (*_TORCH, *_STORAGES),
    "torch.cuda": _STORAGES,
    "torch._utils": _TORCH_REBUILD,
    "torch._tensor": ("_rebuild_from_type_v2",),
    "torch.nn.parameter": ("Buffer", "Parameter"),
    "torch.serialization": ("_get_layout",),
    "torch.storage": ("TypedStorage", "UntypedStorage"),
    "torch.jit._pickle": ("build_boollist", "build_doublelist", "build_intlist", "build_tensorlist"),
}
ALLOWED = frozenset((module, name) for module, names in _ALLOWED.items() for name in names)

# These say so in the list of imports; the verdict is the same for all that is not allowed.
_DANGEROUS = frozenset({
    "__builtin__", "__main__", "asyncio", "bdb", "builtins", "cloudpickle", "code", "codeop", "commands", "ctypes",
    "dill", "distutils", "exec", "fileinput", "functools", "glob", "http", "httplib", "importlib", "inspect", "io",
    "joblib", "marshal", "multiprocessing", "nt", "ntpath", "operator", "os", "pdb", "pickle", "pip", "pkgutil",
    "platform", "posix", "posixpath", "profile", "pty", "pydoc", "requests", "runpy", "shutil", "signal", "site",
    "smtplib", "socket", "ssl", "subprocess", "sys", "tempfile", "timeit", "trace", "types", "urllib", "urllib2",
    "venv", "webbrowser", "zipimport",
})  # fmt: skip


def is_allowed(module: str, name: str) -> bool:
    """Also the classes of TorchScript: they are no Python modules, so Python cannot import them."""
    return (module, name) in ALLOWED or module.startswith("__torch__.")


def level_of(module: str, name: str) -> str:
    """The protocol's word for an import: innocuous, suspicious (nobody vouches for it) or dangerous."""
    if is_allowed(module, name):
        return "innocuous"
    return "dangerous" if module.partition(".")[0] in _DANGEROUS else "suspicious"
