// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "literature",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "BlockKrylov", path: "../..")],
  targets: [
    .executableTarget(
      name: "literature", dependencies: ["BlockKrylov"],
      swiftSettings: [.enableUpcomingFeature("InternalImportsByDefault"), .enableUpcomingFeature("ExistentialAny")])
  ],
  swiftLanguageModes: [.v6]
)
