internal import CZlib

#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// Writes a text file, compressed when its name ends in `.gz`, so that it is there completely or not at all: the text goes to a file
/// beside it, which takes its place at the end. What is not a plain file (a pipe, `/dev/stdout`) is written directly.
@safe final class TextWriter {
  private let path: String
  /// Where the text goes until it is complete.
  private let temporaryPath: String?
  private var file: gzFile?
  private var buffer: [UInt8] = []
  private static let chunk = 1 << 18

  /// - Throws: ``BlockKrylovError/file(path:line:_:)`` when no file can be made there.
  init(path: String) throws {
    var status = stat()
    let exists = unsafe stat(path, &status) == 0
    if exists && status.st_mode & S_IFMT == S_IFDIR {
      throw BlockKrylovError.file(path: path, line: nil, "is a directory; name a file in it")
    }
    let descriptor: Int32
    if exists && status.st_mode & S_IFMT != S_IFREG {
      (self.path, temporaryPath) = (path, nil)
      descriptor = unsafe open(path, O_WRONLY | O_CLOEXEC)
    } else {
      // A symbolic link stays one; the file that it names is replaced.
      let target = exists ? Self.resolved(path) : path
      let temporary = "\(target).\(getpid()).\(UInt32.random(in: 0 ... .max)).tmp"
      (self.path, temporaryPath) = (target, temporary)
      descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    }
    guard descriptor >= 0 else { throw BlockKrylovError.file(path: path, line: nil, "cannot be written: \(systemMessage())") }
    // T: zlib passes the text through.
    unsafe file = gzdopen(descriptor, path.hasSuffix(".gz") ? "wb6" : "wbT")
    guard unsafe file != nil else {
      close(descriptor)
      throw BlockKrylovError.file(path: path, line: nil, "cannot be written: zlib has no memory")
    }
    buffer.reserveCapacity(Self.chunk + 4096)
  }

  deinit {
    // Only when writing was not finished.
    guard let file = unsafe file else { return }
    unsafe gzclose(file)
    if let temporaryPath { unsafe unlink(temporaryPath) }
  }

  /// Adds text.
  func write(_ text: String) throws {
    buffer.append(contentsOf: text.utf8)
    if buffer.count >= Self.chunk { try flush() }
  }

  /// Adds one ASCII character.
  func write(_ byte: UInt8) { buffer.append(byte) }

  /// Writes out what is left and puts the file in its place.
  func finish() throws {
    try flush()
    guard let open = unsafe file else { return }
    unsafe file = nil
    let failed = unsafe gzclose(open) != Z_OK
    guard let temporaryPath else {
      if failed { throw failure() }
      return
    }
    if unsafe failed || rename(temporaryPath, path) != 0 {
      let error = failure()
      unsafe unlink(temporaryPath)
      throw error
    }
  }

  private func flush() throws {
    defer { buffer.removeAll(keepingCapacity: true) }
    guard !buffer.isEmpty, let file = unsafe file else { return }
    let count = UInt32(truncatingIfNeeded: buffer.count)
    let written = unsafe buffer.withUnsafeBufferPointer { unsafe gzwrite(file, $0.baseAddress, count) }
    if written != Int32(truncatingIfNeeded: count) { throw failure() }
  }

  private func failure() -> BlockKrylovError { .file(path: path, line: nil, "cannot be written: \(systemMessage())") }

  private static func resolved(_ path: String) -> String {
    guard let real = unsafe realpath(path, nil) else { return path }
    defer { unsafe free(real) }
    return unsafe String(cString: real)
  }
}
