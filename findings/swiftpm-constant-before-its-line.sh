#!/usr/bin/env bash
# SwiftPM 6.3.1: in Package.swift a constant that is used above its own line reads as false, without an error.
#
# Expected: an error (a constant used before it is initialised), or its value.
# Seen: the manifest runs as a script. A top-level constant that is used before its line has been run reads as zero: a
# condition is false, its settings are left out, and the build succeeds.
# Cost: moving a constant below the package's description, as one does with a long list, silently turns off what depends on it.
# shellcheck source=swift.bash
findings=$(cd "$(dirname "$0")" && pwd) && source "$findings/swift.bash"

mkdir -p Sources/program
cat >Sources/program/main.swift <<'SWIFT'
#if CHECKED
print("checked")
#else
print("unchecked")
#endif
SWIFT
manifest() {
    printf '// swift-tools-version: 6.0\nimport PackageDescription\n\n'
    printf '%s\n' "$@"
}
constant='let isChecked = true'
package='let package = Package(
    name: "program",
    targets: [.executableTarget(name: "program", swiftSettings: isChecked ? [.define("CHECKED")] : [])])'
manifest "$constant" "$package" >Package.swift
above=$(swift run --quiet program)
rm -rf .build
manifest "$package" "$constant" >Package.swift
below=$(swift run --quiet program 2>log)
expect "above: $above; below: $below, with $(wc -l <log) lines of warning" "above: checked; below: unchecked, with 0 lines of warning"
