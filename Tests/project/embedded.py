"""Checks that the sources are suitable for Embedded Swift, as which the shipped library is compiled."""

from __future__ import annotations

import re
from collections.abc import Iterator

#: What it lacks: existentials and casts to them, reflection, weak references, key paths, untyped errors.
LACKS = re.compile(
    r"\bany\s+[A-Z]\w*|\bAny(?:Hashable|Class)?\b|\bas[?!]|\bis\s+[A-Z]\w*(?!\w*\s*:)|\bMirror\b|\btype\(of:"
    r"|\bString\((?:describing|reflecting):|\bCodable\b|\bweak\b|\bunowned\b(?!\(unsafe\))"
    r"|(?<![\w\\\"])\\[A-Z]?\w*\.\w+|\bKeyPath\b|\bthrows\s*(?:->|\{|$)|\brethrows\b",
    re.MULTILINE,
)
_CLASS = re.compile(r"\bclass\s+(?!func\b|var\b)(\w+)[^{}]*\{")
_INIT = re.compile(r"^([^\n/]*?)\binit(\?)?(?:<[^>]*>)?\(", re.MULTILINE)
_STORED = re.compile(r"^\s*(?:@[\w()]+\s+)*(?:(?:package|private|fileprivate|public|nonisolated|unowned)(?:\(\w+\))?\s+)*(let|var)\s+(.+)$")
_OBSERVED = re.compile(r"\s*(?:didSet|willSet)\b")
_FAILS = re.compile(r"\bthrow\b|\breturn nil\b|\btry\b(?!\?)")


def code(text: str) -> str:
    """A source without comments and texts. Lines and braces stay in their places."""
    text = re.sub(r'"""(.*?)"""', lambda found: '""' + "\n" * found[1].count("\n"), text, flags=re.DOTALL)
    text = re.sub(r'"(?:\\\((?:[^()"]|\([^()]*\)|"[^"]*")*\)|\\.|[^"\\\n])*"', '""', text)
    return re.sub(r"//.*", "", text)


def lacks(text: str) -> list[str]:
    """The features in a source that Embedded Swift lacks."""
    return [found[0].strip() for found in LACKS.finditer(code(text))]


def early_failures(text: str) -> Iterator[str]:
    """The designated initialisers of classes that can fail before the last property is set. Embedded Swift (6.3) never frees
    such an object. Convenience initialisers, and failures after the last property, are safe."""
    # Puts each statement on a line of its own.
    text = re.sub(r"[{;]|(?<!^)\}", lambda found: "\n}" if found[0] == "}" else f"{found[0]}\n", code(text))
    for found in _CLASS.finditer(text):
        body = _block(text, found.end() - 1)
        properties = set(_stored(body))
        for start in _INIT.finditer(body):
            head_end = body.find("{", _closing(body, start.end() - 1))
            head = body[start.end() : head_end]
            fails = start[2] or re.search(r"\bthrows\b", head)
            if not fails or "convenience" in start[1] or _depth(body, start.start()) != 1:
                continue
            inside = _block(body, head_end)
            # Properties are assigned one by one, or several as a tuple.
            sets = [at.end() for at in re.finditer(r"(?<!let )(?<!var )\b(?:self\.)?(\w+)\s*=[^=]", inside) if at[1] in properties]
            for at in re.finditer(r"\(([\w, .]+)\)\s*=[^=]", inside):
                if properties & set(re.findall(r"\w+", at[1])):
                    sets.append(at.end())
            # The expression that the last one is set to counts, too. If no assignment is found, it may be anywhere.
            if properties and _FAILS.search(inside[: inside.find("\n", max(sets))] if sets else inside):
                yield f"{found[1]}.init({' '.join(head.split())[:40]}"


def _stored(body: str) -> Iterator[str]:
    """The stored properties that a class's initialiser must set."""
    depth = 0
    lines = [line for line in body.splitlines() if line.strip()]
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if depth == 1 and (found := _STORED.match(line)):
            rest = found[2].rstrip("; ")
            is_computed = "{" in rest and "=" not in rest.partition("{")[0] and not _OBSERVED.match(following)
            has_default = "=" in rest or (found[1] == "var" and re.search(r"\?\s*$", rest))
            if not is_computed and not has_default:
                yield from re.findall(r"(?:^|[,(])\s*(\w+)\s*(?=[:,)])", rest)
        depth += line.count("{") - line.count("}")


def _closing(text: str, opening: int) -> int:
    """The position of the closing bracket."""
    depth = 0
    for at in range(opening, len(text)):
        depth += text[at] in "({["
        depth -= text[at] in ")}]"
        if depth == 0:
            return at
    return len(text)


def _block(text: str, opening: int) -> str:
    return text[opening : _closing(text, opening) + 1]


def _depth(text: str, at: int) -> int:
    return text.count("{", 0, at) - text.count("}", 0, at)


#: A class to test the check with: each line that ends with `// early` makes an initialiser fail too early.
SAMPLE = """
final class Sample {
    private let first: Int
    let second: String, third: Int
    var fourth: Int?
    static let shared = Sample(1)
    init(_ number: Int) { (first, second, third) = (number, "\\(number) {", 0) }
    convenience init?(text: String) { return nil }
    init(after: Int) throws(Failure) {
        first = after
        (second, third) = ("", 1)
        guard after > 0 else { throw Failure() }
    }
    private init?(
        before: Int
    ) {
        first = before
        guard before > 0 else { return nil }
        (second, third) = ("", 1)
    }
    init(last: Int) throws(Failure) {
        (first, second) = (last, "")
        third = try number(last)
    }
    final class Inner {
        let only: Int
        init?(_ number: Int) { guard number > 0 else { return nil }; only = number }
    }
}
final class Branches<T>:
    Sendable {
    let (one, other): (Int, Int)
    var seen: Int { didSet { told() } }
    init?(_ number: Int) {
        guard number > 0 else { return nil }
        if number > 1 { (one, other) = (1, 2) } else { (one, other) = (2, 1) }
    }
    init?(cases number: Int) {
        (one, other) = (1, 2)
        let a = number
        guard number > 0 else { return nil }
        switch number { case 1: seen = a
        default: seen = 2 }
    }
    init?(late number: Int) {
        (one, other) = (1, 2)
        seen = number
        guard number > 0 else { return nil }
    }
    init?(elsewhere number: Int) {
        guard number > 0 else { return nil }
        self = made(number)
    }
}
final class Line { let x: Int; init?(n: Int) { guard n > 0 else { return nil }; x = n } }
"""
EARLY = ["Sample.init"] * 2 + ["Inner.init"] + ["Branches.init"] * 3 + ["Line.init"]
FAULTS = ["any Error", "\\.isOpen", "as?", "weak", "throws {", "rethrows", "is Failure", "Any", "type(of:"]
FAULTY = "any Error; map(\\.isOpen); x as? Y; weak var x; func f() throws { }; f() rethrows -> Int; x is Failure; [Any]; type(of: x)"
FINE = 'case is: "any Error, \\(a.b)"; unowned(unsafe) let x; throws(E) -> Int; if isAny { } // weak'


def fault_of_the_checks() -> str | None:
    """Tests these checks: whether they find what they should, and nothing else."""
    early = list(early_failures(SAMPLE))
    if [name.partition("(")[0] for name in early] != EARLY:
        return f"early failures found: {early}"
    if sorted(lacks(FAULTY)) != sorted(FAULTS):
        return f"found {lacks(FAULTY)}"
    return f"found {lacks(FINE)}" if lacks(FINE) else None
