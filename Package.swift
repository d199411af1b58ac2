// swift-tools-version: 6.2
import PackageDescription

// Kernels and generic solver code at -Onone are some 280 times slower and make the tests crawl, so debug builds optimise too.
// Release builds take no unsafe flag.
let swiftSettings: [SwiftSetting] = [
  .strictMemorySafety(),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("ExistentialAny"),
  .unsafeFlags(["-O"], .when(configuration: .debug)),
]
let cSettings: [CSetting] = [.unsafeFlags(["-O3"], .when(configuration: .debug))]

let package = Package(
  name: "BlockKrylov",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "BlockKrylov", targets: ["BlockKrylov"]),
    .library(name: "BlockKrylovDirect", targets: ["BlockKrylovDirect"]),
    .executable(name: "krylov", targets: ["krylov"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-numerics", from: "1.1.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.4.0"),
  ],
  targets: [
    .target(name: "CKernels", cSettings: cSettings),
    .target(name: "CDirectKernels", cSettings: cSettings),
    .systemLibrary(
      name: "COpenBLAS",
      providers: [.apt(["libopenblas-dev"]), .brew(["openblas"])]),
    .systemLibrary(
      name: "CSuiteSparse",
      providers: [.apt(["libsuitesparse-dev"]), .brew(["suite-sparse"])]),
    .systemLibrary(
      name: "CZlib",
      providers: [.apt(["zlib1g-dev"])]),
    .target(
      name: "BlockKrylov",
      dependencies: [
        "CKernels", "COpenBLAS", "CZlib",
        .product(name: "ComplexModule", package: "swift-numerics"), .product(name: "RealModule", package: "swift-numerics"),
      ],
      swiftSettings: swiftSettings),
    .target(
      name: "BlockKrylovDirect",
      dependencies: ["BlockKrylov", "CDirectKernels", "CSuiteSparse"],
      swiftSettings: swiftSettings),
    .executableTarget(
      name: "krylov",
      dependencies: [
        "BlockKrylov", "BlockKrylovDirect",
        .product(name: "ComplexModule", package: "swift-numerics"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: swiftSettings),
    .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
    .testTarget(
      name: "BlockKrylovTests",
      dependencies: [
        "BlockKrylov", "CAllocationCounter", .product(name: "ComplexModule", package: "swift-numerics"),
        .product(name: "RealModule", package: "swift-numerics"),
      ], swiftSettings: swiftSettings),
    .testTarget(
      name: "BlockKrylovDirectTests", dependencies: ["BlockKrylovDirect", "CDirectKernels", "CAllocationCounter"],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "KrylovCommandTests", dependencies: ["krylov", "BlockKrylov"], swiftSettings: swiftSettings),
  ],
  swiftLanguageModes: [.v6]
)
