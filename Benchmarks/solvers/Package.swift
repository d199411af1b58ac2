// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "solvers",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "BlockKrylov", path: "../..")],
  targets: [
    .systemLibrary(name: "COpenBLASInfo", providers: [.apt(["libopenblas-dev"]), .brew(["openblas"])]),
    .executableTarget(
      name: "solvers",
      dependencies: [
        "COpenBLASInfo", .product(name: "BlockKrylov", package: "BlockKrylov"),
        .product(name: "BlockKrylovDirect", package: "BlockKrylov"),
      ],
      swiftSettings: [.strictMemorySafety(), .enableUpcomingFeature("ExistentialAny")]),
  ],
  swiftLanguageModes: [.v6]
)
