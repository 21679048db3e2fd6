"""maths.h: its accuracy against a wider type, all else against PyTorch."""

import ctypes
import mmap
import platform
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

import unroll
from unroll.engine.cpu.compiler import INSTRUCTION_SETS

HEADER = Path(unroll.__file__).parent / "engine" / "cpu" / "maths.h"
DOCUMENT = Path(unroll.__file__).parents[1] / "docs" / "compiler.md"
X86 = platform.machine().lower() in ("x86_64", "amd64")
# the bytes of a vector in each
WIDTHS = dict(zip((64, 32, 16), INSTRUCTION_SETS.values(), strict=True))
if not X86:
    WIDTHS = {16: ["-mcpu=native"]}
FLAGS = "-O3 -std=c++17 -fPIC -shared -fno-math-errno -fno-trapping-math -Wno-psabi".split()

REALS = {"float": torch.float32, "double": torch.float64}
WIDER = {torch.float32: np.float64, torch.float64: np.longdouble}
NAN, INFINITY = float("nan"), float("inf")
LEAST = torch.iinfo(torch.int64).min

# name: the reference in a wider type, and the greatest errors that are promised, in units in the
# last place, in float and in double
INEXACT = {
    "exp": (np.exp, 1, 1),
    "exp2": (np.exp2, 1, 1),
    "expm1": (np.expm1, 1.1, 1.2),
    "log": (np.log, 1, 1),
    "log2": (np.log2, 1, 1),
    "log1p": (np.log1p, 1.1, 1),
    "sqrt": (np.sqrt, 0.5, 0.5),
    "rsqrt": (lambda x: 1 / np.sqrt(x), 1.5, 1.5),
    "reciprocal": (lambda x: 1 / x, 0.5, 0.5),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), 2.5, 2.5),
    "tanh": (np.tanh, 1, 1.1),
    "erf": (None, 1, 1.2),  # numpy has none: the compiled C library's
    "sin": (np.sin, 1, 1),
    "cos": (np.cos, 1, 1),
    "tan": (np.tan, 0.51, 1),
    "sinh": (np.sinh, 1, 1),
    "cosh": (np.cosh, 1, 1),
    "asin": (np.arcsin, 1, 1),
    "acos": (np.arccos, 1, 1),
    "atan": (np.arctan, 1, 1),
}
INEXACT_PAIRS = {"pow": (np.power, 1, 1), "atan2": (np.arctan2, 0.51, 1)}
MEAN = 0.35  # what the mean error is promised to be below, for every function
WIDE = 1e-3  # what the reference itself is off by: eleven more bits than double
EXACT = ["neg", "abs", "sign", "relu", "floor", "ceil", "round", "trunc"]
EXACT_PAIRS = ["maximum", "minimum", "remainder", "fmod"]
COMPARISONS = ["eq", "ne", "lt", "le", "gt", "ge"]

C_TYPES = {"real": "Real", "int": "int64_t", "mask": "uint8_t"}
# the function called, the types of its arguments, and of its result
CALLS = (
    [(f"{name}_", ["real"], "real") for name in [*INEXACT, *EXACT]]
    + [(f"{name}_", ["real"] * 2, "real") for name in [*INEXACT_PAIRS, *EXACT_PAIRS]]
    + [(f"{name}_", [kind] * 2, "mask") for name in COMPARISONS for kind in ("real", "int")]
    + [(f"{name}_", ["int"], "int") for name in ("neg", "abs", "sign")]
    + [
        (f"{name}_", ["int"] * 2, "int")
        for name in ("maximum", "minimum", "remainder", "floor_divide")
    ]
    + [("isnan_", ["real"], "mask"), ("not_", ["mask"], "mask")]
    + [(f"{name}_", ["mask"] * 2, "mask") for name in ("and", "or", "xor")]
    + [("where_", ["mask", kind, kind], kind) for kind in C_TYPES]
    + [(f"to_{to}", [kind], to) for to in C_TYPES for kind in C_TYPES if kind != to]
)

WRAPPER = """
#include "maths.h"
#define EXPORT extern "C"

EXPORT int lanes() { return LANES; }

EXPORT void reference_erf(const long double* x, long double* y, long count) {
    for (long i = 0; i < count; i++) y[i] = erfl(x[i]);
}

template <class Type> static void copy(const Type* from, Type* to) { store(to, load(from)); }
template <class Type> static void load_first(const Type* from, Type* to, int count) {
    store(to, load(from, count));
}
template <class Type> static void store_first(const Type* from, Type* to, int count) {
    store(to, load(from), count);
}
#define MEMORY(kind, Type)                                                                   \\
    EXPORT void copy_##kind(const Type* from, Type* to) { copy(from, to); }                  \\
    EXPORT void load_first_##kind(const Type* from, Type* to, int count) {                   \\
        load_first(from, to, count);                                                         \\
    }                                                                                        \\
    EXPORT void store_first_##kind(const Type* from, Type* to, int count) {                  \\
        store_first(from, to, count);                                                        \\
    }
MEMORY(real, Real)
MEMORY(int, int64_t)
MEMORY(mask, uint8_t)
EXPORT void splat_real(const Real* from, Real* to) { store(to, splat(*from)); }
EXPORT void splat_int(const int64_t* from, int64_t* to) { store(to, splat(*from)); }
EXPORT void splat_mask(const uint8_t* from, uint8_t* to) { store(to, splat(*from != 0)); }
"""


def exported(function, arguments):
    return "_".join([function, *arguments])


def loop(function, arguments, result):
    """A C function that applies `function` to arrays of any length."""
    names = "xyz"[: len(arguments)]
    given = "".join(f"const {C_TYPES[k]}* {n}, " for k, n in zip(arguments, names, strict=True))
    whole = ", ".join(f"load({n} + i)" for n in names)
    part = ", ".join(f"load({n} + i, rest)" for n in names)
    return f"""
EXPORT void {exported(function, arguments)}({given}{C_TYPES[result]}* to, long count) {{
    long i = 0;
    for (; i + LANES <= count; i += LANES) store(to + i, {function}({whole}));
    int rest = int(count - i);
    if (rest) store(to + i, {function}({part}), rest);
}}"""


class Library:
    def __init__(self, path, real):
        self.functions = ctypes.CDLL(str(path))
        self.types = {"real": REALS[real], "int": torch.int64, "mask": torch.bool}
        self.real = self.types["real"]
        self.lanes = self.functions.lanes()

    def raw(self, name, *arguments):
        pointers = (
            ctypes.c_void_p(a.data_ptr()) if isinstance(a, torch.Tensor) else a for a in arguments
        )
        getattr(self.functions, name)(*pointers)

    def __call__(self, name, *tensors):
        """`name` of the tensors, by their types; the answer has one element a given one."""
        kinds = [next(k for k, t in self.types.items() if t == x.dtype) for x in tensors]
        result = next(r for f, a, r in CALLS if (f, a) == (name, kinds))
        to = torch.empty(len(tensors[0]), dtype=self.types[result])
        tensors = [x.contiguous() for x in tensors]
        self.raw(exported(name, kinds), *tensors, to, ctypes.c_long(len(to)))
        return to


@pytest.fixture(scope="module")
def libraries(tmp_path_factory):
    compiler = next(filter(None, map(shutil.which, ("c++", "g++", "clang++"))), None)
    if compiler is None:
        pytest.skip("there is no C++ compiler on the path (c++, g++ or clang++)")
    folder = tmp_path_factory.mktemp("maths")
    source = folder / "wrapper.cpp"
    source.write_text(WRAPPER + "".join(loop(*call) for call in CALLS))

    def compiled(width, real):
        path = folder / f"{real}{width}.so"
        defined = [f"-DUNROLL_REAL={real}", f"-DUNROLL_VECTOR_BYTES={width}"]
        command = [compiler, *FLAGS, *WIDTHS[width], *defined, f"-I{HEADER.parent}"]
        done = subprocess.run(
            [*command, "-Wall", "-Wextra", str(source), "-o", str(path)],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert "warning" not in done.stderr, done.stderr
        return Library(path, real)

    wanted = [(width, real) for width in WIDTHS for real in REALS]
    with ThreadPoolExecutor() as pool:
        return dict(zip(wanted, pool.map(lambda pair: compiled(*pair), wanted), strict=True))


@pytest.fixture(params=[(w, r) for w in WIDTHS for r in REALS], ids=lambda p: f"{p[1]}-{p[0]}")
def library(libraries, request):
    return libraries[request.param]


# ---- accuracy


@cache
def points(dtype):
    """Every size of number, and the places where the functions change branches, densely."""
    info = torch.finfo(dtype)
    random = torch.Generator().manual_seed(1)
    greatest = 128 if dtype == torch.float32 else 1024
    smallest = -149 if dtype == torch.float32 else -1074
    powers = torch.linspace(smallest, greatest - 1e-3, 6001, dtype=torch.float64).exp2()
    powers = torch.cat([powers, torch.full((1,), info.max, dtype=torch.float64)])
    parts = [powers, -powers, 1 + powers, 1 - powers, powers - 1]
    ends = (1e-3, 0.1, 0.5, 1, 2, 10, 20, 88.7, 104, 709.7, 746)
    parts += [torch.linspace(-end, end, 4001, dtype=torch.float64) for end in ends]
    for spread in (0.1, 0.5, 1, 4, 20):
        drawn = torch.randn(10000, dtype=torch.float64, generator=random)
        parts.append(drawn * spread)
    x = torch.cat(parts).to(dtype)
    return x[x.isfinite()]


@cache
def pairs(dtype):
    random = torch.Generator().manual_seed(2)
    x, y = torch.randn(2, 20000, dtype=torch.float64, generator=random)
    size, other = torch.rand(2, 20000, dtype=torch.float64, generator=random) * 40 - 20
    return (x * size.exp2()).to(dtype), (y * other.exp2()).to(dtype)


def wider(function, *tensors):
    with np.errstate(all="ignore"):
        return function(*(x.numpy().astype(WIDER[x.dtype]) for x in tensors))


def ulps(y, reference):
    """The error of each number in units in the last place of the right answer."""
    kind = np.finfo(y.numpy().dtype)
    exponent = np.maximum(np.frexp(np.abs(reference))[1] - 1, kind.minexp)
    unit = np.ldexp(reference.dtype.type(1), exponent - kind.nmant)
    with np.errstate(invalid="ignore"):
        return np.abs(y.numpy().astype(reference.dtype) - reference) / unit


def check_accuracy(ours, reference, promised):
    with np.errstate(over="ignore"):
        right = torch.from_numpy(reference.astype(ours.numpy().dtype))
    assert torch.equal(ours.isnan(), right.isnan())
    finite = right.isfinite()
    wrong = ours[~finite & ~right.isnan()] != right[~finite & ~right.isnan()]
    assert not wrong.any()
    error = ulps(ours[finite], reference[finite.numpy()])
    assert error.max() <= promised + WIDE, (error.max(), promised)
    assert error.mean() <= MEAN, (error.mean(), MEAN)


def erf(library):
    def of(x):
        wide = np.ascontiguousarray(x, np.longdouble)
        to = np.empty_like(wide)
        pointers = (ctypes.c_void_p(a.ctypes.data) for a in (wide, to))
        library.functions.reference_erf(*pointers, ctypes.c_long(len(to)))
        return to.astype(x.dtype)

    return of


@cache
def answers(name, dtype):
    """The right answers, made once for every width."""
    function = INEXACT[name][0]
    return None if function is None else wider(function, points(dtype))


def needs_wider(dtype):
    if np.finfo(WIDER[dtype]).nmant <= np.finfo(torch.empty(0, dtype=dtype).numpy().dtype).nmant:
        pytest.skip("long double is no wider than double on this machine")


def promised(functions, name, dtype):
    return functions[name][1 if dtype == torch.float32 else 2]


@pytest.mark.parametrize("name", INEXACT)
def test_errors_are_as_small_as_promised(library, name):
    needs_wider(library.real)
    x = points(library.real)
    reference = answers(name, library.real)
    if reference is None:
        reference = wider(erf(library), x)
    ours = library(f"{name}_", x)
    if name == "sigmoid":
        # the exponential runs over before the result is too small a number: zero is promised
        over = (-x.double()).exp() > torch.finfo(library.real).max
        assert not ours[over].any()
        ours, reference = ours[~over], reference[~over.numpy()]
    check_accuracy(ours, reference, promised(INEXACT, name, library.real))


@pytest.mark.parametrize("name", INEXACT_PAIRS)
def test_errors_of_two_arguments_are_as_small_as_promised(library, name):
    needs_wider(library.real)
    x, y = pairs(library.real)
    if name == "pow":
        x, y = x.abs(), y.clamp(-30, 30)
    reference = wider(INEXACT_PAIRS[name][0], x, y)
    ours = library(f"{name}_", x, y)
    check_accuracy(ours, reference, promised(INEXACT_PAIRS, name, library.real))


def test_the_document_promises_the_same_errors():
    rows = re.findall(r"^\| `(\w+)` \|([^|]+)\|([^|]+)\|$", DOCUMENT.read_text(), re.MULTILINE)
    said = {name: [float(cell.split("(")[0]) for cell in cells] for name, *cells in rows}
    assert said == {n: [*bounds] for n, (_, *bounds) in (INEXACT | INEXACT_PAIRS).items()}
    assert f"mean error of each is below {MEAN} " in DOCUMENT.read_text()


# ---- the same as PyTorch, to the bit


def check_same(ours, torchs):
    assert ours.dtype == torchs.dtype
    torch.testing.assert_close(ours, torchs, rtol=0, atol=0, equal_nan=True)
    if ours.is_floating_point():
        numbers = ~torchs.isnan()
        assert torch.equal(ours.signbit()[numbers], torchs.signbit()[numbers])


SPECIAL = [NAN, INFINITY, -INFINITY, 0.0, -0.0]


@pytest.mark.parametrize("name", [*INEXACT, *EXACT])
def test_nan_infinities_and_zeros(library, name):
    x = torch.tensor(SPECIAL, dtype=library.real).repeat(8)
    check_same(library(f"{name}_", x), getattr(torch, name)(x))


@pytest.mark.parametrize("name", EXACT)
def test_exact_functions(library, name):
    x = torch.cat([points(library.real), torch.arange(-9, 9.5, 0.5, dtype=library.real)])
    check_same(library(f"{name}_", x), getattr(torch, name)(x))


def special_pairs(dtype):
    numbers = torch.tensor([*SPECIAL, 1.0, -1.0, 2.5, -7.5, 1e30, -0.1], dtype=dtype)
    x, y = torch.cartesian_prod(numbers, numbers).T
    return x.contiguous(), y.contiguous()


@pytest.mark.parametrize("name", ["remainder", "fmod"])
def test_remainders(library, name):
    for x, y in (pairs(library.real), special_pairs(library.real)):
        check_same(library(f"{name}_", x, y), getattr(torch, name)(x, y))
    fractions = (library.real.itemsize * 4 * torch.randn(4096)).round() / 4
    x, y = fractions[:2048].to(library.real), fractions[2048:].to(library.real)
    check_same(library(f"{name}_", x, y), getattr(torch, name)(x, y))


def test_remainders_of_divisors_below_the_smallest_normal_number(library):
    # torch.fmod gives NaN here
    y = torch.tensor([3 * torch.finfo(library.real).smallest_normal / 4], dtype=library.real)
    for x in (1.0, -7.5, 1e30):
        x = torch.tensor([x], dtype=library.real)
        check_same(library("fmod_", x, y), torch.from_numpy(np.fmod(x.numpy(), y.numpy())))
        assert 0 <= library("remainder_", x, y) < y


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_extremes_hand_nan_on(library, name):
    for x, y in (pairs(library.real), special_pairs(library.real)):
        ours, torchs = library(f"{name}_", x, y), getattr(torch, name)(x, y)
        torch.testing.assert_close(ours, torchs, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("name", INEXACT_PAIRS)
def test_special_values_of_two_arguments(library, name):
    x, y = special_pairs(library.real)
    ours, torchs = library(f"{name}_", x, y), getattr(torch, name)(x, y)
    special = torchs.isnan() | torchs.isinf() | (torchs == 0)
    check_same(ours[special], torchs[special])
    assert not ours[~special].isnan().any()


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons(library, name):
    for x, y in (pairs(library.real), special_pairs(library.real), whole_numbers()):
        check_same(library(f"{name}_", x, y), getattr(torch, name)(x, y))


def test_isnan(library):
    x = torch.tensor([*SPECIAL, 1.0], dtype=library.real).repeat(7)
    check_same(library("isnan_", x), x.isnan())


def test_known_values(library):
    x = torch.tensor([-88.0, -100.0, 100.0, 1e-6, -1e-6], dtype=library.real)
    sigmoid, tanh = library("sigmoid_", x), library("tanh_", x)
    assert sigmoid[0] == pytest.approx(6.0546e-39, rel=1e-5)
    assert sigmoid[1] == (0 if library.real == torch.float32 else pytest.approx(3.72007598e-44))
    assert sigmoid[2] == 1
    assert torch.equal(tanh[3:], x[3:] - x[3:] ** 3 / 3)
    assert tanh[1:3].tolist() == [-1, 1]


# ---- integers, booleans, conversions, choice


def whole_numbers():
    random = torch.Generator().manual_seed(3)
    extremes = torch.tensor([0, 1, -1, 2, -2, LEAST, LEAST + 1, -(LEAST + 1), 2**32, -(2**31)])
    x, y = torch.cartesian_prod(extremes, extremes).T
    small = torch.randint(-9, 10, (2, 999), generator=random)
    great = torch.randint(LEAST, -(LEAST + 1), (2, 999), generator=random)
    return torch.cat([x, small[0], great[0]]), torch.cat([y, small[1], great[1]])


@pytest.mark.parametrize("name", ["neg", "abs", "sign"])
def test_integer_functions(library, name):
    x = whole_numbers()[0]
    check_same(library(f"{name}_", x), getattr(torch, name)(x))


@pytest.mark.parametrize("name", ["maximum", "minimum", "remainder", "floor_divide"])
def test_integer_functions_of_two(library, name):
    x, y = whole_numbers()
    if name in ("remainder", "floor_divide"):
        # PyTorch raises at zero, and the processor at the least number by -1
        x, y = x[(y != 0) & (y != -1)], y[(y != 0) & (y != -1)]
    check_same(library(f"{name}_", x, y), getattr(torch, name)(x, y))


def test_integer_divisions_never_stop_the_program(library):
    x, y = torch.tensor([5, -5, LEAST, LEAST, 7]), torch.tensor([0, 0, 0, -1, -1])
    assert library("remainder_", x, y).tolist() == [0, 0, 0, 0, 0]
    assert library("floor_divide_", x, y).tolist() == [0, 0, 0, LEAST, -7]


def masks():
    random = torch.Generator().manual_seed(4)
    return torch.rand(2, 1001, generator=random) < 0.5


def test_booleans(library):
    x, y = masks()
    check_same(library("not_", x), ~x)
    check_same(library("and_", x, y), x & y)
    check_same(library("or_", x, y), x | y)
    check_same(library("xor_", x, y), x ^ y)


def test_where(library):
    condition, mask = masks()
    x, y = (t[:1001] for t in pairs(library.real))
    i, j = (t[:1001] for t in whole_numbers())
    for yes, no in ((x, y), (i, j), (mask, mask.flip(0))):
        check_same(library("where_", condition, yes, no), torch.where(condition, yes, no))


def test_conversions(library):
    integers, mask = whole_numbers()[0], masks()[0]
    reals = torch.cat([points(library.real)[::7], torch.tensor([0.0, -0.0, NAN, INFINITY])])
    reals = reals.to(library.real)
    check_same(library("to_real", integers), integers.to(library.real))
    check_same(library("to_real", mask), mask.to(library.real))
    check_same(library("to_int", mask), mask.long())
    check_same(library("to_mask", reals), reals.bool())
    check_same(library("to_mask", integers), integers.bool())
    if not X86:  # what lies outside differs from processor to processor
        reals = reals[reals.abs() < 2**62]
    check_same(library("to_int", reals), reals.long())


# ---- memory


GUARD = 0x55


def numbers(library, kind):
    if kind == "mask":
        return torch.rand(library.lanes) < 0.5
    return torch.arange(1, library.lanes + 1).to(library.types[kind])


@pytest.mark.parametrize("kind", C_TYPES)
def test_whole_loads_and_stores_need_no_alignment(library, kind):
    x = numbers(library, kind)
    room = torch.full((x.nbytes + 64,), GUARD, dtype=torch.uint8)
    for offset in range(1, 33, x.itemsize if kind == "mask" else 8):
        given = torch.cat([room[:offset], x.view(torch.uint8), room[:8]])
        to = room.clone()
        library.raw(f"copy_{kind}", given[offset:], to[offset:])
        assert torch.equal(to[offset : offset + x.nbytes], x.view(torch.uint8))
        assert (to[:offset] == GUARD).all()
        assert (to[offset + x.nbytes :] == GUARD).all()


@pytest.mark.parametrize("kind", C_TYPES)
def test_stores_of_the_first_elements_touch_nothing_else(library, kind):
    x = numbers(library, kind)
    for count in range(library.lanes + 1):
        to = torch.full((x.nbytes + 128,), GUARD, dtype=torch.uint8)
        library.raw(f"store_first_{kind}", x, to[64:], count)
        written = count * x.itemsize
        assert torch.equal(to[64 : 64 + written], x[:count].view(torch.uint8))
        assert (to[:64] == GUARD).all()
        assert (to[64 + written :] == GUARD).all()


@pytest.fixture(scope="module")
def edge():
    """The address where memory ends: one byte further, the program would be stopped."""
    memory = mmap.mmap(-1, 2 * mmap.PAGESIZE)
    view = ctypes.c_char.from_buffer(memory)
    end = ctypes.addressof(view) + mmap.PAGESIZE
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    arguments = ctypes.c_void_p(end), ctypes.c_size_t(mmap.PAGESIZE)
    assert protect(*arguments, 0) == 0
    yield end
    assert protect(*arguments, mmap.PROT_READ | mmap.PROT_WRITE) == 0
    del view
    memory.close()


@pytest.mark.parametrize("kind", C_TYPES)
def test_loads_of_the_first_elements_read_nothing_else(library, kind, edge):
    x = numbers(library, kind)
    for count in range(library.lanes + 1):
        start = edge - count * x.itemsize
        ctypes.memmove(start, x.data_ptr(), count * x.itemsize)
        to = torch.ones_like(x)
        library.raw(f"load_first_{kind}", ctypes.c_void_p(start), to, count)
        assert torch.equal(to[:count], x[:count])
        assert not to[count:].any()


def test_any_byte_but_zero_is_true(library):
    given = torch.arange(library.lanes, dtype=torch.uint8)
    to = torch.empty(library.lanes, dtype=torch.uint8)
    library.raw("copy_mask", given, to)
    assert to.tolist() == [0] + [1] * (library.lanes - 1)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("real", -0.0), ("real", NAN), ("real", 3.5), ("int", LEAST), ("mask", True), ("mask", False)],
)
def test_splat(library, kind, value):
    x = torch.tensor([value]).to(library.types[kind])
    to = torch.empty(library.lanes, dtype=x.dtype)
    library.raw(f"splat_{kind}", x, to)
    check_same(to, x.repeat(library.lanes))
