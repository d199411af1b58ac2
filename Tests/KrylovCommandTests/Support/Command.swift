import Foundation
import Testing

/// What a run of the built command gave.
struct Outcome {
  var status: Int32
  var output: String
  var errors: String

  var lines: [Substring] { output.split(separator: "\n", omittingEmptySubsequences: false) }

  /// The output as one JSON object.
  var json: [String: Any] {
    get throws { try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any]) }
  }

  /// The output as JSON lines.
  var jsonLines: [[String: Any]] {
    get throws {
      try output.split(separator: "\n").map {
        try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
      }
    }
  }
}

private final class Anchor {}

/// Where the package manager put the command: beside the tests' bundle.
private func executable() throws -> URL {
  let starts = [Bundle(for: Anchor.self).bundleURL, URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()]
  for start in starts {
    var folder = start
    for _ in 0..<6 {
      let candidate = folder.appendingPathComponent("krylov")
      var isFolder: ObjCBool = false
      if unsafe FileManager.default.fileExists(atPath: candidate.path, isDirectory: &isFolder), !isFolder.boolValue {
        return candidate
      }
      folder.deleteLastPathComponent()
    }
  }
  throw CocoaError(.fileNoSuchFile, userInfo: [NSLocalizedDescriptionKey: "no built krylov beside \(starts)"])
}

/// Runs the built command; `input` is what it reads from stdin.
func run(_ arguments: String..., input: String = "") throws -> Outcome { try run(arguments, input: input) }

/// Runs the built command with a list of arguments.
func run(_ arguments: [String], input: String = "") throws -> Outcome {
  let folder = try TemporaryFolder()
  let process = Process()
  process.executableURL = try executable()
  process.arguments = arguments
  // Files, since a pipe that nobody empties would stop the command.
  process.standardInput = try FileHandle(forReadingFrom: try folder.write(input, to: "in"))
  process.standardOutput = try FileHandle(forWritingTo: try folder.write("", to: "out"))
  process.standardError = try FileHandle(forWritingTo: try folder.write("", to: "err"))
  try process.run()
  process.waitUntilExit()
  #expect(process.terminationReason == .exit, "\(arguments) was ended by a signal")
  return Outcome(status: process.terminationStatus, output: try folder.read("out"), errors: try folder.read("err"))
}

/// A folder that goes when the test is over.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("krylov-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appendingPathComponent(name).path }

  @discardableResult
  func write(_ text: String, to name: String) throws -> URL {
    let file = url.appendingPathComponent(name)
    try Data(text.utf8).write(to: file)
    return file
  }

  func read(_ name: String) throws -> String { try String(contentsOf: url.appendingPathComponent(name), encoding: .utf8) }
}
