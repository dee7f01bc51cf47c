"""The linker: objects in, one shared object out that the loader takes and that imports nothing."""

from __future__ import annotations

import ctypes
import struct
from typing import Any

import pytest

from axec.diag import AxecError
from axec.passes.codegen.cpu import targets, worker
from axec.passes.codegen.cpu.elf import linker
from axec.passes.codegen.llvm import I64, PTR, VOID, Module, constant

DT_NEEDED = 1


def _objects(*modules: Module) -> list[bytes]:
    return worker.compile_modules(modules, targets.TARGETS["x86-64-v3"])


def _caller_and_callee() -> tuple[Module, Module]:
    callee = Module("callee")
    b = callee.function("twice", I64, {"x": I64})
    b.ret(b.mul(b.args[0], 2))
    caller = Module("caller")
    caller.import_("twice", I64, [I64])
    caller.pointers("axe_table", ["twice", "run"])
    count = caller.variable("count", I64)
    b = caller.function("run", I64, {"x": I64}, "export")
    direct = b.call("twice", I64, [b.args[0]])
    through = b.call(b.load(PTR, caller.address("axe_table")), I64, [direct])
    b.store(b.add(b.load(I64, count), 1), count)
    b.ret(b.add(through, b.mul(b.load(I64, count), 1000)))
    return caller, callee


def test_objects_refer_to_each_other(load: Any) -> None:
    """Calls across objects, a table of addresses, zeroed memory."""
    library = load(*_caller_and_callee())
    library.run.restype = ctypes.c_int64
    assert [library.run(ctypes.c_int64(5)) for _ in range(2)] == [1020, 2020]
    with pytest.raises(AttributeError):
        library.twice  # hidden symbols are not exported  # noqa: B018


def test_every_kind_of_section(load: Any, raw: Any) -> None:
    """Constants, relocated constants, initialised data, zeroed data, jump tables."""
    cases = "\n".join(f"    i64 {i}, label %l{i}" for i in range(16))
    arms = "\n".join(
        f"l{i}:\n  store i64 {i * i + 3}, ptr @data\n  br label %end" for i in range(16)
    )
    text = f"""
        @data = hidden global i64 42
        @big = hidden global [100000 x i64] zeroinitializer
        @text = hidden constant [4 x i8] c"abc\\00"
        @pointers = hidden constant [2 x ptr] [ptr @text, ptr getelementptr (i8, ptr @data, i64 0)]
        define i64 @run(i64 %x) nounwind {{
        entry:
          switch i64 %x, label %end [{cases} ]
        {arms}
        end:
          %p = load ptr, ptr getelementptr (i8, ptr @pointers, i64 8)
          %d = load i64, ptr %p
          %t = load ptr, ptr @pointers
          %c = load i8, ptr %t
          %e = zext i8 %c to i64
          %b = load i64, ptr getelementptr (i8, ptr @big, i64 799992)
          %s = add i64 %d, %e
          %r = add i64 %s, %b
          ret i64 %r
        }}"""
    library = load(raw(text))
    library.run.restype = ctypes.c_int64
    assert library.run(ctypes.c_int64(99)) == 42 + ord("a")
    assert library.run(ctypes.c_int64(7)) == 52 + ord("a")


def test_relocated_constants_are_read_only_after_loading(load: Any) -> None:
    library = load(*_caller_and_callee())
    address = ctypes.addressof(ctypes.c_char.in_dll(library, "axe_table"))
    with open("/proc/self/maps", encoding="ascii") as maps:
        for line in maps:
            start, end = (int(n, 16) for n in line.split()[0].split("-"))
            if start <= address < end:
                assert line.split()[1] == "r--p"
                return
    raise AssertionError("the table is not mapped")


def test_imports_nothing_and_is_a_function_of_its_objects() -> None:
    objects = _objects(*_caller_and_callee())
    image = linker.link(objects)
    assert image == linker.link(objects)
    program_headers, count = struct.unpack_from("<Q", image, 32)[0], image[56]
    tags = []
    for i in range(count):
        kind, _, offset, _, _, size = struct.unpack_from("<IIQQQQ", image, program_headers + 56 * i)
        if kind == 2:  # PT_DYNAMIC
            tags = [tag for tag, _ in struct.iter_unpack("<QQ", image[offset : offset + size])]
    assert tags
    assert DT_NEEDED not in tags


def test_undefined_symbols_are_refused(raw: Any) -> None:
    text = "declare float @expf(float)\ndefine float @f(float %x) {\n"
    text += "  %y = call float @expf(float %x)\n  ret float %y\n}"
    with pytest.raises(AxecError, match="undefined symbols: expf") as caught:
        linker.link(_objects(raw(text)))
    assert caught.value.code == "link"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@x = thread_local global i32 1", "thread-local"),
        (
            "define internal void @c() { ret void }\n@llvm.global_ctors = appending global "
            "[1 x {i32, ptr, ptr}] [{i32, ptr, ptr} {i32 1, ptr @c, ptr null}]",
            "constructors",
        ),
        ("@x = global i32 1, align 8192", "alignment"),
    ],
)
def test_what_an_artifact_must_not_have(raw: Any, text: str, message: str) -> None:
    with pytest.raises(AxecError, match=message):
        linker.link(_objects(raw(text)))


def test_two_definitions_are_refused() -> None:
    _, callee = _caller_and_callee()
    with pytest.raises(AxecError, match="twice is defined twice"):
        linker.link(_objects(callee) * 2)


def test_damaged_objects_are_refused() -> None:
    """Cut anywhere, an object gives a link error or (cut in what is not used) an image; flipped
    header bytes too. Never another exception."""
    (whole,) = _objects(_caller_and_callee()[1])
    cuts = [whole[:size] for size in range(0, len(whole), 7)]
    flips = [whole[:i] + bytes([whole[i] ^ 0xFF]) + whole[i + 1 :] for i in range(len(whole))]
    codes = [_code_of_link(damaged) for damaged in [*cuts, *flips]]
    assert set(codes) == {"link", None}
    assert codes.count("link") > len(cuts)


def _code_of_link(data: bytes) -> str | None:
    try:
        linker.link([data])
    except AxecError as error:
        return error.code
    return None


def test_other_machines_are_refused() -> None:
    (whole,) = _objects(_caller_and_callee()[1])
    aarch64 = whole[:18] + struct.pack("<H", 183) + whole[20:]
    with pytest.raises(AxecError, match="machine 183"):
        linker.link([aarch64])


def test_an_image_without_data_loads(load: Any) -> None:
    module = Module("m")
    b = module.function("f", I64, {"block": PTR}, "export")
    b.ret(constant(I64, 7))
    unused = Module("empty")
    unused.function("nothing", VOID, {}).ret()
    assert load(module, unused).f(None) == 7
