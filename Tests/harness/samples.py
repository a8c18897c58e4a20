"""The samples of the vendor's documentation, known by their digests: ours must have the same words, line by line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

#: SHA-256 of each sample's words; white space does not count, since the documentation lost it.
DIGESTS = {
    "java futu": "668a46281abfea2256a0ee9484b86c3051c0b6f2f9dfa4e5150be01fb6171fc8",
    "java moomoo": "9ce7309e17b233b75e9e025ddae60e45ede95cc6f09aa8d9fca9cf6ba0de01d1",
    "csharp Futu": "48fa1df4eabb82b97c48312fc0f014c6fdc7c4e409db6063e48ab10facc798e7",
    "csharp Moomoo": "95379f177745b5fbae3ecc7f2d48b02fa8f8b122a664dd032ccee544269a1f64",
    "cpp futu": "ffce3b63b521e845db9b53fca02838469b5fa9f1fc611c185f3d4cb7468dacb4",
    "cpp moomoo": "672283c8606a5a173c9f8042aa732109aba2562cac572e09461d3594da8fdf16",
    "node futu": "28eddcadca0bf34a96cbbfafe13aea31faeb309d348f103ee13fd88fa0d6c696",
    "node moomoo": "488f7e71b3eb075827abaac5bb38385c5aa9c8ed588f73b13ac774be0790946b",
}


def is_documented(sample: str, lines: Iterable[str]) -> bool:
    """Whether the lines are the documentation's sample of that name."""
    return digest(lines) == DIGESTS[sample]


def digest(lines: Iterable[str]) -> str:
    """SHA-256 of the lines' words."""
    return hashlib.sha256("\n".join(" ".join(line.split()) for line in lines if line.strip()).encode()).hexdigest()
