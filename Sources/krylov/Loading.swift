import BlockKrylov
import Foundation

/// Where a matrix comes from: a Matrix Market file or the gallery.
struct MatrixSource {
  private enum Origin {
    case file(MatrixMarketHeader)
    case gallery(Gallery.Problem)
  }

  /// As it was given.
  let argument: String
  private let origin: Origin
  private let reader: FileReader

  /// Reads a file's header, or takes a gallery name apart. Files come first, so that no name can hide one.
  init(_ argument: String, reader: FileReader) throws {
    self.argument = argument
    self.reader = reader
    if FileManager.default.fileExists(atPath: argument) {
      origin = .file(try reader.header(argument))
    } else if Self.looksLikeFile(argument) {
      throw CommandFailure(.badInput, "\(argument): there is no such file")
    } else {
      do {
        origin = .gallery(try Gallery.Problem(specification: argument))
      } catch {
        throw CommandFailure(.badInput, "\(argument): no such file, and no gallery problem: \(error)")
      }
    }
  }

  private static func looksLikeFile(_ argument: String) -> Bool {
    argument.contains("/") || [".mtx", ".gz"].contains { argument.hasSuffix($0) }
  }

  /// A file's name without folder and endings, or the gallery name.
  var name: String {
    switch origin {
    case .file: MatrixFile.name(argument)
    case .gallery(let problem): problem.specification
    }
  }

  /// What a file says of itself.
  var header: MatrixMarketHeader? { if case .file(let header) = origin { header } else { nil } }

  /// The gallery's problem.
  var problem: Gallery.Problem? { if case .gallery(let problem) = origin { problem } else { nil } }

  var isComplex: Bool { header?.isComplex ?? problem?.isComplex ?? false }

  /// The matrix, in the type asked for.
  func matrix<S: Scalar>(_ type: S.Type) throws -> CSRMatrix<S> {
    switch origin {
    case .file: try reader.matrix(argument)
    case .gallery(let problem): try problem.matrix(S.self)
    }
  }
}

/// Names of Matrix Market files.
enum MatrixFile {
  static let endings = [".mtx", ".mtx.gz"]

  static func isMatrixMarket(_ path: String) -> Bool { endings.contains { path.hasSuffix($0) } }

  /// The name without folder and endings.
  static func name(_ path: String) -> String {
    let file = String(path.split(separator: "/").last ?? "")
    return endings.first { file.hasSuffix($0) }.map { String(file.dropLast($0.count)) } ?? file
  }

  /// The file NAME_b.mtx[.gz] next to NAME.mtx, if there is one.
  static func rightHandSides(of path: String) -> String? {
    guard let ending = endings.first(where: { path.hasSuffix($0) }) else { return nil }
    let stem = path.dropLast(ending.count) + "_b"
    return endings.map { stem + $0 }.first { FileManager.default.fileExists(atPath: $0) }
  }
}

/// Work that is written once for every scalar type.
protocol ScalarJob {
  associatedtype Output
  func run<S: Scalar>(_ type: S.Type) throws -> Output
}

extension ScalarJob {
  /// Runs with the scalar type that fits.
  func run(complex: Bool, precision: Precision) throws -> Output {
    switch (complex, precision) {
    case (false, .double): try run(Double.self)
    case (false, .single): try run(Float.self)
    case (true, .double): try run(Complex<Double>.self)
    case (true, .single): try run(Complex<Float>.self)
    }
  }
}
