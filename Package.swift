// swift-tools-version: 6.0
import PackageDescription

// What ships is made of the same sources by `make lib` (scripts/library.mk), as Embedded Swift. This builds them as normal Swift, for
// their tests, and the simulator.

/// The simulator has the Swift runtime in it.
let selfContained =
    ["-static-stdlib", "-Xlinker", "--build-id=sha1", "-Xlinker", "-z", "-Xlinker", "now", "-Xlinker", "-s"]

let package = Package(
    name: "libcapdist",
    products: [
        // For ThreadSanitizer.
        .library(name: "capdist-normal", type: .dynamic, targets: ["CapDist"]),
        .executable(name: "opend-simulator", targets: ["opend-simulator"]),
    ],
    targets: [
        // C: the public header, what Swift's Glibc lacks, the generated messages, Debian's libraries.
        .systemLibrary(name: "CCapDist", path: "include"),
        .target(name: "CSystem", cSettings: [.headerSearchPath("../../include")]),
        .systemLibrary(
            name: "CProtobufC", pkgConfig: "libprotobuf-c", providers: [.apt(["libprotobuf-c-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CJansson", pkgConfig: "jansson", providers: [.apt(["libjansson-dev"])]),
        .target(name: "CMessages", dependencies: ["CProtobufC"], exclude: ["proto"]),

        // The library.
        .target(name: "Codec", dependencies: ["CMessages", "CProtobufC", "COpenSSL", "CSystem"]),
        .target(name: "Core", dependencies: ["Codec", "CSystem"]),
        .target(name: "CapDist", dependencies: ["CCapDist", "CExports", "Core", "Codec", "CMessages", "CSystem"]),
        // The exports that block.
        .target(name: "CExports", dependencies: ["CSystem"], cSettings: [.headerSearchPath("../../include")]),

        // The stand-in gateway.
        .target(name: "Simulator", dependencies: ["Codec", "CMessages", "CProtobufC", "CSystem"]),
        .executableTarget(
            name: "opend-simulator", dependencies: ["Simulator", "Codec", "CSystem", "CJansson"],
            linkerSettings: [.unsafeFlags(selfContained, .when(configuration: .release))]),

        .testTarget(name: "CodecTests", dependencies: ["Codec"]),
        .testTarget(name: "CoreTests", dependencies: ["Core", "CCapDist"]),
        .testTarget(name: "SimulatorTests", dependencies: ["Simulator"]),
        .target(name: "CVirtualSystem", path: "Tests/Simulation/System"),
        .executableTarget(
            name: "simulate",
            dependencies: ["CapDist", "CCapDist", "Core", "Codec", "Simulator", "CMessages", "CVirtualSystem"],
            path: "Tests/Simulation", exclude: ["System"]),
        .executableTarget(
            name: "websocket-echo", dependencies: ["Codec"], path: "Tests/autobahn",
            exclude: ["autobahn.py", "requirements.txt"]),
        .testTarget(name: "CapDistTests", dependencies: ["CapDist", "CCapDist"]),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c11
)

// Fuzzing (Tests/Fuzz/README.md): only on demand. `replay` has a main of its own and runs inputs that are there; otherwise
// libFuzzer's main is needed, and every module instrumented.
if let fuzzing = Context.environment["CAPDIST_FUZZ"] {
    package.targets.append(
        .executableTarget(
            name: "fuzz", dependencies: ["CapDist", "CCapDist", "Core", "Codec", "CMessages"],
            path: "Tests/Fuzz", exclude: ["README.md", "corpus", "corpus.py", "fuzz.dict"],
            swiftSettings: [.unsafeFlags(["-parse-as-library"])]
                + (fuzzing == "replay" ? [.define("REPLAY")] : [])))
}
