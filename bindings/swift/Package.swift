// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "net-flow",
    targets: [
        // The C header. pkg-config finds it where libcapdist is installed.
        .systemLibrary(name: "CCapDist", pkgConfig: "capdist"),
        .executableTarget(name: "net-flow", dependencies: ["CCapDist"]),
    ],
    swiftLanguageModes: [.v6]
)
