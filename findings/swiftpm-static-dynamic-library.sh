#!/usr/bin/env bash
# SwiftPM 6.3.1: --static-swift-stdlib does nothing for a dynamic library, and does not say so.
#
# Expected: the library has the Swift runtime inside, as an executable built with the same switch has.
# Seen: the build succeeds without a word; the executable needs no library of Swift, the dynamic library needs the whole runtime.
# Cost: a shared library that was built to stand alone fails to load on a machine without Swift. What helps is -static-stdlib
# among the linker settings of a target that only the library contains.
# shellcheck source=swift.bash
findings=$(cd "$(dirname "$0")" && pwd) && source "$findings/swift.bash"

mkdir -p Sources/Answer Sources/program
cat >Package.swift <<'SWIFT'
// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "answer",
    products: [.library(name: "Answer", type: .dynamic, targets: ["Answer"])],
    targets: [.target(name: "Answer"), .executableTarget(name: "program")])
SWIFT
echo '@_cdecl("answer") public func answer() -> Int32 { 42 }' >Sources/Answer/Answer.swift
echo 'print(42)' >Sources/program/main.swift
swift build -c release --static-swift-stdlib >log 2>&1
needs() { if readelf -d ".build/release/$1" | grep -q 'NEEDED.*libswiftCore'; then echo "needs the runtime"; else echo "stands alone"; fi; }
expect "program $(needs program), library $(needs libAnswer.so), $(grep -ciE 'warning|static' log || true) words about it" \
    "program stands alone, library needs the runtime, 0 words about it"
