// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "kernels",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "BlockKrylov", path: "../.."),
    .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.0", traits: []),
  ],
  targets: [
    .executableTarget(
      name: "Kernels",
      dependencies: [
        .product(name: "BlockKrylov", package: "BlockKrylov"), .product(name: "Benchmark", package: "benchmark"),
      ],
      path: "Benchmarks/Kernels",
      swiftSettings: [.enableUpcomingFeature("ExistentialAny")],
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")])
  ],
  swiftLanguageModes: [.v6]
)
