// swift-tools-version: 6.0
import PackageDescription

/// The command `capdist`. A package of its own, so that the library's has no dependencies; `make tool` builds it.
let package = Package(
    name: "capdist-tool",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2")
    ],
    targets: [
        // The C header of the library beside this package, and what Swift's Glibc lacks.
        .systemLibrary(name: "CCapDist"),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        // TOML by toml++, which is a header only. What there is of Swift for it brings 40 MB of Foundation along.
        .target(name: "CToml"),
        .executableTarget(
            name: "capdist",
            dependencies: [
                "CCapDist", "CSQLite", "CToml",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            linkerSettings: [
                // Found beside the command, or in the folder lib beside its own: in any prefix, and in a wheel.
                .unsafeFlags([
                    "-L\(Context.environment["CAPDIST_LIBDIR"] ?? Context.packageDirectory + "/../../.build/release")",
                    "-Xlinker", "-rpath=$ORIGIN:$ORIGIN/../lib", "-Xlinker", "--enable-new-dtags",
                    "-Xlinker", "--gc-sections", "-Xlinker", "-z", "-Xlinker", "now",
                ])
            ]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
