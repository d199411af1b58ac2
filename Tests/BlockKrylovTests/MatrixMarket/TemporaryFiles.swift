import ComplexModule
import Foundation

@testable import BlockKrylov

/// Calls `body` with the path of a file of this content, and removes the file afterwards.
func withFile<Result>(_ content: Data, name: String = "a.mtx", _ body: (String) throws -> Result) throws -> Result {
  try withFolder { folder in
    let path = folder + "/" + name
    try content.write(to: URL(fileURLWithPath: path))
    return try body(path)
  }
}

/// Calls `body` with the path of a file of this text.
func withFile<Result>(_ text: String, _ body: (String) throws -> Result) throws -> Result {
  try withFile(Data(text.utf8), body)
}

/// Calls `body` with a folder of its own, and removes the folder afterwards.
func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("matrixmarket-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder.path)
}

/// The line and the message of the error that reading a matrix of this text throws; `nil` when it is read.
func readingError(_ text: String, _ options: MatrixMarketOptions = .strict) throws -> (line: Int?, message: String)? {
  try withFile(text) { path in
    do {
      _ = try MatrixMarketFile(path, options: options).matrix(of: Complex<Double>.self)
      return nil
    } catch BlockKrylovError.file(let named, let line, let message) where named == path {
      return (line, message)
    }
  }
}

/// The rows of the matrix that a text holds, with the warnings of reading it.
func readMatrix<S: Scalar>(
  _ text: String, _ options: MatrixMarketOptions = .strict, _ type: S.Type = Double.self
) throws -> (rows: [[S]], matrix: CSRMatrix<S>, warnings: [MatrixMarketWarning]) {
  try withFile(text) { path in
    let (matrix, warnings) = try MatrixMarketFile(path, options: options).matrix(of: type)
    return (denseRows(matrix), matrix, warnings)
  }
}

/// A matrix as an array of rows.
func denseRows<S: Scalar>(_ matrix: CSRMatrix<S>) -> [[S]] {
  (0..<matrix.rows).map { i in (0..<matrix.columns).map { matrix[i, $0] } }
}
