import ComplexModule
import Foundation
import Testing

@testable import BlockKrylov

/// Checkpoints hold what a solve would return if it ended there, and a solve goes on from them.
struct CheckpointTests {
  struct Case: CustomTestStringConvertible {
    let name: String
    let method: any BlockMethod
    var testDescription: String { name }
  }

  static let cases: [Case] = [
    Case(name: "cg", method: BlockCG()), Case(name: "cg ic0", method: BlockCG().preconditioned(by: .ic0)),
    Case(name: "ecg", method: EnlargedCG()), Case(name: "minres", method: BlockMINRES()),
    Case(name: "gmres", method: BlockGMRES(restart: 12)),
    Case(name: "gmres ilu0", method: BlockGMRES(restart: 12).preconditioned(by: .ilu0)),
    Case(name: "gmres left", method: BlockGMRES(restart: 12, side: .left).preconditioned(by: .jacobi)),
    Case(name: "fgmres", method: BlockGMRES(restart: 12, side: .flexible).preconditioned(by: .jacobi)),
    Case(name: "gcrodr", method: BlockGCRODR(restart: 12, kept: 8)), Case(name: "bicgstab", method: BlockBiCGStab()),
    Case(name: "pseudo-cg", method: PseudoBlockCG()), Case(name: "pseudo-gmres", method: PseudoBlockGMRES(restart: 12)),
    Case(name: "pseudo-bicgstab", method: PseudoBlockBiCGStab()), Case(name: "idr", method: PseudoBlockIDR()),
    Case(name: "renumbered", method: Renumbered(BlockCG())),
    Case(name: "lsqr", method: LSQR()), Case(name: "lsmr", method: LSMR().preconditioned(by: .jacobi)),
  ]

  private func system() throws -> (CSRMatrix<Double>, BlockVector<Double>) {
    var random = SplitMix(921)
    return (try Reference.poisson(18, Double.self), random.block(324, 3, Double.self))
  }

  /// X of a checkpoint is X of a solve that is ended by a limit at that iteration, whatever the method holds back in the middle of a
  /// cycle; and to look at it changes no bit of what follows.
  @Test(arguments: cases)
  func checkpointsAreTheIterates(of item: Case) throws {
    let (a, b) = try system()
    try withFolder { folder in
      let path = folder + "/state"
      let quiet = try item.method.solve(a, b)
      var snapshots: [Int: SavedSolve<Double>] = [:]
      let prepared = try item.method.prepare(a)
      let watched = try prepared.solve(b, checkpoint: Checkpoint(path: path, every: .zero)) { progress in
        // The file is that of the iteration before.
        if [4, 8, 18].contains(progress.iteration) { snapshots[progress.iteration - 1] = try? SavedSolve(path: path) }
        return .continue
      }
      #expect(watched.solution == quiet.solution && watched.report.iterations == quiet.report.iterations)
      #expect(watched.report.columns == quiet.report.columns)
      #expect(!snapshots.isEmpty)
      for (iteration, saved) in snapshots {
        let ended = try item.method.with { $0.maximumIterations = iteration }.solve(a, b)
        #expect(saved.iterations == iteration && !saved.isFinished)
        for j in 0..<3 {
          // A limit takes an iterate back that is worse than the guess; a checkpoint keeps it, since the residual may fall again.
          let (x, y) = (saved.solution.column(j), ended.solution.column(j))
          if y.allSatisfy({ $0 == 0 }) { continue }
          #expect(Reference.norm(zip(x, y).map { $0 - $1 }) <= 1e-9 * Reference.norm(y), "iteration \(iteration), column \(j)")
        }
        for (column, history) in zip(saved.columns, quiet.report.columns.map(\.history)) {
          #expect(column.history == Array(history.prefix(iteration + 1)))
        }
      }
      let last = try SavedSolve<Double>(path: path)
      #expect(last.isFinished && last.solution == watched.solution && last.iterations == watched.report.iterations)
    }
  }

  /// Killed at an iteration, resumed from the file: the counts are those of both runs, and convergence is verified anew.
  @Test(arguments: cases)
  func resumedSolvesConverge(item: Case) throws {
    let (a, b) = try system()
    try withFolder { folder in
      let path = folder + "/state"
      let checkpoint = Checkpoint(path: path, every: .zero)
      let first = try item.method.prepare(a).solve(b, checkpoint: checkpoint) { $0.iteration == 9 ? .stop : .continue }
      #expect(first.report.columns.allSatisfy { $0.status == .cancelled })
      let saved = try SavedSolve<Double>(path: path)
      #expect(saved.solution == first.solution && saved.iterations == 9 && !saved.isFinished)
      #expect(saved.columns.allSatisfy { $0.iterations == 9 && $0.relativeResidual.isFinite })
      let fresh = try item.method.prepare(a)
      let second = try fresh.solve(b, resuming: saved, checkpoint: checkpoint)
      #expect(second.report.allConverged && second.report.iterations > 9)
      #expect(Reference.relativeResiduals(a, second.solution, b).allSatisfy { $0 <= 1.0000001e-8 })
      for (column, old) in zip(second.report.columns, first.report.columns) {
        #expect(column.iterations > 9 && column.iterations <= second.report.iterations)
        #expect(column.history.count == second.report.iterations + 1 && Array(column.history.prefix(10)) == old.history)
      }
      #expect(second.report.operatorApplications > first.report.operatorApplications)
      #expect(second.report.events.contains { $0.detail.contains("resumed after 9 iterations") })
      // A file of a finished solve is confirmed without an iteration.
      let end = try SavedSolve<Double>(path: path)
      #expect(end.isFinished && end.iterations == second.report.iterations)
      let third = try item.method.prepare(a).solve(b, resuming: end)
      #expect(third.solution == second.solution && third.report.iterations == second.report.iterations)
      #expect(third.report.columns.allSatisfy { $0.status == .converged || $0.status == .leastSquares })
      #expect(third.report.columns.map(\.iterations) == second.report.columns.map(\.iterations))
    }
  }

  /// Groups of columns, columns that never iterate, scaled columns, and the automatic choice.
  @Test func groupsAndDifficultColumns() throws {
    var random = SplitMix(922)
    let a = try Reference.poisson(16, Double.self)
    var b = random.block(256, 8, Double.self)
    for i in 0..<256 {
      b[i, 1] = 0
      b[i, 5] *= 1e200
    }
    b[3, 6] = .nan
    try withFolder { folder in
      let path = folder + "/state"
      for method in [BlockCG().with { $0.maximumBlockWidth = 3 }, AutomaticSolver().preconditioned(by: .jacobi)]
        as [any BlockMethod]
      {
        var copy: SavedSolve<Double>?
        let whole = try method.prepare(a).solve(b, checkpoint: Checkpoint(path: path, every: .zero)) { progress in
          if progress.iteration == 20 { copy = try? SavedSolve(path: path) }
          return .continue
        }
        let saved = try #require(copy)
        #expect(saved.columns[1].iterations == 0 && saved.columns[1].relativeResidual == 0)
        let second = try method.prepare(a).solve(b, resuming: saved)
        for j in [0, 2, 3, 4, 5, 7] { #expect(second.report.columns[j].status == .converged) }
        #expect(second.report.columns[1].status == .zeroRightHandSide)
        #expect(second.report.columns[6].status == .nonFinite(.rightHandSide))
        #expect(second.report.columns.map(\.status) == whole.report.columns.map(\.status))
      }
    }
  }

  @Test func everyScalarType() throws {
    func check<S: Scalar>(_ type: S.Type) throws {
      var random = SplitMix(923)
      let a = try Reference.poisson(12, S.self)
      let b = random.block(144, 5, S.self)
      try withFolder { folder in
        let path = folder + "/state"
        let stopped = try BlockCG().prepare(a).solve(b, checkpoint: Checkpoint(path: path, every: .zero)) {
          $0.iteration == 5 ? .stop : .continue
        }
        let saved = try SavedSolve<S>(path: path)
        #expect(saved.solution == stopped.solution)
        #expect(try BlockCG().prepare(a).solve(b, resuming: saved).report.allConverged)
      }
    }
    try check(Float.self)
    try check(Double.self)
    try check(Complex<Float>.self)
    try check(Complex<Double>.self)
  }

  /// The interval is kept: a long one leaves only the last file.
  @Test func theIntervalIsKept() throws {
    let (a, b) = try system()
    try withFolder { folder in
      let path = folder + "/state"
      let report = try BlockCG().prepare(a).solve(b, checkpoint: Checkpoint(path: path, every: .seconds(1000))).report
      #expect(report.events.contains { $0.detail.hasPrefix("1 checkpoints") })
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["state"], "nothing else is left behind")
    }
  }

  // MARK: Files that cannot be used

  private func fault(_ body: () throws -> Void) -> CheckpointFault? {
    do {
      try body()
      return nil
    } catch BlockKrylovError.checkpoint(_, let fault) {
      return fault
    } catch {
      return nil
    }
  }

  /// Every byte counts, and so does every length.
  @Test func damagedFilesAreRefused() throws {
    let a = try Reference.poisson(3, Double.self)
    let b = BlockVector<Double>(rows: 9, columns: 2) { Double($0 + $1) }
    try withFolder { folder in
      let path = folder + "/state"
      _ = try BlockGCRODR().prepare(a).solve(b, checkpoint: Checkpoint(path: path))
      let good = try Data(contentsOf: URL(filePath: path))
      _ = try SavedSolve<Double>(path: path)
      for k in good.indices {
        var bad = good
        bad[k] ^= 0x10
        try bad.write(to: URL(filePath: path))
        let found = fault { _ = try SavedSolve<Double>(path: path) }
        switch k {
        case 0..<8: #expect(found == .notACheckpoint)
        case 8..<12: if case .version = found {} else { Issue.record("byte \(k): \(String(describing: found))") }
        default: if case .damaged = found {} else { Issue.record("byte \(k): \(String(describing: found))") }
        }
      }
      for length in 0..<good.count {
        try good.prefix(length).write(to: URL(filePath: path))
        let found = fault { _ = try SavedSolve<Double>(path: path) }
        #expect(found != nil, "\(length) of \(good.count) bytes")
      }
      try (good + Data([0, 0, 0, 0, 0, 0, 0, 0])).write(to: URL(filePath: path))
      #expect(fault { _ = try SavedSolve<Double>(path: path) } != nil)
      #expect(throws: BlockKrylovError.self) { try SavedSolve<Double>(path: folder + "/nothing") }
      #expect(throws: BlockKrylovError.self) { try SavedSolve<Double>(path: folder) }
    }
  }

  @Test func otherSystemsAreRefused() throws {
    let (a, b) = try system()
    try withFolder { folder in
      let path = folder + "/state"
      _ = try BlockCG().prepare(a).solve(b, checkpoint: Checkpoint(path: path))
      let saved = try SavedSolve<Double>(path: path)
      var other = b
      other[5, 1] = other[5, 1].nextUp
      func otherSystem(_ a: CSRMatrix<Double>, _ b: BlockVector<Double>) -> Bool {
        if case .otherSystem = fault({ _ = try BlockCG().prepare(a).solve(b, resuming: saved) }) { true } else { false }
      }
      #expect(otherSystem(a, other) && otherSystem(a, b[columns: 0..<2]) && !otherSystem(a, b))
      var values = a.values
      values[0] += 1e-6
      var changed = a
      try changed.updateValues(values)
      #expect(otherSystem(changed, b))
      let smaller = try Reference.poisson(17, Double.self)
      #expect(throws: BlockKrylovError.self) { try BlockCG().prepare(smaller).solve(b, resuming: saved) }
      if case .otherContent = fault({ _ = try SavedSolve<Float>(path: path) }) {} else { Issue.record("another scalar type") }
      if case .otherContent = fault({ try BlockGCRODR().prepare(a).loadRecycledSpace(from: path) }) {
      } else {
        Issue.record("another kind of content")
      }
    }
  }

  @Test func whereNoFileCanBeMade() throws {
    let (a, b) = try system()
    #expect(throws: BlockKrylovError.self) {
      try BlockCG().prepare(a).solve(b, checkpoint: Checkpoint(path: "/nowhere/at/all/state"))
    }
    // A folder that vanishes while the solve runs is an event, not the end.
    try withFolder { folder in
      let inner = folder + "/inner"
      try FileManager.default.createDirectory(atPath: inner, withIntermediateDirectories: true)
      let report = try BlockCG().prepare(a).solve(b, checkpoint: Checkpoint(path: inner + "/state", every: .zero)) { progress in
        if progress.iteration == 3 { try? FileManager.default.removeItem(atPath: inner) }
        return .continue
      }.report
      #expect(report.allConverged)
      #expect(report.events.filter { $0.detail.contains("could not be written") }.count == 1)
    }
  }

  // MARK: Directions

  @Test func directionsSurviveInAFile() throws {
    let a = try Reference.convection(20, 30)
    var random = SplitMix(924)
    let b = random.block(400, 2, Double.self)
    let method = BlockGCRODR(restart: 20, kept: 10)
    try withFolder { folder in
      let path = folder + "/directions"
      let first = try method.prepare(a)
      #expect(try !first.saveRecycledSpace(to: path) && !FileManager.default.fileExists(atPath: path))
      let cold = try first.solve(b).report
      #expect(try first.saveRecycledSpace(to: path))
      let second = try method.prepare(a)
      try second.loadRecycledSpace(from: path)
      #expect(second.recycledSpace == first.recycledSpace)
      let warm = try second.solve(b).report
      #expect(warm.allConverged && warm.iterations < cold.iterations)
      let other = try BlockGMRES().prepare(a)
      #expect(throws: BlockKrylovError.self) { try other.loadRecycledSpace(from: path) }
      // A checkpoint carries them too.
      let state = folder + "/state"
      _ = try method.prepare(a).solve(b, checkpoint: Checkpoint(path: state, every: .zero)) {
        $0.iteration == 45 ? .stop : .continue
      }
      #expect(try SavedSolve<Double>(path: state).recycledSpace?.columns ?? 0 > 0)
    }
  }
}
