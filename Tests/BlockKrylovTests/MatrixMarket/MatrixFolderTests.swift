import ComplexModule
import Foundation
import Testing

@testable import BlockKrylov

/// A folder of matrices from elsewhere, not part of this package.
enum MatrixFolder {
  /// The folder that `KRYLOV_MATRICES` names, or `../shared/matrices` beside the package; `nil` when it is not there.
  static let path: String? = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let named = ProcessInfo.processInfo.environment["KRYLOV_MATRICES"].map { URL(fileURLWithPath: $0) }
    let folder = named ?? root.deletingLastPathComponent().appendingPathComponent("shared/matrices")
    return (try? FileManager.default.contentsOfDirectory(atPath: folder.path)).map { _ in folder.path }
  }()

  static func files(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).filter {
      $0 != "INDEX.csv" && !$0.hasSuffix(".md") && $0 != "odd"
    }.sorted()
  }

  /// The rows of an INDEX.csv by their first column. None of the columns used here is quoted or comes after one that is.
  static func index(of folder: String) throws -> [String: [String]] {
    let text = try String(contentsOfFile: folder + "/INDEX.csv", encoding: .utf8)
    let rows = text.split(separator: "\n").dropFirst().map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
    return Dictionary(rows.map { ($0[0], $0) }, uniquingKeysWith: { first, _ in first })
  }
}

@Suite(
  .enabled(if: MatrixFolder.path != nil, "no folder of matrices: KRYLOV_MATRICES is not set and ../shared/matrices is not there"))
struct MatrixFolderTests {
  private let folder: String

  init() throws { folder = try #require(MatrixFolder.path) }

  private func read(
    _ path: String, _ options: MatrixMarketOptions
  ) throws -> (matrix: CSRMatrix<Complex<Double>>, warnings: [MatrixMarketWarning]) {
    try MatrixMarketFile(path, options: options).matrix(of: Complex<Double>.self)
  }

  private func error(_ path: String, _ options: MatrixMarketOptions) throws -> (line: Int?, message: String)? {
    do {
      _ = try read(path, options)
      return nil
    } catch BlockKrylovError.file(path, let line, let message) {
      return (line, message)
    }
  }

  /// Every well-formed file is read strictly, with the sizes that the index states.
  @Test func goodFiles() throws {
    let index = try MatrixFolder.index(of: folder)
    for name in try MatrixFolder.files(in: folder) {
      let path = folder + "/" + name
      guard name.hasSuffix(".mtx") || name.hasSuffix(".mtx.gz") else {
        let error = try #require(try error(path, .lenient), "\(name)")
        #expect(error.line == nil && error.message.contains("Harwell–Boeing"), "\(name)")
        continue
      }
      let header = try MatrixMarketFile(path).header
      let (matrix, warnings) = try read(path, .strict)
      #expect(warnings.isEmpty, "\(name): \(warnings)")
      #expect(try read(path, .lenient).matrix.values == matrix.values, "\(name)")
      if let row = index[String(name.prefix { $0 != "." })] {
        #expect(
          [header.rows, header.columns, header.storedEntries, matrix.nonzeros].map(String.init) == Array(row[1...4]), "\(name)")
        #expect([header.format.rawValue, header.field.rawValue, header.symmetry.rawValue] == Array(row[5...7]), "\(name)")
      }
      if !header.isComplex {
        let real = try CSRMatrix<Double>(matrixMarket: path)
        #expect(real.values == matrix.values.map(\.real), "\(name)")
      }
    }
  }

  /// What becomes of a malformed or unusual file.
  enum Decision: Equatable {
    /// Read in both modes without a remark.
    case strict
    /// Read when lenient, with a warning; refused with this line when strict.
    case lenient(Int)
    /// Refused in both modes; the lines named when strict and when lenient.
    case error(Int?, Int?)
  }

  @Test func oddFiles() throws {
    let odd = folder + "/odd"
    let index = try MatrixFolder.index(of: odd)
    for name in try MatrixFolder.files(in: odd) {
      let path = odd + "/" + name
      let (strict, lenient) = (try error(path, .strict), try error(path, .lenient))
      for error in [strict, lenient] { #expect(error?.message.contains { $0.isNewline } != true) }
      // A file of which nothing is known here has been read or refused; that is all that can be asked.
      guard let decision = Self.decisions[name] else { continue }
      switch decision {
      case .strict: #expect(strict == nil && lenient == nil, "\(name): \(strict?.message ?? "")")
      case .lenient(let line): #expect(strict?.line == line && lenient == nil, "\(name): \(lenient?.message ?? "")")
      case .error(let strictLine, let lenientLine):
        #expect(strict != nil && strict?.line == strictLine, "\(name): \(strict?.message ?? "read")")
        #expect(lenient != nil && lenient?.line == lenientLine, "\(name): \(lenient?.message ?? "read")")
      }
      guard lenient == nil else { continue }
      let (matrix, warnings) = try read(path, .lenient)
      #expect((decision == .strict) == warnings.allSatisfy { $0.message.contains("2⁵³") }, "\(name): \(warnings)")
      // What another reader found, where it could read the file: "ok 6x6 float64 nnz=18".
      let found = index[name]?[2].split(separator: " ") ?? []
      if found.first == "ok" { #expect(found[1] == "\(matrix.rows)x\(matrix.columns)", "\(name)") }
      if found.count == 4, decision == .strict { #expect(found[3] == "nnz=\(matrix.nonzeros)", "\(name)") }
    }
  }

  /// Decided by reading the files and the format's definition.
  static let decisions: [String: Decision] = [
    "cagmres__CA-ILU(0).mtx": .strict, "cagmres__matlab_example.mtx": .strict, "lagraph__LFAT5_hypersparse.mtx": .strict,
    "lagraph__LFAT5_two.mtx": .strict, "lagraph__comments_cover.mtx": .strict, "lagraph__complex.mtx": .strict,
    "lagraph__cover.mtx": .strict, "lagraph__cover_structure.mtx": .strict, "lagraph__empty.mtx": .strict,
    "lagraph__full.mtx": .strict, "lagraph__full_symmetric.mtx": .strict, "lagraph__lp_afiro_structure.mtx": .strict,
    "lagraph__mangled_bool.mtx": .strict, "lagraph__mangled_int16.mtx": .strict, "lagraph__mangled_int32.mtx": .strict,
    "lagraph__mangled_int8.mtx": .strict, "lagraph__mangled_uint16.mtx": .strict, "lagraph__mangled_uint32.mtx": .strict,
    "lagraph__mangled_uint8.mtx": .strict, "lagraph__mangled_skew.mtx": .strict, "lagraph__matrix_bool.mtx": .strict,
    "lagraph__matrix_fp32_pattern.mtx": .strict, "lagraph__matrix_fp32_structure.mtx": .strict,
    "lagraph__matrix_int16.mtx": .strict, "lagraph__matrix_int32.mtx": .strict, "lagraph__matrix_int64.mtx": .strict,
    "lagraph__matrix_int8.mtx": .strict, "lagraph__matrix_uint16.mtx": .strict, "lagraph__matrix_uint32.mtx": .strict,
    "lagraph__matrix_uint64.mtx": .strict, "lagraph__matrix_uint8.mtx": .strict, "lagraph__skew_int16.mtx": .strict,
    "lagraph__skew_int32.mtx": .strict, "lagraph__skew_int64.mtx": .strict, "lagraph__skew_int8.mtx": .strict,
    "lagraph__structure.mtx": .strict, "lagraph__west0067_jumbled.mtx": .strict, "moulin__exemplo1.mtx": .strict,
    "moulin__fs1831.mtx": .strict, "moulin__hor131.mtx": .strict, "moulin__orsirr1.mtx": .strict,
    "moulin__soneca.mtx": .strict, "pedone__complex_test_5x5.mtx": .strict, "pedone__real_test_5x5.mtx": .strict,
    "resolve__rhs_ACTIVSg200_AC_10.mtx": .strict, "russell__matrix_market_ok_complex_general.mtx": .strict,
    "russell__matrix_market_ok_complex_symmetric_small.mtx": .strict, "russell__matrix_market_ok_general.mtx": .strict,
    "russell__matrix_market_ok_simple_complex_general.mtx": .strict, "russell__matrix_market_ok_simple_general.mtx": .strict,
    "russell__matrix_market_ok_simple_symmetric.mtx": .strict, "russell__matrix_market_ok_symmetric.mtx": .strict,
    "russell__matrix_market_ok_symmetric_small.mtx": .strict,
    "array_size_line_one_number_resolve_A_asymmetric01_b.mtx": .lenient(3),
    "array_size_line_one_number_resolve_A_spd01_b.mtx": .lenient(3),
    "array_size_line_one_number_resolve_A_symmetric01_b.mtx": .lenient(3), "cagmres__sparse9x9.mtx": .lenient(1),
    "cagmres__sparse9x9complex.mtx": .lenient(1),
    "coordinate_banner_but_array_data_ScaleMicrogrid_N1000_01_b.mtx": .lenient(3),
    "coordinate_banner_but_array_data_ScaleMicrogrid_N1000_02_b.mtx": .lenient(3), "lagraph__comments_full.mtx": .lenient(5),
    "lagraph__full_noheader.mtx": .lenient(1), "lagraph__west0067_cluster.mtx": .lenient(3),
    "lagraph__west0067_noheader.mtx": .lenient(1), "lagraph__mangled14.mtx": .lenient(8), "moulin__5x5.mtx": .lenient(1),
    "nobanner_or_bad_add32.mtx": .lenient(1), "nobanner_or_bad_e05r0500.mtx": .lenient(1),
    "nobanner_or_bad_gre_115.mtx": .lenient(1), "nobanner_or_bad_hpddm_mini.mtx": .lenient(1),
    "nobanner_or_bad_jpwh_991.mtx": .lenient(1), "nobanner_or_bad_lns_131.mtx": .lenient(1),
    "nobanner_or_bad_nnc1374.mtx": .lenient(1), "nobanner_or_bad_orsreg_1.mtx": .lenient(1),
    "nobanner_or_bad_steam2.mtx": .lenient(1), "nobanner_or_bad_watt_1.mtx": .lenient(1),
    "cagmres__mini_test.mtx": .error(13, 13), "e05r0000_too_many_lines.mtx": .error(5932, 5932),
    "git_lfs_pointer_bcsstk25.mtx": .error(nil, nil), "lagraph__comments_west0067.mtx": .error(6, 6),
    "lagraph__mangled1.mtx": .error(1, 1), "lagraph__mangled2.mtx": .error(1, 1), "lagraph__mangled3.mtx": .error(1, 1),
    "lagraph__mangled4.mtx": .error(1, 1), "lagraph__mangled5.mtx": .error(1, 5), "lagraph__mangled6.mtx": .error(1, 5),
    "lagraph__mangled7.mtx": .error(5, 5), "lagraph__mangled8.mtx": .error(4, 4), "lagraph__mangled9.mtx": .error(4, 4),
    "lagraph__mangled10.mtx": .error(6, 6), "lagraph__mangled11.mtx": .error(5, 5), "lagraph__mangled12.mtx": .error(5, 5),
    "lagraph__mangled13.mtx": .error(7, 7), "lagraph__mangled15.mtx": .error(5, 5), "lagraph__mangled16.mtx": .error(5, 5),
    "lagraph__mangled_format.mtx": .error(1, 1), "lagraph__matrix_fp32.mtx": .error(7, 7),
    "lagraph__matrix_fp64.mtx": .error(7, 7), "lagraph__skew_fp32.mtx": .error(5, 5), "lagraph__skew_fp64.mtx": .error(4, 4),
    "nobanner_nosizeline_mahindas.mtx": .error(1, 1), "nobanner_or_bad_ScaleMicrogrid_N1000_01.head.mtx": .error(1, 200),
    "nobanner_or_bad_ScaleMicrogrid_N1000_02.head.mtx": .error(1, 200), "nobanner_or_bad_bcsstk15.head.mtx": .error(1, 1),
    "nobanner_or_bad_bcsstk29.head.mtx": .error(1, 1), "nobanner_or_bad_bfw398b.mtx": .error(1, 1),
    "nobanner_or_bad_nos7.mtx": .error(1, 1), "nobanner_west0479.mtx": .error(1, 1), "nrail5177_alt.mtx": .error(1, 1),
    "rb_denserhs.rb": .error(nil, nil), "rb_estimate.rb": .error(nil, nil), "rb_ordering.rb": .error(nil, nil),
    "rb_solution.rb": .error(nil, nil), "rb_sparserhs.rb": .error(nil, nil), "russell__bad_empty_file.mtx": .error(nil, nil),
    "russell__matrix_market_bad_many_lines.mtx": .error(5, 5),
    "russell__matrix_market_bad_many_lines_complex.mtx": .error(5, 5),
    "russell__matrix_market_bad_missing_complex.mtx": .error(3, 3),
    "russell__matrix_market_bad_missing_data.mtx": .error(3, 3),
    "russell__matrix_market_bad_not_complex_hermitian.mtx": .error(1, 3),
    "russell__matrix_market_bad_rectangular.mtx": .error(3, 3),
    "russell__matrix_market_bad_symmetric_rectangular.mtx": .error(2, 2),
    "russell__matrix_market_bad_symmetric_rectangular_complex.mtx": .error(2, 2),
    "russell__matrix_market_bad_wrong_dims.mtx": .error(2, 2),
    "russell__matrix_market_bad_wrong_dims_complex.mtx": .error(2, 2),
    "russell__matrix_market_bad_wrong_header.mtx": .error(1, 1),
    "russell__matrix_market_ok_complex_hermitian.mtx": .error(2, 5), "russell__matrix_market_ok_rectangular.mtx": .error(4, 4),
    "russell__sparse-matrix_bad1.mtx": .error(1, 1), "russell__sparse-matrix_bad2.mtx": .error(1, 1),
    "russell__sparse-matrix_bad3.mtx": .error(1, 1), "russell__sparse-matrix_bad4.mtx": .error(1, 1),
    "russell__sparse-matrix_bad5.mtx": .error(1, 1), "russell__sparse-matrix_bad6.mtx": .error(2, 2),
    "russell__sparse-matrix_bad7.mtx": .error(2, 2), "russell__sparse-matrix_bad8.mtx": .error(3, 3),
    "russell__sparse-matrix_bad9.mtx": .error(3, 3), "young3c_csa_header_but_general.csa": .error(nil, nil),
    "zero_base_REAL_banner_gr7.mtx": .error(1, 1),
  ]
}
