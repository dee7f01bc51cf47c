"""The one error class of axec, and the codes that the runtime raises."""

from typing import Any

# Code -> what to do about it, unless the error says something better. The names are stable:
# scripts match on them, so a released one is never renamed or reused.
CODES: dict[str, str | None] = {
    "artifact-not-found": "check the path; it must be a regular file that you may read",
    "artifact-corrupt": "copy or compile the artifact again",
    "artifact-version": "compile it again, or use the runtime that belongs to its compiler",
    "artifact-write": "what stood there before is untouched; check the folder, space and rights",
    "artifact-unsigned": "sign it with `axec sign`, or trust the key that signed it",
    "signature-invalid": "do not use this file: it was changed after it was signed",
    "key-invalid": "make a pair of keys with `axec keygen`",
    "cpu-unsupported": "compile with `--target` for a level that this machine has (`axec doctor`)",
    "platform-unsupported": None,
    "load-failed": "check that this process may map code (SELinux, noexec)",
    "option-invalid": None,
    "entry-unknown": None,
    "entry-ambiguous": 'name one: program["name"](...)',
    "input-count": None,
    "input-name": None,
    "input-structure": "pass the same dicts, lists and tuples as at compile time",
    "input-dtype": None,
    "input-shape": "pass the declared shape, or compile for this one",
    "dim-out-of-range": "split or pad the input, or compile with a wider range",
    "dim-conflict": "inputs that share a dim must have the same size there",
    "output-invalid": "leave `out` away to get fresh arrays",
    "threads-invalid": "leave it out to use all available CPUs",
    "out-of-memory": "raise the memory limit, or use smaller dims",
}


class AxecError(Exception):
    """An error that a user can act on.

    `code` is a stable kebab-case name, `message` one sentence with the values at fault, `location`
    the place at fault if there is one (printed with `str`), `hint` what to do about it.
    """

    def __init__(
        self, code: str, message: str, *, location: Any = None, hint: str | None = None
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.location = location
        self.hint = hint or CODES.get(code)

    def __str__(self) -> str:
        where = [] if self.location is None else [f"  --> {self.location}"]
        hint = [f"hint: {self.hint}"] if self.hint else []
        return "\n".join([f"error[{self.code}]: {self.message}", *where, *hint])

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors cross process boundaries (code generation runs in a worker).
        return type(self), (self.code, self.message), self.__dict__
