"""Writes src/Messages/Messages.cs: the classes of the vendor's messages, from the project's .proto files (`make messages`).

It knows the parts of proto2 that these files use: enums, and messages with required and optional fields of type int32, double,
string or message. Anything else is an error.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

PROTO = Path(__file__).resolve().parents[2] / "Sources" / "CMessages" / "proto"
FILES = ("Common", "Qot_Common", "Qot_GetCapitalDistribution")
#: Messages that are not the vendor's.
OURS = {"AnyResponse"}
SCALARS = {"int32": ("int", "0"), "double": ("double", "0.0"), "string": ("string", '""')}
#: The vendor's defaults, which are not in the files. Common.proto has the reason.
DEFAULTS = {"retType": "-400"}
FIELD = re.compile(r"(required|optional) ([\w.]+) (\w+) = (\d+);(?: *// *(.*))?")
VALUE = re.compile(r"(\w+) = (-?\d+);(?: *// *(.*))?")


@dataclass(frozen=True)
class Field:
    """A field of a message. `of` is its type in C#, and `standard` its value while it is absent."""

    label: str
    name: str
    number: int
    of: str
    standard: str
    words: str

    @property
    def title(self) -> str:
        """Its name in C#, such as C2S for c2s."""
        return re.sub(r"(?:^|(?<=\d))[a-z]", lambda found: found[0].upper(), self.name)


def class_of(name: str) -> str:
    """The C# name of a file or type."""
    return name.replace("_", "")


def field_of(line: str) -> Field:
    """Parses a field's line."""
    found = FIELD.fullmatch(line)
    if found is None:
        raise SystemExit(f"messages: this is no field: {line}")
    label, kind, name, number, words = found.groups()
    of, standard = SCALARS.get(kind) or (class_of(kind), f"{class_of(kind)}.DefaultInstance")
    standard = DEFAULTS.get(name, standard)
    return Field(label, name, int(number), of, standard, words or f"{name}, {label}")


def enum(name: str, lines: list[str]) -> list[str]:
    """An enum's lines."""
    out = [f"/// <summary>{name} in the .proto file.</summary>", f"public enum {name}", "{"]
    for line in lines:
        found = VALUE.fullmatch(line)
        if found is None:
            raise SystemExit(f"messages: this is no value: {line}")
        out += [f"    /// <summary>{found[3] or found[1].removeprefix(name + '_')}.</summary>", f"    {found[1]} = {found[2]},"]
    return [*out, "}"]


def message(name: str, lines: list[str]) -> list[str]:
    """A message's lines, with its builder's."""
    fields = [field_of(line) for line in lines]
    out = [f"/// <summary>{name} of the .proto file.</summary>"]
    out += [f"public sealed class {name} : Message<{name}, {name}.Builder>", "{"]
    for field in fields:
        out += [f"    /// <summary>The number of {field.name}.</summary>"]
        out += [f"    public const int {field.title}FieldNumber = {field.number};"]
    out += ["    private static readonly Field[] Table =", "    {"]
    for field in sorted(fields, key=lambda field: field.number):
        out += [f'        Field.{field.label.title()}({field.number}, "{field.name}", {field.standard}),']
    out += ["    };", "    internal override Field[] Fields => Table;"]
    for field in fields:
        out += [f"    /// <summary>{field.words}.</summary>"]
        out += [f"    public {field.of} {field.title} => Get<{field.of}>({field.number});"]
        out += [f"    /// <summary>Whether {field.name} is there.</summary>"]
        out += [f"    public bool Has{field.title} => Has({field.number});"]
    out += ["    /// <summary>Makes one.</summary>", f"    public sealed class Builder : Builder<{name}, Builder>", "    {"]
    for field in fields:
        out += [f"        {line}" for line in builder(field)]
    return [*out, "    }", "}"]


def builder(field: Field) -> list[str]:
    """The members that a builder has for a field."""
    title, number = field.title, field.number
    out = [f"/// <summary>{field.words}.</summary>", f"public {field.of} {title}"]
    out += ["{", f"    get {{ return Get<{field.of}>({number}); }}", f"    set {{ Set({number}, value); }}", "}"]
    out += [f"/// <summary>Whether {field.name} is there.</summary>", f"public bool Has{title} => Has({number});"]
    out += [f"/// <summary>Sets {field.name}.</summary>"]
    out += [f"public Builder Set{title}({field.of} value) => Set({number}, value);"]
    if field.standard.endswith(".DefaultInstance"):
        out += [f"/// <summary>Sets {field.name} to what the builder builds.</summary>"]
        out += [f"public Builder Set{title}({field.of}.Builder value) => Set({number}, value.Build());"]
    out += [f"/// <summary>Takes {field.name} away.</summary>", f"public Builder Clear{title}() => Clear({number});"]
    return out


def file(name: str) -> list[str]:
    """The class for a .proto file."""
    text = (PROTO / f"{name}.proto").read_text(encoding="utf-8")
    out = [f"/// <summary>{name}.proto. Not static, so that moomoo's inherits what is in it.</summary>"]
    out += [f"public abstract class {class_of(name)}", "{", f"    internal {class_of(name)}()", "    {", "    }"]
    for kind, title, body in re.findall(r"^(enum|message) (\w+) \{\n(.*?)^\}", text, flags=re.DOTALL | re.MULTILINE):
        if title not in OURS:
            lines = [line.strip() for line in body.splitlines() if line.strip()]
            out += ["", *(f"    {line}" for line in (enum if kind == "enum" else message)(title, lines))]
    return [*out, "}"]


def inherited(name: str) -> list[str]:
    """moomoo's class for a .proto file, which inherits the types in futu's."""
    return ["/// <inheritdoc/>", f"public abstract class {class_of(name)} : Futu.OpenApi.Pb.{class_of(name)}", "{", "}"]


def namespace(brand: str, classes: list[list[str]]) -> str:
    """A brand's classes, in its namespace."""
    text = "\n\n".join("\n".join(f"    {line}".rstrip() for line in lines) for lines in classes)
    return f"namespace {brand}.OpenApi.Pb\n{{\n{text}\n}}\n"


def main() -> None:
    """Prints the file."""
    print("// Generated from Sources/CMessages/proto by messages.py: do not edit. `make messages` writes it.")
    print("using Capdist.Messages;\n")
    print(namespace("Futu", [file(name) for name in FILES]))
    sys.stdout.write(namespace("Moomoo", [inherited(name) for name in FILES]))


if __name__ == "__main__":
    main()
