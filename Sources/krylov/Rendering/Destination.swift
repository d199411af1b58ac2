import Foundation

/// Where results go.
enum Destination {
  /// Lines on stdout.
  static func write(_ lines: [String]) {
    print(lines.joined(separator: "\n"))
    // Whoever reads from a pipe gets each result when it is there.
    fflush(nil)
  }

  /// A text file.
  static func write(_ lines: [String], to path: String) throws {
    do {
      try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: path))
    } catch {
      throw CommandFailure(.badInput, "\(path): cannot be written; check the folder and its permissions")
    }
  }

  /// Calls `write` with the path; without one, with that of a temporary file, which is then copied to stdout, wherever that goes.
  static func matrixMarket(to path: String?, _ write: (String) throws -> Void) throws {
    if let path { return try write(path) }
    let temporary = FileManager.default.temporaryDirectory.appendingPathComponent("krylov-\(UUID().uuidString).mtx")
    defer { try? FileManager.default.removeItem(at: temporary) }
    try write(temporary.path)
    do {
      let file = try FileHandle(forReadingFrom: temporary)
      while let chunk = try file.read(upToCount: 1 << 20), !chunk.isEmpty {
        try FileHandle.standardOutput.write(contentsOf: chunk)
      }
    } catch {
      throw CommandFailure(.badInput, "standard output cannot be written")
    }
  }
}

/// Lines for people that are no data.
enum Messages {
  /// `krylov: …` on stderr.
  static func write(_ text: String) { FileHandle.standardError.write(Data("krylov: \(text)\n".utf8)) }
}
