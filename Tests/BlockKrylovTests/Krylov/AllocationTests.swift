import CAllocationCounter
import ComplexModule
import Testing

@testable import BlockKrylov

/// A prepared solver allocates when it is asked to solve, not while it iterates.
@Suite(.enabled(if: allocation_counter_works() != 0, "allocations cannot be counted on this platform"))
struct AllocationTests {
  /// A method with a preconditioner, and the scalar type to run it on.
  struct Setting: CustomTestStringConvertible {
    var method: any BlockMethod
    let preconditioner: PreconditionerChoice
    var isComplex = false
    var testDescription: String {
      "\(method.name) \(method.options.side) \(preconditioner.name) \(isComplex ? "complex" : "real")"
    }

    static func all(_ choices: [(any BlockMethod, PreconditionerChoice)]) -> [Setting] {
      choices.flatMap { [Setting(method: $0, preconditioner: $1), Setting(method: $0, preconditioner: $1, isComplex: true)] }
    }
  }

  /// 80 × 80 points: no preconditioner here solves it to rounding in 60 iterations.
  private static let matrix = try? Reference.poisson(80, Double.self)

  static let cg = Setting.all([(BlockCG(), .none), (BlockCG(), .jacobi), (BlockCG(), .ic0)])
  static let gmres = Setting.all([
    (BlockGMRES(), .none), (BlockGMRES(side: .right), .ilu0), (BlockGMRES(side: .left), .ilu0),
    (BlockGMRES(side: .flexible), .ilu0),
  ])

  /// What a solve allocates after another one: the least of three, since the run-time library fills caches of its own now and then.
  private func allocations<S: Scalar>(
    _ setting: Setting, _ a: CSRMatrix<S>, iterations: Int, restart: Int
  ) throws -> (count: Int, bytes: Int) {
    var method = setting.method
    method.options.tolerance = .relative(0)
    method.options.maximumIterations = iterations
    method.options.restart = restart
    method.options.preconditioner = setting.preconditioner
    method.options.recordsHistory = false
    method.options.threads = 1
    var random = SplitMix(61)
    let b: BlockVector<S> = random.block(a.rows, 3)
    let prepared = try method.prepare(a)
    #expect(try prepared.solve(b).report.iterations == iterations)
    var least = (count: Int.max, bytes: Int.max)
    for _ in 0..<3 {
      let (count, bytes) = (allocation_count(), allocated_bytes())
      _ = try prepared.solve(b)
      least = (min(least.count, Int(allocation_count() - count)), min(least.bytes, Int(allocated_bytes() - bytes)))
    }
    return least
  }

  private func allocations(
    _ setting: Setting, iterations: Int, restart: Int = 100, size: Int = 80
  ) throws -> (count: Int, bytes: Int) {
    let a = try size == 80 ? #require(Self.matrix) : Reference.poisson(size)
    return setting.isComplex
      ? try allocations(setting, a.converted(to: Complex<Double>.self), iterations: iterations, restart: restart)
      : try allocations(setting, a, iterations: iterations, restart: restart)
  }

  @Test func theCounterCounts() {
    let before = (allocation_count(), allocated_bytes())
    var storage: [AlignedStorage<Double>] = []
    for k in 1...3 { storage.append(AlignedStorage(count: 1000 * k)) }
    #expect(allocation_count() - before.0 >= 6 && allocated_bytes() - before.1 >= 48000)
    #expect(storage.count == 3)
  }

  static let pseudo = Setting.all([
    (PseudoBlockGMRES(), .none), (PseudoBlockGMRES(), .ilu0), (PseudoBlockBiCGStab(), .none), (PseudoBlockBiCGStab(), .ilu0),
  ])

  /// Columns that iterate on their own allocate nothing per iteration either.
  @Test(arguments: pseudo)
  func pseudoBlockMethodsAllocateNothingPerIteration(setting: Setting) throws {
    let (few, many) = try (allocations(setting, iterations: 20), allocations(setting, iterations: 40))
    #expect(abs(many.bytes - few.bytes) < 4096, "\(few) and \(many)")
  }

  static let others = Setting.all([
    (PseudoBlockCG(), .none), (PseudoBlockIDR(), .none), (LSQR(), .none), (LSMR(), .jacobi), (LSQR(damping: 0.1), .none),
    (BlockMINRES(), .none), (BlockBiCGStab(), .none), (BreakdownFreeBlockCG(), .none),
  ])

  /// The other methods allocate no blocks either, of which one has 200 kB: 40 iterations, and what ends them, take less than half of one.
  @Test(arguments: others)
  func otherMethodsAllocateNoBlocks(setting: Setting) throws {
    let (few, many) = try (allocations(setting, iterations: 20), allocations(setting, iterations: 60))
    #expect(abs(many.bytes - few.bytes) < 100_000, "\(few) and \(many)")
  }

  @Test(arguments: cg)
  func conjugateGradientsAllocateNothingPerIteration(setting: Setting) throws {
    let (few, many) = try (allocations(setting, iterations: 20), allocations(setting, iterations: 60))
    // Caches of the run-time library may differ by some entries; 40 iterations that allocated a matrix each would differ by more.
    #expect(abs(many.bytes - few.bytes) < 4096, "\(few) and \(many)")
  }

  @Test(arguments: gmres)
  func stepsOfACycleAllocateNothing(setting: Setting) throws {
    let (few, many) = try (allocations(setting, iterations: 20), allocations(setting, iterations: 60))
    #expect(abs(many.bytes - few.bytes) < 4096, "\(few) and \(many)")
  }

  /// A restart that keeps no directions is told as an event; its memory has nothing to do with n.
  @Test(arguments: gmres)
  func restartsAllocateNoBlocks(setting: Setting) throws {
    var setting = setting
    setting.method.options.deflation = 0
    func perRestart(size: Int) throws -> Int {
      let (few, many) = try (
        allocations(setting, iterations: 20, restart: 10, size: size),
        allocations(setting, iterations: 60, restart: 10, size: size)
      )
      return (many.bytes - few.bytes) / 4
    }
    let (small, large) = try (perRestart(size: 70), perRestart(size: 80))
    #expect(abs(small - large) < 1024 && large < 65536, "\(small) and \(large)")
  }
}
