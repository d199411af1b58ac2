#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// What the last system call complained of.
func systemMessage() -> String { unsafe String(cString: strerror(errno)) }

/// The container of everything that this package keeps in files of its own: a head that says what follows, and a checksum over all of it.
///
/// ```
/// 8 bytes   KRYLOVCP
/// UInt32    version of the layout; UInt32 kind of the content; UInt32 kind of the scalars; UInt32 0
/// …         the content
/// UInt64    checksum of all bytes before it
/// ```
/// Numbers are little-endian. A file is there completely or not at all: it is written beside its place, forced to the disk, and put there
/// by one rename.
enum BinaryFile {
  static let magic: [UInt8] = Array("KRYLOVCP".utf8)
  static let version: UInt32 = 1

  /// What a file holds.
  enum Kind: UInt32 {
    case solve = 1
    case directions = 2

    var name: String { self == .solve ? "a checkpoint of a solve" : "recycled directions" }
  }

  static func kindName(_ raw: UInt32) -> String { Kind(rawValue: raw)?.name ?? "content of kind \(raw)" }

  /// Throws unless a file can be made at this path.
  static func requireWritable(_ path: String) throws {
    let writer = try BinaryWriter(path: path, kind: .solve, scalars: .double)
    writer.abandon()
  }
}

/// A 64-bit checksum by words of 8 bytes: any change of one word changes it, and others escape it once in 2⁶⁴.
struct Checksum {
  private var state: UInt64 = 0x243F_6A88_85A3_08D3

  mutating func add(_ word: UInt64) {
    state = (state ^ word) &* 0x9E37_79B9_7F4A_7C15
    state ^= state >> 32
  }

  /// Bytes; all calls but the last have a multiple of 8.
  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    let words = bytes.count / 8
    for k in 0..<words { unsafe add(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * k, as: UInt64.self))) }
    guard bytes.count % 8 > 0 else { return }
    var last: UInt64 = 0
    for k in (8 * words)..<bytes.count { unsafe last |= UInt64(bytes[k]) << UInt64(8 * (k % 8)) }
    add(last)
  }

  var value: UInt64 { state }
}

/// Writes a container.
final class BinaryWriter {
  private let path: String
  private let temporaryPath: String
  private var descriptor: Int32
  private var buffer: [UInt8] = []
  private var checksum = Checksum()
  private static var chunk: Int { 1 << 20 }

  /// - Throws: ``BlockKrylovError/file(path:line:_:)`` when no file can be made there.
  init(path: String, kind: BinaryFile.Kind, scalars: ScalarKind) throws {
    self.path = path
    temporaryPath = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max)).tmp"
    descriptor = unsafe open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw BlockKrylovError.file(path: path, line: nil, "cannot be written: \(systemMessage())") }
    buffer.reserveCapacity(2 * Self.chunk)
    buffer.append(contentsOf: BinaryFile.magic)
    for number in [BinaryFile.version, kind.rawValue, UInt32(scalars.rawValue), 0] {
      for k in 0..<4 { buffer.append(UInt8(truncatingIfNeeded: number >> UInt32(8 * k))) }
    }
  }

  deinit { abandon() }

  /// Gives the file up; what was at its place stays.
  func abandon() {
    guard descriptor >= 0 else { return }
    close(descriptor)
    descriptor = -1
    unsafe unlink(temporaryPath)
  }

  func write(_ number: UInt64) throws {
    for k in 0..<8 { buffer.append(UInt8(truncatingIfNeeded: number >> UInt64(8 * k))) }
    try flushChunks()
  }

  func write(_ number: Int) throws { try write(UInt64(bitPattern: Int64(number))) }
  func write(_ number: Double) throws { try write(number.bitPattern) }

  func write(_ text: String) throws {
    try write(text.utf8.count)
    buffer.append(contentsOf: text.utf8)
    try flushChunks()
  }

  func write(_ numbers: [Double]) throws {
    try write(numbers.count)
    for number in numbers { try write(number) }
  }

  /// Rows, columns, and the rows one after the other without padding.
  func write<S: Scalar>(_ block: BlockVector<S>) throws {
    try write(block.rows)
    try write(block.columns)
    let bytes = block.columns * MemoryLayout<S>.stride
    try unsafe block.withUnsafeElements { elements, stride in
      let raw = UnsafeRawBufferPointer(elements)
      for i in 0..<block.rows where bytes > 0 {
        let start = i * stride * MemoryLayout<S>.stride
        unsafe buffer.append(contentsOf: raw[start..<(start + bytes)])
        try flushChunks()
      }
    }
  }

  /// Writes the checksum, and puts the file in its place.
  func finish() throws {
    let whole = buffer.count / 8 * 8
    try flush(whole)
    unsafe buffer.withUnsafeBytes { unsafe checksum.add($0) }
    try flush(buffer.count)
    let sum = checksum.value
    for k in 0..<8 { buffer.append(UInt8(truncatingIfNeeded: sum >> UInt64(8 * k))) }
    try put(buffer.count)
    guard fsync(descriptor) == 0, close(descriptor) == 0 else { throw failure() }
    descriptor = -1
    guard unsafe rename(temporaryPath, path) == 0 else {
      let error = failure()
      unsafe unlink(temporaryPath)
      throw error
    }
    syncFolder()
  }

  /// The rename itself reaches the disk with the folder; where a file system cannot do that the file is complete all the same.
  private func syncFolder() {
    let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let folderDescriptor = unsafe open(folder, O_RDONLY | O_CLOEXEC)
    guard folderDescriptor >= 0 else { return }
    _ = fsync(folderDescriptor)
    close(folderDescriptor)
  }

  private func flushChunks() throws {
    if buffer.count >= Self.chunk { try flush(buffer.count / 8 * 8) }
  }

  /// Takes the first bytes into the checksum where they are whole words, and writes them.
  private func flush(_ count: Int) throws {
    if count % 8 == 0 { unsafe buffer.withUnsafeBytes { unsafe checksum.add(UnsafeRawBufferPointer(rebasing: $0[0..<count])) } }
    try put(count)
  }

  private func put(_ count: Int) throws {
    var done = 0
    while done < count {
      let written = unsafe buffer.withUnsafeBytes { bytes in
        unsafe bytes.baseAddress.map { unsafe writeBytes(descriptor, $0 + done, count - done) } ?? 0
      }
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { throw failure() }
      done += written
    }
    buffer.removeFirst(count)
  }

  private func failure() -> BlockKrylovError { .file(path: path, line: nil, "cannot be written: \(systemMessage())") }
}

/// `write` of the system, which the writer's own methods hide.
private func writeBytes(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
  unsafe write(descriptor, bytes, count)
}

/// Reads a container that is whole.
struct BinaryReader {
  let path: String
  let scalars: ScalarKind
  private let bytes: [UInt8]
  private var position = 24
  private var end: Int { bytes.count - 8 }

  /// - Throws: ``BlockKrylovError/file(path:line:_:)`` for a file that cannot be read, ``BlockKrylovError/checkpoint(path:_:)`` for one
  ///   that is something else, of another version, or damaged.
  init(path: String, kind: BinaryFile.Kind) throws {
    self.path = path
    let bytes = try Self.content(path)
    self.bytes = bytes
    guard bytes.count >= 8, Array(bytes[0..<8]) == BinaryFile.magic else { throw Self.fault(path, .notACheckpoint) }
    guard bytes.count >= 32 else { throw Self.fault(path, .damaged("it ends after \(bytes.count) bytes")) }
    let head = [8, 12, 16, 20].map { UInt32(truncatingIfNeeded: Self.integer(bytes, at: $0, bytes: 4)) }
    var checksum = Checksum()
    let count = bytes.count - 8
    unsafe bytes.withUnsafeBytes { unsafe checksum.add(UnsafeRawBufferPointer(rebasing: $0[0..<count])) }
    let stored = Self.integer(bytes, at: count, bytes: 8)
    // The version comes first: another one may have another checksum.
    guard head[0] == BinaryFile.version else { throw Self.fault(path, .version(Int(head[0]))) }
    guard stored == checksum.value else { throw Self.fault(path, .damaged("its checksum does not fit its content")) }
    guard head[1] == kind.rawValue else {
      throw Self.fault(path, .otherContent("it holds \(BinaryFile.kindName(head[1])), not \(kind.name)"))
    }
    guard let scalars = ScalarKind(rawValue: Int32(bitPattern: head[2])) else {
      throw Self.fault(path, .otherContent("its scalar type is unknown"))
    }
    self.scalars = scalars
  }

  /// A little-endian number.
  private static func integer(_ content: [UInt8], at start: Int, bytes: Int) -> UInt64 {
    var value: UInt64 = 0
    for k in 0..<bytes { value |= UInt64(content[start + k]) << UInt64(8 * k) }
    return value
  }

  /// Throws unless the scalars are of this type.
  func require<S: Scalar>(_ type: S.Type) throws {
    guard scalars == S.scalarKind else {
      throw Self.fault(path, .otherContent("its numbers are of the type \(scalars) and those of the system are \(S.scalarKind)"))
    }
  }

  mutating func number() throws -> UInt64 {
    guard position + 8 <= end else { throw short() }
    defer { position += 8 }
    return unsafe bytes.withUnsafeBytes {
      unsafe UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: UInt64.self))
    }
  }

  /// A number that counts something of at least so many bytes each.
  mutating func count(of size: Int = 0) throws -> Int {
    let value = Int64(bitPattern: try number())
    guard value >= 0, size == 0 || value <= Int64((end - position) / size) else { throw short() }
    return Int(value)
  }

  mutating func double() throws -> Double { Double(bitPattern: try number()) }

  mutating func text() throws -> String {
    let length = try count(of: 1)
    defer { position += length }
    return String(decoding: bytes[position..<(position + length)], as: UTF8.self)
  }

  mutating func doubles() throws -> [Double] {
    let length = try count(of: 8)
    return try (0..<length).map { _ in try double() }
  }

  mutating func block<S: Scalar>(_ type: S.Type) throws -> BlockVector<S> {
    let (rows, columns) = (try count(), try count())
    let (total, overflow) = rows.multipliedReportingOverflow(by: columns)
    guard !overflow, total <= (end - position) / MemoryLayout<S>.stride else { throw short() }
    var block = BlockVector<S>(rows: rows, columns: columns)
    let (length, start) = (columns * MemoryLayout<S>.stride, position)
    unsafe block.withUnsafeMutableElements { elements, stride in
      let target = UnsafeMutableRawBufferPointer(elements)
      unsafe bytes.withUnsafeBytes { source in
        for i in 0..<rows where length > 0 {
          let (from, to) = (start + i * length, i * stride * MemoryLayout<S>.stride)
          unsafe UnsafeMutableRawBufferPointer(rebasing: target[to..<(to + length)])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[from..<(from + length)]))
        }
      }
    }
    position += rows * length
    return block
  }

  /// Throws unless everything was read.
  func finish() throws { if position != end { throw Self.fault(path, .damaged("it is longer than its content")) } }

  private func short() -> BlockKrylovError { Self.fault(path, .damaged("it is shorter than its content")) }

  static func fault(_ path: String, _ fault: CheckpointFault) -> BlockKrylovError { .checkpoint(path: path, fault) }

  private static func content(_ path: String) throws -> [UInt8] {
    func failure() -> BlockKrylovError { .file(path: path, line: nil, "cannot be read: \(systemMessage())") }
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure() }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw failure() }
    guard status.st_mode & S_IFMT == S_IFREG else { throw BlockKrylovError.file(path: path, line: nil, "is not a plain file") }
    let size = Int(status.st_size)
    var done = 0
    let bytes = try unsafe [UInt8](unsafeUninitializedCapacity: size) { target, count in
      while done < size, let base = target.baseAddress {
        let got = unsafe read(descriptor, base + done, size - done)
        if got < 0, errno == EINTR { continue }
        guard got >= 0 else { throw failure() }
        if got == 0 { break }
        done += got
      }
      count = done
    }
    return bytes
  }
}
