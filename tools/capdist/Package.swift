// swift-tools-version: 6.0
import PackageDescription

/// The command `capdist`. It is a package of its own, so that the library's package has no dependencies. `make tool`
/// builds it.
let package = Package(
    name: "capdist-tool",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2")
    ],
    targets: [
        // The library's C header, and declarations that Swift's Glibc module lacks.
        .systemLibrary(name: "CCapDist"),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        // TOML by toml++, which is header-only. TOML libraries for Swift would add 40 MB of Foundation.
        .target(name: "CToml"),
        .executableTarget(
            name: "capdist",
            dependencies: [
                "CCapDist", "CSQLite", "CToml",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            linkerSettings: [
                // The library is searched beside the command, and in ../lib: for installations with any prefix, and in
                // a wheel.
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
