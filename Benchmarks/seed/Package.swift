// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "seed",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "BlockKrylov", path: "../..")],
  targets: [
    .executableTarget(
      name: "seed", dependencies: [.product(name: "BlockKrylov", package: "BlockKrylov")],
      swiftSettings: [.strictMemorySafety()])
  ],
  swiftLanguageModes: [.v6]
)
