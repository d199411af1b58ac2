import BlockKrylov
import ComplexModule
import Foundation

/// A Matrix Market file with its header read and its entries still to come. It is opened once, so that a pipe will do.
final class MatrixMarketInput {
  let path: String
  let header: MatrixMarketHeader
  private var file: MatrixMarketFile?
  private let isQuiet: Bool

  init(_ path: String, lenient: Bool, quiet: Bool) throws {
    let opened = try MatrixMarketFile(path, options: lenient ? .lenient : .strict)
    self.path = path
    header = opened.header
    file = consume opened
    isQuiet = quiet
  }

  /// The entries as a sparse matrix.
  func matrix<S: Scalar>(of type: S.Type) throws -> CSRMatrix<S> {
    let (matrix, warnings) = try take().matrix(of: S.self)
    report(warnings)
    return matrix
  }

  /// The entries as a dense block.
  func block<S: Scalar>(of type: S.Type) throws -> BlockVector<S> {
    let (block, warnings) = try take().block(of: S.self)
    report(warnings)
    return block
  }

  /// The columns, some at a time.
  func columns<S: Scalar>(of type: S.Type) throws -> MatrixMarketColumns<S> { try take().columns(of: S.self) }

  private func take() throws -> MatrixMarketFile {
    guard let opened = file.take() else { throw CommandFailure(.bug, "\(path): the entries were read before") }
    return opened
  }

  private func report(_ warnings: [MatrixMarketWarning]) {
    if !isQuiet { for warning in warnings { Messages.write("warning: \(path): \(warning)") } }
  }
}

/// Where a matrix comes from: a Matrix Market file or the gallery.
struct MatrixSource {
  private enum Origin {
    case file(MatrixMarketInput)
    case gallery(Gallery.Problem)
  }

  private let argument: String
  private let origin: Origin

  /// Opens a file, or takes a gallery name apart. Files come first, so that no name can hide one.
  init(_ argument: String, lenient: Bool, quiet: Bool) throws {
    self.argument = argument
    if FileManager.default.fileExists(atPath: argument) || MatrixFile.looksLikeFile(argument) {
      origin = .file(try MatrixMarketInput(argument, lenient: lenient, quiet: quiet))
    } else {
      do {
        origin = .gallery(try Gallery.Problem(specification: argument))
      } catch {
        let isProblem = Gallery.Family(rawValue: String(argument.prefix { $0 != ":" })) != nil
        throw CommandFailure(
          .badInput,
          isProblem
            ? "\(argument): \(error)"
            : "\(argument): no file and no gallery problem has this name; krylov generate --list shows the problems")
      }
    }
  }

  /// A file's name without folder and endings, or the gallery name.
  var name: String {
    switch origin {
    case .file: MatrixFile.name(argument)
    case .gallery(let problem): problem.specification
    }
  }

  /// What a file says of itself.
  var header: MatrixMarketHeader? { if case .file(let file) = origin { file.header } else { nil } }

  /// The gallery's problem.
  var problem: Gallery.Problem? { if case .gallery(let problem) = origin { problem } else { nil } }

  var isComplex: Bool { header?.isComplex ?? problem?.isComplex ?? false }

  /// The matrix, in the type asked for; a file can be read once.
  func matrix<S: Scalar>(of type: S.Type) throws -> CSRMatrix<S> {
    switch origin {
    case .file(let file): try file.matrix(of: S.self)
    case .gallery(let problem): try problem.matrix(S.self)
    }
  }
}

/// Names of Matrix Market files.
enum MatrixFile {
  private static let endings = [".mtx", ".mtx.gz"]

  static func isMatrixMarket(_ path: String) -> Bool { endings.contains { path.hasSuffix($0) } }

  static func looksLikeFile(_ argument: String) -> Bool { argument.contains("/") || isMatrixMarket(argument) }

  /// The Matrix Market files of a folder in the order of their names; anything else stands for itself.
  static func expand(_ path: String) throws -> [String] {
    var isFolder: ObjCBool = false
    guard unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else { return [path] }
    do {
      let folder = path.hasSuffix("/") ? path : path + "/"
      return try FileManager.default.contentsOfDirectory(atPath: path).filter(isMatrixMarket).sorted().map { folder + $0 }
    } catch {
      throw CommandFailure(.badInput, "\(path): the folder cannot be read")
    }
  }

  /// The name without folder and endings.
  static func name(_ path: String) -> String {
    let file = String(path.split(separator: "/").last ?? "")
    return endings.first { file.hasSuffix($0) }.map { String(file.dropLast($0.count)) } ?? file
  }

  /// The file NAME_b.mtx[.gz] next to NAME.mtx[.gz], if there is one.
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
    case (false, .double), (false, .mixed): try run(Double.self)
    case (false, .single): try run(Float.self)
    case (true, .double), (true, .mixed): try run(Complex<Double>.self)
    case (true, .single): try run(Complex<Float>.self)
    }
  }
}
