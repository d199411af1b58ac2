internal import CZlib

#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// The lines of a text file, plain or compressed by gzip, read in chunks: memory does not grow with the file.
///
/// zlib tells the two kinds apart by the first two bytes and passes plain files through. A pipe is read like a file.
@safe final class LineReader {
  let path: String
  /// The number of the line that `next` gave last, from 1; 0 before the first.
  private(set) var line = 0
  /// How many bytes of text there may be, for reserving memory: what a plain file holds, eight times what a compressed one does
  /// (more than numbers usually yield), `nil` for a pipe.
  let likelyTextBytes: Int?

  // A line must fit into the buffer; the format itself ends lines at 1024 characters.
  private static let capacity = 1 << 20
  private let file: gzFile
  private let buffer: UnsafeMutablePointer<UInt8>
  private var begin = 0
  private var end = 0
  private var exhausted = false

  /// Opens the file.
  ///
  /// - Throws: ``BlockKrylovError/file(path:line:_:)`` when it is not there, is a directory, or may not be read.
  init(path: String) throws {
    self.path = path
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw BlockKrylovError.file(path: path, line: nil, "cannot be opened: \(systemMessage())") }
    var status = stat()
    let known = unsafe fstat(descriptor, &status) == 0
    guard !known || status.st_mode & S_IFMT != S_IFDIR else {
      close(descriptor)
      throw BlockKrylovError.file(path: path, line: nil, "is a directory; name a Matrix Market file in it")
    }
    guard let file = unsafe gzdopen(descriptor, "rb") else {
      close(descriptor)
      throw BlockKrylovError.file(path: path, line: nil, "cannot be read: zlib has no memory")
    }
    unsafe gzbuffer(file, 1 << 18)
    unsafe self.file = file
    // One byte more, for the line feed that a last line may lack.
    unsafe buffer = .allocate(capacity: Self.capacity + 1)
    if known && status.st_mode & S_IFMT == S_IFREG {
      likelyTextBytes = unsafe min(Int(status.st_size), Int.max / 8) * (gzdirect(file) != 0 ? 1 : 8)
    } else {
      likelyTextBytes = nil
    }
  }

  deinit {
    unsafe gzclose(file)
    unsafe buffer.deallocate()
  }

  /// The next line, or `nil` at the end of the file. The cursor is good until the next call.
  func next() throws -> LineCursor? {
    while true {
      let unread = end - begin
      var length: Int?
      if unread > 0, let feed = unsafe memchr(buffer + begin, 0x0A, unread) {
        length = unsafe UnsafePointer(feed.assumingMemoryBound(to: UInt8.self)) - UnsafePointer(buffer + begin)
      } else if exhausted {
        guard unread > 0 else { return nil }
        unsafe buffer[end] = 0x0A
        length = unread
      }
      if let length {
        let cursor = unsafe LineCursor(start: buffer + begin, count: length)
        begin = min(begin + length + 1, end)
        line += 1
        return cursor
      }
      try fill()
    }
  }

  /// The first bytes of the file, for recognising what it is; to be called before the first line is read.
  func prefix(_ count: Int) throws -> [UInt8] {
    while end - begin < count && !exhausted { try fill() }
    return unsafe Array(UnsafeBufferPointer(start: buffer + begin, count: min(count, end - begin)))
  }

  /// Moves what is unread to the front of the buffer and reads as much as fits behind it.
  private func fill() throws {
    if begin > 0 {
      unsafe memmove(buffer, buffer + begin, end - begin)
      end -= begin
      begin = 0
    }
    guard end < Self.capacity else {
      throw BlockKrylovError.file(
        path: path, line: line + 1, "the line is longer than 1 MiB, so this is not a Matrix Market file")
    }
    let count = unsafe gzread(file, buffer + end, UInt32(Self.capacity - end))
    if count > 0 {
      end += Int(count)
      return
    }
    exhausted = true
    var code: Int32 = 0
    let text = unsafe gzerror(file, &code)
    switch code {
    case Z_OK, Z_STREAM_END: return
    case Z_BUF_ERROR:
      throw BlockKrylovError.file(
        path: path, line: line + 1, "the compressed file is cut off in or after this line; fetch or compress it again")
    case Z_ERRNO: throw BlockKrylovError.file(path: path, line: line + 1, "cannot be read further: \(systemMessage())")
    default:
      let detail = unsafe text.map { unsafe String(cString: $0) } ?? "zlib error \(code)"
      throw BlockKrylovError.file(
        path: path, line: line + 1, "the compressed file is damaged (\(detail)); fetch or compress it again")
    }
  }
}
