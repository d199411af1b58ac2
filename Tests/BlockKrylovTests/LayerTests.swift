import Foundation
import Testing

/// The layer rule of CONTRIBUTING.md, held: a folder of the library uses only types of its own and of the folders above it.
@Test func foldersUseOnlyWhatIsAboveThem() throws {
  let order = [
    "Scalar", "Block", "Matrix", "Operator", "Convergence", "Preconditioner", "Krylov", "Checkpoint", "Solve", "MatrixMarket",
    "Gallery",
  ]
  let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources/BlockKrylov").standardized
  let folders = try FileManager.default.contentsOfDirectory(atPath: root.path).filter { !$0.contains(".") }
  #expect(Set(folders) == Set(order), "a folder is missing from the list here and in CONTRIBUTING.md")

  var files: [(layer: Int, name: String, text: String)] = []
  for (layer, folder) in order.enumerated() {
    // With the files of folders inside.
    for name in try FileManager.default.subpathsOfDirectory(atPath: root.appending(path: folder).path) where name.contains(".") {
      let text = try String(contentsOf: root.appending(path: folder).appending(path: name), encoding: .utf8)
      files.append((layer, "\(folder)/\(name)", text.replacing(/\/\/.*|"(\\.|[^"\\])*"/, with: "")))
    }
  }
  var home: [Substring: Int] = [:]
  let declaration =
    /(?m)^(?:@\w+\s+)*(?:(?:public|package|private|final|indirect)\s+)*(?:struct|class|enum|protocol|typealias) (\w+)/
  for file in files {
    for match in file.text.matches(of: declaration) { home[match.1] = min(home[match.1] ?? file.layer, file.layer) }
  }
  #expect(home.count > 80)
  for file in files {
    for word in Set(file.text.matches(of: /\b[A-Z]\w+/).map(\.0)) {
      if let layer = home[word], layer > file.layer {
        Issue.record("\(file.name) uses \(word), which belongs to the lower folder \(order[layer])")
      }
    }
  }
}
