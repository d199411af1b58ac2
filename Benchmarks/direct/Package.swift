// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "direct",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "BlockKrylov", path: "../..")],
  targets: [
    .systemLibrary(name: "CRivals", providers: [.apt(["libsuitesparse-dev"]), .brew(["suite-sparse"])]),
    .executableTarget(
      name: "direct",
      dependencies: [
        "CRivals", .product(name: "BlockKrylov", package: "BlockKrylov"),
        .product(name: "BlockKrylovDirect", package: "BlockKrylov"),
      ],
      swiftSettings: [.strictMemorySafety()]),
  ],
  swiftLanguageModes: [.v6]
)
